"""What a store costs on each of two kernels: exceptions counted from the moment a store begins until it has gone through.

Two kernels run side by side (models/difference.py). One process is looked at. Its store may begin in any state; from
then on nothing happens but what serves it: each fault into generic mm is an operation of its own, as the kernel handles
it, and the exception that a low-level handler serves by itself comes with the store. The kernel decides alike on both
sides where both face the same fault, so that whatever differs comes from the helpers.

What is counted, with sources, is in docs/diff.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.logic import both, either, implies, ite, no, same, word_like
from checker.state import Bits, Enum
from checker.system import Operation, Start, TransitionSystem, View
from models.difference import ALONE, SIDES, TOGETHER, operations_agree
from models.mm.kernel import Kernel
from models.mm.pairs import group, leads, views_of
from models.mm.pairs import well_formed as pair_well_formed
from models.mm.state import PTE, Process, World, alike, alive, at, choose, mapped, names
from models.mm.words import WRITE_FAULTS

IDLE, STORING, STORED = range(3)
"""Values of :attr:`Cost.phase`."""

MOST = 5
"""Exceptions are counted up to this number. That no store needs as many is proved with everything else."""

NOTHING_YET = "nothing"
"""What has made or changed an entry that nobody has touched since the start."""

STORE = "store"

FAULTS = (*WRITE_FAULTS, "first_touch_huge_write")
"""The operations by which generic mm serves a store."""

SAME_EXCEPTION = ("split_huge_pmd", "swap_in_write", "swap_in_write_freeing", "swap_in_write_fresh")
"""Faults that go on in the same exception: wp_huge_pmd() falls back to the small entry, do_swap_page() calls do_wp_page()."""


@dataclass(frozen=True)
class Tally:
    """The exceptions of one store on one side: all of them, and those that entered generic mm."""

    all: Any
    mm: Any


@dataclass(frozen=True)
class Cost:
    """Two kernels, and what a store of one process costs on each.

    Attributes:
        left, right: the worlds.
        who: the number of the process that is looked at; never changes.
        last: what has made or changed its entry last, a number in :func:`makers`.
        phase: IDLE; STORING while its store is being served; STORED right after.
        spent: the exceptions of the store, on either side; zeroes outside.
    """

    left: Any
    right: Any
    who: Any
    last: Any
    phase: Any
    spent: tuple[Tally, Tally]


@dataclass(frozen=True)
class Side:
    """One kernel, its system, and its operations by name."""

    kernel: Kernel
    system: TransitionSystem
    operations: dict[str, Operation]

    @classmethod
    def of(cls, kernel: Kernel, system: TransitionSystem) -> Side:
        """The side of a kernel."""
        return cls(kernel, system, {op.name: op for op in system.operations})


def base(operation: str) -> str:
    """An operation's name without its process."""
    return operation.partition("(")[0]


def makers(left: Side) -> tuple[str, ...]:
    """What may have made or changed an entry last: nothing, the start included, or an operation of any process."""
    return (NOTHING_YET, *dict.fromkeys(base(name) for name in left.operations))


def cost_system(left: Side, right: Side, processes: int = 2) -> TransitionSystem:
    """The system of two kernels of one machine and release, without invariants."""
    made = makers(left)
    tally = Tally(Bits(3), Bits(3))
    labels = names(processes)
    common = [name for name in left.operations if name in right.operations]
    return TransitionSystem(
        name=f"what a store costs: {left.system.name} beside {right.system.name}",
        shape=Cost(
            left.system.shape,
            right.system.shape,
            Enum(*labels),
            Enum(*made),
            Enum("idle", "storing", "stored"),
            (tally, tally),
        ),
        starts=tuple(_start(a, b, labels) for a, b in zip(left.system.starts, right.system.starts, strict=True)),
        operations=(
            *(_begin(p, label) for p, label in enumerate(labels)),
            *(op for name in common if base(name) in FAULTS for op in _faults(left, right, name, made, labels)),
            *(_finish(left, right, p, label) for p, label in enumerate(labels)),
            _over(made),
            *(_other(left, right, name, made) for name in common if base(name) != STORE),
        ),
        invariants=(),
        views=cost_views(processes) if left.system.views else (),
        well_formed=well_formed,
    )


def well_formed(s: Cost) -> Any:
    """Besides the worlds, counts are in range, and nothing is counted unless a store of a process that is there is."""
    counts = [count for tally in s.spent for count in (tally.all, tally.mm)]
    ranges = [either(*(same(count, n) for n in range(MOST + 1))) for count in counts]
    there = either(*(both(same(s.who, p), alive(q)) for p, q in enumerate(s.left.processes)))
    nothing = both(*(same(count, 0) for count in counts))
    return both(pair_well_formed(s), *ranges, ite(same(s.phase, IDLE), nothing, there))


