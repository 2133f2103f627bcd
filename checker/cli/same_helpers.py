"""Which helpers two architectures have in common, and which of them are one function: for every word, by a solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checker.limits import Budget, OutOfBudget
from checker.terms import BOOL, Term, coerce, equal, negate, variable

if TYPE_CHECKING:
    from models.pte import Architecture, Helper

ON_AN_ENTRY = (
    "write", "dirty", "young", "present", "protnone", "special", "soft_dirty", "uffd_wp", "mkdirty", "mkclean", "mkwrite",
    "wrprotect", "mkold", "mkyoung", "mkspecial", "mkinvalid", "mksoft_dirty", "clear_soft_dirty", "mkuffd_wp",
    "clear_uffd_wp", "trans_huge",
)  # fmt: skip
"""Helpers that take an entry and nothing else."""

SECONDS = 20.0
"""How long the solver may take for all helpers together."""


@dataclass(frozen=True)
class Compared:
    """The common helpers by name: equal for every word, different for some, and those nothing can be said of."""

    same: tuple[str, ...]
    differ: tuple[str, ...]
    open: tuple[str, ...]


def compared(left: Architecture, right: Architecture) -> Compared | None:
    """Compares the helpers of two sets for one machine; None for two machines, whose bits mean different things."""
    if (left.name, left.width) != (right.name, right.width):
        return None
    found: dict[str, list[str]] = {"same": [], "differ": [], "open": []}
    budget = Budget(SECONDS)
    for name, count in _names(left, right):
        found[_one(left.helpers[name], right.helpers[name], count, left.width, budget)].append(name)
    return Compared(*(tuple(found[key]) for key in ("same", "differ", "open")))


def _names(left: Architecture, right: Architecture) -> list[tuple[str, int]]:
    """The common helpers, each with how many words it takes."""
    wanted = [(f"{level}_{name}", 1) for level in ("pte", "pmd") for name in ON_AN_ENTRY]
    wanted += [("pte_modify", 2), ("pmd_modify", 2), ("mk_pte", 1), ("mk_huge_pmd", 1)]
    return [(name, count) for name, count in wanted if name in left.helpers and name in right.helpers]


def _one(left: Helper, right: Helper, count: int, width: int, budget: Budget) -> str:
    words = [variable(name, width) for name in ("entry", "prot")[:count]]
    try:
        return _equal(left(*words), right(*words), budget)
    except (OutOfBudget, TypeError, ValueError):
        return "open"


def _equal(first: Any, second: Any, budget: Budget) -> str:
    width = next((value.width for value in (first, second) if isinstance(value, Term)), BOOL)
    one, other = coerce(first, width), coerce(second, width)
    if one is other:
        return "same"
    from checker.solver import Solver

    solver = Solver(budget)
    solver.add(negate(equal(one, other)))
    return "differ" if solver.satisfiable() else "same"
