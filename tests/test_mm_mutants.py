"""Sensitivity: for every operation of the mm world, a kernel broken in it on purpose is found out by some invariant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest

from checker.logic import both, no, same, word_like
from checker.search import search
from checker.system import TransitionSystem
from models.mm import operations as _declared  # noqa: F401 - declares the operations
from models.mm.catalogue import OPERATIONS, MmOperation
from models.mm.kernel import REPAIRS, Kernel
from models.mm.orders import SPLITS, HugeEntry, Split
from models.mm.state import (
    ABSENT,
    ALL_ZERO,
    FILE,
    NONE,
    PIN_READ,
    PMD,
    PTE,
    SWAP,
    UNPINNED,
    Process,
    World,
    at,
    choose,
    mapped,
    maps_page,
    page_of,
    refers,
    refers_to,
    released,
    with_own_page,
    with_process,
    zero_page,
)
from models.registry import architecture
from models.worlds import mm_system

SHARED, ISOLATION, READ_ONLY = "shared-not-hw-writable", "cow-isolation", "read-only-vma-holds"
LOST, PINS, UFFD, SOFT = "dirty-never-lost", "pin-coherent", "uffd-wp-holds", "soft-dirty-holds"
ENCODING, EXCLUSIVE = "encoding-sane", "writable-means-exclusive"
X86, SPARC, LOONG = "x86-64/linux-6.12", "sparc64/linux-6.12", "loongarch/linux-6.12"
GOOD = (LOONG, SPARC, X86)

Change = Callable[[Kernel, World, World, int], World]
"""What a broken operation makes of a state: (kernel, state before, right state after, process) -> wrong state after."""

Guard = Callable[[Kernel, World, int], Any]


@dataclass(frozen=True)
class Mutant:
    """One operation broken on purpose.

    Attributes:
        operation: its name.
        says: the mistake.
        features: groups of operations besides the core, the fewest that show it.
        breaks: invariants that hold without the mistake and fail with it.
        change: the wrong outcome; None: the right one.
        guard: when it may happen; None: when it really may.
        config: the architecture.
        choices: further choices of the kernel.
    """

    operation: str
    says: str
    features: str
    breaks: tuple[str, ...]
    change: Change | None = None
    guard: Guard | None = None
    config: str = X86
    choices: dict[str, Any] = field(default_factory=dict)


def violated(system: TransitionSystem) -> set[str]:
    """What some reachable state violates."""
    reach = search(system.reduced)
    assert reach.complete
    return {system.invariants[k].name for k in reach.first_violation}


def system_for(config: str, features: str, choices: dict[str, Any]) -> TransitionSystem:
    """The small world of a mutant."""
    return mm_system(architecture(config), features=frozenset(("core", *features.split())), **choices)


@cache
def _violated_without(config: str, features: str, choices: tuple[tuple[str, Any], ...]) -> frozenset[str]:
    return frozenset(violated(system_for(config, features, dict(choices))))


def broken(op: MmOperation, mutant: Mutant) -> MmOperation:
    """The operation with the mutant's mistake."""

    def rule(k: Kernel, s: World, p: int) -> tuple[Any, World]:
        guard, after = op.rule(k, s, p)
        return (
            guard if mutant.guard is None else mutant.guard(k, s, p),
            after if mutant.change is None else mutant.change(k, s, after, p),
        )

    return replace(op, rule=rule)


# Wrong outcomes.


def entry_kept(k: Kernel, before: World, after: World, p: int) -> World:
    """The entry stays as it was."""
    return with_process(after, p, entry=before.processes[p].entry)


def made(*helpers: str) -> Change:
    """The entry goes through further helpers afterwards."""

    def change(k: Kernel, before: World, after: World, p: int) -> World:
        mine = after.processes[p]
        for helper in helpers:
            mine = replace(mine, entry=k.by_level(mine, helper))
        return with_process(after, p, entry=choose(mapped(mine), mine.entry, after.processes[p].entry))

    return change


writable = made("mkyoung", "mkdirty", "mkwrite")


def marked(**attributes: Any) -> Change:
    """The page of the process has these attributes afterwards."""
    return lambda k, before, after, p: with_own_page(after, p, **attributes)


