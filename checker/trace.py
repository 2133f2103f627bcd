"""Counterexamples as plain data: built by running the model on integers, kept as JSON, replayed before they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checker.records import dataclass
from checker.state import Shape
from checker.system import TransitionSystem

SCHEMA = "ptecheck.trace/1"


class BadTrace(ValueError):
    """A trace that is not one, or that does not replay; the message says where."""


@dataclass(frozen=True)
class Step:
    """One line of a trace: the operation that was taken and the state it led to (leaf path -> value)."""

    operation: str
    state: Mapping[str, int | bool]


@dataclass(frozen=True)
class Trace:
    """A run that ends in a state which violates an invariant.

    Attributes:
        system: the system's name.
        invariant: what the last state violates.
        start: the name of the start.
        inputs: the values of the start's inputs.
        steps: the first is the initial state under the name ``(start)``; then one for each transition.
    """

    system: str
    invariant: str
    start: str
    inputs: tuple[int, ...]
    steps: tuple[Step, ...]

    @property
    def depth(self) -> int:
        """The number of transitions."""
        return len(self.steps) - 1


START = "(start)"


def concrete_run(system: TransitionSystem, start: str, inputs: tuple[int, ...], operations: list[str]) -> list[Any]:
    """The states of a run on plain integers.

    Raises:
        BadTrace: there is no such start or operation, the inputs do not fit, or an operation is not enabled.
    """
    return list(_steps_of_run(system, start, inputs, operations))


def _steps_of_run(
    system: TransitionSystem, start: str, inputs: tuple[int, ...], operations: list[str]
) -> Iterator[Any]:
    layout = system.layout
    named = {op.name: op for op in system.operations}
    state = _first_state(system, start, inputs)
    yield state
    for number, name in enumerate(operations, 1):
        if name not in named:
            raise BadTrace(f"step {number}: {system.name} has no operation {name!r}")
        enabled, after = named[name].run(state)
        if not enabled:
            raise BadTrace(f"step {number}: {name} is not enabled in the state before it")
        state = layout.state(layout.concrete(after))
        yield state


def _first_state(system: TransitionSystem, start: str, inputs: tuple[int, ...]) -> Any:
    layout = system.layout
    chosen = next((s for s in system.starts if s.name == start), None)
    if chosen is None:
        raise BadTrace(f"step 0: {system.name} has no start {start!r}")
    shape = Shape.of(chosen.inputs)
    if len(inputs) != len(shape.leaves):
        raise BadTrace(f"step 0: start {start!r} takes {len(shape.leaves)} inputs, not {len(inputs)}")
    for leaf, value in zip(shape.leaves, inputs, strict=True):
        if not 0 <= value < (len(leaf.sort.names) or 1 << max(1, leaf.sort.width)):
            raise BadTrace(f"step 0: start {start!r} has an input that does not fit its {leaf.sort.width} bits")
    return layout.state(layout.concrete(chosen.run(shape.state(inputs))))


def make_trace(
    system: TransitionSystem, invariant: str, start: str, inputs: tuple[int, ...], operations: list[str]
) -> Trace:
    """The trace of a run, computed on plain integers.

    Raises:
        BadTrace: the run does not exist, or its last state does not violate the invariant.
    """
    layout = system.layout
    states = concrete_run(system, start, inputs, operations)
    _must_violate(system, invariant, states[-1])
    steps = [
        Step(name, layout.named(layout.concrete(state)))
        for name, state in zip((START, *operations), states, strict=True)
    ]
    return Trace(system.name, invariant, start, inputs, tuple(steps))


def _must_violate(system: TransitionSystem, invariant: str, state: Any) -> None:
    found = next((i for i in system.invariants if i.name == invariant), None)
    if found is None:
        raise BadTrace(f"{system.name} has no invariant {invariant!r}")
    if found.holds(state):
        raise BadTrace(f"the last state does not violate {invariant}")


def replay(system: TransitionSystem, trace: Trace) -> None:
    """Runs a trace again on plain integers and compares every state.

    Raises:
        BadTrace: a state differs, an operation is not enabled, or the last state violates nothing.
    """
    if trace.system != system.name:
        raise BadTrace(f"is about {trace.system}, not {system.name}")
    if trace.steps[0].operation != START:
        raise BadTrace(f"step 0: must be {START}, not {trace.steps[0].operation!r}")
    operations = [step.operation for step in trace.steps[1:]]
    run = _steps_of_run(system, trace.start, trace.inputs, operations)
    for number, (claimed, state) in enumerate(zip(trace.steps, run, strict=True)):
        _must_agree(number, claimed, system.layout.named(system.layout.concrete(state)))
    _must_violate(system, trace.invariant, state)


def _must_agree(number: int, claimed: Step, real: Mapping[str, int | bool]) -> None:
    for where in sorted(set(claimed.state) | set(real)):
        mine, models = claimed.state.get(where), real.get(where)
        if not _same(mine, models):
            raise BadTrace(f"step {number}: {where} is claimed to be {_short(mine)}, the model gives {_short(models)}")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 24 else text[:20] + "..."


def _same(claimed: object, real: object) -> bool:
    """Equal and of one type: a number is no truth value."""
    return type(claimed) is type(real) and claimed == real


def to_json(trace: Trace) -> dict[str, Any]:
    """The trace as JSON data; :func:`from_json` reads it back."""
    return {
        "schema": SCHEMA,
        "system": trace.system,
        "invariant": trace.invariant,
        "start": trace.start,
        "inputs": list(trace.inputs),
        "steps": [{"operation": s.operation, "state": dict(s.state)} for s in trace.steps],
    }


def from_json(data: Any) -> Trace:
    """The trace in JSON data.

    Raises:
        BadTrace: the data is not a trace of this schema.
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise BadTrace(f"not a {SCHEMA} file")
    try:
        texts = [data[key] for key in ("system", "invariant", "start")]
        inputs, steps = data["inputs"], data["steps"]
        parsed = tuple(Step(step["operation"], dict(step["state"])) for step in steps)
    except (KeyError, TypeError, ValueError):
        raise BadTrace(f"not a complete {SCHEMA} file: a field is missing or of the wrong kind") from None
    if not all(isinstance(t, str) for t in (*texts, *(s.operation for s in parsed))) or not parsed:
        raise BadTrace("names must be strings and there must be a first step")
    for number, step in enumerate(parsed):
        if not all(isinstance(k, str) and isinstance(v, int) for k, v in step.state.items()):
            raise BadTrace(f"step {number}: a state is made of names with numbers or truth values")
    if not isinstance(inputs, list) or not all(type(v) is int and 0 <= v < 1 << 4096 for v in inputs):
        raise BadTrace("inputs must be a list of numbers")
    return Trace(texts[0], texts[1], texts[2], tuple(inputs), parsed)
