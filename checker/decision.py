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
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from checker.confirm import NotSeen, can_confirm, earlier
from checker.explicit import Origin, Reachable, explore
from checker.limits import Budget, Keeping, OutOfBudget, OutOfMemory
from checker.progress import Progress
from checker.records import dataclass, replace
from checker.search import MANY, SMALL, search
from checker.system import TransitionSystem, operation_number
from checker.terms import BOOL, connect, negate, substitute, variable
from checker.trace import BadTrace, Trace, make_trace
from checker.verdict import Result, Verdict

if TYPE_CHECKING:
    from checker.beyond import Beyond
    from checker.bmc import BoundedResult
    from checker.certificate import Certificate
    from checker.induction import Proof
    from checker.pdr import Run
    from checker.search import Found

NOT_REACHED, NOT_ASKED = "not reached", "not asked for"
"""The reasons for what is not decided yet, and for what need not be."""

NEVER_HAPPEN = "these operations can never happen: "
NO_PREMISE = "its premise never holds"

UNCONFIRMED = "not confirmed to be the shortest: "

INTERRUPTED = "interrupted"
"""The reason for what Ctrl-C left undecided."""

READABLE = 600
"""Beyond this many states a proof is the closed set of states itself: no invariant that fits a page is looked for."""

CONFIRMED_DEPTH = 2
"""How deep the symbolic engine looks at a system of views, each transition of which is dear; deeper in the tests."""

FALLBACK_DEPTH = 12
"""How deep the symbolic engine looks when the states are too many to enumerate and no depth was asked for."""


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
        _give_reason(results, INTERRUPTED)
    except OutOfBudget as why:
        _give_reason(results, str(why))
    except MemoryError:
        _give_reason(results, str(OutOfMemory.really()))
    seconds = time.monotonic() - began
    return [replace(result, seconds=seconds) for result in results.values()]


def _to_begin_with(name: str, options: Options) -> str:
    return NOT_REACHED if options.only is None or name in options.only else NOT_ASKED


def _open(results: dict[str, Result], name: str) -> bool:
    """Nothing has been said of an invariant that was asked for."""
    return results[name].verdict is Verdict.UNKNOWN and results[name].reason == NOT_REACHED


def _give_reason(results: dict[str, Result], reason: str) -> None:
    for name, result in results.items():
        if _open(results, name):
            results[name] = replace(result, reason=reason)


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
        _keep_violations(system, reach, results)
        return
    if not reach.complete:
        _fall_back(system, reach, budget, results)
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

    bounded = check_bounded(system, 0, budget=budget, settle=False)
    _report_bounded(system, bounded, results, "")
    for number in bounded.violations:
        name = system.invariants[number].name
        origin = lowest_inputs(system, number, budget)
        results[name] = _violated(replace(results[name], reason=""), partial(_trace, system, number, origin, ()))
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
                _certify(system, number, proof, ask, results)
            else:
                results[invariant.name] = replace(
                    results[invariant.name], verdict=Verdict.VACUOUS, depth=None, reason=NO_PREMISE
                )


def trace_of(system: TransitionSystem, reach: Found, number: int) -> Trace:
    """The shortest run to a violation of the invariant of this number, which the search has found."""
    return _trace(system, number, *reach.path(reach.first_violation[number]))


def _trace(system: TransitionSystem, number: int, origin: Origin, steps: tuple[int, ...]) -> Trace:
    operations = [system.operations[operation_number(system, k)].name for k in steps]
    return make_trace(
        system, system.invariants[number].name, system.starts[origin.start].name, origin.inputs, operations
    )


def _report_violations(system: TransitionSystem, reach: Found, budget: Budget, results: dict[str, Result]) -> None:
    """Violations with a replayed trace, once the symbolic engine agrees on every depth."""
    names = [invariant.name for invariant in system.invariants]
    wanted = [number for number, name in enumerate(names) if _open(results, name)]
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
        difference = _disagreement(number, shallow.get(number), bounded)
        if number in depths and bounded.stopped and number not in bounded.violations:
            results[name] = _unconfirmed(system, reach, number, results[name], bounded.stopped)
        elif difference:
            results[name] = replace(results[name], reason=difference)
        elif number in depths:
            results[name] = _violated(results[name], partial(trace_of, system, reach, number))


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
            results[name] = _unconfirmed(system, reach, number, results[name], stopped)
        elif difference := doubt or _different(depth, first[number], "the model itself"):
            results[name] = replace(results[name], reason=difference)
        else:
            results[name] = _violated(results[name], partial(trace_of, system, reach, number))


