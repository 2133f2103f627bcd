"""What ``ptecheck diff`` prints and writes: one line for each observable, the shortest run to a difference, and JSON."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Any

from checker.cli.diff import SCHEMA, Answer, Question, pair_system
from checker.cli.jobs import find_architecture
from checker.cli.pair_traces import pair_trace
from checker.cli.sides import Side
from checker.trace import concrete_run
from checker.verdict import Result, Verdict

if TYPE_CHECKING:
    from checker.system import TransitionSystem

LABEL = 14
"""Characters of a line before the verdict on an observable."""

SHOWN_NAMES = 6
"""Of operations that one side has, so many are named."""


def text(sides: tuple[Side, Side], answers: list[Answer], reasons: list[str], every: bool) -> str:
    """The answer for a reader.

    Args:
        sides: A and B.
        answers: one for each world and choice.
        reasons: why nothing could be asked.
        every: print every shortest run step by step, not only the first of each world.
    """
    out = _heading(sides)
    for reason in reasons:
        out += _wrapped(f"NOT DECIDED: {reason}", "")
    if reasons:
        return out
    out += _helpers(sides)
    for _, group in groupby(answers, key=lambda answer: answer.question.left.world):
        found = list(group)
        alike = _alike(found)
        for number, members in enumerate(alike):
            above = {_verdict(r) for r in alike[0][0].results} if number else set()
            out += "\n" + _block(members, len(members) == len(found), above, every)
    return out + "\n" + _conclusion(answers)


def _heading(sides: tuple[Side, Side]) -> str:
    lines = ""
    for letter, side in zip("AB", sides, strict=True):
        lines += _wrapped(f"{letter}  {side.title}{_says(side)}", "", "   ")
    return lines


def _says(side: Side) -> str:
    from checker.cli.jobs import NotModelled

    try:
        return "" if side.kernel else f": {find_architecture(side.config).says}"
    except NotModelled:
        return ""


def _helpers(sides: tuple[Side, Side]) -> str:
    from checker.cli.same_helpers import compared

    arches = [find_architecture(side.config, side.kernel) for side in sides]
    found = compared(arches[0], arches[1])
    if found is None:
        return ""
    differ = ", ".join(found.differ) if found.differ else "none"
    same = f"{len(found.same)} are equal for every word (proved)" if found.same else "none is equal"
    open_ = f"; not compared: {', '.join(found.open)}" if found.open else ""
    return _wrapped(f"helpers that differ: {differ}; {same}{open_}", "")


def _alike(answers: list[Answer]) -> list[list[Answer]]:
    """Answers that say the same, together; those that differ soonest first."""
    groups: dict[tuple[Any, ...], list[Answer]] = {}
    for answer in answers:
        groups.setdefault(_key(answer), []).append(answer)
    return sorted(groups.values(), key=lambda group: _soonest(group[0]))


def _key(answer: Answer) -> tuple[Any, ...]:
    return (answer.only, *map(_verdict, answer.results))


def _verdict(result: Result) -> tuple[Any, ...]:
    return result.invariant, result.verdict, result.depth, result.reason, _run(result)


def _run(result: Result) -> tuple[str, ...]:
    return (result.trace.start, *(s.operation for s in result.trace.steps[1:])) if result.trace else ()


def _soonest(answer: Answer) -> int:
    return min((r.depth for r in answer.results if r.depth is not None), default=1 << 30)


def _block(group: list[Answer], whole: bool, above: set[tuple[Any, ...]], every: bool) -> str:
    """Answers that say the same; ``above`` is what was said of the first of this world already."""
    answer = group[0]
    states = sorted({a.results[0].states or 0 for a in group})
    span = f"{states[0]}" if len(states) == 1 else f"{states[0]} to {states[-1]}"
    size = f" ({span} pairs of states)" if states[0] else ""
    out = _wrapped(_where(group, whole) + size, "")
    for side, names in zip("AB", answer.only, strict=True):
        if names:
            shown = ", ".join(names[:SHOWN_NAMES]) + (
                f" and {len(names) - SHOWN_NAMES} more" if names[SHOWN_NAMES:] else ""
            )
            out += _wrapped(f"  only {side} has: {shown}", "")
    if not any(answer.only) and all(r.verdict is Verdict.PROVED for r in answer.results):
        names_ = ", ".join(r.invariant for r in answer.results)
        return out + _wrapped(f"  equivalent: {names_} are the same (proved)", "")
    system = pair_system(answer.question)
    for result in answer.results:
        out += "" if _verdict(result) in above else _line(answer.question, system, result, _apart(answer))
    if repeated := [r.invariant for r in answer.results if _verdict(r) in above]:
        out += _wrapped(f"  as above: {', '.join(repeated)}", "")
    shown_runs: set[tuple[str, ...]] = set()
    for result in _to_show(answer, every) if every or not above else ():
        if result.trace is not None and _run(result) not in shown_runs:
            shown_runs.add(_run(result))
            alike = [r.invariant for r in answer.results if r.trace and _run(r) == _run(result)]
            out += "\n" + pair_trace(answer.question, system, result.trace, f"differs: {', '.join(alike)}")
    return out


def _to_show(answer: Answer, every: bool) -> list[Result]:
    found = sorted((r for r in answer.results if r.trace is not None), key=lambda r: r.depth or 0)
    return found if every else found[:1]


WORLDS = {
    "pte": "PTE world: any helper in any order, on both at once",
    "mm": "mm world: the kernel's own calls, on both at once",
    "kernel": "whole kernel: every operation of generic mm, on both at once",
}


def _where(group: list[Answer], whole: bool) -> str:
    job = group[0].question.left
    if job.world == "pte":
        return WORLDS["pte"]
    choices = [a.question.left.split or a.question.left.generation for a in group]
    named = (
        {"mm": "every split", "kernel": "every release"}[job.world] if whole and len(group) > 1 else ", ".join(choices)
    )
    return f"{WORLDS[job.world]} [{named}]"


def _apart(answer: Answer) -> bool:
    """One side can do what the other cannot, so that what is the same is so in the runs that both can take."""
    from invariants.difference import OPERATIONS

    found = next(r for r in answer.results if r.invariant == OPERATIONS)
    return any(answer.only) or found.verdict is not Verdict.PROVED


def _line(question: Question, system: TransitionSystem, result: Result, apart: bool) -> str:
    name = f"  {result.invariant:{LABEL - 2}}"
    indent = " " * LABEL
    if result.verdict is Verdict.PROVED:
        return f"{name}same{' in the runs that both can take' if apart else ''} (proved)\n"
    if result.verdict is not Verdict.VIOLATED:
        return _wrapped(f"{name}NOT DECIDED: {result.reason}", "", indent)
    start, *operations = _run(result)
    words = "from the start" if not operations else f"after {len(operations)} step{'s' * (len(operations) > 1)}"
    doubt = f" ({result.reason})" if result.reason else ""
    out = _wrapped(f"{name}differs {words}{doubt}: {', '.join([start, *operations])}", "", indent)
    return out + _wrapped(f"{indent}{told_difference(question, system, result)}", "", indent)


def told_difference(question: Question, system: TransitionSystem, result: Result) -> str:
    """What each side shows where it differs: ``A yes, B no``."""
    from invariants.difference import OBSERVABLES, OPERATIONS, apart, cost_of_a_store
    from models.difference import possible_on_one

    assert result.trace is not None
    operations = [step.operation for step in result.trace.steps[1:]]
    last = concrete_run(system, result.trace.start, result.trace.inputs, operations)[-1]
    jobs = (question.left, question.right)
    if result.invariant == OPERATIONS:
        left, right = (_own_system(job) for job in jobs)
        mine, yours = possible_on_one(left, right, apart(left), last)
        told = [f"only {side}: {', '.join(names)}" for side, names in zip("AB", (mine, yours), strict=True) if names]
        return "; ".join(told)
    observable = next(o for o in OBSERVABLES if o.name == result.invariant)
    look = observable.pte if question.left.world == "pte" else observable.mm
    arches = [find_architecture(job.config, job.kernel) for job in jobs]
    seen = [look(arch, s) for arch, s in zip(arches, (last.left, last.right), strict=True)]
    who = _who(question, seen)
    if observable.name != "faults":
        words = ["yes" if any(s[k] for k in who) else "no" for s in seen]
    else:
        count = len(seen[0]) // 2
        words = [cost_of_a_store(s[who[0] % count], s[who[0] % count + count]) for s in seen]
    return f"{_whose(question, seen, who)}A {words[0]}, B {words[1]}"


def _own_system(job: Any) -> TransitionSystem:
    from checker.cli.jobs import build_system

    return build_system(job)


def _who(question: Question, seen: list[Any]) -> list[int]:
    """The first place where what is seen of both sides differs."""
    return [next(k for k, (a, b) in enumerate(zip(*seen, strict=True)) if bool(a) != bool(b))]


def _whose(question: Question, seen: list[Any], who: list[int]) -> str:
    if question.left.world == "pte":
        return ""
    from models.mm.state import names

    return f"{names(question.left.processes)[who[0] % question.left.processes]}: "


def _conclusion(answers: list[Answer]) -> str:
    results = [r for answer in answers for r in answer.results]
    if any(r.verdict is Verdict.VIOLATED for r in results) or any(any(a.only) for a in answers):
        says = (
            'Not equivalent. "same" is said of every sequence of operations that is possible on both sides; '
            "a fault that only one side needs is taken by that side alone."
        )
        return _wrapped(says, "")
    if all(r.verdict is Verdict.PROVED for r in results):
        return _wrapped("Equivalent, without a bound: no sequence of operations tells A and B apart.", "")
    return "Not decided.\n"


def _wrapped(line: str, first: str, rest: str = "    ") -> str:
    lead = line[: len(line) - len(line.lstrip())]
    kept = textwrap.wrap(line.strip(), 79, initial_indent=first + lead, subsequent_indent=rest, break_on_hyphens=False)
    return "\n".join(kept) + "\n"


def json_data(sides: tuple[Side, Side], answers: list[Answer], reasons: list[str]) -> dict[str, Any]:
    """The answer as JSON data, in the form of ``docs/diff.schema.json``."""
    from checker.cli.diff import status_of

    verdicts = {0: "equivalent", 1: "different", 3: "not decided"}
    return {
        "schema": SCHEMA,
        "kind": "difference",
        **{letter: side_data(side) for letter, side in zip("ab", sides, strict=True)},
        "answer": verdicts[status_of(answers, reasons)],
        "reasons": reasons,
        "worlds": [_world_data(answer) for answer in answers],
    }


def side_data(side: Side) -> dict[str, Any]:
    """A side as JSON data."""
    kernel = side.kernel
    return {
        "config": side.config,
        "kernel": kernel and kernel.folder,
        "revision": kernel.git or None if kernel else None,
        "patches": list(kernel.names) if kernel else [],
        "reverse": bool(kernel and kernel.reverse),
    }


def _world_data(answer: Answer) -> dict[str, Any]:
    job = answer.question.left
    return {
        "world": job.world,
        "split": job.split or None,
        "generation": job.generation or None,
        "states": answer.results[0].states if answer.results else None,
        "only_a": list(answer.only[0]),
        "only_b": list(answer.only[1]),
        "observables": [observable_data(result) for result in answer.results],
    }


VERDICTS = {Verdict.PROVED: "same", Verdict.VIOLATED: "differs"}


def observable_data(result: Result) -> dict[str, Any]:
    """One verdict as JSON data."""
    trace, certificate = result.trace, result.certificate
    return {
        "name": result.invariant,
        "verdict": VERDICTS.get(result.verdict, "not decided"),
        "depth": result.depth,
        "reason": result.reason,
        "start": trace and trace.start,
        "inputs": list(trace.inputs) if trace else None,
        "trace": trace and [{"operation": s.operation, "state": dict(s.state)} for s in trace.steps],
        "enumerated": result.enumerated,
        "proof": [clause["text"] for clause in certificate.clauses] if certificate else None,
    }
