"""The mm world: the seed's story in its core, and states in canonical form."""

from __future__ import annotations

import random

import pytest

from checker.decision import decide
from checker.explicit import explore
from checker.reduction import typed
from checker.system import TransitionSystem
from checker.verdict import Result, Verdict
from models.mm.catalogue import ALL, CORE
from models.mm.state import (
    ABSENT,
    BLANK_PAGE,
    ELSEWHERE,
    PMD,
    PTE,
    World,
    exclusive,
    maps_page,
    refers,
    renumbered,
    shared,
    zero_page,
)
from models.registry import architecture
from models.worlds import mm_system
from tests import builtin_systems
from tests.builtin_systems import (
    CONFIGS,
    MKDIRTY_GRANTS_WRITE,
    MKDIRTY_LAST,
    SPLIT_NAMES,
    UNGUARDED_SHADOW_STACKS,
    VIOLATED_MM,
)
from tests.mm_runs import Walker, whole

SHARED, ISOLATION, READ_ONLY = "shared-not-hw-writable", "cow-isolation", "read-only-vma-holds"
HUGE, SMALL = "a huge page of its own", "a small page of its own"
GOOD = ("loongarch/linux-6.12", "sparc64/linux-6.12", "x86-64/linux-6.12")


def results(system: TransitionSystem) -> dict[str, Result]:
    """The verdicts by invariant."""
    return {r.invariant: r for r in decide(system)}


def violated(system: TransitionSystem) -> set[str]:
    """What some reachable state violates."""
    return {system.invariants[k].name for k in explore(system).first_violation}


def way(result: Result) -> tuple[str, ...]:
    """Where a violation starts and what leads to it."""
    assert result.trace is not None
    return (result.trace.start, *(step.operation for step in result.trace.steps[1:]))


def _expected(config: str, split: str) -> dict[str, int]:
    if config in MKDIRTY_GRANTS_WRITE and split in MKDIRTY_LAST:
        return {SHARED: 2, ISOLATION: 3, READ_ONLY: 2}
    return {SHARED: 1, ISOLATION: 2, READ_ONLY: 1} if config == UNGUARDED_SHADOW_STACKS else {}


@pytest.mark.parametrize("config", CONFIGS)
def test_what_is_violated_in_the_whole_table_and_every_operation_happens(config: str) -> None:
    for split in SPLIT_NAMES:
        system = builtin_systems.mm(config, split)
        found = explore(system)
        depths = {system.invariants[k].name: found.depth(state) for k, state in found.first_violation.items()}
        assert depths == _expected(config, split)
        silent = {
            op.name.partition("(")[0]
            for k, op in enumerate(system.operations)
            if not op.idle and not found.fired >> k & 1
        }
        # Where every dirty read-only entry is writable for the CPU, no store ever reaches generic mm.
        trapped = {"wp_page_reuse", "wp_page_copy", "huge_pmd_reuse"}
        assert silent <= (trapped if config == UNGUARDED_SHADOW_STACKS else set())
        assert found.premises == (1 << len(system.invariants)) - 1


@pytest.mark.parametrize(
    ("config", "split"),
    [*(("loongarch/huacai", split) for split in SPLIT_NAMES), ("loongarch/original", "reorder"), ("sparc64/original", "reorder"),
     ("loongarch/original", "partial-revert"), *((config, "linux-6.12") for config in GOOD)],
)  # fmt: skip
def test_what_holds_is_proved(config: str, split: str) -> None:
    assert {r.verdict for r in decide(builtin_systems.mm(config, split))} == {Verdict.PROVED}


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS)
def test_every_cell_of_the_table_is_decided(config: str) -> None:
    for split in SPLIT_NAMES:
        expected = _expected(config, split)
        for result in decide(builtin_systems.mm(config, split)):
            assert result.verdict is (Verdict.VIOLATED if result.invariant in expected else Verdict.PROVED)
            assert result.depth == expected.get(result.invariant)


@pytest.mark.parametrize("split", MKDIRTY_LAST)
@pytest.mark.parametrize("config", MKDIRTY_GRANTS_WRITE)
def test_the_seeds_bug(config: str, split: str) -> None:
    """fork, split, and one store later the other process's data has changed."""
    found = results(builtin_systems.mm(config, split))
    fork_and_split = (HUGE, "fork_pmd(parent)", "split_huge_pmd(parent)")
    assert way(found[SHARED]) == fork_and_split
    assert way(found[ISOLATION]) == (*fork_and_split, "store(parent)")
    assert way(found[READ_ONLY]) == (HUGE, "mprotect_read(parent)", "split_huge_pmd(parent)")