def _unconfirmed(system: TransitionSystem, reach: Found, number: int, result: Result, why: str) -> Result:
    """A violation the symbolic engine did not get to: the run exists, since it replays; its length stays open."""
    found = _violated(result, partial(trace_of, system, reach, number))
    return replace(found, reason=UNCONFIRMED + why) if found.verdict is Verdict.VIOLATED else found


def _violated(result: Result, build: Callable[[], Trace]) -> Result:
    try:
        trace = build()
    except BadTrace as why:
        reason = f"ENGINES DISAGREE: the counterexample does not replay: {why}"
        return replace(result, verdict=Verdict.UNKNOWN, depth=None, reason=reason)
    return replace(result, verdict=Verdict.VIOLATED, depth=trace.depth, reason="", trace=trace)


def _disagreement(number: int, depth: int | None, bounded: BoundedResult) -> str:
    """Why the engines' answers on one property cannot both be right, or cannot be compared; "" if they agree."""
    return _different(depth, bounded.violations.get(number), "bounded checking")


def _different(depth: int | None, found: int | None, other: str) -> str:
    if found == depth:
        return ""
    words = ["no counterexample" if d is None else f"one of {d} steps" for d in (depth, found)]
    return f"ENGINES DISAGREE: explicit search finds {words[0]}, {other} {words[1]}; please report this"


def vacuity(system: TransitionSystem, reach: Found, number: int) -> str:
    """Why a verdict on an invariant would say nothing, or ""."""
    if not reach.states:
        return "there is no initial state"
    silent = [system.operations[k].name for k in _silent(system, reach)]
    if silent:
        return NEVER_HAPPEN + ", ".join(silent)
    if not reach.premises >> number & 1:
        return NO_PREMISE
    return ""


def _silent(system: TransitionSystem, reach: Found) -> list[int]:
    """The operations that were enabled in no state that was found, though they are not declared to be idle."""
    ways = max(1, len(system.views))
    fired = {operation_number(system, step) for step in range(ways * len(system.operations)) if reach.fired >> step & 1}
    return [k for k, op in enumerate(system.operations) if not op.idle and k not in fired]


def _report_enumerated(system: TransitionSystem, reach: Found, budget: Budget, results: dict[str, Result]) -> None:
    """Proofs by enumeration: the set of reachable states is closed, and nothing in it violates the property."""
    wanted = {number: i for number, i in enumerate(system.invariants) if _open(results, i.name)}
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
    asked: list[int] = []
    for number, invariant in enumerate(system.invariants):
        result = results[invariant.name]
        if _open(results, invariant.name):
            empty = vacuity(system, reach, number)
            if empty:
                results[invariant.name] = replace(result, verdict=Verdict.VACUOUS, reason=empty)
            else:
                asked.append(number)
    if not asked:
        return
    from checker.induction import prove
    from checker.solver import solver_of_many
    from checker.z3lib import Context

    # Proofs lean on what was found for others, so that all are made: the one that is asked for then always looks alike.
    idle = [n for n, i in enumerate(system.invariants) if results[i.name].reason == NOT_ASKED]
    others = [n for n in idle if n not in reach.first_violation and not vacuity(system, reach, n)]
    context = Context()
    proofs = prove(system, reach, sorted((*asked, *others)), budget, context)
    ask = solver_of_many(budget, context)
    certificates = {number: _certificate(system, system.invariants[number].name, proofs[number]) for number in asked}
    if _hold(system, certificates.values(), ask):
        for number, certificate in certificates.items():
            name = system.invariants[number].name
            results[name] = replace(
                results[name], verdict=Verdict.PROVED, depth=None, reason="", certificate=certificate
            )
        return
    for number in asked:
        _certify(system, number, proofs[number], ask, results)


def _hold(system: TransitionSystem, certificates: Iterable[Certificate], ask: Callable[[str], bool]) -> bool:
    from checker.certificate import BadCertificate, hold_together

    try:
        return hold_together(system, certificates, ask)
    except BadCertificate:
        return False  # to be said of the one that it is


def _certificate(system: TransitionSystem, invariant: str, proof: Proof) -> Certificate:
    from checker.certificate import Certificate, clause_data

    return Certificate(system.name, invariant, tuple(map(clause_data, proof.clauses)), proof.shown)


def _certified(system: TransitionSystem, result: Result, proof: Proof, ask: Callable[[str], bool]) -> Result:
    """Proved, once the proof's obligations are solved anew from their text; the reason is kept."""
    from checker.certificate import BadCertificate, check_certificate

    certificate = _certificate(system, result.invariant, proof)
    try:
        check_certificate(system, certificate, ask)
    except BadCertificate as why:
        reason = f"ENGINES DISAGREE: {why}; please report this"
        return replace(result, verdict=Verdict.UNKNOWN, depth=None, reason=reason)
    return replace(result, verdict=Verdict.PROVED, depth=None, certificate=certificate)


