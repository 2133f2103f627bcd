"""A world in which states can be made as many as wanted: processes and frames are its parameters.

It follows the world of the study that the goals for speed come from. What the study leaves open is settled here, so the
numbers of states are near its own but not the same. A process has no page, a PTE, a PMD or a swap entry; a word of three
bits (hardware may write, software may write, modified), a frame, and the value its user expects. A frame has contents, a
mark that one process has it to itself, and what was last written to swap from it. LoongArch's helpers of before and after
the fix are its two variants. It is also the world in which a reduction that looks harmless is wrong: a frame keeps the swap
content that was written from it last, also while nobody uses it, and a copy takes the lowest frame that is free with
whatever swap content it has.

Usage: python -m bench.study [PROCESSES [FRAMES]] [--variant V] [--engine arrays|native]
prints how many states there are, how many of them a second were found, and the memory each took.

Usage: python -m bench.study [PROCESSES [FRAMES]] --decide hw,data [--variant V] [--depth N] [--proofs clauses|states]
decides these invariants as ``ptecheck check`` does and prints one line for each. Its exit status is 0 if all hold, 1 if
one is violated, and 3 if something is not decided.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from checker.logic import both, either, ite, no, same, select, word_like
from checker.records import dataclass, field_names, replace
from checker.state import Bits, Bool, Enum
from checker.system import Invariant, Operation, Start, TransitionSystem

if TYPE_CHECKING:
    from checker.verdict import Result

VARIANTS = ("original", "huacai")
NONE, PTE, PMD, SWAPPED = range(4)


@dataclass(frozen=True)
class Entry:
    """The bits of a page-table entry that are not the same in every mapped one."""

    dirty: Any
    write: Any
    modified: Any


@dataclass(frozen=True)
class Process:
    """A process that may have the page: its level, entry, frame, and the value its user expects."""

    level: Any
    entry: Entry
    frame: Any
    expects: Any


@dataclass(frozen=True)
class Frame:
    """Memory: contents, whether one process has it to itself, and what was last written to swap from it."""

    contents: Any
    exclusive: Any
    swapped: Any


@dataclass(frozen=True)
class World:
    """Processes, of which the first ``born`` have lived, and frames."""

    processes: tuple[Process, ...]
    frames: tuple[Frame, ...]
    born: Any


CLEAR = Entry(False, False, False)


def mkdirty_original(entry: Entry) -> Entry:
    """Sets the hardware-write bit on every entry."""
    return replace(entry, dirty=True, modified=True)


def mkdirty_huacai(entry: Entry) -> Entry:
    """Sets the hardware-write bit only where software allows writing."""
    return replace(entry, dirty=either(entry.dirty, entry.write), modified=True)


def mkwrite(entry: Entry) -> Entry:
    """Lets software and hardware write."""
    return replace(entry, dirty=True, write=True)


def wrprotect(entry: Entry) -> Entry:
    """Lets neither write, and remembers that the hardware could."""
    return Entry(dirty=False, write=False, modified=either(entry.modified, entry.dirty))


NAMES = ("fork", "split", "store", "tlbmod", "wpreuse", "wpcopy", "writeback", "reclaim", "swapin", "unmap")
"""The operations of a process."""


def uses(s: World, frame: int) -> Any:
    """Some process has the frame, in memory or in swap."""
    return either(*(both(no(same(p.level, NONE)), same(p.frame, frame)) for p in s.processes))


def choose(condition: Any, left: Any, right: Any) -> Any:
    """One of two records of the same kind, field by field."""
    names = field_names(type(left))
    return type(left)(**{n: _field(condition, getattr(left, n), getattr(right, n)) for n in names})


def _field(condition: Any, left: Any, right: Any) -> Any:
    return choose(condition, left, right) if isinstance(left, Entry) else ite(condition, left, right)


class _Rules:
    """The operations, for one number of processes and frames and one variant of the helpers.

    With ``sound`` a copy clears the swap content of the frame that it takes.
    """

    def __init__(self, processes: int, frames: int, mkdirty: Callable[[Entry], Entry], sound: bool) -> None:
        self.processes, self.frames, self.mkdirty, self.sound = range(processes), range(frames), mkdirty, sound

    def operations(self) -> list[Operation]:
        """Every operation of every process, those of one process together."""
        return [self.operation(name, i) for i in self.processes for name in NAMES]

    def operation(self, name: str, i: int) -> Operation:
        """One operation of one process."""
        rule: Callable[[World, int], tuple[Any, World]] = getattr(self, name)
        return Operation(f"{name}({i})", lambda s: rule(s, i), idle=self.idle(name, i))

    def idle(self, name: str, i: int) -> str:
        """Why an operation is never enabled; "" if it may be."""
        if name == "tlbmod":
            return "where software may write, the hardware may, too"
        last = name == "fork" and i == self.processes[-1]
        return "once the last process is born there is no room for another" if last else ""

    def frame(self, s: World, i: int) -> Frame:
        """The frame of a process."""
        number = s.processes[i].frame
        return Frame(*(select([getattr(f, n) for f in s.frames], number) for n in field_names(Frame)))

    def others(self, s: World, i: int, levels: Sequence[int]) -> Any:
        """Some other process at one of these levels has the same frame."""
        mine = s.processes[i].frame
        return either(
            *(
                both(same(p.frame, mine), either(*(same(p.level, level) for level in levels)))
                for k, p in enumerate(s.processes)
                if k != i
            )
        )

    def with_process(self, s: World, i: int, **changes: Any) -> World:
        """The world with one process changed."""
        return replace(s, processes=tuple(replace(p, **changes) if k == i else p for k, p in enumerate(s.processes)))

    def with_frame(self, s: World, number: Any, **changes: Any) -> World:
        """The world with one frame changed."""
        frames = tuple(choose(same(number, k), replace(f, **changes), f) for k, f in enumerate(s.frames))
        return replace(s, frames=frames)

    def fork(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        shared = wrprotect(me.entry)
        after = self.with_process(self.with_frame(s, me.frame, exclusive=False), i, entry=shared)
        born = tuple(
            p if k == 0 else choose(same(s.born, k - 1), replace(me, entry=shared), p)
            for k, p in enumerate(after.processes)
        )
        room = same(s.born, s.born & 0) if len(born) == 1 else no(same(s.born, len(born) - 1))
        return both(_mapped(me), room), replace(after, processes=born, born=_next(s.born, len(born)))

    def split(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        entry = mkwrite(CLEAR)
        entry = choose(me.entry.write, entry, wrprotect(entry))
        entry = choose(either(me.entry.modified, me.entry.dirty), self.mkdirty(entry), entry)
        return same(me.level, PMD), self.with_process(s, i, level=word_like(me.level, PTE), entry=entry)

    def store(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        value = word_like(me.expects, i + 1)
        after = self.with_frame(self.with_process(s, i, expects=value), me.frame, contents=value)
        return both(_mapped(me), me.entry.dirty), after

    def tlbmod(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        guard = both(_mapped(me), me.entry.write, no(me.entry.dirty))
        return guard, self.with_process(s, i, entry=replace(me.entry, dirty=True, modified=True))

    def may_reuse(self, s: World, i: int) -> Any:
        return either(self.frame(s, i).exclusive, no(self.others(s, i, (PTE, PMD))))

    def faults(self, s: World, i: int) -> Any:
        me = s.processes[i]
        return both(same(me.level, PTE), no(me.entry.write), no(me.entry.dirty))

    def wpreuse(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        guard = both(self.faults(s, i), self.may_reuse(s, i))
        after = self.with_process(s, i, entry=mkwrite(self.mkdirty(me.entry)))
        return guard, self.with_frame(after, me.frame, exclusive=True)

    def wpcopy(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        free = [no(uses(s, k)) for k in self.frames]
        guard = both(self.faults(s, i), no(self.may_reuse(s, i)), either(*free))
        contents, after = self.frame(s, i).contents, s
        target: Any = word_like(me.frame, self.frames[-1])
        for k in reversed(self.frames):
            target = ite(free[k], word_like(me.frame, k), target)
        cleared = {"swapped": word_like(contents, 0)} if self.sound else {}
        after = self.with_frame(s, target, contents=contents, exclusive=True, **cleared)
        return guard, self.with_process(after, i, entry=mkwrite(self.mkdirty(CLEAR)), frame=target)

    def writeback(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        after = self.with_frame(s, me.frame, swapped=self.frame(s, i).contents)
        clean = replace(wrprotect(me.entry), modified=False)
        return both(_mapped(me), me.entry.modified), self.with_process(after, i, entry=clean)

    def reclaim(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        guard = both(_mapped(me), no(me.entry.modified), no(self.others(s, i, (PTE, PMD, SWAPPED))))
        after = self.with_frame(s, me.frame, exclusive=False)
        return guard, self.with_process(after, i, level=word_like(me.level, SWAPPED), entry=CLEAR)

    def swapin(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        after = self.with_frame(s, me.frame, contents=self.frame(s, i).swapped, exclusive=True)
        return same(me.level, SWAPPED), self.with_process(after, i, level=word_like(me.level, PTE), entry=CLEAR)

    def unmap(self, s: World, i: int) -> tuple[Any, World]:
        me = s.processes[i]
        after = self.with_process(s, i, level=word_like(me.level, NONE), entry=CLEAR)
        return no(same(me.level, NONE)), after


def _mapped(process: Process) -> Any:
    return either(same(process.level, PTE), same(process.level, PMD))


def _next(word: Any, count: int) -> Any:
    """The next of ``count`` values, without arithmetic."""
    after = word
    for k in range(count - 1):
        after = ite(same(word, k), word_like(word, k + 1), after)
    return after


def study_system(processes: int, frames: int, variant: str = "huacai", sound: bool = False) -> TransitionSystem:
    """This world, in which a split carries the dirty bit over.

    Args:
        processes: 2 or more.
        frames: 2 or more.
        variant: ``original`` or ``huacai``.
        sound: a copy clears the swap content of the frame that it takes, which makes a reduction right that is wrong
            without (``tests/test_wrong_reductions.py``).
    """
    rules = _Rules(processes, frames, mkdirty_original if variant == "original" else mkdirty_huacai, sound)
    values = Bits(processes.bit_length())
    number = Bits(max(1, (frames - 1).bit_length()))
    born = Bits(max(1, (processes - 1).bit_length()))
    process = Process(Enum("none", "pte", "pmd", "swapped"), Entry(Bool, Bool, Bool), number, values)
    first = Process(PMD, Entry(True, True, True), 0, 0)
    nobody = Process(NONE, CLEAR, 1, 0)
    world = World((first, *(nobody,) * (processes - 1)), tuple(Frame(0, k == 0, 0) for k in range(frames)), 0)

    def isolated(s: World) -> Any:
        return no(
            either(
                *(both(_mapped(p), p.entry.dirty, rules.others(s, i, (PTE, PMD))) for i, p in enumerate(s.processes))
            )
        )

    def reads_own(s: World) -> Any:
        return both(
            *(either(no(_mapped(p)), same(rules.frame(s, i).contents, p.expects)) for i, p in enumerate(s.processes))
        )

    return TransitionSystem(
        name=f"study, {variant}, {processes} processes, {frames} frames",
        shape=World((process,) * processes, (Frame(values, Bool, values),) * frames, born),
        starts=(Start("a huge page", lambda _: world),),
        operations=tuple(rules.operations()),
        invariants=(
            Invariant("hw", "nobody can store by hardware to a frame that another process maps", isolated),
            Invariant("data", "every process reads what it expects", reads_own),
        ),
        well_formed=lambda s: both(*(either(*(same(p.frame, k) for k in range(frames))) for p in s.processes)),
    )


def measure(system: TransitionSystem, engine: str = "") -> str:
    """Searches a system and says how many states there are, how fast they were found, and the memory of the process."""
    from checker.limits import Budget
    from checker.memory import resident
    from checker.search import search

    before, began, used = resident(), time.perf_counter(), time.process_time()
    found = search(system, Budget(states=1 << 30, engine=engine))
    seconds, used = time.perf_counter() - began, time.process_time() - used
    count = len(found.states)
    kept = (resident() - before) / count
    return (
        f"{system.name}: {count:,} states, {found.transitions:,} transitions, depth {found.diameter}\n"
        f"{seconds:.2f} s ({used:.2f} s of one core), {count / used / 1e6:.2f} million states and "
        f"{found.transitions / used / 1e6:.1f} million transitions a second of a core, {kept:.0f} bytes a state kept"
    )


def decide_and_say(system: TransitionSystem, wanted: frozenset[str], args: argparse.Namespace) -> int:
    """Decides invariants, prints a line for each, and returns the exit status."""
    from checker.decision import Options, decide
    from checker.verdict import exit_status

    clauses = args.proofs == "clauses"
    options = Options(depth=args.depth, only=wanted, remember=False, engine=args.engine, clauses=clauses)
    results = [result for result in decide(system, options) if result.invariant in wanted]
    for result in results:
        print(verdict_line(result))
    return exit_status(results, bounded=args.depth is not None)


def verdict_line(result: Result) -> str:
    """The verdict on an invariant and what it rests on."""
    words = [f"{result.invariant}: {result.verdict.value}"]
    if result.trace is not None:
        words.append(f"counterexample of depth {result.depth}")
    elif result.certificate is not None:
        words.append(f"certificate of {len(result.certificate.clauses)} clauses")
    elif result.enumerated:
        words.append(f"{result.states:,} states enumerated")
    elif result.depth is not None:
        words.append(f"up to depth {result.depth}")
    return ", ".join([*words, *filter(None, [result.reason])])


def _parser() -> argparse.ArgumentParser:
    # With a width argparse need not load what finds that of the terminal.
    parser = argparse.ArgumentParser(
        prog="python -m bench.study",
        description="search or decide a world of many states",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=100),
    )
    parser.add_argument("processes", type=int, nargs="?", default=4)
    parser.add_argument("frames", type=int, nargs="?", default=2)
    parser.add_argument("--variant", choices=VARIANTS, default="huacai", help="default: huacai")
    parser.add_argument("--engine", choices=("plain", "arrays", "native"), default="", help="default: whichever suits")
    parser.add_argument("--decide", metavar="NAMES", help="decide these invariants: hw, data, or both with a comma")
    parser.add_argument("--depth", type=int, metavar="N", help="with --decide: look at runs of at most N operations")
    parser.add_argument("--proofs", choices=("clauses", "states"), help="with --decide: what a small proof consists of")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Measures one size, or decides invariants of it."""
    parser = _parser()
    args = parser.parse_args(words)
    if not (2 <= args.processes <= 6 and 2 <= args.frames <= 6):
        parser.error("2 to 6 processes and frames")
    system = study_system(args.processes, args.frames, args.variant)
    if args.decide is None:
        if args.depth is not None or args.proofs:
            parser.error("--depth and --proofs belong to --decide")
        print(measure(system, args.engine))
        return 0
    wanted = frozenset(args.decide.split(","))
    if unknown := sorted(wanted - {invariant.name for invariant in system.invariants}):
        parser.error(f"no invariant {unknown[0]!r}: hw, data")
    if args.depth is not None and args.depth < 0:
        parser.error("--depth: 0 or more")
    args.proofs = args.proofs or "clauses"
    return decide_and_say(system, wanted, args)


def run() -> None:
    """Runs the command and ends the process as ``ptecheck`` does: the garbage collector looks rarely, not at the end."""
    gc.set_threshold(100_000, 20, 20)
    status = main()
    gc.freeze()
    sys.exit(status)


if __name__ == "__main__":
    run()
