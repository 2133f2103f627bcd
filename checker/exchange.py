"""Two parts of a system exchanged, two processes say: what a cube about them becomes.

That the system looks the same then is declared (:class:`checker.system.Symmetry`), and nothing rests on it: a wrong
declaration costs questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from checker.induction import Fact
from checker.records import dataclass
from checker.system import Symmetry


@dataclass(frozen=True)
class Exchange:
    """Parts of a system, exchanged.

    Attributes:
        images: for fact ``k``, the number of the fact that it becomes, as cubes have them; 0 where there is none.
    """

    images: tuple[int, ...]

    def of(self, cube: frozenset[int]) -> frozenset[int] | None:
        """The cube with the parts exchanged; None where no facts say that."""
        found = frozenset(self.images[k - 1] if k > 0 else -self.images[-k - 1] for k in cube)
        return None if 0 in found else found


def exchanges(symmetries: Sequence[Symmetry], facts: Sequence[Fact]) -> tuple[Exchange, ...]:
    """Exchanges from which all others are made, each of two symmetries that undo each other.

    What neither has a name for stays as it is.

    Args:
        symmetries: as a system declares them, each renaming what is said of one part.
        facts: what clauses speak of.
    """
    numbers = {fact.yes: k for k, fact in enumerate(facts, 1)}
    alike = list(range(len(facts) + 1))  # facts that exchanges lead to from one another have the same number here
    made = []
    for one, back in combinations(symmetries, 2):
        if any(back.names.get(image) != name for name, image in one.names.items()):
            continue
        names = {**one.names, **back.names}
        images = tuple(numbers.get(names.get(fact.yes, fact.yes), 0) for fact in facts)
        joined = {alike[k]: alike[image] for k, image in enumerate(images, 1) if alike[k] < alike[image]}
        if joined:
            made.append(Exchange(images))
            alike = [next((k for k, image in joined.items() if image == number), number) for number in alike]
    return tuple(made)
