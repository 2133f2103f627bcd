"""What must hold of one entry in the PTE world, whoever calls the helpers and in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checker.logic import both, implies, no, same
from checker.system import Invariant, excepted
from models.pte import Architecture
from models.pte_world import PteState, apply, at_level, hardware_writable, levels, machine_says, visible


def _read_only_again(arch: Architecture, s: PteState) -> tuple[Any, ...]:
    """The entry made dirty, writable and write-protected again, and the same with one more mark on it."""
    entry = at_level(arch, s, "wrprotect", at_level(arch, s, "mkwrite", apply(arch, s, "mkdirty")))
    return (entry, *(at_level(arch, s, helper, entry) for helper in ("mkdirty", "mkyoung", "mkold")))


def _dirty_read_only(arch: Architecture, s: PteState) -> Any:
    return both(
        *(
            both(
                at_level(arch, s, "dirty", e),
                no(at_level(arch, s, "write", e)),
                no(machine_says(arch, s, "writable", e)),
            )
            for e in _read_only_again(arch, s)
        )
    )


def _both_orders(arch: Architecture, s: PteState) -> tuple[Any, Any]:
    return (
        at_level(arch, s, "mkwrite", apply(arch, s, "mkdirty")),
        at_level(arch, s, "mkdirty", apply(arch, s, "mkwrite")),
    )


def _ready_to_store(arch: Architecture, s: PteState) -> tuple[Any, Any]:
    """The entry made young, dirty and writable by generic mm, in both orders of mkdirty and mkwrite."""
    young = apply(arch, s, "mkyoung")
    return (
        at_level(arch, s, "mkwrite", at_level(arch, s, "mkdirty", young)),
        at_level(arch, s, "mkdirty", at_level(arch, s, "mkwrite", young)),
    )


def invariants(arch: Architecture) -> tuple[Invariant, ...]:
    """The contract of an architecture's helpers, most grievous first."""
    return excepted((*_about_the_entry(arch), *_about_the_helpers(arch)), arch.hardware.exceptions)


def _about_the_entry(arch: Architecture) -> tuple[Invariant, ...]:
    """What must be true of the installed entry, given what generic mm knows."""
    return (
        Invariant(
            "cow-shared-not-hw-writable",
            "no hardware-writable entry while its page is shared copy-on-write",
            lambda s: implies(s.cow_shared, no(hardware_writable(arch, s))),
            source="the seed's patch description; mm/memory.c copy_present_pte()",
            consequence="two processes write to one page: silent corruption",
            premise=lambda s: both(visible(s), s.cow_shared),
        ),
        Invariant(
            "write-protect-holds",
            "after write-protection and without a later mkwrite the entry is not hardware-writable",
            lambda s: implies(no(s.write_allowed), no(hardware_writable(arch, s))),
            source="Hev in the seed: pte_wrprotect forces an exception; mm/debug_vm_pgtable.c pte_basic_tests()",
            consequence="mprotect, userfaultfd write-protection or copy-on-write is bypassed",
            premise=lambda s: both(visible(s), no(s.write_allowed)),
        ),
        Invariant(
            "dirty-never-lost",
            "data newer than the backing copy is always visible to pte_dirty(), whoever recorded it",
            lambda s: implies(s.unsaved, apply(arch, s, "dirty")),
            source="mm/rmap.c try_to_unmap_one(): the entry's dirtiness reaches the folio only through pte_dirty()",
            consequence="reclaim drops the page and the data is gone",
            premise=lambda s: s.unsaved,
        ),
        Invariant(
            "hw-write-implies-write",
            "a hardware-writable entry is writable for software too: pte_write() says so",
            lambda s: implies(hardware_writable(arch, s), apply(arch, s, "write")),
            source="Hev in the seed: hardware-writable if and only if the entry is writable (_PAGE_WRITE)",
            consequence="generic mm decides on pte_write() and does not know that the page can change",
            premise=lambda s: hardware_writable(arch, s),
        ),
    )


def _invalid_pmd(arch: Architecture) -> Iterator[Invariant]:
    yield Invariant(
        "invalid-pmd-unreachable",
        "pmd_mkinvalid() leaves an entry the hardware cannot write through",
        lambda s: implies(s.huge, no(arch.hardware_at("pmd").writable(arch.pmd_mkinvalid(s.entry)))),
        source="mm/huge_memory.c __split_huge_pmd_locked(): nothing may use the huge mapping while it is split",
        consequence="a store slips in while the huge page is being split",
        premise=lambda s: s.huge,
        looks_at=lambda s: (arch.pmd_mkinvalid(s.entry),),
    )


def _about_the_helpers(arch: Architecture) -> tuple[Invariant, ...]:
    """What a helper must make of any entry that can occur."""
    return (
        Invariant(
            "mkdirty-mkwrite-commute",
            "mkdirty and mkwrite give the same entry in either order",
            lambda s: same(*_both_orders(arch, s)),
            source="Peter Xu in the seed: pte_mkdirty(pte_mkwrite(pte)) against pte_mkwrite(pte_mkdirty(pte))",
            consequence="the outcome depends on an order generic mm does not promise",
            looks_at=lambda s: _both_orders(arch, s),
        ),
        Invariant(
            "dirty-read-only-entry",
            "pte_wrprotect(pte_mkwrite(pte_mkdirty(pte))) is dirty and not writable, and stays so",
            lambda s: _dirty_read_only(arch, s),
            source="Peter Xu in the seed: UFFDIO_COPY with UFFDIO_COPY_MODE_WP installs exactly this entry",
            consequence="userfaultfd write-protection cannot be expressed, or is lost",
            looks_at=lambda s: _read_only_again(arch, s),
        ),
        *(_invalid_pmd(arch) if "pmd" in levels(arch) and "pmd_mkinvalid" in arch.helpers else ()),
        Invariant(
            "no-second-trap",
            "a store to a page that generic mm has made dirty and writable does not trap once more",
            lambda s: both(
                *(
                    implies(machine_says(arch, s, "writable", e), no(machine_says(arch, s, "traps", e)))
                    for e in _ready_to_store(arch, s)
                )
            ),
            source="Peter Xu in the seed: does the _PAGE_DIRTY optimisation in mkdirty bring a real benefit",
            consequence="one more exception for each such page; a cost, nothing breaks",
            premise=lambda s: machine_says(arch, s, "writable", _ready_to_store(arch, s)[0]),
            cost=True,
            looks_at=lambda s: _ready_to_store(arch, s),
        ),
    )