def _start(left: Start, right: Start, labels: Sequence[str]) -> Start:
    def run(inputs: tuple[Any]) -> Cost:
        return Cost(left.run(()), right.run(()), inputs[0], 0, IDLE, (Tally(0, 0), Tally(0, 0)))

    return Start(left.name, run, (Enum(*labels),), left.says)


def cost_views(processes: int) -> tuple[View, ...]:
    """One view of both worlds for each process that may be the first of a group."""
    return tuple(_view(r) for r in range(processes))


def _view(r: int) -> View:
    """The group of process ``r``; nothing is known of a store of a process that does not belong to it."""

    def image(s: Cost) -> Cost:
        inside = group(s.left, s.right, r)
        here = either(*(both(same(s.who, p), inside[p]) for p in range(len(inside))))
        left, right = views_of(s.left, s.right, r)
        nothing = Cost(left, right, s.who, word_like(s.last, 0), word_like(s.phase, IDLE), _blank(s))
        return choose(here, replace(s, left=left, right=right), nothing)  # type: ignore[no-any-return]

    return View(lambda s: leads(s.left, s.right, r), image)


def _entry_changed(before: World, after: World, who: Any) -> Any:
    """The entry of the process that is looked at was made anew or changed."""
    changed = []
    for p, (old, new) in enumerate(zip(before.processes, after.processes, strict=True)):
        alike_ = both(*(alike(getattr(old, part), getattr(new, part)) for part in ("level", "entry", "held")))
        changed.append(both(same(who, p), no(alike_)))
    return either(*changed)


def _after(s: Cost, left: World, right: World, number: int, **changes: Any) -> Cost:
    """The pair after an operation of this number; it is the last maker if it has changed the entry on either side."""
    touched = either(_entry_changed(s.left, left, s.who), _entry_changed(s.right, right, s.who))
    return replace(s, left=left, right=right, last=ite(touched, word_like(s.last, number), s.last), **changes)


def _blank(s: Cost) -> tuple[Tally, Tally]:
    zero = word_like(s.spent[0].all, 0)
    return (Tally(zero, zero), Tally(zero, zero))


def _other(left: Side, right: Side, name: str, made: tuple[str, ...]) -> Operation:
    """An operation outside a store, on both sides; a fault among them is one whose store has not been tried again."""
    first, second = left.operations[name], right.operations[name]
    number = made.index(base(name))

    def run(s: Cost) -> tuple[Any, Cost]:
        (here, world), (there, other) = first.run(s.left), second.run(s.right)
        return both(here, there, same(s.phase, IDLE)), _after(s, world, other, number)

    return Operation(name, run, first.source, first.says, first.idle or second.idle or TOGETHER)


def _begin(p: int, label: str) -> Operation:
    def run(s: Cost) -> tuple[Any, Cost]:
        writable = [both(alive(w.processes[p]), w.processes[p].vma.write) for w in (s.left, s.right)]
        return both(same(s.who, p), same(s.phase, IDLE), *writable), replace(s, phase=word_like(s.phase, STORING))

    return Operation(f"begin a store({label})", run, "", "the process stores to the page", TOGETHER)


def _over(made: tuple[str, ...]) -> Operation:
    """The store belongs to the past: it is now what has made the entry."""

    def run(s: Cost) -> tuple[Any, Cost]:
        last = word_like(s.last, made.index(STORE))
        return same(s.phase, STORED), replace(s, phase=word_like(s.phase, IDLE), last=last, spent=_blank(s))

    return Operation("the store is over", run, "", "what it has cost was counted", TOGETHER)


def _more(tally: Tally, all_: Any, mm: Any) -> Tally:
    def added(value: Any, one: Any) -> Any:
        more = value
        for count in range(MOST):  # without arithmetic, so that 64 states are looked at in one step
            more = ite(same(value, count), word_like(value, count + 1), more)
        return ite(one, more, value)

    return Tally(added(tally.all, all_), added(tally.mm, mm))


def _exceptions(k: Kernel, name: str, p: int, after: World) -> Any:
    """Whether a fault ends its exception; if not, generic mm goes on to the next one at once."""
    if base(name) not in SAME_EXCEPTION:
        return True
    mine = after.processes[p]
    return both(k.by_level(mine, "write"), at(mine, PTE)) if base(name) != "split_huge_pmd" else False


