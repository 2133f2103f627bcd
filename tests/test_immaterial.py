"""Bits said to be immaterial: verdicts are those of a search in which they are free, also where they do matter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, given, settings

from checker.decision import Options, decide
from checker.immaterial import bits_that_matter
from checker.limits import Budget
from checker.logic import both, ite, no
from checker.search import search
from checker.state import Bits, Bool
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.verdict import Verdict
from tests.random_systems import systems


@dataclass(frozen=True)
class Entry:
    entry: Any


FRAME, FLAG, LOCK = 0xF0, 0x01, 0x02


def entry_system(step: Any, holds: Any, frame: int = FRAME) -> TransitionSystem:
    """An entry of eight bits, the upper four of them a frame number; ``step`` changes it."""
    return TransitionSystem(
        "entries",
        Entry(Bits(8)),
        (Start("fresh", lambda free: Entry(free & frame), Bits(8)),),
        (Operation("step", lambda s: (True, Entry(step(s.entry)))),),
        (Invariant("holds", "it holds", lambda s: holds(s.entry)),),
        immaterial={"entry": FRAME},
    )


def matter(system: TransitionSystem) -> dict[str, int]:
    return bits_that_matter(system, search(system), Budget())


def test_bits_that_nothing_looks_at_do_not_matter() -> None:
    system = entry_system(lambda e: e | FLAG, lambda e: (e & (FLAG | LOCK)) != LOCK)
    assert matter(system) == {}
    assert len(search(system).states) == 2


def test_a_comparison_of_the_whole_word_that_flags_decide_does_not_matter() -> None:
    system = entry_system(lambda e: e | FLAG, lambda e: (e | FLAG) != 0)
    assert matter(system) == {}
    (result,) = decide(system)
    assert result.verdict is Verdict.PROVED


def test_a_comparison_of_the_whole_word_that_the_frame_decides_matters() -> None:
    system = entry_system(lambda e: e, lambda e: e != 0x20)
    assert matter(system) == {"entry": 0x10}  # the lowest of those that tell 0x20 from another entry
    (result,) = decide(system)
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 0)
    assert result.trace is not None and result.trace.inputs == (0x20,)


def test_a_step_that_takes_a_frame_bit_for_a_flag_matters() -> None:
    system = entry_system(lambda e: ite((e & 0x40) != 0, e | LOCK, e | FLAG), lambda e: (e & LOCK) == 0)
    assert matter(system) == {"entry": 0x40}
    (result,) = decide(system)
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 1)
    assert result.trace is not None and result.trace.inputs == (0x40,)


def test_two_bits_that_matter_only_together_are_found() -> None:
    system = entry_system(lambda e: ite((e & 0x60) == 0x60, e | LOCK, e | FLAG), lambda e: (e & LOCK) == 0)
    assert matter(system) in ({"entry": 0x20}, {"entry": 0x40})
    (result,) = decide(system)
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 1)


def test_what_only_unreachable_flags_would_show_does_not_matter() -> None:
    both_flags = FLAG | LOCK
    system = entry_system(lambda e: ite((e & both_flags) == both_flags, e & 0x30, e | FLAG), lambda e: (e & 0x0C) == 0)
    assert matter(system) == {}


def test_a_guard_that_looks_at_the_frame_matters() -> None:
    system = entry_system(lambda e: e, lambda e: (e & LOCK) == 0)
    guarded = replace(system, operations=(Operation("lock", lambda s: ((s.entry & 0x80) != 0, Entry(s.entry | LOCK))),))
    (result,) = decide(guarded)
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 1)


def test_a_proof_covers_every_value_of_the_bits() -> None:
    system = entry_system(lambda e: (e ^ FRAME) | FLAG, lambda e: no(both((e & FLAG) == 0, (e & LOCK) != 0)))
    (result,) = decide(system)
    assert result.verdict is Verdict.PROVED and result.certificate is not None


def _freed(system: TransitionSystem, mask: int) -> TransitionSystem:
    """The system with some bits of its first word free at the start."""

    def start(found: Start) -> Start:
        inputs = tuple(found.inputs)

        def run(free: tuple[Any, ...]) -> tuple[Any, ...]:
            first, *rest = found.run(free[: len(inputs)])
            return (first ^ (free[-1] & mask), *rest)

        return replace(found, run=run, inputs=(*inputs, system.shape[0]))

    return replace(system, starts=tuple(map(start, system.starts)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(system=systems())
def test_random_systems_have_the_verdicts_of_a_search_with_free_bits(system: TransitionSystem) -> None:
    assume(system.shape[0] is not Bool and system.shape[0].width >= 2)
    mask = (1 << system.shape[0].width) - 1 & ~1
    free = _freed(system, mask)
    said = replace(free, immaterial={free.layout.leaves[0].path: mask})
    options = Options(remember=False)
    expected = [(r.invariant, r.verdict is Verdict.VIOLATED, r.depth) for r in decide(free, options)]
    assert [(r.invariant, r.verdict is Verdict.VIOLATED, r.depth) for r in decide(said, options)] == expected


@pytest.mark.parametrize("frame", [0x00, 0x10, 0xF0])
def test_a_start_that_leaves_nothing_free_is_searched_as_it_is(frame: int) -> None:
    system = entry_system(lambda e: e | FLAG, lambda e: (e & LOCK) == 0, frame)
    assert [r.verdict for r in decide(system)] == [Verdict.PROVED]
