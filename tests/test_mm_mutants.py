"""Kernels of the mm world broken on purpose: each mistake must turn up as the violation it causes, and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from checker.explicit import explore
from checker.logic import both, no
from checker.system import TransitionSystem
from models.mm import kernel as kernels
from models.mm.kernel import SPLITS, Kernel
from models.mm.operations import OPERATIONS, Rule
from models.mm.state import NONE, PMD, PTE, World, free_frame, with_frame, with_process
from models.registry import architecture
from models.worlds import mm_system

SHARED, ISOLATION, READ_ONLY = "shared-not-hw-writable", "cow-isolation", "read-only-vma-holds"
GOOD = ("loongarch/linux-6.12", "sparc64/linux-6.12", "x86-64/linux-6.12")


def violated(system: TransitionSystem) -> set[str]:
    """What some reachable state violates."""
    return {system.invariants[k].name for k in explore(system).first_violation}


Change = Callable[[Rule], Rule]


def _keep_entry(of_parent: bool) -> Change:
    """fork that leaves the entry of the parent, or of the child, as it was."""

    def change(rule: Rule) -> Rule:
        def broken(k: Kernel, s: World, p: int) -> tuple[Any, World]:
            guard, after = rule(k, s, p)
            if of_parent:
                return guard, with_process(after, p, entry=s.processes[p].entry)
            return guard, with_process(after, 1 - p, entry=s.processes[p].entry)

        return broken

    return change


def _keep_exclusive(rule: Rule) -> Rule:
    def broken(k: Kernel, s: World, p: int) -> tuple[Any, World]:
        guard, after = rule(k, s, p)
        return guard, with_frame(after, s.processes[p].frame, exclusive=True)

    return broken


def _any_write_fault(level: int) -> Change:
    """A reuse that does not ask whether the page is this process's own."""

    def change(rule: Rule) -> Rule:
        def broken(k: Kernel, s: World, p: int) -> tuple[Any, World]:
            alone = s.processes[p]
            others = tuple(q if n == p else replace(q, level=NONE) for n, q in enumerate(s.processes))
            guard, _ = rule(k, replace(s, processes=others), p)
            _, after = rule(k, s, p)
            return both(guard, alone.level == level), after

        return broken

    return change


def _copy_in_place(rule: Rule) -> Rule:
    def broken(k: Kernel, s: World, p: int) -> tuple[Any, World]:
        guard, after = rule(k, s, p)
        return guard, with_process(after, p, frame=s.processes[p].frame)

    return broken


def _copy_nothing(rule: Rule) -> Rule:
    """The new frame is mapped, but nothing was copied into it."""

    def broken(k: Kernel, s: World, p: int) -> tuple[Any, World]:
        guard, after = rule(k, s, p)
        _, new = free_frame(s)
        blank = tuple(
            replace(q, data=tuple(both(d, no(new == f)) for f, d in enumerate(q.data))) for q in after.processes
        )
        return guard, replace(after, processes=blank)

    return broken


def _writable_afterwards(rule: Rule) -> Rule:
    """The operation leaves an entry that mkdirty and mkwrite have made writable."""

    def broken(k: Kernel, s: World, p: int) -> tuple[Any, World]:
        guard, after = rule(k, s, p)
        entry = k.arch.pte_mkwrite(k.arch.pte_mkdirty(k.arch.pte_mkyoung(after.processes[p].entry)))
        return guard, with_process(after, p, entry=entry)

    return broken


def _entry_untouched(rule: Rule) -> Rule:
    def broken(k: Kernel, s: World, p: int) -> tuple[Any, World]:
        guard, after = rule(k, s, p)
        return guard, with_process(after, p, entry=s.processes[p].entry)

    return broken


def _unmap_the_other(rule: Rule) -> Rule:
    """munmap that takes the page away from the frame's other user, whose frame then counts as free."""

    def broken(k: Kernel, s: World, p: int) -> tuple[Any, World]:
        guard, after = rule(k, s, p)
        other = s.processes[1 - p]
        lost = with_process(
            after, 1 - p, data=tuple(both(d, no(s.processes[p].frame == f)) for f, d in enumerate(other.data))
        )
        return guard, lost

    return broken