def page_dirty_kept(k: Kernel, before: World, after: World, p: int) -> World:
    """PG_dirty stays as it was."""
    return with_own_page(after, p, dirty=page_of(before, p).dirty)


def held_kept(k: Kernel, before: World, after: World, p: int) -> World:
    """What the entry that is not present remembers stays as it was."""
    return with_process(after, p, held=before.processes[p].held)


def held(**attributes: Any) -> Change:
    """The entry that is not present remembers this afterwards."""
    return lambda k, before, after, p: with_process(after, p, held=replace(after.processes[p].held, **attributes))


def copied_nothing(k: Kernel, before: World, after: World, p: int) -> World:
    """The new page is mapped, but nothing was copied into it."""
    return with_process(after, p, right=replace(after.processes[p].right, memory=False))


def copied_in_place(k: Kernel, before: World, after: World, p: int) -> World:
    """The entry is built for the new page and put down for the old one."""
    return with_process(before, p, entry=after.processes[p].entry)


def nothing_written_back(k: Kernel, before: World, after: World, p: int) -> World:
    """The page counts as clean, but its slot holds what it held."""
    return with_process(after, p, right=replace(after.processes[p].right, slot=before.processes[p].right.slot))


def page_lost(k: Kernel, before: World, after: World, p: int) -> World:
    """Whoever else has the page finds something else in it."""
    mine = before.processes[p]

    def spoilt(n: int, q: Process) -> Process:
        sharer = both(refers(before, mine), refers_to(before, before.processes[n], mine.page))
        return replace(q, right=replace(q.right, memory=both(q.right.memory, no(sharer))))

    processes = tuple(q if n == p else spoilt(n, q) for n, q in enumerate(after.processes))
    return replace(after, processes=processes)


def child(change: Change) -> Change:
    """The change is made to the process that is new."""

    def changed(k: Kernel, before: World, after: World, p: int) -> World:
        result = after
        for q in range(len(before.processes)):
            born = both(at(before.processes[q], ABSENT), no(at(after.processes[q], ABSENT)))
            result = choose(born, change(k, before, result, q), result)
        return result

    return changed


def on_the_zero_page(k: Kernel, before: World, after: World, p: int) -> World:
    """A writable mapping of the zero page."""
    mine = after.processes[p]
    entry = k.arch.pte_mkwrite(k.arch.pte_mkdirty(k.arch.mk_pte(k.arch.protections["PRIVATE"])))
    page = word_like(mine.page, zero_page(after))
    return with_process(after, p, level=word_like(mine.level, PTE), page=page, entry=word_like(mine.entry, entry))


def entry_left_behind(k: Kernel, before: World, after: World, p: int) -> World:
    """Zeroes are promised, and the entry stays."""
    return with_process(before, p, right=replace(before.processes[p].right, memory=False, zero=ALL_ZERO.zero))


def soft_dirty_only(k: Kernel, before: World, after: World, p: int) -> World:
    """Soft-dirty is cleared, and the next store does not fault."""
    mine = before.processes[p]
    return with_process(after, p, entry=choose(mapped(mine), k.by_level(mine, "clear_soft_dirty"), mine.entry))


def discarded(k: Kernel, before: World, after: World, p: int) -> World:
    """The page is thrown away."""
    return released(before, p, NONE)


def pinned(k: Kernel, before: World, after: World, p: int) -> World:
    """A pin is taken, not a reference."""
    pin = page_of(after, p).pin
    return with_own_page(after, p, pin=replace(pin, kind=word_like(pin.kind, PIN_READ)))


# Guards that forget a question.


def alone(operation: str) -> Guard:
    """The real guard, asked of a world in which nobody else exists."""
    rule = OPERATIONS[operation].rule

    def guard(k: Kernel, s: World, p: int) -> Any:
        away = tuple(q if n == p else replace(q, level=word_like(q.level, NONE)) for n, q in enumerate(s.processes))
        return rule(k, replace(s, processes=away), p)[0]

    return guard


def as_if(operation: str, **attributes: Any) -> Guard:
    """The real guard, asked of a world in which the page has other attributes."""
    rule = OPERATIONS[operation].rule
    return lambda k, s, p: rule(k, with_own_page(s, p, **attributes), p)[0]


