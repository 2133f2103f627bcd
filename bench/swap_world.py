"""A small world in which a reduction that looks harmless is wrong: processes, frames, and what was written to swap.

It is of the kind a study of engines was made with. A frame keeps the swap content that was written from it last, also
while nobody uses the frame, and a copy takes the lowest frame that is free with whatever swap content it has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from checker.logic import both, either, ite, no, same, ult, word_like
from checker.state import Bits, Bool, Enum
from checker.system import Invariant, Operation, Start, TransitionSystem

NONE, PTE, PMD, SWAPPED = range(4)


@dataclass(frozen=True)
class Process:
    """Level, the bits of its entry, its frame, and the value its user expects: 0, or one more than who wrote it."""

    level: Any
    dirty: Any
    write: Any
    modified: Any
    frame: Any
    expects: Any


@dataclass(frozen=True)
class Frame:
    """Contents, whether one process has it to itself, and what was last written to swap from it."""

    contents: Any
    exclusive: Any
    swapped: Any


@dataclass(frozen=True)
class World:
    """Processes, of which the first ``born`` have lived, and frames."""

    processes: tuple[Process, ...]
    frames: tuple[Frame, ...]
    born: Any


def at(process: Process, *levels: int) -> Any:
    return either(*(same(process.level, level) for level in levels))


def choose(condition: Any, yes: Any, otherwise: Any) -> Any:
    names = yes.__dataclass_fields__
    return type(yes)(**{n: ite(condition, getattr(yes, n), getattr(otherwise, n)) for n in names})


def uses(s: World, frame: int) -> Any:
    """Somebody has the frame."""
    return either(*(both(no(at(p, NONE)), same(p.frame, frame)) for p in s.processes))


def shares(s: World, i: int, *levels: int) -> Any:
    """Another process has the frame of process ``i``."""
    mine = s.processes[i].frame
    return either(*(both(at(p, *levels), same(p.frame, mine)) for k, p in enumerate(s.processes) if k != i))


def with_process(s: World, i: int, **changes: Any) -> World:
    processes = tuple(replace(p, **changes) if k == i else p for k, p in enumerate(s.processes))
    return replace(s, processes=processes)


def with_frame(s: World, number: Any, **changes: Any) -> World:
    frames = tuple(choose(same(number, k), replace(f, **changes), f) for k, f in enumerate(s.frames))
    return replace(s, frames=frames)


def frame_of(s: World, i: int) -> Frame:
    found = s.frames[-1]
    for k, frame in enumerate(s.frames[:-1]):
        found = choose(same(s.processes[i].frame, k), frame, found)
    return found


class Rules:
    """The operations; ``sound`` clears a frame's swap content when a copy takes it, which makes the reduction right."""

    def __init__(self, grants: bool, sound: bool) -> None:
        self.grants, self.sound = grants, sound

    def mkdirty(self, dirty: Any, write: Any) -> Any:
        """The hardware-write bit after mkdirty: of the faulty helper always, of the other where writing is allowed."""
        return True if self.grants else either(dirty, write)

    def fork(self, s: World, i: int) -> tuple[Any, World]:
        me = replace(s.processes[i], dirty=False, write=False)
        after = with_process(with_frame(s, me.frame, exclusive=False), i, dirty=False, write=False)
        processes = tuple(choose(same(s.born, k), me, p) for k, p in enumerate(after.processes))
        born = s.born
        for k in range(1, len(processes)):
            born = ite(same(s.born, k), word_like(s.born, k + 1), born)
        return both(at(me, PTE, PMD), ult(s.born, len(processes))), replace(after, processes=processes, born=born)

    def split(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        dirty = both(me.modified, self.mkdirty(False, me.write))
        return at(me, PMD), with_process(s, i, level=word_like(me.level, PTE), dirty=dirty)

    def store(self, s: World, i: int) -> tuple[Any, World]:
        me, value = s.processes[i], word_like(s.processes[i].expects, i + 1)
        return both(at(me, PTE, PMD), me.dirty), with_process(with_frame(s, me.frame, contents=value), i, expects=value)

    def record(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        return both(at(me, PTE, PMD), me.write, no(me.dirty)), with_process(s, i, dirty=True, modified=True)

    def may_reuse(self, s: World, i: int) -> Any:
        return either(frame_of(s, i).exclusive, no(shares(s, i, PTE, PMD, SWAPPED)))

    def reuse(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        after = with_frame(with_process(s, i, dirty=True, write=True, modified=True), me.frame, exclusive=True)
        return both(at(me, PTE, PMD), no(me.write), self.may_reuse(s, i)), after

    def copy(self, s: World, i: int) -> tuple[Any, World]:
        me, numbers = s.processes[i], range(len(s.frames))
        target = me.frame
        for k in reversed(numbers):
            target = ite(uses(s, k), target, word_like(me.frame, k))
        room = no(both(*(uses(s, k) for k in numbers)))
        changes = {"swapped": word_like(me.expects, 0)} if self.sound else {}
        after = with_frame(s, target, contents=frame_of(s, i).contents, exclusive=True, **changes)
        guard = both(at(me, PTE), no(me.write), no(self.may_reuse(s, i)), room)
        return guard, with_process(after, i, dirty=True, write=True, modified=True, frame=target)

    def writeback(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        after = with_frame(s, me.frame, swapped=frame_of(s, i).contents)
        return both(at(me, PTE, PMD), me.modified), with_process(after, i, dirty=False, modified=False)

    def reclaim(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        guard = both(at(me, PTE), no(me.modified), no(me.dirty), no(shares(s, i, PTE, PMD, SWAPPED)))
        return guard, with_process(s, i, level=word_like(me.level, SWAPPED), write=False)

    def swapin(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        after = with_frame(s, me.frame, contents=frame_of(s, i).swapped, exclusive=False)
        return at(me, SWAPPED), with_process(after, i, level=word_like(me.level, PTE))

    def unmap(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        after = with_process(s, i, level=word_like(me.level, NONE), dirty=False, write=False, modified=False)
        return no(at(me, NONE)), after


NAMES = ("fork", "split", "store", "record", "reuse", "copy", "writeback", "reclaim", "swapin", "unmap")


def swap_world(processes: int, frames: int, grants: bool = False, sound: bool = False) -> TransitionSystem:
    """The world.

    Args:
        processes, frames: how many; 2 or more.
        grants: mkdirty sets the hardware-write bit of every entry.
        sound: a copy clears the swap content of the frame it takes.
    """
    rules = Rules(grants, sound)
    value, number = Bits(processes.bit_length()), Bits(max(1, (frames - 1).bit_length()))
    shape = Process(Enum("none", "pte", "pmd", "swapped"), Bool, Bool, Bool, number, value)
    nobody, first = Process(NONE, False, False, False, 0, 0), Process(PMD, True, True, True, 0, 0)
    start = World((first, *(nobody,) * (processes - 1)), tuple(Frame(0, k == 0, 0) for k in range(frames)), 1)

    def operation(name: str, i: int) -> Operation:
        rule: Callable[[World, int], tuple[Any, World]] = getattr(rules, name)
        return Operation(f"{name}({i})", lambda s: rule(s, i))

    def isolated(s: World) -> Any:
        return no(either(*(both(at(p, PTE, PMD), p.dirty, shares(s, i, PTE, PMD)) for i, p in enumerate(s.processes))))

    def reads_own(s: World) -> Any:
        return both(
            *(either(no(at(p, PTE, PMD)), same(frame_of(s, i).contents, p.expects)) for i, p in enumerate(s.processes))
        )

    return TransitionSystem(
        name=f"{processes} processes, {frames} frames",
        shape=World((shape,) * processes, (Frame(value, Bool, value),) * frames, value),
        starts=(Start("a huge page", lambda _: start),),
        operations=tuple(operation(name, i) for i in range(processes) for name in NAMES),
        invariants=(
            Invariant("hw", "nobody can store by hardware to a frame that another process maps", isolated),
            Invariant("data", "every process reads what it expects", reads_own),
        ),
        well_formed=lambda s: both(*(either(*(same(p.frame, k) for k in range(frames))) for p in s.processes)),
    )
