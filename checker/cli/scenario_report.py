"""What ``ptecheck scenario`` prints: a line for each file that answers as expected, everything else in full."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable
from typing import Any

from checker.cli.jobs import build_system
from checker.cli.scenario import Answered, Report, job_of
from checker.cli.traces import render_trace
from checker.scenario import Answer, Fact, Formula, Scenario, Setting
from checker.scenario_run import Run
from checker.system import TransitionSystem
from checker.trace import START, Step, Trace, concrete_run

SCHEMA = "ptecheck.scenario/1"

MAX_NAME = 32
"""A longer name of a scenario stands on a line of its own."""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def report_text(reports: list[Report], runs: bool = False) -> str:
    """The report.

    Args:
        reports: what every scenario gave.
        runs: print the run behind an expected answer, too.
    """
    width = min(MAX_NAME, max(len(report.scenario.name) for report in reports))
    return "".join(_scenario_text(report, width, runs) for report in reports) + _last_line(reports)


def _scenario_text(report: Report, width: int, runs: bool) -> str:
    total = len(report.answers)
    failed = [a for a in report.answers if not a.as_expected and not a.undecided]
    undecided = [a for a in report.answers if a.undecided]
    said = [f"FAILED in {len(failed)}"] if failed else []
    said += [f"NOT DECIDED in {len(undecided)}"] if undecided else []
    what = f"{', '.join(said)} of {_count(total, 'configuration')}" if said else _as_expected(report.answers)
    name = report.scenario.name
    text = f"{name:{width}}  {what}\n" if len(name) <= width else f"{name}\n  {what}\n"
    if said:
        text += _wrapped(f"  {report.scenario.says}") + _wrapped(f"  {_asked(report.scenario)}")
    shown = [a for a in report.answers if not a.as_expected or (runs and a.ran.run is not None)]
    formula = report.scenario.question.formula
    return text + "".join(_group_text(group, formula) for group in _groups(shown))


def _as_expected(answers: tuple[Answered, ...]) -> str:
    counted = Counter(a.ran.answer.value for a in answers)
    if len(counted) == 1:
        return f"{_count(len(answers), 'configuration')}: {next(iter(counted))}"
    each = [f"{answer.value} in {counted[answer.value]}" for answer in Answer if answer.value in counted]
    return f"{_count(len(answers), 'configuration')}: " + ", ".join(each)


def _asked(scenario: Scenario) -> str:
    return f"{scenario.question.kind} {scenario.question.text}"


def _groups(answers: Iterable[Answered]) -> list[list[Answered]]:
    """The answers that are alike: one expectation, one answer for one reason, one run."""
    groups: dict[tuple[Any, ...], list[Answered]] = {}
    for answered in answers:
        key = (answered.setting.world, answered.expected, answered.ran.answer, answered.ran.reason, answered.ran.run)
        groups.setdefault(key, []).append(answered)
    return list(groups.values())


def _group_text(group: list[Answered], formula: Formula) -> str:
    first = group[0]
    expected = first.expected
    where = f"{expected.place.file}:{expected.place.line}"
    text = _wrapped(f"  {_settings([a.setting for a in group])}:")
    answer = first.ran.reason if first.ran.answer is Answer.STUCK else first.ran.answer.value
    if first.undecided:
        answer = f"not decided: {first.ran.reason}"
    text += _wrapped(f"    {answer}")
    if not first.as_expected:
        text += _wrapped(f"    expected {expected.answer.value} ({where})")
    return text + (textwrap.indent(run_text(first, formula), "  ") if first.ran.run is not None else "")


def _settings(settings: list[Setting]) -> str:
    """The configurations, those under the same kernels together."""
    kernels: dict[str, list[str]] = {}
    for setting in settings:
        kernels.setdefault(setting.config, []).append(setting.kernel)
    alike: dict[tuple[str, ...], list[str]] = {}
    for config, under in kernels.items():
        alike.setdefault(tuple(filter(None, under)), []).append(config)
    return "; ".join(
        ", ".join(configs) + (f" with mm {', '.join(under)}" if under else "") for under, configs in alike.items()
    )


def _wrapped(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()))
    more = indent + "  "
    return (
        textwrap.fill(
            line.strip(),
            78,
            initial_indent=indent,
            subsequent_indent=more,
            break_on_hyphens=False,
            break_long_words=False,
        )
        + "\n"
    )


def run_text(answered: Answered, formula: Formula) -> str:
    """The run behind an answer to a question about a formula, as counterexamples are printed."""
    assert answered.ran.run is not None
    job = job_of(answered.setting)
    return render_trace(job, _as_trace(build_system(job), answered.ran.run, formula))


def _as_trace(system: TransitionSystem, run: Run, formula: Formula) -> Trace:
    layout = system.layout
    states = concrete_run(system, run.start, run.inputs, list(run.operations))
    steps = [
        Step(name, layout.named(layout.concrete(state)))
        for name, state in zip((START, *run.operations), states, strict=True)
    ]
    return Trace(system.name, _judge(system, states[-1], formula), run.start, run.inputs, tuple(steps))


def _judge(system: TransitionSystem, last: Any, formula: Formula) -> str:
    """The invariant that explains the run: the formula itself, or one that has nothing to add to the states."""
    if isinstance(formula, Fact) and not formula.quoted:
        return formula.name
    plain = [i.name for i in system.invariants if not i.cost and not i.looks_at(last)]
    return (plain or [i.name for i in system.invariants])[0]


def _last_line(reports: list[Report]) -> str:
    answers = [a for r in reports for a in r.answers]
    failed = sum(any(not a.as_expected and not a.undecided for a in r.answers) for r in reports)
    undecided = sum(any(a.undecided for a in r.answers) for r in reports)
    said = [f"{failed} failed"] if failed else []
    said += [f"{undecided} not decided"] if undecided else []
    return (
        f"{_count(len(reports), 'scenario')}, {_count(len(answers), 'configuration')}: "
        f"{', '.join(said) or 'all as expected'}\n"
    )


def json_data(reports: list[Report]) -> dict[str, Any]:
    """The answers as JSON data, in the form of ``docs/scenario.schema.json``."""
    return {"schema": SCHEMA, "scenarios": [_scenario_data(report) for report in reports]}


def _scenario_data(report: Report) -> dict[str, Any]:
    scenario = report.scenario
    return {
        "file": scenario.file,
        "name": scenario.name,
        "says": scenario.says,
        "sources": list(scenario.sources),
        "question": {"kind": scenario.question.kind, "formula": scenario.question.text},
        "as_expected": all(a.as_expected for a in report.answers),
        "answers": [_answer_data(a) for a in report.answers],
    }


def _answer_data(answered: Answered) -> dict[str, Any]:
    setting, ran = answered.setting, answered.ran
    return {
        "config": setting.config,
        "world": setting.world,
        "mm": setting.kernel or None,
        "choices": {keyword: ", ".join(values) for keyword, values in setting.chosen().items()},
        "expected": answered.expected.answer.value,
        "line": answered.expected.place.line,
        "answer": ran.answer.value,
        "as_expected": answered.as_expected,
        "reason": ran.reason,
        "states": ran.states,
        "run": ran.run
        and {"start": ran.run.start, "inputs": list(ran.run.inputs), "operations": list(ran.run.operations)},
    }
