"""What a fact about one place of an array becomes where two places are exchanged.

Processes of the mm world, for instance, are alike, so that what is learned of one is worth asking of the others. That they
are alike is a guess from the names of the state's parts, and nothing rests on it: a wrong one costs a question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from random import Random

from checker.induction import Fact
from checker.records import dataclass
from checker.state import Leaf
from checker.system import Relation
from checker.terms import BOOL, Term, evaluate, negate, substitute

_PLACE = re.compile(r"(?P<array>[^\[]+)\[(?P<place>\d+)\](?P<rest>.*)")
_SAMPLES = 24
"""Random states by which facts are compared that are written differently."""


@dataclass(frozen=True)
class Exchange:
    """Two places of an array, exchanged.

    Attributes:
        array: its name.
        images: for fact ``k``, the literal that it becomes, as cubes have them; 0 where no fact says that.
    """

    array: str
    images: tuple[int, ...]

    def of(self, cube: frozenset[int]) -> frozenset[int] | None:
        """The cube with the places exchanged; None where no facts say that."""
        found = frozenset(self.images[k - 1] if k > 0 else -self.images[-k - 1] for k in cube)
        return None if 0 in found else found


def exchanges(relation: Relation, facts: Sequence[Fact]) -> tuple[Exchange, ...]:
    """Every exchange of two places of an array whose places have the same parts.

    Args:
        relation: over whose variables the facts are.
        facts: what clauses speak of.
    """
    made, samples = [], _samples(relation)
    for array, places in _arrays(relation).items():
        for one, other in combinations(places.values(), 2):
            if one.keys() == other.keys() and all(one[rest].width == other[rest].width for rest in one):
                swap = {one[rest]: other[rest] for rest in one} | {other[rest]: one[rest] for rest in one}
                made.append(Exchange(array, _images([fact.term for fact in facts], swap, samples)))
    return tuple(made)


def _arrays(relation: Relation) -> dict[str, dict[int, dict[str, Term]]]:
    """The variables of every array, by place and by what is left of their path."""
    found: dict[str, dict[int, dict[str, Term]]] = {}
    for leaf, term in zip(relation.leaves, relation.state, strict=True):
        if part := _PLACE.fullmatch(leaf.path):
            found.setdefault(part["array"], {}).setdefault(int(part["place"]), {})[part["rest"]] = term
    return found


def _images(facts: list[Term], swap: dict[Term, Term], samples: list[dict[Term, int]]) -> tuple[int, ...]:
    literals = {fact: k for k, fact in enumerate(facts, 1)}
    literals |= {negate(fact): -k for fact, k in literals.items()}
    swapped = substitute(facts, swap)
    images = [literals.get(term, 0) for term in swapped]
    missing = [k for k, image in enumerate(images) if not image]
    free = sorted({*range(1, len(facts) + 1)} - {abs(image) for image in images})
    told = dict(zip(_truths([facts[k - 1] for k in free], samples), free, strict=True))
    for k, truths in zip(missing, _truths([swapped[k] for k in missing], samples), strict=True):
        images[k] = told.get(truths, 0)
    return tuple(images)


def _truths(terms: list[Term], samples: list[dict[Term, int]]) -> list[tuple[int, ...]]:
    """For each term what it is in each sample."""
    return list(zip(*(evaluate(terms, values) for values in samples), strict=True)) if terms else []


def _samples(relation: Relation) -> list[dict[Term, int]]:
    random = Random(0)
    return [
        {term: _value(leaf, random) for leaf, term in zip(relation.leaves, relation.state, strict=True)}
        for _ in range(_SAMPLES)
    ]


def _value(leaf: Leaf, random: Random) -> int:
    if leaf.sort.names:
        return random.randrange(len(leaf.sort.names))
    return random.getrandbits(1 if leaf.sort.width == BOOL else leaf.sort.width)