def _certify(
    system: TransitionSystem, number: int, proof: Proof, ask: Callable[[str], bool], results: dict[str, Result]
) -> None:
    name = system.invariants[number].name
    results[name] = _certified(system, replace(results[name], reason=""), proof, ask)


def _fall_back(system: TransitionSystem, reach: Found, budget: Budget, results: dict[str, Result]) -> None:
    """The states could not all be enumerated: what was found counts, the rest is proved by clauses or else bounded.

    Clauses come first: what they prove needs no bound, which may take far longer.
    """
    from checker.bmc import check_bounded

    names, note = [i.name for i in system.invariants], f"not all states were enumerated: {reach.stopped}"
    for number in reach.first_violation:
        results[names[number]] = _unconfirmed(system, reach, number, results[names[number]], note)
    wanted = [number for number, name in enumerate(names) if results[name].reason != NOT_ASKED]
    open_ = [number for number in wanted if number not in reach.first_violation]
    doubts: dict[int, str] = {}
    if reach.states:
        doubts = _look_beyond(system, reach, open_, budget, results)
        wanted = [n for n in wanted if n in doubts or results[names[n]].verdict is Verdict.VIOLATED]
    if not wanted:
        return
    deepest = CONFIRMED_DEPTH if system.views else FALLBACK_DEPTH
    bounded = check_bounded(system, deepest, wanted, budget)
    for number in wanted:
        result = results[names[number]]
        if result.verdict is Verdict.VIOLATED:
            result = _shortened(system, number, bounded, result, number in reach.first_violation)
        else:
            result = _bounded(system, number, bounded, result, _both(note, doubts.get(number, "")))
        results[names[number]] = result


def _shortened(system: TransitionSystem, number: int, bounded: BoundedResult, result: Result, least: bool) -> Result:
    """A violation that was found otherwise, as bounded checking has it.

    Args:
        system, number, bounded: as for :func:`_bounded`.
        result: the violation.
        least: who found it says that there is no shorter one.
    """
    depth, found = result.depth, bounded.violations.get(number)
    assert depth is not None
    earliest = bounded.depth + 1 if found is None else found
    if depth < earliest or (least and found is not None and depth > found):
        reason = f"ENGINES DISAGREE: a counterexample of {depth} steps replays, bounded checking finds "
        reason += f"{'none' if found is None else f'one of {found}'}; please report this"
        return replace(result, verdict=Verdict.UNKNOWN, depth=None, trace=None, reason=reason)
    if number in bounded.counterexamples:
        return _bounded(system, number, bounded, result, "")
    if depth == earliest:
        return replace(result, reason="")
    return replace(result, reason=UNCONFIRMED + bounded.stopped) if least and bounded.stopped else result


def _half_of_the_time(budget: Budget) -> Budget:
    """A limit that leaves half of the remaining time for what comes after."""
    left = budget.left()
    if budget.seconds is None or left is None:
        return budget
    return replace(budget, seconds=round(budget.seconds - left / 2, 1))


def _look_beyond(
    system: TransitionSystem, reach: Found, numbers: list[int], budget: Budget, results: dict[str, Result]
) -> dict[int, str]:
    """Proofs whose certificates check, and violations that replay; of the other invariants, why there is neither.

    The search has half of the time, so that some is left to check what it found and to look for more.
    """
    from checker.beyond import Beyond
    from checker.pdr import Run

    beyond, stopped = Beyond(system, _half_of_the_time(budget), _silent(system, reach), reach.premises), reach.stopped
    proofs: dict[int, Proof] = {}
    doubts: dict[int, str] = {}
    try:
        for number in numbers:
            name = system.invariants[number].name
            try:
                found = beyond.decide(number)
            except OutOfBudget as why:
                doubts[number] = _no_proof(why, stopped)
                continue
            if isinstance(found, Run):
                results[name] = _ending_in(system, number, found, results[name])
            else:
                proofs[number] = found
    finally:  # Ctrl-C ends the search, and what it has proved by then stays proved
        doubts |= _certify_clauses(system, beyond, proofs, budget, results, stopped)
    return doubts


def _no_proof(why: OutOfBudget, stopped: str) -> str:
    return "" if str(why) in stopped else f"no proof by clauses: {why}"


def _ending_in(system: TransitionSystem, number: int, found: Run, result: Result) -> Result:
    """A violation with its trace, from a run that need not be a shortest one."""
    told = _violated(result, partial(_trace, system, number, found.origin, found.operations))
    doubt = f"{UNCONFIRMED}it was found from its end"
    return replace(told, reason=doubt) if told.verdict is Verdict.VIOLATED else told


