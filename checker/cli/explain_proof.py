"""Why what is proved holds: the clauses of a certificate, and the assignments of helpers that a proof rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker import certificate as certificates
from checker.certificate import BadCertificate, clauses_of
from checker.cli.everywhere import Whole, edited_system, everywhere
from checker.cli.evidence import ENUMERATION_SCHEMA, Named, described, job_of, read_json
from checker.cli.explain_report import assignment_json, whole_json, wrapped
from checker.cli.jobs import Job, build_system, find_architecture, system_with
from checker.cli.main import UsageError
from checker.cli.report import steps_words
from checker.cli.rests import Rests, rests_on
from checker.limits import Budget, OutOfBudget
from checker.terms import evaluate
from checker.trace import concrete_run
from checker.verdict import Verdict
from checker.why import Break, Reason, reasons

if TYPE_CHECKING:
    from checker.induction import Clause
    from checker.system import Invariant, TransitionSystem
    from checker.trace import Trace
    from models.edits import Assignment

Answer = tuple[str, dict[str, Any], bool]
"""An explanation as text and as JSON data, and whether all was looked at."""


@dataclass(frozen=True)
class Told:
    """A break with the helpers behind it.

    Attributes:
        found: the break.
        calls: the helper calls that make the entries of the state after it, each with the bits it changes.
    """

    found: Break
    calls: tuple[str, ...]


def explain_certificate(file: Path, kernel: Named, seconds: float) -> Answer:
    """Why the invariant of a saved certificate holds.

    Raises:
        UsageError: it is none, or it proves nothing.
    """
    data = read_json(file)
    job = job_of(data, file, kernel)
    system = build_system(job)
    try:
        certificate = certificates.from_json(data)
        clauses = clauses_of(system, certificate)
        certificates.check_certificate(system, certificate, budget=Budget(seconds))
    except BadCertificate as why:
        raise UsageError(f"{file.parent}: {why}") from None
    except OutOfBudget as why:
        return _not_decided(job, system, certificate.invariant, str(why))
    goal = next((k for k, clause in enumerate(clauses) if clause.rule == certificate.invariant), 0)
    found = reasons(system, clauses, goal, Budget(seconds))
    told = [_told(job, reason) for reason in found]
    rests, doubt = _rests(job, [certificate.invariant], seconds)
    text = "\n".join(_clauses_text(system, certificate.invariant, found, told, goal))
    falls = _falls(job, rests.get(certificate.invariant), clauses)
    text += "\n" + "\n".join(_rests_text(rests.get(certificate.invariant), doubt, falls)) + "\n"
    body = _proof_json(certificate.invariant, rests.get(certificate.invariant), doubt)
    if body["rests_on"]:
        for one, needed in zip(body["rests_on"]["needed"], rests[certificate.invariant].needed, strict=True):
            one["clauses"] = list(falls.get(needed.assignment, ()))
    body["clauses"] = [_reason_json(reason, calls) for reason, calls in zip(found, told, strict=True)]
    complete = not doubt and not any(r.open for r in found) and not any(r.open for r in rests.values())
    return text, described(job, body), complete


def explain_enumeration(file: Path, kernel: Named, seconds: float) -> Iterator[Answer]:
    """What can be said of proofs that are the closed set of all reachable states: an answer for each invariant.

    Raises:
        UsageError: the file is no such proof, or it is about something else.
    """
    data = read_json(file)
    names = data.get("invariants")
    if data.get("schema") != ENUMERATION_SCHEMA or not isinstance(names, list):
        raise UsageError(f"{file}: not a {ENUMERATION_SCHEMA} file")
    job = job_of(data, file, kernel)
    system = build_system(job)
    known = {invariant.name: invariant for invariant in system.invariants}
    if data.get("system") != system.name or not names or not all(name in tuple(known) for name in names):
        raise UsageError(f"{file}: is not about {system.name} and its invariants")
    found = {name: everywhere(job, (), name, seconds) for name in names}
    for name, whole in found.items():
        if whole.verdict is not Verdict.UNKNOWN and not whole.holds:
            raise UsageError(f"{file}: {name} does not hold in every state")
        if whole.holds and data.get("states") != whole.states:
            raise UsageError(f"{file}: there are {whole.states} states")
    rests, doubt = _rests(job, [name for name in names if found[name].holds], seconds)
    for name, whole in found.items():
        if whole.holds:
            yield _enumerated(job, known[name], whole, rests.get(name), doubt)
        else:
            yield _not_decided(job, system, name, whole.reason)


def _enumerated(job: Job, invariant: Invariant, whole: Whole, rests: Rests | None, doubt: str) -> Answer:
    """What can be said of a proof without clauses."""
    lines = [build_system(job).name, *wrapped(f"{invariant.name} holds: {invariant.says}", 0)]
    lines += wrapped(
        f"The proof is the closed set of all {whole.states} reachable states. It has no clauses, so that no shorter "
        "reason can be read from it."
    )
    lines += _rests_text(rests, doubt)
    complete = not doubt and not (rests and rests.open)
    return "\n".join(lines) + "\n", described(job, _proof_json(invariant.name, rests, doubt)), complete


def _not_decided(job: Job, system: TransitionSystem, invariant: str, reason: str) -> Answer:
    """Whether a proof is one was not decided, so that nothing is said of why."""
    lines = [system.name, *wrapped(f"{invariant}: whether its proof is one was not decided: {reason}", 0)]
    return "\n".join(lines) + "\n", described(job, _proof_json(invariant, None, reason)), False


def _rests(job: Job, names: list[str], seconds: float) -> tuple[dict[str, Rests], str]:
    """What proofs rest on, or why that is not known."""
    if not names or not build_system(job).operations:
        return {}, ""
    try:
        return rests_on(job, names, seconds), ""
    except OutOfBudget as why:
        return {}, str(why)


def _told(job: Job, reason: Reason) -> tuple[Told, ...]:
    """The breaks of a clause with the helper calls behind each."""
    from models.narrate import calls_behind, describe, narrated

    arch = narrated(find_architecture(job.config, job.kernel))
    system = system_with(job, arch)
    named = {operation.name: operation for operation in system.operations}
    found = []
    for one in reason.breaks:
        after = named[one.operation].run(one.state)[1]
        calls = [call for leaf in system.layout.flatten(after) for call in calls_behind(leaf)]
        said = dict.fromkeys(describe(arch, call) for call in calls if call.before != call.after)
        found.append(Told(one, tuple(said)))
    return tuple(found)


def _falls(job: Job, rests: Rests | None, clauses: list[Clause]) -> dict[Assignment, tuple[int, ...]]:
    """For each assignment that a proof rests on, the clauses that fail first in the shortest violation without it."""
    found = {}
    for needed in rests.needed if rests else ():
        if needed.whole.trace is not None:
            system = edited_system(job, (needed.assignment,))
            found[needed.assignment] = _first_to_fail(system, needed.whole.trace, clauses)
    return found


def _first_to_fail(system: TransitionSystem, trace: Trace, clauses: list[Clause]) -> tuple[int, ...]:
    """The numbers of the clauses that fail in the first state in which any does."""
    layout, variables = system.layout, system.relation.state
    states = concrete_run(system, trace.start, trace.inputs, [step.operation for step in trace.steps[1:]])
    for state in states:
        values = dict(zip(variables, layout.concrete(state), strict=True))
        truths = evaluate([clause.term for clause in clauses], values)
        if not all(truths):
            return tuple(k for k, truth in enumerate(truths) if not truth)
    return ()


def _clauses_text(
    system: TransitionSystem, invariant: str, found: tuple[Reason, ...], told: list[tuple[Told, ...]], goal: int
) -> Iterator[str]:
    yield system.name
    yield from wrapped(f"{invariant} holds, by an invariant of {len(found)} clause{'s' * (len(found) != 1)}", 0)
    yield from wrapped("Every start satisfies all of them, and no operation leads from a state in which all hold to one "
                       "in which one does not.")  # fmt: skip
    for number, (reason, breaks) in enumerate(zip(found, told, strict=True)):
        yield from wrapped(f"{number + 1}  {reason.clause.text}" + (" (what is proved)" if number == goal else ""))
        yield from _reason_text(reason, breaks, number == goal)


def _reason_text(reason: Reason, breaks: tuple[Told, ...], goal: bool) -> Iterator[str]:
    if reason.open:
        yield from wrapped(f"what breaks without it was not decided: {reason.open}", 5)
    elif not breaks:
        yield from wrapped("no operation breaks another clause without it", 5)
    else:
        yield from wrapped("without it these break others:", 5)
        for one in _grouped(breaks):
            yield from wrapped(one, 7)
    if goal and reason.follows:
        yield from wrapped("it follows from the other clauses", 5)


def _grouped(breaks: Iterable[Told]) -> Iterator[str]:
    """The breaks as lines; an operation that several processes can do, once."""
    groups: dict[tuple[str, tuple[int, ...], tuple[str, ...]], list[str]] = {}
    for one in breaks:
        base, _, who = one.found.operation.partition("(")
        groups.setdefault((base, one.found.clauses, one.calls), []).append(who.removesuffix(")"))
    for (base, clauses, calls), names in groups.items():
        said = f"({', '.join(names)})" if any(names) else ""
        numbers = ", ".join(str(k + 1) for k in clauses)
        made = [call for call in calls if call.partition(" ")[0] != base] if len(calls) > 1 else list(calls)
        yield f"{base}{said} breaks {numbers}" + (f": {', '.join(made)}" if made else "")


def _rests_text(
    rests: Rests | None, doubt: str, falls: Mapping[Assignment, tuple[int, ...]] | None = None
) -> Iterator[str]:
    if doubt:
        yield from wrapped(f"which assignments it rests on is not known: {doubt}")
    if rests is None:
        return
    if rests.needed:
        yield from wrapped("It rests on these assignments. Without one, wherever the helper is called:")
    for needed in rests.needed:
        whole = needed.whole
        if whole.verdict is Verdict.VIOLATED and whole.trace is not None:
            said = f"violated in {steps_words(whole.trace.depth)}"
            if numbers := (falls or {}).get(needed.assignment):
                said = f"{_clause_words(numbers)} first, {said}"
        else:
            said = f"says nothing any more: {whole.reason}"
        yield from wrapped(f"{needed.assignment.says}: {said}", 4)
    seen = "every state" if rests.every else f"{rests.states} states, evenly chosen"
    if not rests.needed and not rests.open:
        yield from wrapped(f"It rests on no single assignment of a helper: any of the {len(rests.idle)} that do something "
                           f"(in {seen}) may be left out.")  # fmt: skip
    elif rests.idle:
        yield from wrapped(f"Any of {len(rests.idle)} others that do something (in {seen}) may be left out.")
    if rests.open:
        yield from wrapped(f"Not decided in time: {len(rests.open)} assignments.")


def _clause_words(numbers: tuple[int, ...]) -> str:
    one = len(numbers) == 1
    return f"clause{'' if one else 's'} {', '.join(str(k + 1) for k in numbers)} fail{'s' if one else ''}"


def _proof_json(invariant: str, rests: Rests | None, doubt: str) -> dict[str, Any]:
    return {
        "what": "proof",
        "invariant": invariant,
        "clauses": None,
        "rests_on": None if rests is None else _rests_json(rests),
        "reason": doubt,
    }


def _rests_json(rests: Rests) -> dict[str, Any]:
    return {
        "needed": [
            {**assignment_json(n.assignment), "place": n.place, "everywhere": whole_json(n.whole)} for n in rests.needed
        ],
        "idle": [assignment_json(edit) for edit in rests.idle],
        "open": [assignment_json(edit) for edit in rests.open],
        "states": rests.states,
        "every": rests.every,
    }


def _reason_json(reason: Reason, told: tuple[Told, ...]) -> dict[str, Any]:
    return {
        "text": reason.clause.text,
        "follows": reason.follows,
        "breaks": [
            {"operation": one.found.operation, "clauses": list(one.found.clauses), "calls": list(one.calls)}
            for one in told
        ],
        "open": reason.open,
    }
