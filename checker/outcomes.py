"""Results of what an engine found: a violation once its trace replays, a proof once its certificate checks.

Nothing else makes a result violated or proved of what was found by clauses, by bounded checking or by a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from checker.explicit import Origin
from checker.records import replace
from checker.system import TransitionSystem, operation_number
from checker.trace import BadTrace, Trace, make_trace
from checker.verdict import Result, Verdict

if TYPE_CHECKING:
    from checker.bmc import BoundedResult
    from checker.certificate import Certificate
    from checker.induction import Proof
    from checker.search import Found

NOT_REACHED, NOT_ASKED = "not reached", "not asked for"
"""The reasons for what is not decided yet, and for what need not be."""

NEVER_HAPPEN = "these operations can never happen: "
NO_PREMISE = "its premise never holds"

UNCONFIRMED = "not confirmed to be the shortest: "

CONFIRMED_DEPTH = 2
"""How deep the symbolic engine looks at a system of views, each transition of which is dear; deeper in the tests."""


def asked(system: TransitionSystem, results: dict[str, Result]) -> list[int]:
    """The numbers of the invariants that were asked for, of which nothing has been said yet."""
    said = [results[invariant.name] for invariant in system.invariants]
    return [k for k, result in enumerate(said) if result.verdict is Verdict.UNKNOWN and result.reason == NOT_REACHED]


def trace_of(system: TransitionSystem, reach: Found, number: int) -> Trace:
    """The shortest run to a violation of the invariant of this number, which the search has found."""
    return trace_by(system, number, *reach.path(reach.first_violation[number]))


def trace_by(system: TransitionSystem, number: int, origin: Origin, steps: tuple[int, ...]) -> Trace:
    """A run, replayed, of which the steps are known by number: operations, or operations in their views.

    Raises:
        BadTrace: it does not run, or breaks nothing.
    """
    operations = [system.operations[operation_number(system, k)].name for k in steps]
    return make_trace(
        system, system.invariants[number].name, system.starts[origin.start].name, origin.inputs, operations
    )


def violated(result: Result, build: Callable[[], Trace]) -> Result:
    """A violation, if its trace can be built, which replays it; else the engines disagree."""
    try:
        trace = build()
    except BadTrace as why:
        reason = f"ENGINES DISAGREE: the counterexample does not replay: {why}"
        return replace(result, verdict=Verdict.UNKNOWN, depth=None, reason=reason)
    return replace(result, verdict=Verdict.VIOLATED, depth=trace.depth, reason="", trace=trace)


def unconfirmed(system: TransitionSystem, reach: Found, number: int, result: Result, why: str) -> Result:
    """A violation the symbolic engine did not get to: the run exists, since it replays; its length stays open."""
    found = violated(result, partial(trace_of, system, reach, number))
    return replace(found, reason=UNCONFIRMED + why) if found.verdict is Verdict.VIOLATED else found


def disagreement(number: int, depth: int | None, bounded: BoundedResult) -> str:
    """Why the engines' answers on one property cannot both be right, or cannot be compared; "" if they agree."""
    return different(depth, bounded.violations.get(number), "bounded checking")


def different(depth: int | None, found: int | None, other: str) -> str:
    """Why the depth that explicit search found and another one cannot both be right; "" if they agree."""
    if found == depth:
        return ""
    words = ["no counterexample" if d is None else f"one of {d} steps" for d in (depth, found)]
    return f"ENGINES DISAGREE: explicit search finds {words[0]}, {other} {words[1]}; please report this"


def bounded_result(system: TransitionSystem, number: int, bounded: BoundedResult, result: Result, note: str) -> Result:
    """What bounded checking says of one invariant; a note says more where it has no violation."""
    example = bounded.counterexamples.get(number)
    if example is not None:
        return violated(result, partial(trace_by, system, number, example.origin, example.operations))
    if number in bounded.violations:
        reason = f"violated in {bounded.violations[number]} steps, but no counterexample was built: {bounded.stopped}"
        return replace(result, reason=reason)
    if bounded.depth < 0:
        verdict = Verdict.UNKNOWN if bounded.stopped else Verdict.VACUOUS
        return replace(result, verdict=verdict, reason=bounded.stopped or "there is no initial state")
    return replace(result, verdict=Verdict.BOUNDED, depth=bounded.depth, reason=both(bounded.stopped, note))


def hold(system: TransitionSystem, certificates: Iterable[Certificate], ask: Callable[[str], bool]) -> bool:
    """Whether certificates hold, checked together."""
    from checker.certificate import BadCertificate, hold_together

    try:
        return hold_together(system, certificates, ask)
    except BadCertificate:
        return False  # to be said of the one that it is


def certificate_of(system: TransitionSystem, invariant: str, proof: Proof) -> Certificate:
    """A proof as it is shown and stored."""
    from checker.certificate import Certificate, clause_data

    return Certificate(system.name, invariant, tuple(map(clause_data, proof.clauses)), proof.shown)


def certified(system: TransitionSystem, result: Result, proof: Proof, ask: Callable[[str], bool]) -> Result:
    """Proved, once the proof's obligations are solved anew from their text; the reason is kept."""
    from checker.certificate import BadCertificate, check_certificate

    certificate = certificate_of(system, result.invariant, proof)
    try:
        check_certificate(system, certificate, ask)
    except BadCertificate as why:
        reason = f"ENGINES DISAGREE: {why}; please report this"
        return replace(result, verdict=Verdict.UNKNOWN, depth=None, reason=reason)
    return replace(result, verdict=Verdict.PROVED, depth=None, certificate=certificate)


def certify(
    system: TransitionSystem, number: int, proof: Proof, ask: Callable[[str], bool], results: dict[str, Result]
) -> None:
    """Makes the proof the result, once its certificate checks."""
    name = system.invariants[number].name
    results[name] = certified(system, replace(results[name], reason=""), proof, ask)


def silent(system: TransitionSystem, reach: Found) -> list[int]:
    """The operations that were enabled in no state that was found, though they are not declared to be idle."""
    ways = max(1, len(system.views))
    fired = {operation_number(system, step) for step in range(ways * len(system.operations)) if reach.fired >> step & 1}
    return [k for k, op in enumerate(system.operations) if not op.idle and k not in fired]


def both(*reasons: str) -> str:
    """Reasons as one, without those that are empty."""
    return "; ".join(filter(None, reasons))