def _faults(left: Side, right: Side, name: str, made: tuple[str, ...], labels: Any) -> list[Operation]:
    """A fault within a store: of both sides at once, or of one that needs it while the other does not."""
    p = list(labels).index(name.partition("(")[2].rstrip(")"))
    sides, number = (left, right), made.index(base(name))

    def step(taking: tuple[bool, bool]) -> Callable[[Cost], tuple[Any, Cost]]:
        def run(s: Cost) -> tuple[Any, Cost]:
            guards, worlds, spent = [same(s.who, p), same(s.phase, STORING)], [], []
            for side, world, tally, takes in zip(sides, (s.left, s.right), s.spent, taking, strict=True):
                possible, after = side.operations[name].run(world)
                possible = both(possible, _wanted(side, name, world, p))
                guards.append(possible if takes else no(possible))
                ends = _exceptions(side.kernel, name, p, after)
                worlds.append(after if takes else world)
                spent.append(_more(tally, ends, ends) if takes else tally)
            return both(*guards), _after(s, worlds[0], worlds[1], number, spent=(spent[0], spent[1]))

        return run

    op = left.operations[name]
    both_sides = Operation(f"{name} for the store", step((True, True)), op.source, op.says, TOGETHER)
    alone = [
        Operation(f"{name} for the store in {SIDES[side]}", step((side == 0, side == 1)), op.source, op.says, ALONE)
        for side in (0, 1)
    ]
    return [both_sides, *alone]


def _wanted(side: Side, name: str, world: World, p: int) -> Any:
    """The store needs this fault: it does not go through as it is, and a huge page is split only where nothing else helps."""
    mine = world.processes[p]
    trapped = no(both(mapped(mine), side.kernel.arch.hardware.writable(mine.entry)))
    if base(name) != "split_huge_pmd":
        return trapped
    label = name.partition("(")[2]
    rather = [
        side.operations[f"{other}({label}"].run(world)[0] for other in _RATHER if f"{other}({label}" in side.operations
    ]
    return both(trapped, mine.vma.write, no(either(*rather)))


_RATHER = ("huge_pmd_reuse", "fault_mkdirty_pmd", "numa_fault")


def _finish(left: Side, right: Side, p: int, label: str) -> Operation:
    """The store goes through on both sides; where it traps, its low-level handler has served one exception."""

    def run(s: Cost) -> tuple[Any, Cost]:
        guards, worlds, spent = [same(s.who, p), same(s.phase, STORING)], [], []
        for side, world, tally in zip((left, right), (s.left, s.right), s.spent, strict=True):
            possible, after = side.operations[f"{STORE}({label})"].run(world)
            guards.append(possible)
            worlds.append(after)
            spent.append(_more(tally, trapped_low(side, world.processes[p]), False))
        return both(*guards), replace(
            s, left=worlds[0], right=worlds[1], phase=word_like(s.phase, STORED), spent=(spent[0], spent[1])
        )

    source = left.kernel.arch.hardware.source
    return Operation(f"{STORE}({label})", run, source, "the store goes through", TOGETHER)


def trapped_low(side: Side, mine: Process) -> Any:
    """A store through the entry raises an exception that the low-level handler serves."""
    hardware = side.kernel.arch.hardware
    return both(mapped(mine), hardware.traps(mine.entry), hardware.writable(mine.entry))


def stores_of(side: Side) -> frozenset[str]:
    """A side's operations that are a store, which has operations of its own here."""
    return frozenset(name for name in side.operations if base(name) == STORE)


def runs_are_common(left: Side, right: Side) -> Callable[[Cost], Any]:
    """Outside a store every operation is possible on both sides or on neither, so that no run of either is left out."""
    agree = operations_agree(left.system, right.system, stores_of(left))
    return lambda s: implies(same(s.phase, IDLE), agree(s))


def stores_go_through(left: Side, right: Side, system: TransitionSystem, processes: int) -> Callable[[Cost], Any]:
    """A store that has begun goes on, unless it waits on both sides, as for the end of a migration."""
    serving = [op for op in system.operations if op.name.endswith(" for the store") or " for the store in " in op.name]
    serving += [op for op in system.operations if base(op.name) == STORE]
    labels = list(enumerate(names(processes)))

    def kept(s: Cost) -> Any:
        goes_on = either(*(op.run(s)[0] for op in serving))
        waits = [
            both(same(s.who, p), no(_can_go_on(left, s.left, p, label)), no(_can_go_on(right, s.right, p, label)))
            for p, label in labels
        ]
        return implies(same(s.phase, STORING), either(goes_on, *waits))

    return kept


def _can_go_on(side: Side, world: World, p: int, label: str) -> Any:
    """The store goes through as it is, or a fault serves it."""
    mine = world.processes[p]
    served = [
        both(op.run(world)[0], _wanted(side, name, world, p))
        for name, op in side.operations.items()
        if base(name) in FAULTS and name.endswith(f"({label})")
    ]
    return either(both(mapped(mine), side.kernel.arch.hardware.writable(mine.entry)), *served)
