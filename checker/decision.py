"""Decides every invariant of a system: one engine decides, another confirms, and evidence is checked before it is shown.

The explicit engine decides. A violation is replayed on plain integers, and the symbolic engine must find the same
shortest depth, or the model itself no shorter one (checker.confirm). A proof is an inductive invariant whose three
obligations are solved anew from their SMT-LIB text. Where engines differ, nothing is decided and the reason says so.

Where the states are too many to enumerate, clauses are looked for without them (checker.pdr); the outcome goes the same
way as any proof or violation.

A large system's proof is the closed set of its states, which an engine that did not make it re-checks; see
checker.recheck.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from checker.confirm import NotSeen, can_confirm, earlier
from checker.explicit import Reachable, explore
from checker.fallback import fall_back, keep_violations
from checker.limits import Budget, Keeping, OutOfBudget, OutOfMemory
from checker.outcomes import (
    CONFIRMED_DEPTH,
    NEVER_HAPPEN,
    NO_PREMISE,
    NOT_ASKED,
    NOT_REACHED,
    asked,
    bounded_result,
    certificate_of,
    certify,
    different,
    disagreement,
    hold,
    silent,
    trace_by,
    trace_of,
    unconfirmed,
    violated,
)
from checker.progress import Progress
from checker.records import dataclass, replace
from checker.search import MANY, SMALL, search
from checker.system import TransitionSystem
from checker.terms import BOOL, connect, negate, substitute, variable
from checker.verdict import Result, Verdict

if TYPE_CHECKING:
    from checker.bmc import BoundedResult
    from checker.search import Found

INTERRUPTED = "interrupted"
"""The reason for what Ctrl-C left undecided."""

READABLE = 600
"""Beyond this many states a proof is the closed set of states itself: no invariant that fits a page is looked for."""


@dataclass(frozen=True)
class Options:
    """How a system is to be decided.

    Attributes:
        depth: only look at runs of at most this many transitions; None for a verdict without bound.
        seconds: time limit for each system, or None.
        states: limit on enumerated states.
        memory: limit on what one process may use, in bytes, or None.
        keeping: where long searches are kept on disk, to go on from after a run that was killed; or None.
        progress: say on standard error how far a search of more than a second has come.
        remember: verdicts may be kept for, and taken from, other runs (:mod:`checker.cache`).
        only: the invariants to decide; the others are "not asked for". None for all.
        engine: the explicit engine (:data:`checker.limits.ENGINES`); "" for whichever suits.
        clauses: of a small system an invariant is looked for that fits a page; else its proof, too, is its set of states.
    """

    depth: int | None = None
    seconds: float | None = None
    states: int = 20_000_000
    memory: int | None = None
    keeping: Keeping | None = None
    progress: bool = False
    remember: bool = True
    only: frozenset[str] | None = None
    engine: str = ""
    clauses: bool = True


def decide(system: TransitionSystem, options: Options | None = None) -> list[Result]:
    """The verdict on every invariant of a system, in order of declaration.

    Time-outs, Ctrl-C and solver failures give ``unknown`` with the reason for what is not decided by then.
    """
    options = options or Options()
    began = time.monotonic()
    results = {
        i.name: Result(
            i.name, Verdict.UNKNOWN, reason=_to_begin_with(i.name, options), cost=i.cost, exception=i.exception
        )
        for i in system.invariants
    }
    progress = Progress(system.name) if options.progress else None
    budget = Budget(
        options.seconds,
        options.states,
        options.memory,
        keeping=options.keeping,
        progress=progress,
        engine=options.engine,
    )
    try:
        if not system.operations and options.depth is None:
            _decide_still(system, budget, results)
        elif options.depth is None:
            _decide_unbounded(system, budget, results, options.clauses)
        else:
            _decide_bounded(system, options.depth, budget, results)
    except KeyboardInterrupt:
        _give_reason(system, results, INTERRUPTED)
    except OutOfBudget as why:
        _give_reason(system, results, str(why))
    except MemoryError:
        _give_reason(system, results, str(OutOfMemory.really()))
    seconds = time.monotonic() - began
    return [replace(result, seconds=seconds) for result in results.values()]


def _to_begin_with(name: str, options: Options) -> str:
    return NOT_REACHED if options.only is None or name in options.only else NOT_ASKED


def _give_reason(system: TransitionSystem, results: dict[str, Result], reason: str) -> None:
    for number in asked(system, results):
        name = system.invariants[number].name
        results[name] = replace(results[name], reason=reason)


def settled_search(system: TransitionSystem, budget: Budget) -> tuple[TransitionSystem, Found]:
    """The reachable states, and the system as it was searched: without immaterial bits that turned out to matter.

    Raises:
        OutOfBudget: a limit was reached while the bits were looked at.
    """
    reach = search(system.reduced, budget)
    if not system.immaterial or not reach.complete:
        return system, reach
    from checker.immaterial import bits_that_matter

    if matter := bits_that_matter(system, reach, budget):
        less = {path: bits & ~matter.get(path, 0) for path, bits in system.immaterial.items()}
        return settled_search(replace(system, immaterial=less), budget)
    return system, reach


def _decide_unbounded(
    system: TransitionSystem, budget: Budget, results: dict[str, Result], clauses: bool = True
) -> None:
    system, reach = settled_search(system, budget)
    if reach.starved:
        _give_reason(system, results, keep_violations(system, reach, results))
        return
    if not reach.complete:
        fall_back(system, reach, budget, results)
        return
    for name, result in results.items():
        results[name] = replace(result, states=len(reach.states), diameter=reach.diameter)
    _report_violations(system, reach, budget, results)
    if system.views or len(reach.states) > READABLE or not clauses:
        _report_enumerated(system, reach, budget, results)
    else:
        _report_proofs(system, reach, budget, results)


def _decide_still(system: TransitionSystem, budget: Budget, results: dict[str, Result]) -> None:
    """A system that never moves: what holds of its initial states, however many there are, holds."""
    from checker.bmc import check_bounded, lowest_inputs
    from checker.induction import Proof, property_clause
    from checker.solver import Solver, solver_of_many

    wanted = asked(system, results)
    bounded = check_bounded(system, 0, wanted, budget, settle=False)
    _report_bounded(system, wanted, bounded, results, "")
    for number in bounded.violations:
        name = system.invariants[number].name
        origin = lowest_inputs(system, number, budget)
        results[name] = violated(replace(results[name], reason=""), partial(trace_by, system, number, origin, ()))
    solver, ask = Solver(budget), solver_of_many(budget)
    starts = system.relation.starts
    for number, invariant in enumerate(system.invariants):
        if results[invariant.name].verdict is Verdict.BOUNDED:
            premise = system.relation.premises[number]
            said = [substitute([premise], dict(zip(system.relation.state, s.values, strict=True)))[0] for s in starts]
            switch = variable(f"premise of {invariant.name}", BOOL)
            solver.add(connect("or", (negate(switch), *said)))
            if solver.satisfiable([switch]):
                proof = Proof((property_clause(system, invariant.name),), (invariant.says,))
                certify(system, number, proof, ask, results)
            else:
                results[invariant.name] = replace(
                    results[invariant.name], verdict=Verdict.VACUOUS, depth=None, reason=NO_PREMISE
                )


def _report_violations(system: TransitionSystem, reach: Found, budget: Budget, results: dict[str, Result]) -> None:
    """Violations with a replayed trace, once the symbolic engine agrees on every depth."""
    names = [invariant.name for invariant in system.invariants]
    wanted = asked(system, results)
    depths = {n: reach.depth(state) for n, state in reach.first_violation.items() if n in wanted}
    if not wanted or (not depths and not system.views):
        return  # the certificates of the proofs confirm them
    deepest = max(depths.values(), default=0)
    if len(depths) == len(wanted) and can_confirm(system, reach, deepest):
        _report_confirmed(system, reach, depths, budget, results)
        return
    from checker.bmc import check_bounded

    limit = CONFIRMED_DEPTH if system.views else deepest
    bounded = check_bounded(system, limit, wanted, budget, settle=False)
    shallow = {number: depth for number, depth in depths.items() if depth <= limit}
    for number in wanted:
        name = names[number]
        difference = disagreement(number, shallow.get(number), bounded)
        if number in depths and bounded.stopped and number not in bounded.violations:
            results[name] = unconfirmed(system, reach, number, results[name], bounded.stopped)
        elif difference:
            results[name] = replace(results[name], reason=difference)
        elif number in depths:
            results[name] = violated(results[name], partial(trace_of, system, reach, number))


def _report_confirmed(
    system: TransitionSystem, reach: Found, depths: dict[int, int], budget: Budget, results: dict[str, Result]
) -> None:
    """Violations with a replayed trace, once the model's own text, run anew, breaks none of them earlier."""
    assert isinstance(reach, Reachable)
    first, doubt, stopped = depths, "", ""
    try:
        first = earlier(system, reach, depths, budget)
    except NotSeen as why:
        doubt = f"ENGINES DISAGREE: {why}; please report this"
    except OutOfBudget as why:
        stopped = str(why)
    for number, depth in depths.items():
        name = system.invariants[number].name
        if stopped:
            results[name] = unconfirmed(system, reach, number, results[name], stopped)
        elif difference := doubt or different(depth, first[number], "the model itself"):
            results[name] = replace(results[name], reason=difference)
        else:
            results[name] = violated(results[name], partial(trace_of, system, reach, number))


