"""The mm world: the seed's story, contents checked with real tokens, and kernels broken on purpose."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from checker.decision import decide
from checker.explicit import explore
from checker.system import TransitionSystem
from checker.verdict import Result, Verdict
from models.mm.state import NONE, PMD, PTE, World, free_frame, maps, names, shared
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
        assert silent <= (
            {"wp_page_reuse", "wp_page_copy", "huge_pmd_reuse"} if config == UNGUARDED_SHADOW_STACKS else set()
        )
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
    assert before["processes[1].frame"] == after["processes[1].frame"] == after["processes[0].frame"]
    frame = after["processes[1].frame"]
    assert before[f"processes[1].data[{frame}]"] is True
    assert after[f"processes[1].data[{frame}]"] is False
    assert after[f"processes[0].data[{frame}]"] is True


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


def test_two_frames_are_too_few_for_nothing() -> None:
    """With one frame a process every copy still finds a free one, so that a third frame changes no verdict."""
    for variant, split in (("original", "carry-dirty"), ("huacai", "carry-dirty"), ("original", "reorder")):
        arch = architecture(f"loongarch/{variant}")
        assert violated(mm_system(arch, split, frames=2)) == violated(builtin_systems.mm(arch.config, split))


@dataclass
class Tokens:
    """What the frames really hold and what each process really expects to read, as numbers that are never used twice."""

    content: list[int]
    expected: list[int | None]
    fresh: int = 1

    def follow(self, operation: str, before: World, after: World) -> None:
        """What an operation does to contents, told without the model's matrix."""
        what, _, who = operation.rstrip(")").partition("(")
        p = list(names(len(self.expected))).index(who)
        if what.startswith("fork"):
            child = next(q for q, other in enumerate(before.processes) if q != p and other.level == NONE)
            self.expected[child] = self.expected[p]
        elif what == "store":
            self.fresh += 1
            self.content[before.processes[p].frame] = self.fresh
            self.expected[p] = self.fresh
        elif what == "wp_page_copy":
            self.content[after.processes[p].frame] = self.content[before.processes[p].frame]
        elif what == "unmap":
            self.expected[p] = None


def _random_run(system: TransitionSystem, seed: int, steps: int) -> Iterator[tuple[str, World, World]]:
    rng = random.Random(seed)
    state = system.starts[seed % len(system.starts)].run(())
    for _ in range(steps):
        enabled = [(op.name, after) for op in system.operations for guard, after in [op.run(state)] if guard]
        if not enabled:
            return
        stores = [item for item in enabled if item[0].startswith(("store", "fork", "wp_page"))]
        name, after = rng.choice(stores if stores and rng.random() < 0.5 else enabled)
        after = system.layout.state(system.layout.concrete(after))
        yield name, state, after
        state = after


def _mapped_frames(world: World) -> list[int]:
    return [f for f in range(len(world.frames)) if any(maps(q, f) for q in world.processes)]


CONTENT_SYSTEMS = [
    ("loongarch/original", "carry-dirty", 2), ("loongarch/huacai", "carry-dirty", 2), ("sparc64/original", "linux-6.12", 3),
    ("x86-64/linux-6.12", "reorder", 3), (UNGUARDED_SHADOW_STACKS, "before-0ccf7f168e17", 2),
]  # fmt: skip


@pytest.mark.parametrize(("config", "split", "processes"), CONTENT_SYSTEMS)
def test_the_content_matrix_says_exactly_which_frame_holds_what_a_process_must_read(
    config: str, split: str, processes: int
) -> None:
    system = mm_system(architecture(config), split, processes=processes)
    seen: set[str] = set()
    wrong = 0
    for seed in range(12):
        tokens = Tokens([0] * (processes + 1), [0] + [None] * (processes - 1))
        tokens.content[1:] = [-1] * processes
        for name, before, after in _random_run(system, seed, 60):
            tokens.follow(name, before, after)
            seen.add(name.partition("(")[0])
            for p, process in enumerate(after.processes):
                for f in _mapped_frames(after) if process.level != NONE else []:
                    assert process.data[f] == (tokens.expected[p] == tokens.content[f]), (name, p, f)
                    wrong += process.frame == f and not process.data[f]
    faults = set() if config == UNGUARDED_SHADOW_STACKS else {"wp_page_copy", "wp_page_reuse"}
    assert seen >= {"store", "fork_pte", "fork_pmd", "unmap", "split_huge_pmd", *faults}
    assert (wrong > 0) is bool(_expected(config, split))


def test_unmapped_frames_are_forgotten() -> None:
    for _, _, after in _random_run(builtin_systems.mm("loongarch/original", "carry-dirty"), 5, 200):
        for f in set(range(3)) - set(_mapped_frames(after)):
            assert not after.frames[f].exclusive
            assert not any(process.data[f] for process in after.processes)


def test_a_free_frame_is_one_that_nobody_maps() -> None:
    for seed in range(4):
        for _, _, after in _random_run(builtin_systems.mm("x86-64/linux-6.12", "reorder"), seed, 60):
            found, number = free_frame(after)
            assert found is (len(_mapped_frames(after)) < len(after.frames))
            assert not found or number == min(set(range(3)) - set(_mapped_frames(after)))


def test_the_kernels_own_assertion_holds_in_good_kernels() -> None:
    """A writable anonymous entry has PageAnonExclusive (VM_BUG_ON in wp_page_reuse()), and an exclusive page one user."""
    for config in GOOD:
        arch = architecture(config)
        for _, _, after in _random_run(builtin_systems.mm(config, "linux-6.12"), 3, 200):
            for p, process in enumerate(after.processes):
                if process.level != NONE:
                    writable = arch.pte_write(process.entry)
                    assert not writable or after.frames[process.frame].exclusive
                    assert not (after.frames[process.frame].exclusive and shared(after, p))


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
        assert first.data == (True, False, False)
        assert [q.level for q in _start(config, name).processes[1:]] == [NONE]


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
    assert (parent.frame, child.frame) == (0, 0)
    assert not arch.pte_write(parent.entry)
    assert not arch.pte_write(child.entry)
    assert arch.pte_dirty(child.entry)
    assert not arch.pte_young(child.entry)
    assert not forked.frames[0].exclusive
    copied = _do(config, "linux-6.12", SMALL, "fork_pte(parent)", "wp_page_copy(child)", "store(child)")
    assert copied.processes[1].frame == 1
    assert copied.processes[1].data == (False, True, False)
    assert copied.processes[0].data[0]
    assert copied.frames[1].exclusive


@pytest.mark.parametrize("config", GOOD)
def test_the_last_user_reuses_the_page(config: str) -> None:
    state = _do(
        config, "linux-6.12", SMALL, "fork_pte(parent)", "unmap(child)", "wp_page_reuse(parent)", "store(parent)"
    )
    assert state.frames[0].exclusive
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
    assert fresh.frames[0].dirty
    old = _do(config, split, HUGE, "fork_pmd(parent)", "split_huge_pmd(child)").processes[1].entry
    assert not arch.pte_write(old)
    assert not arch.pte_young(old)
    assert not arch.hardware.writable(old)


def test_every_violated_cell_is_known() -> None:
    assert {(c, s) for c in CONFIGS for s in SPLIT_NAMES if _expected(c, s)} == set(VIOLATED_MM)
