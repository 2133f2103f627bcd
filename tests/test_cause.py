"""Counterfactuals of a trace, and the smallest sets of edits that remove a violation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.cause import Fate, Looked, Removal, Rerun, TooManyRuns, removals, rerun
from checker.state import Bits
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.trace import make_trace


@dataclass(frozen=True)
class Counter:
    value: Any


def counting(step: int, limit: int = 9, guard: int = 99, name: str = "small") -> TransitionSystem:
    """A counter that should stay below a limit, and counts only below its guard."""
    return TransitionSystem(
        "counter",
        Counter(Bits(8)),
        (Start("zero", lambda _: Counter(0)),),
        (Operation("add", lambda s: (s.value < guard, replace(s, value=s.value + step))),),
        (Invariant(name, "small", lambda s: s.value < limit),),
    )


REAL = counting(4)
TRACE = make_trace(REAL, "small", "zero", (), ["add"] * 3)


class TestRerun:
    def test_the_run_as_it_is_violates_where_it_ends(self):
        assert rerun(TRACE, lambda _: REAL, REAL) == Rerun(Fate.VIOLATES, 3)

    def test_a_run_under_an_edit_may_hold(self):
        slow = counting(2)
        found = rerun(TRACE, lambda _: slow, slow)
        assert (found, found.removed) == (Rerun(Fate.HOLDS, 3), True)

    def test_a_run_that_cannot_happen_is_told_from_one_that_holds(self):
        guarded = counting(4, guard=8)
        assert rerun(TRACE, lambda _: guarded, guarded) == Rerun(Fate.BLOCKED, 3)

    def test_a_violation_before_the_end_counts(self):
        fast = counting(9)
        found = rerun(TRACE, lambda _: fast, fast)
        assert (found, found.removed) == (Rerun(Fate.VIOLATES, 1), False)

    def test_an_edit_can_be_in_force_in_one_step_alone(self):
        still = counting(0)
        assert rerun(TRACE, lambda k: still if k == 1 else REAL, REAL).removed
        assert not rerun(TRACE, lambda k: still if k == 0 else REAL, REAL).removed

    def test_a_question_that_is_not_asked_any_more_is_no_cure(self):
        other = counting(0, name="another")
        assert not rerun(TRACE, lambda _: other, other).removed

    def test_neither_is_an_operation_or_a_start_of_another_name(self):
        assert not rerun(replace(TRACE, start="one"), lambda _: REAL, REAL).removed
        none = replace(REAL, operations=())
        assert not rerun(TRACE, lambda _: none, none).removed


@dataclass(frozen=True)
class Instruction:
    """Sets or clears a bit of a word, if all bits of its condition are set."""

    condition: int
    bit: int
    sets: bool

    def run(self, word: int) -> int:
        if word & self.condition != self.condition:
            return word
        return word | 1 << self.bit if self.sets else word & ~(1 << self.bit)


instructions = st.builds(Instruction, st.sampled_from([0, 0, 1, 2, 4, 3]), st.integers(0, 3), st.booleans())
programs = st.tuples(st.lists(instructions, min_size=1, max_size=7), st.integers(0, 15), st.integers(0, 15))


def looked(program: list[Instruction], start: int, bad: int, without: frozenset[int]) -> Looked[int]:
    """A program without some instructions, which should not end in one word."""
    word, acting = start, []
    for number, instruction in enumerate(program):
        after = word if number in without else instruction.run(word)
        if after != word:
            acting.append(number)
        word = after
    return Looked(Rerun(Fate.VIOLATES if word == bad else Fate.HOLDS, 0), acting)


def by_force(program: list[Instruction], start: int, bad: int, largest: int) -> Iterator[frozenset[int]]:
    """Every set of instructions that is minimal among those without which the program ends elsewhere."""
    found: list[frozenset[int]] = []
    for size in range(1, largest + 1):
        for chosen in map(frozenset, itertools.combinations(range(len(program)), size)):
            if looked(program, start, bad, chosen).rerun.removed and not any(f <= chosen for f in found):
                found.append(chosen)
    yield from found


@given(programs)
def test_no_minimal_set_is_missing_and_none_is_invented(case):
    program, start, _ = case
    word = start
    for instruction in program:
        word = instruction.run(word)
    found = [
        frozenset(removal.edits)
        for _, some in removals(lambda without: looked(program, start, word, without), 3, 10_000)
        for removal in some
    ]
    assert set(found) == set(by_force(program, start, word, 3))
    assert len(found) == len(set(found))


def test_sets_come_by_size_and_in_order():
    program = [Instruction(0, 0, True), Instruction(0, 1, True)]
    (first, singles), (second, pairs) = removals(lambda w: looked(program, 0, 3, w), 2, 100)
    assert (first, second) == (1, 2)
    assert singles == [Removal((0,), Rerun(Fate.HOLDS, 0)), Removal((1,), Rerun(Fate.HOLDS, 0))]
    assert pairs == []


def test_two_that_do_the_same_must_both_go():
    program = [Instruction(0, 0, True), Instruction(0, 0, True)]
    (_, singles), (_, pairs) = removals(lambda w: looked(program, 0, 1, w), 2, 100)
    assert singles == []
    assert [removal.edits for removal in pairs] == [(0, 1)]


def test_a_limit_is_an_exception_and_no_answer():
    program = [Instruction(0, k % 4, True) for k in range(4)]
    with pytest.raises(TooManyRuns, match="4 sets of 1"):
        list(removals(lambda w: looked(program, 0, 15, w), 3, 3))
