"""What a store may cost more, or less, on one kernel than on another: one bound for each way an entry was made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checker.logic import both, either, implies, no, same
from checker.system import Invariant
from models.faults import MOST as MOST_COUNTED
from models.faults import STORED, Cost

MOST, LEAST = (0, 1, 2), (1, 0, -1)
"""Bounds that are tried, the best first: how many more exceptions the second kernel takes at most, and at least."""


NO_PREMISE = "its premise never holds"
"""What the checker says of a bound on stores that never happen (checker.outcomes.NO_PREMISE)."""

EXACT = "counts-are-exact"
"""The invariant that no count has reached its end."""


COMMON, SERVED = "runs-are-common", "stores-go-through-on-both"
"""The invariants without which the bounds speak of some runs only."""


def bound_name(maker: str, kind: str, sense: str, bound: int) -> str:
    """The name of a bound: ``wp_page_copy: all at most +0``."""
    return f"{maker}: {kind} {sense} {bound:+d}"


def bounds(makers: tuple[str, ...]) -> tuple[Invariant, ...]:
    """Every bound for every way an entry was made: of all exceptions, and of those that enter generic mm."""
    return (_exact(), *_bounds(makers))


def complete(common: Callable[[Cost], Any], served: Callable[[Cost], Any]) -> tuple[Invariant, ...]:
    """That the bounds leave out no run.

    Args:
        common, served: :func:`models.faults.runs_are_common` and :func:`models.faults.stores_go_through`.
    """
    says = "outside a store every operation is possible on both sides or on neither"
    goes = "a store that has begun goes on, unless it waits on both sides"
    return (
        Invariant(COMMON, says, common, source="docs/diff.md"),
        Invariant(SERVED, goes, served, source="docs/diff.md"),
    )


def _exact() -> Invariant:
    def kept(s: Cost) -> Any:
        return no(either(*(same(count, MOST_COUNTED) for tally in s.spent for count in (tally.all, tally.mm))))

    says = f"no store takes {MOST_COUNTED} exceptions or more, so that every count is exact"
    return Invariant(EXACT, says, kept, source="docs/diff.md", premise=lambda s: same(s.phase, STORED))


def _bounds(makers: tuple[str, ...]) -> tuple[Invariant, ...]:
    return tuple(
        _bound(number, maker, kind, sense, bound)
        for number, maker in enumerate(makers)
        for kind in ("all", "mm")
        for sense, tried in (("at most", MOST), ("at least", LEAST))
        for bound in tried
    )


def _counted(number: int) -> Callable[[Cost], Any]:
    """A store has just gone through an entry that was last made or changed in this way."""
    return lambda s: both(same(s.phase, STORED), same(s.last, number))


def _bound(number: int, maker: str, kind: str, sense: str, bound: int) -> Invariant:
    def kept(s: Cost) -> Any:
        first, second = (getattr(tally, kind) for tally in s.spent)
        wrong = [
            both(same(first, a), same(second, b))
            for a in range(MOST_COUNTED + 1)
            for b in range(MOST_COUNTED + 1)
            if (b - a > bound if sense == "at most" else b - a < bound)
        ]
        return no(either(*wrong))

    counted = _counted(number)
    return Invariant(
        bound_name(maker, kind, sense, bound),
        f"a store through an entry made by {maker} takes {sense} {bound:+d} exceptions",
        lambda s: implies(counted(s), kept(s)),
        source="docs/diff.md",
        premise=counted,
        cost=True,
    )
