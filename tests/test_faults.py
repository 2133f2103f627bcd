"""What a store costs: the table against a simulation on plain integers that shares no engine with it, and by hand."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from checker.cli.cost_report import NEVER, summed
from checker.cli.costs import costs_of, status_of
from checker.cli.diff import Answer, Question
from checker.cli.jobs import Job
from checker.decision import Options, decide
from checker.reduction import obligations
from checker.solver import Solver
from checker.terms import negate
from checker.trace import replay
from checker.verdict import EXIT_UNDECIDED
from models.faults import cost_views
from models.faults import well_formed as cost_well_formed
from models.mm.catalogue import ALL, CORE
from models.mm.kernel import Kernel
from models.mm.words import WRITE_FAULTS
from models.registry import architecture
from models.worlds import cost_system, mm_kernel, mm_system_of

FEATURES = frozenset(CORE | {"touch", "lazyfree", "swap"})
HELD = ("level", "entry", "held")


def kernel(config: str, features: frozenset[str] = FEATURES, generation: str = "linux-6.12") -> Kernel:
    return mm_kernel(architecture(config), generation=generation, features=features)


def told(left: Kernel, right: Kernel, processes: int = 2) -> Any:
    """What the tool says of two kernels."""
    system = cost_system(left, right, processes)
    results = tuple(decide(system, Options(clauses=False)))
    job = Job("x/y", "kernel", generation="linux-6.12")
    return system, costs_of(Answer(Question(job, job, cost=True), results))


class Simulation:
    """Both kernels on plain integers: every pair of worlds, and every way in which a store can go on from it."""

    def __init__(self, left: Kernel, right: Kernel, who: int, processes: int) -> None:
        self.who = who
        self.kernels = (left, right)
        self.systems = tuple(mm_system_of(k, processes) for k in self.kernels)
        self.ops = tuple({op.name: op.run for op in s.operations} for s in self.systems)
        self.layouts = tuple(s.layout for s in self.systems)
        self.seen: dict[str, set[tuple[int, int]]] = {}
        self.known: dict[tuple[int, str, Any], Any] = {}

    def after(self, side: int, world: Any, name: str) -> Any:
        """The world after an operation, or None if it is not possible."""
        key = (side, name, world)
        if key not in self.known:
            possible, then = self.ops[side][name](world)
            self.known[key] = self.plain(side, then) if possible else None
        return self.known[key]

    def plain(self, side: int, world: Any) -> Any:
        layout = self.layouts[side]
        return layout.state(layout.concrete(world))

    def maker(self, pairs: tuple[Any, Any], then: tuple[Any, Any], p: int, name: str, last: str) -> str:
        """What has made the entry of process ``p`` last, after an operation of this name."""
        touched = any(
            getattr(old.processes[p], part) != getattr(new.processes[p], part)
            for old, new in zip(pairs, then, strict=True)
            for part in HELD
        )
        return name.partition("(")[0] if touched else last

    def writable(self, side: int, world: Any, p: int) -> bool:
        q = world.processes[p]
        return q.level in (2, 3) and bool(self.kernels[side].arch.hardware.writable(q.entry))

    def faults(self, side: int, world: Any, p: int) -> list[str]:
        """The faults that a store by process ``p`` may take now."""
        label = ("parent", "child")[p]
        if self.writable(side, world, p):
            return []
        names = [n for f in (*WRITE_FAULTS, "first_touch_huge_write") if (n := f"{f}({label})") in self.ops[side]]
        found = [name for name in names if self.after(side, world, name) is not None]
        # A huge page is split only where nothing else serves the fault.
        return [n for n in found if not n.startswith("split") or found == [n]] if world.processes[p].vma.write else []

    def ends(self, side: int, name: str, then: Any, p: int) -> bool:
        """The fault ends its exception: a split and a swap-in that leaves the entry read-only go on to the next one."""
        fault = name.partition("(")[0]
        if fault == "split_huge_pmd":
            return False
        return not fault.startswith("swap_in") or bool(self.kernels[side].arch.pte_write(then.processes[p].entry))

    def serve(self, pair: tuple[Any, Any], p: int, counts: tuple[int, int], last: str, depth: int = 0) -> None:
        """Goes on with a store until it has gone through on both sides, in every way the kernel may choose."""
        assert depth < 6, "a store is never served"
        if all(self.writable(side, world, p) for side, world in enumerate(pair)):
            low = [bool(k.arch.hardware.traps(w.processes[p].entry)) for k, w in zip(self.kernels, pair, strict=True)]
            done = (counts[0] + low[0], counts[1] + low[1])
            self.seen.setdefault(last, set()).add(done)
            return
        wanted = [self.faults(side, world, p) for side, world in enumerate(pair)]
        for name in dict.fromkeys((*wanted[0], *wanted[1])):
            takes = [name in names for names in wanted]
            then = tuple(self.after(k, w, name) if takes[k] else w for k, w in enumerate(pair))
            ends = [self.ends(k, name, w, p) for k, w in enumerate(then)]
            more = (counts[0] + (takes[0] and ends[0]), counts[1] + (takes[1] and ends[1]))
            self.serve(then, p, more, self.maker(pair, then, p, name, last), depth + 1)

    def explore(self) -> None:
        """Every pair of worlds by operations on both sides, with what has made the entry of the process last."""
        starts = range(len(self.systems[0].starts))
        begin = [tuple(self.plain(k, s.starts[n].run(())) for k, s in enumerate(self.systems)) for n in starts]
        queue = deque((pair, "nothing") for pair in begin)
        known, p = set(queue), self.who
        common = [name for name in self.ops[0] if name in self.ops[1]]
        while queue:
            pair, last = queue.popleft()
            if all(world.processes[p].level != 0 and world.processes[p].vma.write for world in pair):
                self.serve(pair, p, (0, 0), last)
            for name in common:
                then = tuple(self.after(k, w, name) for k, w in enumerate(pair))
                if None in then:
                    continue
                stored = name == f"store({('parent', 'child')[p]})"
                item = (then, "store" if stored else self.maker(pair, then, p, name, last))
                if item not in known:
                    known.add(item)
                    queue.append(item)


@pytest.mark.parametrize(
    ("variant", "features", "processes"),
    [
        pytest.param("linux-6.12-peter", FEATURES, 1, marks=pytest.mark.slow),
        pytest.param("hev", FEATURES, 1, marks=pytest.mark.slow),
        # One more group than the core, so that processes are looked at in groups.
        pytest.param("hev", frozenset(CORE | {"collapse"}), 2, marks=pytest.mark.slow),
    ],
)
def test_the_spans_are_those_of_a_simulation_on_plain_integers(
    variant: str, features: frozenset[str], processes: int
) -> None:
    left, right = kernel("loongarch/huacai", features), kernel(f"loongarch/{variant}", features)
    _, costs = told(left, right, processes)
    real: dict[str, set[int]] = {}
    for who in range(processes):
        simulation = Simulation(left, right, who, processes)
        simulation.explore()
        for last, counts in simulation.seen.items():
            real.setdefault(last, set()).update(b - a for a, b in counts)
    said = {maker: span for maker, span in costs.all.items() if span.reached}
    assert set(said) == set(real)
    for maker, extras in real.items():
        assert (said[maker].least, said[maker].most) == (min(extras), max(extras)), maker
    assert costs.doubt == ""


V, D, P, W, M = 1, 2, 1 << 7, 1 << 8, 1 << 9
BY_HAND = {
    # mkdirty, mkwrite of each variant, as the mails and the headers have them.
    "huacai": (lambda e: e | M | (D if e & W else 0), lambda e: e | W | D),
    "peter": (lambda e: e | M, lambda e: e | W | D),
    "hev": (lambda e: e | M, lambda e: e | W),
    "hev-fast": (lambda e: e | M, lambda e: e | W | D | M),
    "linux-6.12": (lambda e: e | M | (D if e & W else 0), lambda e: e | W | (D if e & M else 0)),
    "linux-6.12-peter": (lambda e: e | M, lambda e: e | W | (D if e & M else 0)),
}


def by_hand(variant: str, *calls: str) -> int:
    """Exceptions of a store through an entry that these calls have made: none with D, one where W lets the handler serve it."""
    mkdirty, mkwrite = BY_HAND[variant]
    entry = V | P
    for call in calls:
        entry = {"mkdirty": mkdirty, "mkwrite": mkwrite}[call](entry)
    assert entry & (D | W), "the store needs generic mm"
    return 0 if entry & D else 1


PATHS = {
    # How generic mm of 6.12 makes the entry of the first store: mm/memory.c, mm/huge_memory.c.
    "first_touch_write": ("mkdirty", "mkwrite"),
    "wp_page_copy": ("mkdirty", "mkwrite"),
    "first_touch_huge_write": ("mkdirty", "mkwrite"),
    "swap_in_write": ("mkwrite", "mkdirty"),
    "swap_in_read": ("mkwrite",),
}


QUICK = ("linux-6.12-peter",)
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in BY_HAND if name not in (*QUICK, "huacai")]


@pytest.mark.parametrize("variant", [*QUICK, *SLOW])
def test_the_paths_of_the_seed_by_hand(variant: str) -> None:
    features = frozenset(CORE | {"touch", "swap"})
    _, costs = told(kernel("loongarch/huacai", features), kernel(f"loongarch/{variant}", features), 1)
    for maker, calls in PATHS.items():
        extra = by_hand(variant, *calls) - by_hand("huacai", *calls)
        assert (costs.all[maker].least, costs.all[maker].most) == (extra, extra), maker


def test_were_the_walker_to_check_d_first_mkdirty_would_have_to_set_it() -> None:
    # handle_pte_fault() on an entry with W and without D: mkdirty, mkyoung, and the store is tried again.
    served = {variant for variant, (mkdirty, _) in BY_HAND.items() if mkdirty(V | P | W) & D}
    assert served == {"huacai", "linux-6.12"}


def test_peters_mkdirty_costs_nothing_where_mkwrite_gives_the_permission() -> None:
    _, costs = told(kernel("loongarch/huacai"), kernel("loongarch/peter"), 1)
    assert all(span.nothing for span in costs.all.values() if span.reached)
    assert all(span.nothing for span in costs.mm.values() if span.reached)
    assert sum(span.reached for span in costs.all.values()) > 8


def test_an_extra_exception_comes_with_a_run_that_replays_on_the_pair() -> None:
    features = frozenset(CORE | {"touch"})
    system, costs = told(kernel("loongarch/huacai", features), kernel("loongarch/hev", features), 1)
    extra = costs.all["wp_page_copy"].extra
    assert extra is not None
    assert extra.trace is not None
    replay(system, extra.trace)
    last = extra.trace.steps[-1].state
    assert last["spent[1].all"] == last["spent[0].all"] + 1
    assert last["spent[1].mm"] == last["spent[0].mm"] == 1


def test_a_set_of_helpers_costs_as_much_as_itself() -> None:
    _, costs = told(kernel("loongarch/hev", CORE), kernel("loongarch/hev", CORE), 1)
    assert all(span.nothing for span in (*costs.all.values(), *costs.mm.values()) if span.reached)


def test_a_mkwrite_that_gives_nothing_costs_a_fault_for_ever_and_is_not_called_never() -> None:
    broken = architecture("loongarch/huacai").with_helpers(
        "broken", "", "", pte_mkwrite=lambda e: e, pmd_mkwrite=lambda e: e
    )
    features = frozenset(CORE | {"touch"})
    right = replace(kernel("loongarch/huacai", features), arch=broken)
    _, costs = told(kernel("loongarch/huacai", features), right, 1)
    assert not costs.all["wp_page_copy"].nothing  # its store never goes through on both sides


def test_the_walker_serves_what_hev_leaves_out() -> None:
    _, costs = told(kernel("loongarch+ptw/huacai", FEATURES), kernel("loongarch+ptw/hev", FEATURES), 1)
    assert all(span.nothing for span in costs.all.values() if span.reached)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second", "features", "generation"),
    [
        ("original", "hev", CORE, "linux-6.12"),
        ("huacai", "peter", ALL, "linux-6.1"),
        ("huacai", "peter", ALL, "linux-6.12"),
        ("linux-6.12", "linux-6.12-peter", ALL, "linux-6.12"),
    ],
)
def test_looking_at_one_group_of_processes_misses_no_store(
    first: str, second: str, features: frozenset[str], generation: str
) -> None:
    kernels = [kernel(f"loongarch/{name}", frozenset(features), generation) for name in (first, second)]
    system = replace(cost_system(*kernels), views=cost_views(2), starts=(), well_formed=cost_well_formed)
    for obligation in obligations(system):
        solver = Solver()
        solver.add(negate(obligation.holds))
        assert not solver.satisfiable(), obligation.says


@pytest.mark.parametrize(("variant", "common"), [("peter", True), ("hev-fast", False)])
def test_it_is_known_whether_the_runs_part(variant: str, common: bool) -> None:
    features = frozenset(CORE | {"touch", "lazyfree", "numa"})
    sides = (kernel("loongarch/huacai", features, "linux-6.1"), kernel(f"loongarch/{variant}", features, "linux-6.1"))
    _, costs = told(*sides, 1)
    assert costs.doubt == ""
    assert bool(costs.left_out) != common
    if not common:
        assert costs.left_out[0].endswith("madv_free_pte(parent), numa_protect(parent)")


@pytest.mark.slow
def test_a_set_of_helpers_that_goes_other_ways_is_not_called_never() -> None:
    every = frozenset(ALL)
    sides = (kernel("loongarch/huacai", every, "linux-6.1"), kernel("loongarch/original", every, "linux-6.1"))
    _, costs = told(*sides)
    assert all(span.nothing for span in costs.all.values() if span.reached)
    assert costs.left_out
    assert summed(costs) != NEVER
    assert status_of([costs], []) == EXIT_UNDECIDED


def test_a_store_that_only_one_side_serves_is_no_cost_but_is_told() -> None:
    broken = architecture("loongarch/huacai").with_helpers("broken", "", "", pte_mkwrite=lambda e: e)
    features = frozenset(CORE | {"touch"})
    right = replace(kernel("loongarch/huacai", features), arch=broken)
    _, costs = told(kernel("loongarch/huacai", features), right, 1)
    assert costs.left_out or costs.doubt
    assert summed(costs) != NEVER
