"""What generic mm relies on in helpers that work on an entry in the page table, such as ``ptep_set_wrprotect()``.

Each is compared with the helper on a copy that it stands for, as far as anybody can tell the outcomes apart. That they
read and write in one step is asked where a CPU or a low-level handler records something in entries meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from checker.logic import both, either, implies, no, same
from checker.system import Invariant
from models.helper_world import EntryState, Level, clean_writable

DEBUG = "mm/debug_vm_pgtable.c"

CLEAR_YOUNG_AND_DIRTY = 3
"""CYDP_CLEAR_YOUNG and CYDP_CLEAR_DIRTY of include/linux/mm.h."""


def invariants(level: Level) -> Iterator[Invariant]:
    """Every requirement on the helpers of one level that work in place."""
    yield from _wrprotect(level)
    yield from _young(level)
    yield from _emptied(level)
    yield from _access_flags(level)
    yield from _changed_in_place(level)
    yield from _atomic(level)


def _told(level: Level, entry: Any) -> list[Any]:
    """Everything that generic mm and the hardware are told by an entry."""
    hardware = level.hardware
    asked = [name for name in ("present", "write", "dirty", "young") if level.has(name)]
    asked += [name for name in ("soft_dirty", "uffd_wp", "special", "devmap", "protnone") if level.real(name)]
    asked += ["pfn"] if level.has("pfn") else []
    facts = [level.call(name, entry) for name in asked]
    return [*facts, hardware.readable(entry), hardware.writable(entry), level.executable(entry)]


def _alike(level: Level, left: Any, right: Any) -> Any:
    return both(*(same(a, b) for a, b in zip(_told(level, left), _told(level, right), strict=True)))


def _wrprotect(level: Level) -> Iterator[Invariant]:
    helper = level.in_place("set_wrprotect")
    if helper is None:
        return
    yield Invariant(
        "set-wrprotect-is-wrprotect",
        f"{helper.name}() leaves what {level.name}_wrprotect() makes of the entry",
        lambda s: _alike(level, helper.after(s.entry), level.call("wrprotect", s.entry)),
        source=f"{DEBUG} pte_advanced_tests(); mm/memory.c copy_present_pte() calls both, one on each side of a fork",
        consequence="the parent's entry is not what generic mm takes it for",
        looks_at=lambda s: (helper.after(s.entry), level.call("wrprotect", s.entry)),
    )


def _young(level: Level) -> Iterator[Invariant]:
    helper = level.in_place("test_and_clear_young")
    if helper is not None:
        yield Invariant(
            "clear-young-is-mkold",
            f"{helper.name}() says whether the entry was young and leaves what {level.name}_mkold() makes of it",
            lambda s: both(
                same(helper(s.entry), level.call("young", s.entry)),
                either(
                    _alike(level, helper.after(s.entry), level.call("mkold", s.entry)),
                    both(no(level.call("young", s.entry)), same(helper.after(s.entry), s.entry)),
                ),
            ),
            source=f"{DEBUG} pte_advanced_tests(); mm/vmscan.c folio_check_references()",
            consequence="reclaim takes pages in use for unused, or loses what else the entry said",
            looks_at=lambda s: (helper.after(s.entry), level.call("mkold", s.entry)),
        )
    clear = level.in_place("clear_young_dirty_ptes")
    if clear is not None:
        yield Invariant(
            "madvise-free-makes-old-and-clean",
            f"{clear.name}() leaves what mkold and mkclean make of the entry",
            lambda s: _alike(
                level,
                clear.after(s.entry, CLEAR_YOUNG_AND_DIRTY),
                level.call("mkclean", level.call("mkold", s.entry)),
            ),
            source="include/linux/pgtable.h clear_young_dirty_ptes(); mm/madvise.c madvise_free_pte_range()",
            consequence="MADV_FREE gives up what it should not, or nothing",
            looks_at=lambda s: (clear.after(s.entry, CLEAR_YOUNG_AND_DIRTY),),
        )


def _emptied(level: Level) -> Iterator[Invariant]:
    helper = level.in_place("get_and_clear")
    if helper is None or not level.has("none"):
        return
    yield Invariant(
        "get-and-clear-empties",
        f"{helper.name}() gives the entry and leaves none that the hardware can use",
        lambda s: both(
            same(helper(s.entry), s.entry),
            level.call("none", helper.after(s.entry)),
            _unreachable(level, helper.after(s.entry)),
        ),
        source=f"{DEBUG} pte_advanced_tests()",
        consequence="the page stays mapped after it was given away",
        looks_at=lambda s: (helper.after(s.entry),),
    )


def _access_flags(level: Level) -> Iterator[Invariant]:
    helper = level.in_place("set_access_flags")
    if helper is None:
        return
    call = level.call

    def read(s: EntryState) -> Any:
        return helper.after(s.entry, call("mkyoung", s.entry), 0)

    def written(s: EntryState) -> Any:
        return helper.after(s.entry, call("mkwrite", call("mkdirty", call("mkyoung", s.entry))), 1)

    def holds(s: EntryState) -> Any:
        after = written(s)
        return both(
            implies(s.must_read, level.hardware.readable(read(s))),
            implies(call("dirty", s.entry), call("dirty", read(s))),
            implies(s.vm_write, both(call("write", after), call("dirty", after), level.hardware.writable(after))),
        )

    yield Invariant(
        "access-flags-are-set",
        f"after {helper.name}() a permitted access goes through; for a store the entry is writable and dirty",
        holds,
        source=f"{DEBUG} pte_advanced_tests(); mm/memory.c handle_pte_fault(), wp_page_reuse()",
        consequence="the access faults for ever, or what was recorded is lost",
        looks_at=lambda s: (read(s), written(s)),
    )


def _changed_in_place(level: Level) -> Iterator[Invariant]:
    """Helpers that take the entry away from the hardware while generic mm changes it."""
    for short, name, where in (
        ("modify_prot_start", "protection-change-starts", "mm/mprotect.c change_pte_range()"),
        ("invalidate", "invalidate-keeps-everybody-out", "mm/huge_memory.c __split_huge_pmd_locked(), change_huge_pmd()"),
    ):  # fmt: skip
        helper = level.in_place(short)
        if helper is None:
            continue
        yield Invariant(
            name,
            f"{helper.name}() gives what the entry was, and leaves one that the hardware cannot use",
            partial(_taken_away, level, helper),
            source=f"{where}; include/linux/pgtable.h",
            consequence="a store slips in while the entry is being changed, and is forgotten",
            looks_at=partial(_left, helper),
        )


def _taken_away(level: Level, helper: Any, s: EntryState) -> Any:
    return both(_alike(level, helper(s.entry), s.entry), _unreachable(level, helper.after(s.entry)))


def _left(helper: Any, s: EntryState) -> tuple[Any, ...]:
    return (helper.after(s.entry),)


def _unreachable(level: Level, entry: Any) -> Any:
    hardware = level.hardware
    return no(either(hardware.readable(entry), hardware.writable(entry), level.executable(entry)))


_ONE_STEP = {
    "set_wrprotect": "set-wrprotect-is-one-step",
    "test_and_clear_young": "clear-young-is-one-step",
    "get_and_clear": "get-and-clear-is-one-step",
    "set_access_flags": "access-flags-are-one-step",
    "modify_prot_start": "protection-change-is-one-step",
    "invalidate": "invalidate-is-one-step",
}
"""Helpers that change an entry which others may be using, and the requirement on each."""

_TAKEN = frozenset({"get_and_clear", "modify_prot_start", "invalidate"})
"""Those whose value generic mm goes on with; of the others it is the entry that is left."""


def _atomic(level: Level) -> Iterator[Invariant]:
    """Where a store is recorded in the entry by somebody who takes no lock, no helper may read first and write later."""
    if not level.arch.smp or not _recorded_meanwhile(level, clean_writable(level)):
        return
    for short, name in _ONE_STEP.items():
        helper = level.in_place(short)
        if helper is not None:
            yield Invariant(
                name,
                f"a store that another CPU records in a clean entry while {helper.name}() is at work is not forgotten",
                partial(_not_forgotten, level, helper, short),
                source="include/linux/pgtable.h: its versions are for machines without accessed and dirty bits in hardware",
                consequence="reclaim drops the page and the data is gone",
                premise=lambda s: _recorded_meanwhile(level, s.entry),
                looks_at=partial(_outcomes, level, helper, short),
            )


def _not_forgotten(level: Level, helper: Any, short: str, s: EntryState) -> Any:
    (outcome,) = _outcomes(level, helper, short, s)
    kept = either(level.call("dirty", outcome), same(outcome, s.entry) if short not in _TAKEN else False)
    return implies(_recorded_meanwhile(level, s.entry), either(helper.atomic, kept))


def _outcomes(level: Level, helper: Any, short: str, s: EntryState) -> tuple[Any, ...]:
    """What generic mm goes on with, if the helper reads the entry before the store is recorded and writes after it."""
    if short in _TAKEN:
        return (helper(s.entry),)
    more = (level.call("mkyoung", s.entry), 0) if short == "set_access_flags" else ()
    return (helper.after(s.entry, *more),)


def _recorded_meanwhile(level: Level, entry: Any) -> Any:
    """A store by another CPU through this clean entry makes it dirty, without a lock."""
    hardware, call = level.hardware, level.call
    by_cpu = both(hardware.recording(entry), call("dirty", hardware.records(entry)))
    by_handler = both(hardware.handler(entry), call("dirty", hardware.handled(entry)))
    return both(no(call("dirty", entry)), either(by_cpu, False if hardware.handler_locks else by_handler))