def any_write_fault(level: int) -> Guard:
    """Every write fault in a writable mapping, whatever the entry says."""

    def guard(k: Kernel, s: World, p: int) -> Any:
        mine = s.processes[p]
        return both(at(mine, level), mine.vma.write, no(k.arch.hardware.writable(mine.entry)))

    return guard


def any_level(level: int) -> Guard:
    """Every entry of that level."""
    return lambda k, s, p: at(s.processes[p], level)


def any_present(k: Kernel, s: World, p: int) -> Any:
    """Every present entry."""
    return mapped(s.processes[p])


def any_page(k: Kernel, s: World, p: int) -> Any:
    """Every present entry of a page nobody holds a reference to."""
    return both(maps_page(s, s.processes[p]), same(page_of(s, p).pin.kind, UNPINNED))


def any_reference(k: Kernel, s: World, p: int) -> Any:
    """Through whatever reference the process holds."""
    mine, pin = s.processes[p], page_of(s, p).pin
    return both(refers(s, mine), no(same(pin.kind, UNPINNED)), same(pin.owner, p))


MUTANTS = (
    Mutant("wp_page_reuse", "asks nobody whether the page is its own", "", (SHARED, ISOLATION), guard=alone("wp_page_reuse")),
    Mutant("wp_page_copy", "keeps the old page", "", (SHARED, ISOLATION), copied_in_place),
    Mutant("wp_page_copy", "copies nothing", "", (ISOLATION,), copied_nothing),
    Mutant("fault_mkdirty_pte", "grants what is asked for", "", (SHARED, ISOLATION), writable, any_write_fault(PTE), SPARC),
    Mutant("huge_pmd_reuse", "asks nobody whether the page is its own", "", (SHARED, ISOLATION), guard=alone("huge_pmd_reuse")),
    Mutant("fault_mkdirty_pmd", "grants what is asked for", "", (SHARED, ISOLATION), writable, any_write_fault(PMD), SPARC),
    Mutant("fork_pte", "leaves the parent writable", "", (SHARED, ISOLATION), entry_kept),
    Mutant("fork_pte", "leaves the child writable", "", (SHARED, ISOLATION), child(writable)),
    Mutant("fork_pte", "leaves the page exclusive", "", (SHARED, ISOLATION), marked(exclusive=True)),
    Mutant("fork_pte_batch", "leaves the child writable", "", (SHARED, ISOLATION), child(writable)),
    Mutant("fork_pmd", "leaves the parent writable", "", (SHARED, ISOLATION), entry_kept),
    Mutant("fork_pmd", "leaves the child writable", "", (SHARED, ISOLATION), child(writable)),
    Mutant("fork_pmd", "leaves the page exclusive", "", (SHARED, ISOLATION), marked(exclusive=True)),
    Mutant("fork_nonpresent", "leaves the parent's migration entry writable", "migration", (SHARED, ISOLATION), held_kept),
    Mutant("exit", "frees a page that others still have", "", (ISOLATION,), page_lost),
    Mutant("store", "leaves the entry clean", "lazyfree", (LOST, ISOLATION), entry_kept),
    Mutant("load", "makes the entry writable", "", (SHARED, ISOLATION, READ_ONLY), writable),
    Mutant("age", "makes the entry writable", "", (SHARED, ISOLATION, READ_ONLY), writable),
    Mutant("age", "drops the dirty bit", "lazyfree", (LOST, ISOLATION), made("mkclean")),
    Mutant("split_huge_pmd", "makes the small entries writable", "", (SHARED, ISOLATION, READ_ONLY), writable),
    Mutant(
        "split_huge_pmd", "forgets PG_dirty", "lazyfree", (LOST, ISOLATION), page_dirty_kept,
        choices={"generation": "linux-6.1"},
    ),
    Mutant("mprotect_read", "leaves the entry", "", (READ_ONLY,), entry_kept),
    # First touch, zap.
    Mutant("fork_empty", "maps the zero page writable for the child", "touch", (SHARED,), child(on_the_zero_page)),
    Mutant("first_touch_read", "maps the zero page writable", "touch", (SHARED,), writable),
    Mutant("first_touch_write", "forgets PageAnonExclusive", "touch", (EXCLUSIVE,), marked(exclusive=False)),
    Mutant("first_touch_huge_read", "maps the zero page writable", "touch", (SHARED,), writable),
    Mutant("first_touch_huge_write", "forgets PageAnonExclusive", "touch", (EXCLUSIVE,), marked(exclusive=False)),
    Mutant("zap", "leaves the entry", "touch", (ISOLATION,), entry_left_behind),
    # mprotect, mremap, NUMA hinting.
    Mutant("mprotect_write", "upgrades without asking whose page it is", "protect", (SHARED, ISOLATION), made("mkwrite")),
    Mutant("mremap", "drops the dirty bit", "protect lazyfree", (LOST, ISOLATION), made("mkclean")),
    Mutant("numa_protect", "makes the entry writable", "numa", (READ_ONLY,), made("mkwrite")),
    Mutant("numa_fault", "makes the entry writable", "numa", (SHARED, READ_ONLY), made("mkwrite")),
    Mutant("numa_fault_read_only", "makes the entry writable", "numa", (SHARED, READ_ONLY), made("mkwrite")),
    Mutant("collapse_huge_page", "copies nothing", "collapse", (ISOLATION,), copied_nothing),
    # Migration.
    Mutant("split_migration_pmd", "makes the small entries writable", "migration", (SHARED, ISOLATION), held(writable=True)),
    Mutant("split_huge_pmd_freeze", "leaves the page exclusive", "migration", (SHARED, ISOLATION), marked(exclusive=True)),
    Mutant("try_to_migrate_pte", "leaves the page exclusive", "migration", (SHARED, ISOLATION), marked(exclusive=True)),
    Mutant("remove_migration_pte", "makes the entry writable", "migration", (SHARED, READ_ONLY), writable),
    Mutant("try_to_migrate_pmd", "leaves the page exclusive", "migration", (SHARED, ISOLATION), marked(exclusive=True)),
    Mutant("remove_migration_pmd", "makes the entry writable", "migration", (SHARED, READ_ONLY), writable),
    # Swap.
    Mutant("add_to_swap", "forgets PG_dirty", "swap pin", (LOST, ISOLATION), page_dirty_kept),
    Mutant("try_to_unmap", "forgets the entry's dirty bit", "swap", (LOST, ISOLATION), page_dirty_kept),
    Mutant("pageout", "writes nothing", "swap", (LOST, ISOLATION), nothing_written_back),
    Mutant("free_swap_cache_page", "frees a dirty page", "swap", (ISOLATION,), guard=as_if("free_swap_cache_page", dirty=False)),
    Mutant("free_swap", "gives up the frame as well", "swap", (ENCODING,), marked(memory=False)),
    Mutant("swap_in_read", "calls the page exclusive", "swap", (SHARED, ISOLATION, EXCLUSIVE), marked(exclusive=True)),
    Mutant("swap_in_write", "makes the entry writable", "swap", (SHARED, ISOLATION), writable),
    Mutant("swap_in_read_freeing", "calls the page exclusive", "swap", (SHARED, ISOLATION), marked(exclusive=True)),
    Mutant("swap_in_write_freeing", "makes the entry writable", "swap", (SHARED, ISOLATION), writable),
    Mutant("swap_in_read_fresh", "ignores other swap entries", "swap", (SHARED, ISOLATION), guard=alone("swap_in_read_fresh")),
    Mutant("swap_in_write_fresh", "ignores other swap entries", "swap", (SHARED, ISOLATION), guard=alone("swap_in_write_fresh")),
    Mutant("unuse_pte", "makes the entry writable", "swap", (SHARED, READ_ONLY), writable),
    # MADV_FREE.
    Mutant(
        "madv_free_pte", "frees what others have, too", "lazyfree", (LOST, ISOLATION), guard=alone("madv_free_pte"),
        choices={"generation": "linux-6.1"},
    ),
    Mutant(
        "madv_free_pmd", "frees what others have, too", "lazyfree", (LOST, ISOLATION), guard=alone("madv_free_pmd"),
        choices={"generation": "linux-6.1"},
    ),
    Mutant("lazyfree_discard", "discards a dirty page", "lazyfree", (ISOLATION,), guard=as_if("lazyfree_keep", dirty=True)),
    Mutant("lazyfree_keep", "discards the page", "lazyfree", (ISOLATION,), discarded),
    # Shared file mapping.
    Mutant("file_read_fault", "makes the entry writable", "file", (READ_ONLY,), writable),
    Mutant("file_write_fault", "does not ask whether the mapping is writable", "file", (READ_ONLY,), writable, any_level(FILE)),
    Mutant("wp_page_shared", "does not ask whether the mapping is writable", "file", (READ_ONLY,), writable, any_level(PTE)),
    Mutant("writeback", "writes nothing", "file", (LOST, ISOLATION), nothing_written_back),
    Mutant("unmap_file", "forgets that the page is dirty", "file", (LOST, ISOLATION), marked(dirty=False)),
    Mutant("free_file_page", "frees a dirty page", "file", (ISOLATION,), guard=as_if("free_file_page", dirty=False)),
    # userfaultfd.
    Mutant("uffdio_zeropage", "maps the zero page writable", "touch userfaultfd", (SHARED,), writable),
    Mutant("uffdio_copy", "forgets PageAnonExclusive", "touch userfaultfd", (EXCLUSIVE,), marked(exclusive=False)),
    Mutant(
        "uffdio_move_pmd", "moves a page that is not exclusive", "userfaultfd", (SHARED, ISOLATION),
        guard=as_if("uffdio_move_pmd", exclusive=True),
    ),
    Mutant(
        "uffdio_move", "moves a page that is not exclusive", "userfaultfd", (SHARED, ISOLATION),
        guard=as_if("uffdio_move", exclusive=True),
    ),
    Mutant("fork_pte_uffd", "drops the child's mark", "userfaultfd-wp swap", (UFFD,), child(made("clear_uffd_wp"))),
    Mutant("fork_pmd_uffd", "drops the child's mark", "userfaultfd-wp swap", (UFFD,), child(made("clear_uffd_wp"))),
    Mutant("fork_nonpresent_uffd", "drops the child's mark", "userfaultfd-wp swap", (UFFD,), child(held(uffd_wp=False))),
    Mutant("fork_empty_uffd", "drops the child's mark", "touch userfaultfd-wp swap", (UFFD,), child(held(uffd_wp=False))),
    Mutant("uffdio_copy_wp", "makes the entry writable", "touch userfaultfd-wp swap", (UFFD,), made("mkwrite")),
    Mutant("uffd_write_protect", "leaves the entry writable", "userfaultfd-wp swap", (UFFD,), made("mkwrite")),
    Mutant("uffd_resolve", "makes the entry writable", "userfaultfd-wp swap", (SHARED, ISOLATION), made("mkwrite")),
    Mutant("uffd_async_resolve", "makes the entry writable", "userfaultfd-wp swap", (SHARED, ISOLATION), made("mkwrite")),
    Mutant("pagemap_scan_wp", "leaves the entry writable", "userfaultfd-wp swap", (UFFD,), made("mkwrite")),
    # KSM.
    Mutant("ksm_share", "leaves the entry writable", "ksm", (SHARED, EXCLUSIVE), entry_kept),
    Mutant("ksm_merge", "makes the entry writable", "ksm", (SHARED,), writable),
    Mutant(
        "ksm_merge_freed", "makes the entry writable", "ksm lazyfree", (SHARED,), writable,
        choices={"repairs": frozenset(REPAIRS) - {"madv-free-ksm"}},
    ),
    Mutant("ksm_unmerge", "copies nothing", "ksm", (ISOLATION,), copied_nothing),
    Mutant("ksm_zero", "maps the zero page writable", "ksm", (SHARED,), writable),
    # Soft-dirty.
    Mutant("clear_soft_dirty", "leaves the entry writable", "soft-dirty", (SOFT,), soft_dirty_only),
    # Pins.
    Mutant("fork_pinned_pte", "copies nothing", "pin", (ISOLATION,), child(copied_nothing)),
    Mutant("fork_pinned_pte_uffd", "drops the child's mark", "pin userfaultfd-wp swap", (UFFD,), child(made("clear_uffd_wp"))),
    Mutant("unshare_reuse", "asks nobody whether the page is its own", "pin", (SHARED, ISOLATION), guard=alone("unshare_reuse")),
    Mutant("wp_page_unshare", "copies nothing", "pin", (ISOLATION,), copied_nothing),
    Mutant("pin_read", "pins a page that is not exclusive", "pin", (PINS,), guard=any_page),
    Mutant("pin_write", "pins a page that may not be written", "pin", (PINS,), guard=any_page),
    Mutant("get_page", "pins the page without asking whose it is", "pin", (PINS,), pinned),
    Mutant("dma_write", "writes through whatever reference there is", "pin", (ISOLATION,), guard=any_reference),
    Mutant("unpin", "forgets PG_dirty", "pin lazyfree", (LOST,), page_dirty_kept),
    Mutant("force_write", "writes to a page that is not exclusive", "force", (ISOLATION,), guard=any_page),
    # Switches.
    Mutant("try_to_unmap_deferred", "forgets the entry's dirty bit", "swap stale-tlb", (LOST,), page_dirty_kept),
    Mutant("stale_store", "goes through an entry that was flushed", "swap stale-tlb", (ISOLATION,), guard=any_level(SWAP)),
    Mutant("fork_pte_race", "leaves the parent writable", "race", (SHARED, ISOLATION), entry_kept, config=LOONG),
    Mutant("fork_pmd_race", "leaves the parent writable", "race", (SHARED, ISOLATION), entry_kept, config=LOONG),
    Mutant("load_race", "lets every store through", "race", (SHARED, ISOLATION), writable, any_present, LOONG),
    Mutant("age_race", "lets every store through", "race", (SHARED, ISOLATION), writable, any_present, LOONG),
)  # fmt: skip
"""At least one mistake for each operation."""