def vacuity(system: TransitionSystem, reach: Found, number: int) -> str:
    """Why a verdict on an invariant would say nothing, or ""."""
    if not reach.states:
        return "there is no initial state"
    if never := [system.operations[k].name for k in silent(system, reach)]:
        return NEVER_HAPPEN + ", ".join(never)
    if not reach.premises >> number & 1:
        return NO_PREMISE
    return ""


def _report_enumerated(system: TransitionSystem, reach: Found, budget: Budget, results: dict[str, Result]) -> None:
    """Proofs by enumeration: the set of reachable states is closed, and nothing in it violates the property."""
    wanted = {number: system.invariants[number] for number in asked(system, results)}
    if not wanted:
        return
    from checker.recheck import not_closed

    doubt = not_closed(system.reduced, reach, budget)
    for number, invariant in wanted.items():
        result = results[invariant.name]
        empty = vacuity(system, reach, number)
        if doubt:
            results[invariant.name] = replace(result, reason=f"ENGINES DISAGREE: {doubt}; please report this")
        elif empty:
            results[invariant.name] = replace(result, verdict=Verdict.VACUOUS, reason=empty)
        else:
            results[invariant.name] = replace(result, verdict=Verdict.PROVED, reason="", enumerated=True)


def _report_proofs(system: TransitionSystem, reach: Found, budget: Budget, results: dict[str, Result]) -> None:
    wanted = _not_vacuous(system, reach, results)
    if not wanted:
        return
    from checker.induction import prove
    from checker.solver import solver_of_many
    from checker.z3lib import Context

    # Proofs lean on what was found for others, so that all are made: the one that is asked for then always looks alike.
    idle = [n for n, i in enumerate(system.invariants) if results[i.name].reason == NOT_ASKED]
    others = [n for n in idle if n not in reach.first_violation and not vacuity(system, reach, n)]
    context = Context()
    proofs = prove(system, reach, sorted((*wanted, *others)), budget, context)
    ask = solver_of_many(budget, context)
    certificates = {number: certificate_of(system, system.invariants[number].name, proofs[number]) for number in wanted}
    if hold(system, certificates.values(), ask):
        for number, certificate in certificates.items():
            name = system.invariants[number].name
            results[name] = replace(
                results[name], verdict=Verdict.PROVED, depth=None, reason="", certificate=certificate
            )
        return
    for number in wanted:
        certify(system, number, proofs[number], ask, results)