def _certify_clauses(
    system: TransitionSystem,
    beyond: Beyond,
    proofs: dict[int, Proof],
    budget: Budget,
    results: dict[str, Result],
    stopped: str,
) -> dict[int, str]:
    """Proved, once all obligations are solved anew and the proof says something; else why it is none."""
    from checker.solver import solver_of_many

    ask, doubts = solver_of_many(budget), {}
    certificates = {n: _certificate(system, system.invariants[n].name, proof) for n, proof in proofs.items()}
    try:
        together = len(proofs) > 1 and _hold(system, certificates.values(), ask)
    except OutOfBudget as why:
        return {number: _no_proof(why, stopped) for number in proofs}
    for number, proof in proofs.items():
        name = system.invariants[number].name
        result = replace(results[name], reason=f"by clauses alone, since not all states were enumerated: {stopped}")
        try:
            if together:
                result = replace(result, verdict=Verdict.PROVED, depth=None, certificate=certificates[number])
            else:
                result = _certified(system, result, proof, ask)
        except OutOfBudget as why:
            doubts[number] = _no_proof(why, stopped)
            continue
        doubt = ""
        if result.verdict is Verdict.PROVED:
            result, doubt = _unless_vacuous(beyond, number, result)
        if doubt:
            doubts[number] = doubt
        else:
            results[name] = result
    return doubts


def _unless_vacuous(beyond: Beyond, number: int, result: Result) -> tuple[Result, str]:
    """A proof, if it says something, and why that is not known: more time could only have made less of it."""
    never, unknown = beyond.never_enabled()
    holds = beyond.premise_holds(number)
    if never or holds is False:
        reason = NEVER_HAPPEN + ", ".join(never) if never else NO_PREMISE
        return replace(result, verdict=Verdict.VACUOUS, reason=reason, certificate=None), ""
    doubts = [f"it is not known whether these operations can ever happen: {', '.join(unknown)}"] if unknown else []
    doubts += ["it is not known whether its premise ever holds"] if holds is None else []
    return result, _both(*doubts)


def _both(*reasons: str) -> str:
    return "; ".join(filter(None, reasons))


def _keep_violations(system: TransitionSystem, reach: Found, results: dict[str, Result]) -> None:
    """Memory ran out: what was found counts, and nothing is begun that may need as much again."""
    note = f"not all states were enumerated: {reach.stopped}"
    for number, invariant in enumerate(system.invariants):
        result = replace(results[invariant.name], reason=note)
        found = number in reach.first_violation
        results[invariant.name] = _unconfirmed(system, reach, number, result, note) if found else result


def _decide_bounded(system: TransitionSystem, depth: int, budget: Budget, results: dict[str, Result]) -> None:
    from checker.bmc import check_bounded

    small = _whole_if_small(system, budget)
    last = depth if small is None else min(depth, small.diameter)
    bounded, note = check_bounded(system, last, budget=budget), ""
    if last < depth and bounded.depth == last and not bounded.stopped:
        bounded.depth, note = depth, f"unrolled to {last} steps: explicit search finds no state that is deeper"
    _report_bounded(system, bounded, results, note)
    reach = search(system.reduced, budget) if small is None else small
    for number, invariant in enumerate(system.invariants):
        first = reach.first_violation.get(number)
        real = None if first is None else reach.depth(first)
        found = bounded.violations.get(number)
        if real is not None and real > min(depth, bounded.depth):
            real = None
        if found != real and (reach.complete or real is not None) and not bounded.stopped:
            reason = _disagreement(number, real, bounded)
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


def _report_bounded(system: TransitionSystem, bounded: BoundedResult, results: dict[str, Result], note: str) -> None:
    for number, invariant in enumerate(system.invariants):
        results[invariant.name] = _bounded(system, number, bounded, results[invariant.name], note)


def _bounded(system: TransitionSystem, number: int, bounded: BoundedResult, result: Result, note: str) -> Result:
    """What bounded checking says of one invariant; a note says more where it has no violation."""
    example = bounded.counterexamples.get(number)
    if example is not None:
        return _violated(result, partial(_trace, system, number, example.origin, example.operations))
    if number in bounded.violations:
        reason = f"violated in {bounded.violations[number]} steps, but no counterexample was built: {bounded.stopped}"
        return replace(result, reason=reason)
    if bounded.depth < 0:
        verdict = Verdict.UNKNOWN if bounded.stopped else Verdict.VACUOUS
        return replace(result, verdict=verdict, reason=bounded.stopped or "there is no initial state")
    return replace(result, verdict=Verdict.BOUNDED, depth=bounded.depth, reason=_both(bounded.stopped, note))
