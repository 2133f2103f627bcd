"""Traces: plain data that round-trips, replays on integers, and is refused when a single thing in it is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.decision import decide
from checker.logic import select
from checker.state import Bits, Bool, Enum
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.trace import START, BadTrace, Step, Trace, concrete_run, from_json, make_trace, replay, to_json
from tests import builtin_systems

ORIGINAL = builtin_systems.mm("loongarch/original", "carry-dirty")
STEPS = ["fork_pmd(parent)", "split_huge_pmd(parent)", "store(parent)"]
HUGE = "a huge page of its own"


def genuine() -> Trace:
    """The bug of the seed: the parent's store reaches the child's page."""
    return make_trace(ORIGINAL, "cow-isolation", HUGE, (), STEPS)


def counter() -> TransitionSystem:
    """A 4-bit counter with a mode, started at any value."""
    return TransitionSystem(
        "counter", (Bits(4), Bool, Enum("slow", "fast", "off")),
        (Start("at", lambda free: (free[0], free[1], free[2]), (Bits(4), Bool, Enum("slow", "fast", "off"))),
         Start("fixed", lambda _: (3, False, 1))),
        (Operation("add", lambda s: (s[2] != 2, (s[0] + select([1, 2, 3], s[2]), s[1], s[2]))),
         Operation("turn off", lambda s: (True, (s[0], s[1], s[2] & 0 | 2)))),
        (Invariant("not 7", "the counter is never 7", lambda s: s[0] != 7),),
    )  # fmt: skip


def test_a_trace_tells_every_state_by_its_leaves() -> None:
    trace = genuine()
    assert [s.operation for s in trace.steps] == [START, *STEPS]
    assert trace.depth == 3
    assert set(trace.steps[0].state) == {leaf.path for leaf in ORIGINAL.layout.leaves}
    assert trace.steps[0].state["processes[0].vma.write"] is True
    child = [s.state["processes[1].right.memory"] for s in trace.steps]
    assert child == [False, True, True, False]


def test_genuine_traces_replay() -> None:
    replay(ORIGINAL, genuine())
    for result in decide(ORIGINAL):
        assert result.trace is not None
        replay(ORIGINAL, from_json(json.loads(json.dumps(to_json(result.trace)))))


@given(st.integers(0, 15), st.booleans(), st.integers(0, 1), st.integers(0, 40))
def test_round_trip_of_any_run(first: int, flag: bool, mode: int, steps: int) -> None:
    system = counter()
    inputs = (first, int(flag), mode)
    value = first + (mode + 1) * steps
    run = concrete_run(system, "at", inputs, ["add"] * steps)
    assert run[-1] == (value % 16, flag, mode)
    if value % 16 == 7:
        trace = make_trace(system, "not 7", "at", inputs, ["add"] * steps)
        again = from_json(json.loads(json.dumps(to_json(trace))))
        assert again == trace
        replay(system, again)
    else:
        with pytest.raises(BadTrace, match="does not violate not 7"):
            make_trace(system, "not 7", "at", inputs, ["add"] * steps)


@pytest.mark.parametrize(
    ("start", "inputs", "operations", "message"),
    [
        ("nowhere", (), [], "step 0: counter has no start 'nowhere'"),
        ("at", (1,), [], "step 0: start 'at' takes 3 inputs, not 1"),
        ("at", (7, 0, 0, 0), [], "takes 3 inputs, not 4"),
        ("fixed", (1,), [], "takes 0 inputs, not 1"),
        ("fixed", (), ["add", "subtract"], "step 2: counter has no operation 'subtract'"),
        ("fixed", (), ["add", "turn off", "add"], "step 3: add is not enabled"),
    ],
)
def test_a_run_that_does_not_exist_says_where(
    start: str, inputs: tuple[int, ...], operations: list[str], message: str
) -> None:
    with pytest.raises(BadTrace, match=message):
        make_trace(counter(), "not 7", start, inputs, operations)


def test_an_unknown_invariant_is_named() -> None:
    with pytest.raises(BadTrace, match="has no invariant 'not 8'"):
        make_trace(counter(), "not 8", "fixed", (), ["add", "add"])


def test_a_run_that_violates_nothing_is_no_trace() -> None:
    with pytest.raises(BadTrace, match="does not violate"):
        make_trace(ORIGINAL, "cow-isolation", HUGE, (), STEPS[:2])


def _tampered(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    data = copy.deepcopy(to_json(genuine()))
    change(data)
    return data


def _set(path: list[Any], value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return change


def _del(path: list[Any]) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        del data[path[-1]]

    return change


ENTRY = "processes[0].entry"


@pytest.mark.parametrize(
    "change",
    [
        _set(["steps", 2, "state", ENTRY], 0),
        _set(["steps", 0, "state", ENTRY], -1),
        _set(["steps", 1, "state", ENTRY], 1 << 200),
        _set(["steps", 1, "state", ENTRY], float("nan")),
        _set(["steps", 1, "state", ENTRY], "0x1"),
        _set(["steps", 1, "state", ENTRY], [1, [2, {"a": None}]]),
        _set(["steps", 3, "state", "processes[1].right.memory"], True),
        _set(["steps", 3, "state", "processes[1].right.disk"], True),
        _del(["steps", 3, "state", ENTRY]),
        _set(["steps", 3, "state"], {}),
        _set(["steps", 1, "operation"], "fork_pte(parent)"),
        _set(["steps", 1, "operation"], "fork_pmd(child)"),
        _set(["steps", 1, "operation"], "no such operation"),
        _set(["steps", 2, "operation"], "load(parent)"),
        _set(["steps"], []),
        _set(["start"], "a small page of its own"),
        _set(["start"], "no such start"),
        _set(["invariant"], "read-only-vma-holds"),
        _set(["invariant"], "no such invariant"),
        _set(["inputs"], [0]),
        _del(["steps", 1]),
        _del(["steps", 3]),
    ],
)
def test_a_tampered_trace_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(BadTrace):
        replay(ORIGINAL, from_json(_tampered(change)))


@pytest.mark.parametrize("bit", [0, 1, 7, 8, 9, 40, 63])
@pytest.mark.parametrize("step", [0, 2, 3])
def test_one_changed_bit_of_an_entry_is_found_and_named(step: int, bit: int) -> None:
    data = to_json(genuine())
    data["steps"][step]["state"][ENTRY] ^= 1 << bit
    with pytest.raises(BadTrace, match=rf"step {step}: processes\[0\].entry is claimed to be \d+, the model gives \d+"):
        replay(ORIGINAL, from_json(data))


@pytest.mark.parametrize(
    "change",
    [
        _del(["schema"]), _set(["schema"], "ptecheck.trace/2"), _set(["schema"], ["ptecheck.trace/1"]),
        _del(["system"]), _del(["invariant"]), _del(["start"]), _del(["inputs"]), _del(["steps"]),
        _del(["steps", 1, "operation"]), _del(["steps", 1, "state"]),
        _set(["system"], 7), _set(["invariant"], None), _set(["start"], ["x"]),
        _set(["inputs"], "12"), _set(["inputs"], [True]), _set(["inputs"], [1.0]), _set(["inputs"], [-1]),
        _set(["inputs"], [1 << 5000]), _set(["inputs"], [float("nan")]), _set(["inputs"], [[1]]), _set(["inputs"], {}),
        _set(["steps"], None), _set(["steps"], {}), _set(["steps"], "steps"), _set(["steps"], [1]), _set(["steps"], [[]]),
        _set(["steps", 1, "operation"], 3), _set(["steps", 0, "operation"], None),
        _set(["steps", 1, "state"], 3), _set(["steps", 1, "state"], "ab"), _set(["steps", 1, "state"], [[[], 1]]),
    ],
)  # fmt: skip
def test_what_is_not_a_complete_trace_is_refused_when_read(change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(BadTrace):
        from_json(_tampered(change))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["cow-isolation", HUGE, *STEPS, "operation", "state"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["operation", "state", ENTRY, "x"]), inner),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=200)
@given(JSON)
def test_any_json_is_refused(data: Any) -> None:
    with pytest.raises(BadTrace):
        from_json(data)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["system", "invariant", "start", "inputs", "steps"]), JSON, min_size=1))
def test_a_trace_with_junk_in_it_is_refused(junk: dict[str, Any]) -> None:
    with pytest.raises(BadTrace):
        replay(ORIGINAL, from_json({**to_json(genuine()), **junk, "invariant": junk.get("invariant", "no such")}))


@settings(max_examples=150)
@given(st.integers(0, 3), JSON, st.sampled_from(["operation", "state"]))
def test_a_step_with_junk_in_it_is_refused(number: int, junk: Any, key: str) -> None:
    data = to_json(genuine())
    if data["steps"][number][key] == junk or (number, key) == (0, "operation"):
        return
    data["steps"][number][key] = junk
    with pytest.raises(BadTrace):
        replay(ORIGINAL, from_json(data))


@settings(max_examples=100)
@given(st.integers(0, 3), st.sampled_from([leaf.path for leaf in ORIGINAL.layout.leaves]), JSON)
def test_a_state_with_junk_in_it_is_refused(number: int, leaf: str, junk: Any) -> None:
    data = to_json(genuine())
    if data["steps"][number]["state"][leaf] == junk:
        return
    data["steps"][number]["state"][leaf] = junk
    with pytest.raises(BadTrace):
        replay(ORIGINAL, from_json(data))


def test_a_trace_of_another_system_does_not_replay() -> None:
    with pytest.raises(BadTrace):
        replay(builtin_systems.mm("loongarch/huacai", "carry-dirty"), genuine())
    with pytest.raises(BadTrace):
        replay(builtin_systems.pte("loongarch/original"), genuine())


def test_a_trace_is_refused_by_the_name_of_another_system() -> None:
    data = _tampered(_set(["system"], "x86-64/linux-6.12, PTE world"))
    with pytest.raises(BadTrace):
        replay(ORIGINAL, from_json(data))


def test_the_first_step_must_be_the_start() -> None:
    with pytest.raises(BadTrace):
        replay(ORIGINAL, from_json(_tampered(_set(["steps", 0, "operation"], "store(child)"))))


def _retyped(leaf: str, kind: Callable[[Any], Any]) -> dict[str, Any]:
    data = to_json(genuine())
    data["steps"][0]["state"][leaf] = kind(data["steps"][0]["state"][leaf])
    return data


@pytest.mark.parametrize("leaf", ["processes[0].vma.write", "processes[0].level"])
@pytest.mark.parametrize("kind", [float, str, lambda value: [value]])
def test_a_value_of_the_wrong_type_is_refused(leaf: str, kind: Callable[[Any], Any]) -> None:
    with pytest.raises(BadTrace):
        replay(ORIGINAL, from_json(_retyped(leaf, kind)))


def test_a_number_for_a_truth_value_is_refused() -> None:
    with pytest.raises(BadTrace):
        replay(ORIGINAL, from_json(_retyped("processes[0].vma.write", int)))


@pytest.mark.parametrize("inputs", [(16 + 7, 0, 0), (7, 2, 0)], ids=["word", "boolean"])
def test_an_input_that_does_not_fit_is_refused(inputs: tuple[int, ...]) -> None:
    with pytest.raises(BadTrace):
        make_trace(counter(), "not 7", "at", inputs, [])


def test_an_input_that_is_no_value_of_its_enumeration_is_refused() -> None:
    with pytest.raises(BadTrace):
        make_trace(counter(), "not 7", "at", (0, 0, 3), ["add"])


def test_steps_and_traces_are_plain_values() -> None:
    assert Step("x", {"a": 1}) == Step("x", {"a": 1})
    assert genuine() == genuine()
