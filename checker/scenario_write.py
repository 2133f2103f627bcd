"""A counterexample written as a scenario, so that it can be kept as a regression test."""

from __future__ import annotations

import textwrap

from checker.scenario import Scenario, ScenarioError, Setting, Vocabulary
from checker.scenario_machine import input_names
from checker.scenario_text import parse_scenario
from checker.state import Shape
from checker.system import TransitionSystem
from checker.trace import Trace


def counterexample_scenario(trace: Trace, system: TransitionSystem, setting: Setting) -> str:
    """The text of a scenario that takes the steps of a trace and expects its invariant to be violated.

    Args:
        trace: the counterexample.
        system: the system it is about.
        setting: how scenarios name that system.

    Raises:
        ValueError: a name in the trace cannot be written in a scenario.
    """
    text = "\n".join([*_head(trace, system, setting), "", *_steps(trace), "", *_question(trace)]) + "\n"
    _must_read_back(text, trace, setting)
    return text


def scenario_name(trace: Trace, setting: Setting) -> str:
    """A name for the scenario of a trace, unique to its system and invariant."""
    parts = [setting.config.replace("/", "-"), setting.world, setting.kernel, *(v for _, v in setting.choices)]
    return "-".join([*filter(None, parts), trace.invariant])


def _head(trace: Trace, system: TransitionSystem, setting: Setting) -> list[str]:
    invariant = next(i for i in system.invariants if i.name == trace.invariant)
    says = " ".join(f"A counterexample: {invariant.says}; here it fails.".replace('"', "'").split())
    lines = [f"scenario {scenario_name(trace, setting)}"]
    lines += [f'"{line}"' for line in textwrap.wrap(says, 76, break_on_hyphens=False)]
    lines += ["", f"on {setting.config}", f"world {setting.world}"]
    lines += [f"mm {setting.kernel}"] if setting.kernel else []
    lines += [f"{keyword} {', '.join(values)}" for keyword, values in setting.chosen().items()]
    return [*lines, f"start {trace.start}{_inputs(trace, system)}"]


def _inputs(trace: Trace, system: TransitionSystem) -> str:
    start = next(s for s in system.starts if s.name == trace.start)
    sorts = [leaf.sort for leaf in Shape.of(start.inputs).leaves]
    given = zip(input_names(start), trace.inputs, sorts, strict=True)
    shown = ", ".join(f"{name} = {sort.show(value)}" for name, value, sort in given)
    return f" with {shown}" if shown else ""


def _steps(trace: Trace) -> list[str]:
    return [step.operation for step in trace.steps[1:]]


def _question(trace: Trace) -> list[str]:
    return [f"always {trace.invariant}", "expect violated"]


def _must_read_back(text: str, trace: Trace, setting: Setting) -> None:
    chosen = setting.chosen()
    vocabulary = Vocabulary(
        configurations=(setting.config,),
        default=(),
        worlds=(setting.world,),
        kernels=(setting.kernel,) if setting.kernel else (),
        choices={keyword: tuple(values) for keyword, values in chosen.items()},
        several=tuple(keyword for keyword, values in chosen.items() if len(values) > 1),
    )
    try:
        scenario = parse_scenario(text, "the counterexample", vocabulary)
    except ScenarioError as why:
        raise ValueError(f"a counterexample to {trace.invariant} cannot be written as a scenario: {why}") from None
    if not _is_of(scenario, trace):
        raise ValueError(f"a counterexample to {trace.invariant} cannot be written as a scenario: odd names")


def _is_of(scenario: Scenario, trace: Trace) -> bool:
    steps = [str(step) for step in scenario.steps]
    return scenario.begin.name.text == trace.start and steps == _steps(trace)