_CORE = [m for m in MUTANTS if not m.features and m.config == X86]


def _param(mutant: Mutant) -> Any:
    """A mutant as a test; those that need further groups of operations take longer."""
    marks = [pytest.mark.slow] if mutant.features else []
    return pytest.param(mutant, id=f"{mutant.operation} {mutant.says}", marks=marks)


@pytest.mark.parametrize("mutant", [_param(mutant) for mutant in MUTANTS])
def test_a_kernel_broken_on_purpose_is_found_out(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    without = _violated_without(mutant.config, mutant.features, tuple(mutant.choices.items()))
    monkeypatch.setitem(OPERATIONS, mutant.operation, broken(OPERATIONS[mutant.operation], mutant))
    system = system_for(mutant.config, mutant.features, mutant.choices)
    assert mutant.operation in {op.name.partition("(")[0] for op in system.operations}
    assert set(mutant.breaks) <= violated(system) - without


def test_every_operation_has_been_broken() -> None:
    assert {mutant.operation for mutant in MUTANTS} == set(OPERATIONS)


@pytest.mark.parametrize("config", [LOONG, SPARC])
@pytest.mark.parametrize("mutant", _CORE, ids=[f"{m.operation} {m.says}" for m in _CORE])
def test_it_is_found_out_on_every_architecture(mutant: Mutant, config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    test_a_kernel_broken_on_purpose_is_found_out(replace(mutant, config=config), monkeypatch)


def test_a_store_that_hides_what_it_did_hides_the_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other way round: if a store changed no content, the seed's bug would be no corruption."""

    def silent(k: Kernel, s: World, p: int) -> tuple[Any, World]:
        mine = s.processes[p]
        return both(mapped(mine), k.arch.hardware.writable(mine.entry)), with_process(
            s, p, entry=k.arch.hardware.store(mine.entry)
        )

    monkeypatch.setitem(OPERATIONS, "store", replace(OPERATIONS["store"], rule=silent))
    assert violated(mm_system(architecture("loongarch/original"), "carry-dirty")) == {SHARED, READ_ONLY}


def _split_without(helper: str, split: str) -> Split:
    """The split in which one helper call is left out."""
    real = SPLITS[split]

    def build(k: Kernel, entry: Any, huge: HugeEntry) -> Any:
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
