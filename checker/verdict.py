"""The closed set of verdicts, and the exit status each leads to."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING

from checker.records import dataclass, field

if TYPE_CHECKING:
    from checker.certificate import Certificate
    from checker.trace import Trace


class Verdict(Enum):
    """What can be said about one invariant of one system; the value is its name in JSON."""

    PROVED = "proved"
    VIOLATED = "violated"
    BOUNDED = "bounded"
    UNKNOWN = "unknown"
    VACUOUS = "vacuous"


@dataclass(frozen=True)
class Result:
    """The verdict on one invariant, with its evidence.

    Attributes:
        invariant: the invariant's name.
        verdict: one of the closed set.
        depth: violated: transitions of the counterexample, the shortest unless a reason is given; bounded: transitions
            covered; else None.
        reason: unknown, vacuous and bounded: why it is no more than that; proved: why its states were not enumerated, and
            what is not known; violated: why it may not be the shortest way; else "".
        seconds: time spent on the system this result comes from, shared by its invariants.
        trace: the replayed counterexample of a violation.
        certificate: the inductive invariant of a proof.
        cost: a violation of this invariant is a cost, not a failure.
        exception: why a violation of it is intended in this system; "" if it would not be.
        states: reachable states of the system, where all were enumerated.
        diameter: the longest of the shortest paths to them.
        enumerated: the proof is the closed set of these states, not an invariant.
        remembered: the verdict was reached before, by the same checker on the same system (:mod:`checker.cache`).
    """

    invariant: str
    verdict: Verdict
    depth: int | None = None
    reason: str = ""
    seconds: float = 0.0
    trace: Trace | None = None
    certificate: Certificate | None = None
    cost: bool = False
    exception: str = ""
    states: int | None = field(default=None)
    diameter: int | None = field(default=None)
    enumerated: bool = False
    remembered: bool = False

    @property
    def failed(self) -> bool:
        """Violated, and neither a cost nor intended."""
        return self.verdict is Verdict.VIOLATED and not self.cost and not self.exception


EXIT_HOLDS, EXIT_VIOLATED, EXIT_USAGE, EXIT_UNDECIDED = 0, 1, 2, 3


def exit_status(results: Iterable[Result], bounded: bool = False, comparison: bool = False) -> int:
    """0 all hold, 1 something is violated, 3 something is not decided.

    Costs and what is declared to be intended do not count as violations.

    Args:
        results: what was decided.
        bounded: a bound was asked for, so that a bounded verdict is an answer.
        comparison: violations are expected, so that a missing decision weighs more.
    """
    results = list(results)
    undecided = {Verdict.UNKNOWN, Verdict.VACUOUS} | (set() if bounded else {Verdict.BOUNDED})
    open_ = any(r.verdict in undecided for r in results)
    if any(r.failed for r in results) and not (comparison and open_):
        return EXIT_VIOLATED
    return EXIT_UNDECIDED if open_ else EXIT_HOLDS