def test_the_childs_data_changes_under_it() -> None:
    trace = results(builtin_systems.mm("loongarch/original", "carry-dirty"))[ISOLATION].trace
    assert trace is not None
    before, after = trace.steps[-2].state, trace.steps[-1].state
    for state in (before, after):
        assert state["processes[0].page"] == state["processes[1].page"] == 0
    assert before["processes[1].right.memory"] is True
    assert after["processes[1].right.memory"] is False
    assert after["processes[0].right.memory"] is True


def test_the_reorder_cures_this_world_and_not_the_contract() -> None:
    for config in ("loongarch/original", "sparc64/original"):
        assert {r.verdict for r in decide(builtin_systems.mm(config, "reorder"))} == {Verdict.PROVED}
        contract = {r.invariant: r.verdict for r in decide(builtin_systems.pte(config))}
        assert contract["cow-shared-not-hw-writable"] is Verdict.VIOLATED


def test_fixed_helpers_make_even_the_bad_order_safe() -> None:
    for config in ("loongarch/huacai", "loongarch/peter", "loongarch/hev", "loongarch/linux-6.1", "sparc64/linux-6.12"):
        assert violated(builtin_systems.mm(config, "carry-dirty")) == set()


def test_shadow_stacks_need_helpers_that_know_of_them() -> None:
    """A dirty read-only entry is writable for such a CPU: plain fork is enough, no huge page needed."""
    found = results(builtin_systems.mm(UNGUARDED_SHADOW_STACKS, "reorder"))
    assert way(found[SHARED]) == (SMALL, "fork_pte(parent)")
    assert violated(builtin_systems.mm("x86-64+shstk/linux-6.12", "reorder")) == set()


def test_a_third_process_changes_no_verdict() -> None:
    three = mm_system(architecture("loongarch/huacai"), "carry-dirty", processes=3)
    found = explore(three)
    assert found.first_violation == {}
    assert all(found.fired >> k & 1 or op.idle for k, op in enumerate(three.operations))


@pytest.mark.slow
def test_a_third_process_changes_no_violation() -> None:
    three = mm_system(architecture("loongarch/original"), "carry-dirty", processes=3)
    assert {r.invariant: r.depth for r in decide(three)} == _expected("loongarch/original", "carry-dirty")


# Canonical states.

CANONICAL = [
    ("loongarch/original", CORE, 2), ("x86-64/linux-6.12", ALL, 2), ("loongarch/original", ALL, 3),
    ("sparc64/original", ALL, 3),
]  # fmt: skip


@pytest.mark.parametrize(("config", "features", "processes"), CANONICAL)
def test_states_are_canonical(config: str, features: frozenset[str], processes: int) -> None:
    """A page has the number of the first process that refers to it; renumbering changes nothing; nobody is elsewhere."""
    system = mm_system(architecture(config), processes=processes, features=features)
    layout, walker = system.layout, Walker(system)
    for seed in range(8):
        for name, _, after in walker.run(seed, 60):
            assert layout.concrete(renumbered(after)) == layout.concrete(after), name
            _check_canonical(after, name)


def _check_canonical(world: World, name: str) -> None:
    users = {n: [p for p, q in enumerate(world.processes) if refers(world, q) and q.page == n] for n in range(3)}
    for number, page in enumerate(world.pages):
        assert not users[number] or users[number][0] == number, name
        assert users[number] or page == BLANK_PAGE, name
        if page.pin.kind and page.pin.owner < len(world.processes):
            assert page.pin.owner in users[number], name
    for q in world.processes:
        assert q.level != ELSEWHERE
        assert refers(world, q) or q.page == (zero_page(world) if q.level in (PTE, PMD) else 0)


def test_renumbering_twice_changes_nothing_more() -> None:
    """Also of states that nobody reaches: pages in any order, some of nobody; only mapped entries are of the zero page."""
    layout, rng = whole("x86-64/linux-6.12", 3).layout, random.Random(1)
    changed = 0
    for _ in range(400):
        state = layout.state([rng.getrandbits(8) % (len(leaf.sort.names) or 256) for leaf in layout.leaves])
        if all(q.level in (PTE, PMD) or q.page != zero_page(state) for q in state.processes):
            once = typed(layout, renumbered(state))
            changed += layout.concrete(once) != layout.concrete(state)
            assert layout.concrete(renumbered(once)) == layout.concrete(once)
    assert changed > 100


