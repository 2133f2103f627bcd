"""What can be said of a system whose states could not all be enumerated: proofs by clauses, violations, bounds.

Clauses come first (checker.pdr): what they prove needs no bound, which may take far longer.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from checker.limits import Budget, OutOfBudget
from checker.outcomes import (
    CONFIRMED_DEPTH,
    NEVER_HAPPEN,
    NO_PREMISE,
    UNCONFIRMED,
    asked,
    both,
    bounded_result,
    certificate_of,
    certified,
    hold,
    silent,
    trace_by,
    unconfirmed,
    violated,
)
from checker.records import replace
from checker.system import TransitionSystem
from checker.verdict import Result, Verdict

if TYPE_CHECKING:
    from checker.beyond import Beyond
    from checker.bmc import BoundedResult
    from checker.induction import Proof
    from checker.pdr import Run
    from checker.search import Found

FALLBACK_DEPTH = 12
"""How deep the symbolic engine looks when the states are too many to enumerate and no depth was asked for."""


def fall_back(system: TransitionSystem, reach: Found, budget: Budget, results: dict[str, Result]) -> None:
    """The states could not all be enumerated: what was found counts, the rest is proved by clauses or else bounded.

    Clauses come first: what they prove needs no bound, which may take far longer.
    """
    from checker.bmc import check_bounded

    names, wanted = [i.name for i in system.invariants], asked(system, results)
    note = keep_violations(system, reach, results)
    doubts: dict[int, str] = {}
    if reach.states:
        not_found = [number for number in wanted if number not in reach.first_violation]
        doubts = _look_beyond(system, reach, not_found, budget, results)
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
            result = bounded_result(system, number, bounded, result, both(note, doubts.get(number, "")))
        results[names[number]] = result


def keep_violations(system: TransitionSystem, reach: Found, results: dict[str, Result]) -> str:
    """What was found counts, though not all states were enumerated, which is said."""
    note = f"not all states were enumerated: {reach.stopped}"
    for number in asked(system, results):
        name = system.invariants[number].name
        if number in reach.first_violation:
            results[name] = unconfirmed(system, reach, number, results[name], note)
    return note


def _shortened(system: TransitionSystem, number: int, bounded: BoundedResult, result: Result, least: bool) -> Result:
    """A violation that was found otherwise, as bounded checking has it.

    Args:
        system, number, bounded: as for :func:`checker.outcomes.bounded_result`.
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
        return bounded_result(system, number, bounded, result, "")
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

    beyond, stopped = Beyond(system, _half_of_the_time(budget), silent(system, reach), reach.premises), reach.stopped
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
    told = violated(result, partial(trace_by, system, number, found.origin, found.operations))
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
    certificates = {n: certificate_of(system, system.invariants[n].name, proof) for n, proof in proofs.items()}
    try:
        together = len(proofs) > 1 and hold(system, certificates.values(), ask)
    except OutOfBudget as why:
        return {number: _no_proof(why, stopped) for number in proofs}
    for number, proof in proofs.items():
        name = system.invariants[number].name
        result = replace(results[name], reason=f"by clauses alone, since not all states were enumerated: {stopped}")
        try:
            if together:
                result = replace(result, verdict=Verdict.PROVED, depth=None, certificate=certificates[number])
            else:
                result = certified(system, result, proof, ask)
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
    return result, both(*doubts)