MUTANTS: list[tuple[str, str, Change, set[str]]] = [
    ("fork_pte leaves the parent writable", "fork_pte", _keep_entry(of_parent=True), {SHARED, ISOLATION}),
    ("fork_pte leaves the child writable", "fork_pte", _keep_entry(of_parent=False), {SHARED, ISOLATION}),
    ("fork_pte leaves the page exclusive", "fork_pte", _keep_exclusive, {SHARED, ISOLATION}),
    ("fork_pmd leaves the parent writable", "fork_pmd", _keep_entry(of_parent=True), {SHARED, ISOLATION}),
    ("fork_pmd leaves the child writable", "fork_pmd", _keep_entry(of_parent=False), {SHARED, ISOLATION}),
    ("fork_pmd leaves the page exclusive", "fork_pmd", _keep_exclusive, {SHARED, ISOLATION}),
    ("wp_page_reuse asks nobody", "wp_page_reuse", _any_write_fault(PTE), {SHARED, ISOLATION}),
    ("huge_pmd_reuse asks nobody", "huge_pmd_reuse", _any_write_fault(PMD), {SHARED, ISOLATION}),
    ("wp_page_copy keeps the old frame", "wp_page_copy", _copy_in_place, {SHARED, ISOLATION}),
    ("wp_page_copy copies nothing", "wp_page_copy", _copy_nothing, {ISOLATION}),
    ("split_huge_pmd leaves a writable entry", "split_huge_pmd", _writable_afterwards, {SHARED, ISOLATION, READ_ONLY}),
    ("load leaves a writable entry", "load", _writable_afterwards, {SHARED, ISOLATION, READ_ONLY}),
    ("age leaves a writable entry", "age", _writable_afterwards, {SHARED, ISOLATION, READ_ONLY}),
    ("mprotect_read leaves the entry", "mprotect_read", _entry_untouched, {READ_ONLY}),
    ("unmap takes the other's page", "unmap", _unmap_the_other, {ISOLATION}),
]


@pytest.mark.parametrize("config", GOOD)
@pytest.mark.parametrize(("operation", "change", "expected"), [m[1:] for m in MUTANTS], ids=[m[0] for m in MUTANTS])
def test_a_kernel_broken_on_purpose_is_found_out(
    operation: str, change: Change, expected: set[str], config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    op = OPERATIONS[operation]
    monkeypatch.setitem(OPERATIONS, operation, replace(op, rule=change(op.rule)))
    assert violated(mm_system(architecture(config), "linux-6.12")) == expected


@pytest.mark.parametrize("name", ["fault_mkdirty_pte", "fault_mkdirty_pmd"])
def test_a_dirty_fault_that_grants_more_is_found_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Granting writing to whoever traps breaks everything, wherever a store can trap."""
    op = OPERATIONS[name]
    level = PTE if name.endswith("pte") else PMD

    def broken(k: Kernel, s: World, p: int) -> tuple[Any, World]:
        mine = s.processes[p]
        entry = k.arch.helper("pte", "mkwrite")(k.arch.pte_mkdirty(k.arch.pte_mkyoung(mine.entry)))
        return both(mine.level == level, no(k.arch.hardware.writable(mine.entry))), with_process(s, p, entry=entry)

    monkeypatch.setitem(OPERATIONS, name, replace(op, rule=broken))
    assert violated(mm_system(architecture("sparc64/linux-6.12"), "linux-6.12")) == {SHARED, ISOLATION, READ_ONLY}
    assert violated(mm_system(architecture("x86-64/linux-6.12"), "linux-6.12")) == {SHARED, ISOLATION, READ_ONLY}


def test_a_store_that_hides_what_it_did_hides_the_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other way round: if a store changed no content, the seed's bug would be no corruption."""

    def silent(k: Kernel, s: World, p: int) -> tuple[Any, World]:
        mine = s.processes[p]
        return both(mine.level != NONE, k.arch.hardware.writable(mine.entry)), with_process(
            s, p, entry=k.arch.hardware.store(mine.entry)
        )

    monkeypatch.setitem(OPERATIONS, "store", replace(OPERATIONS["store"], rule=silent))
    assert violated(mm_system(architecture("loongarch/original"), "carry-dirty")) == {SHARED, READ_ONLY}


def _split_without(helper: str, split: str) -> kernels.Split:
    """The split in which one helper call is left out."""
    real = SPLITS[split]

    def build(k: Kernel, entry: Any, huge: kernels.HugeEntry) -> Any:
        arch = k.arch.with_helpers(k.arch.variant, "", "", **{f"pte_{helper}": lambda e: e})
        return real.build(replace(k, arch=arch), entry, huge)

    return replace(real, build=build)


@pytest.mark.parametrize(
    ("split", "helper", "expected"),
    [
        ("reorder", "wrprotect", {SHARED, ISOLATION}),
        ("carry-dirty", "wrprotect", {SHARED, ISOLATION}),
        ("linux-6.12", "wrprotect", set()),
        ("linux-6.12", "mkwrite", set()),
    ],
)
def test_a_split_that_forgets_a_call_is_found_out(
    split: str, helper: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where the call is made at all; leaving out mkwrite costs a fault and breaks nothing."""
    for config in GOOD:
        monkeypatch.setitem(SPLITS, split, _split_without(helper, split))
        assert violated(mm_system(architecture(config), split)) == expected
        monkeypatch.undo()