def test_the_kernels_own_assertion_holds_in_good_kernels() -> None:
    """A writable anonymous entry has PageAnonExclusive (VM_BUG_ON in wp_page_reuse()), and an exclusive page one user."""
    for config in GOOD:
        arch = architecture(config)
        for _, _, after in Walker(builtin_systems.mm(config, "linux-6.12")).run(3, 200):
            for p, process in enumerate(after.processes):
                if maps_page(after, process):
                    level = "pmd" if process.level == PMD else "pte"
                    assert not arch.helper(level, "write")(process.entry) or exclusive(after, p)
                    assert not (exclusive(after, p) and shared(after, p))


def _start(config: str, name: str) -> World:
    state: World = next(s for s in builtin_systems.mm(config, "reorder").starts if s.name == name).run(())
    return state


@pytest.mark.parametrize("config", CONFIGS)
def test_it_starts_with_one_dirty_writable_page(config: str) -> None:
    arch = architecture(config)
    for name, level in ((HUGE, PMD), (SMALL, PTE)):
        first = _start(config, name).processes[0]
        at = "pmd" if level == PMD else "pte"
        assert first.level == level
        assert arch.helper(at, "write")(first.entry)
        assert arch.helper(at, "dirty")(first.entry)
        assert arch.hardware.writable(first.entry)
        assert (first.right.memory, first.right.slot, first.right.zero) == (True, False, False)
        assert [q.level for q in _start(config, name).processes[1:]] == [ABSENT]


def _do(config: str, split: str, start: str, *operations: str) -> World:
    system = builtin_systems.mm(config, split)
    state = next(s for s in system.starts if s.name == start).run(())
    for name in operations:
        guard, state = next(op for op in system.operations if op.name == name).run(state)
        assert guard, name
    return system.layout.state(system.layout.concrete(state))  # type: ignore[no-any-return]


@pytest.mark.parametrize("config", GOOD)
def test_after_fork_both_are_read_only_and_a_store_copies(config: str) -> None:
    arch = architecture(config)
    forked = _do(config, "linux-6.12", SMALL, "fork_pte(parent)")
    parent, child = forked.processes
    assert (parent.page, child.page) == (0, 0)
    assert not arch.pte_write(parent.entry)
    assert not arch.pte_write(child.entry)
    assert arch.pte_dirty(child.entry)
    assert not arch.pte_young(child.entry)
    assert not forked.pages[0].exclusive
    copied = _do(config, "linux-6.12", SMALL, "fork_pte(parent)", "wp_page_copy(child)", "store(child)")
    assert copied.processes[1].page == 1
    assert copied.processes[1].right.memory
    assert copied.processes[0].right.memory
    assert [page.exclusive for page in copied.pages] == [False, True]


@pytest.mark.parametrize("config", GOOD)
def test_the_last_user_reuses_the_page(config: str) -> None:
    state = _do(
        config, "linux-6.12", SMALL, "fork_pte(parent)", "exit(child)", "wp_page_reuse(parent)", "store(parent)"
    )
    assert state.pages[0].exclusive
    assert architecture(config).pte_write(state.processes[0].entry)


@pytest.mark.parametrize("split", SPLIT_NAMES)
@pytest.mark.parametrize("config", GOOD)
def test_a_split_keeps_young_and_write_and_dirty_as_its_history_says(config: str, split: str) -> None:
    arch = architecture(config)
    fresh = _do(config, split, HUGE, "split_huge_pmd(parent)")
    entry = fresh.processes[0].entry
    carries = split not in ("before-0ccf7f168e17", "partial-revert")
    assert arch.pte_write(entry)
    assert bool(arch.pte_dirty(entry)) is carries
    assert fresh.pages[0].dirty
    old = _do(config, split, HUGE, "fork_pmd(parent)", "split_huge_pmd(child)").processes[1].entry
    assert not arch.pte_write(old)
    assert not arch.pte_young(old)
    assert not arch.hardware.writable(old)


def test_every_violated_cell_is_known() -> None:
    assert {(c, s) for c in CONFIGS for s in SPLIT_NAMES if _expected(c, s)} == set(VIOLATED_MM)
