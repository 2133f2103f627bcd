"""What must hold of entries as codes: frame numbers and swap entries come back as they went in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checker.logic import both, either, implies, no, same
from checker.system import Invariant, excepted
from models.encoding_world import Code, decoded, has_swap, marks
from models.helper_world import Level, protections

DEBUG = "mm/debug_vm_pgtable.c"


def invariants(level: Level) -> tuple[Invariant, ...]:
    """Every requirement on the codes of one level."""
    every = (*_frames(level), *(_swap(level) if has_swap(level) else ()))
    return excepted(every, level.hardware.exceptions)


def _frames(level: Level) -> Iterator[Invariant]:
    words = [protection.word for protection in protections(level.arch)]
    make = f"pfn_{level.name}"
    if not level.has("pfn") or make not in level.arch.helpers:
        return

    def mapped(frame: Any, word: int) -> Any:
        entry = level.arch.helpers[make](frame, word)
        return entry if level.name == "pte" else level.call("mkhuge", entry)

    yield Invariant(
        "frame-survives",
        f"{level.name}_pfn() gives the frame number that {make}() was given, with every protection",
        lambda s: both(*(same(level.call("pfn", mapped(s.frame, word)), s.frame) for word in words)),
        source=f"{DEBUG} {level.name}_pfn_tests() has one frame number, here are all",
        consequence="another page is mapped",
    )


def _swap(level: Level) -> Iterator[Invariant]:
    call = level.call
    known = marks(level)

    def used(s: Code) -> Any:
        """Slot 0 of swap file 0 is its header: no entry is ever made for it."""
        return either(s.type != 0, s.offset != 0)

    def survives(s: Code) -> Any:
        kind, offset = decoded(level, s.entry)
        return both(same(kind, s.type), same(offset, s.offset))

    def told(s: Code) -> Any:
        return both(*(same(call(f"swp_{mark}", s.entry), getattr(s, mark)) for mark in known))

    def clears(s: Code) -> Any:
        rest = {mark: [other for other in known if other != mark] for mark in known}
        cleared = {mark: call(f"swp_clear_{mark}", s.entry) for mark in known}
        return both(
            *(no(call(f"swp_{mark}", cleared[mark])) for mark in known),
            *(same(call(f"swp_{o}", cleared[mark]), getattr(s, o)) for mark in known for o in rest[mark]),
        )

    def no_mapping(s: Code) -> Any:
        absent = [no(call("none", s.entry))] if level.has("none") else []
        return implies(used(s), both(no(call("present", s.entry)), *absent))

    yield Invariant(
        "swap-entry-survives",
        "the swap type and the offset come back as they went in, whatever marks are put on the entry",
        survives,
        source=f"{DEBUG} pte_swap_tests(), pte_swap_exclusive_tests(); include/linux/swapops.h pte_to_swp_entry()",
        consequence="another process's page is swapped in",
    )
    yield Invariant(
        "swap-entry-is-no-mapping",
        "a swap entry, marked or not, is neither present nor none",
        lambda s: implies(
            used(s), both(no(call("present", s.entry)), *([no(call("none", s.entry))] if level.has("none") else []))
        ),
        source="include/linux/swapops.h is_swap_pte()",
        consequence="the entry is taken for a page, or the slot is lost",
        premise=used,
    )
    yield Invariant(
        "swap-entry-is-unreachable",
        "neither the hardware nor a low-level handler lets an access through a swap entry",
        lambda s: implies(used(s), _unreachable(level, s.entry)),
        source="mm/memory.c do_swap_page(): an access must fault",
        consequence="a user reads or writes a page that the offset happens to name",
        premise=used,
    )
    if known:
        yield Invariant(
            "swap-marks-are-told",
            f"a swap entry has exactly the marks that were put on it ({', '.join(known)})",
            told,
            source=f"{DEBUG} pte_swap_exclusive_tests(), pte_swap_soft_dirty_tests()",
            consequence="a shared page is taken for exclusive, or a mark of userfaultfd or soft-dirty is lost",
        )
        yield Invariant(
            "swap-marks-are-cleared",
            "clearing one mark of a swap entry takes it off and leaves the others",
            clears,
            source="include/linux/swapops.h pte_swp_clear_flags()",
            consequence="a mark of a swap entry cannot be taken off",
        )


def _unreachable(level: Level, entry: Any) -> Any:
    hardware = level.hardware
    return no(either(hardware.readable(entry), hardware.writable(entry), level.executable(entry)))
