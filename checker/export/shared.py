"""Which terms are worth a function of their own, where many functions are written from terms that share much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from checker.terms import Term, subterms

SMALL = 4
"""Terms of fewer operators are written out wherever they occur."""

TWICE = 2


def shared_terms(functions: Sequence[Sequence[Term]]) -> list[Term]:
    """The terms that several functions have in common, operands first.

    A term that only ever occurs inside a larger one which is shared as widely is left out.

    Args:
        functions: what each function computes.
    """
    every = subterms([root for roots in functions for root in roots])
    size: dict[Term, int] = {}
    for term in every:
        size[term] = min(SMALL, sum(size[arg] for arg in term.args) + bool(term.args))
    used: Counter[Term] = Counter()
    for roots in functions:
        used.update(subterms(roots))
    inside: dict[Term, int] = {}  # in how many functions the most narrowly shared user of a term is
    for term in every:
        for arg in term.args:
            inside[arg] = min(inside.get(arg, used[term]), used[term])
    for root in {root for roots in functions for root in roots}:
        inside[root] = 0
    return [t for t in every if size[t] >= SMALL and used[t] >= TWICE and inside[t] < used[t]]
