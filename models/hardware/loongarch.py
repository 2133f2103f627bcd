"""What LoongArch does with entries: TLB handlers in software, or the hardware's walker that replaces them.

LoongArch Reference Manual, vol. 1, section 5.4 (TLB entry: V, D, PLV, NR, NX). Handlers: arch/loongarch/mm/tlbex.S,
handle_tlb_load, handle_tlb_store, handle_tlb_modify; a huge entry is told from a table by ``_PAGE_HUGE``. With the
walker they are handle_tlb_load_ptw and its like, which call do_page_fault(): arch/loongarch/mm/tlb.c,
setup_tlb_handler(). The walker: kernel commit 01158487af60 ("LoongArch: Introduce hardware page table walker"), which
says that it serves the fast paths and does not set ``_PAGE_MODIFIED``.

Two readings of what the walker's TLB checks on a store are possible: valid and dirty as without it, or present and
write (QEMU's target/loongarch since October 2025, "Add present and write bit with pte entry", by Loongson). A store goes
through here if either reading lets it, so that a proof holds under both; see docs/model.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checker.logic import both, either, ite
from checker.records import replace
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _unchanged(entry: Any) -> Any:
    return entry


def _on_pages(constants: Constants, page: int, walker: bool) -> Hardware:
    """Entries that map a page where they have all bits of ``page``."""
    valid, dirty, present, write, modified = (
        constants[f"_PAGE_{name}"] for name in ("VALID", "DIRTY", "PRESENT", "WRITE", "MODIFIED")
    )
    user = constants["_PAGE_PLV"] | page

    def accessible(entry: Any, refused: int) -> Any:
        """A valid entry, or one the load handler makes valid because it is present; never with the bit that forbids it."""
        return both((entry & (valid | present)) != 0, (entry & user) == user, (entry & refused) == 0)

    def readable(entry: Any) -> Any:
        return accessible(entry, constants["_PAGE_NO_READ"])

    def tlb_lets_store(entry: Any) -> Any:
        return (entry & (valid | dirty | user)) == (valid | dirty | user)

    def fast_handler(entry: Any) -> Any:
        """The modify handler (a valid TLB entry) tests WRITE only, the store handler (no valid entry) PRESENT as well."""
        return both((entry & (write | user)) == (write | user), either((entry & valid) != 0, (entry & present) != 0))

    def walker_records(entry: Any) -> Any:
        return (entry & (present | write | user)) == (present | write | user)

    software = Hardware(
        readable=readable,
        silent=tlb_lets_store,
        recording=_never,
        records=_unchanged,
        handler=fast_handler,
        handled=lambda entry: entry | (valid | dirty | modified),
        executable=lambda entry: accessible(entry, constants["_PAGE_NO_EXEC"]),
        loaded=lambda entry: ite((entry & (present | user)) == (present | user), entry | valid, entry),
        source="arch/loongarch/mm/tlbex.S: handle_tlb_store, handle_tlb_modify; LoongArch manual vol. 1, 5.4, TLB entry V, D, "
        "PLV",
        serves_writable=True,
        young_gates=True,
    )
    if not walker:
        return software
    return replace(
        software,
        recording=walker_records,
        records=lambda entry: entry | (valid | dirty),
        handler=_never,
        handled=_unchanged,
        source="kernel commit 01158487af60; tlbex.S handle_tlb_store_ptw, handle_tlb_modify_ptw; QEMU target/loongarch",
    )


def describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    """The behaviour at each level; ``ptw`` is a CPU with the walker."""
    walker = "ptw" in features
    return {
        "pte": _on_pages(constants, 0, walker),
        "pmd": _on_pages(constants, constants["_PAGE_HUGE"], walker),
    }


_BITS = (
    NamedBit("_PAGE_VALID", "V", "valid for the TLB; doubles as accessed"),
    NamedBit("_PAGE_DIRTY", "D", "the hardware may write"),
    NamedBit("_PAGE_HUGE", "H", "huge page (PMD)"),
    NamedBit("_PAGE_PRESENT", "P", "the page is there"),
    NamedBit("_PAGE_WRITE", "W", "software allows writing"),
    NamedBit("_PAGE_MODIFIED", "M", "data that must not be lost"),
    NamedBit("_PAGE_PROTNONE", "N", "PROT_NONE"),
    NamedBit("_PAGE_SPECIAL", "S", "no struct page"),
    NamedBit("_PAGE_DEVMAP", "d", "device mapping (6.12)"),
    NamedBit("_PAGE_PRESENT_INVALID", "I", "invalidated huge page that still counts as present"),
    NamedBit("_PAGE_NO_READ", "r", "no loads"),
    NamedBit("_PAGE_NO_EXEC", "x", "no instructions can be fetched"),
    NamedBit("_PAGE_SWP_EXCLUSIVE", "E", "exclusive, in a swap entry (6.12)"),
)

MACHINES = (
    Machine(
        "loongarch",
        _BITS,
        describe,
        fixed={
            "_PAGE_VALID": 0x1,
            "_PAGE_DIRTY": 0x2,
            "_PAGE_PLV": 0xC,
            "_PAGE_HUGE": 0x40,
            "_PAGE_NO_READ": 1 << 61,
            "_PAGE_NO_EXEC": 1 << 62,
        },
    ),
)