def _not_vacuous(system: TransitionSystem, reach: Found, results: dict[str, Result]) -> list[int]:
    """Of what is asked for the numbers of those of which a proof would say something; the others are vacuous."""
    doubts = {number: vacuity(system, reach, number) for number in asked(system, results)}
    for number, doubt in doubts.items():
        name = system.invariants[number].name
        if doubt:
            results[name] = replace(results[name], verdict=Verdict.VACUOUS, reason=doubt)
    return [number for number, doubt in doubts.items() if not doubt]


def _decide_bounded(system: TransitionSystem, depth: int, budget: Budget, results: dict[str, Result]) -> None:
    from checker.bmc import check_bounded

    small, wanted = _whole_if_small(system, budget), asked(system, results)
    last = depth if small is None else min(depth, small.diameter)
    bounded, note = check_bounded(system, last, wanted, budget), ""
    if last < depth and bounded.depth == last and not bounded.stopped:
        bounded.depth, note = depth, f"unrolled to {last} steps: explicit search finds no state that is deeper"
    _report_bounded(system, wanted, bounded, results, note)
    reach = search(system.reduced, budget) if small is None else small
    for number in wanted:
        invariant, first = system.invariants[number], reach.first_violation.get(number)
        real = None if first is None else reach.depth(first)
        found = bounded.violations.get(number)
        if real is not None and real > min(depth, bounded.depth):
            real = None
        if found != real and (reach.complete or real is not None) and not bounded.stopped:
            reason = disagreement(number, real, bounded)
            results[invariant.name] = replace(
                results[invariant.name], verdict=Verdict.UNKNOWN, depth=None, reason=reason
            )
        elif reach.complete and results[invariant.name].verdict is Verdict.BOUNDED:
            empty = vacuity(system, reach, number)
            if empty:
                results[invariant.name] = replace(results[invariant.name], verdict=Verdict.VACUOUS, reason=empty)


def _whole_if_small(system: TransitionSystem, budget: Budget) -> Found | None:
    """Every state of a system that has so few that looking at them costs nothing beside a solver; else None."""
    if system.views or len(system.operations) > MANY:
        return None
    from checker.immaterial import bits_that_matter

    reach = explore(system, replace(budget, states=min(SMALL, budget.states)))
    try:
        return reach if reach.complete and reach.states and not bits_that_matter(system, reach, budget) else None
    except OutOfBudget:
        return None


def _report_bounded(
    system: TransitionSystem, wanted: list[int], bounded: BoundedResult, results: dict[str, Result], note: str
) -> None:
    for number in wanted:
        name = system.invariants[number].name
        results[name] = bounded_result(system, number, bounded, results[name], note)
