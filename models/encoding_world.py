"""Entries as codes: a page's frame number in an entry that maps it, and swap entries in entries that map nothing.

There are no steps here: one state for every frame number, every swap type and offset, and every combination of the marks
that generic mm puts on a swap entry. What must hold of them (invariants/encoding.py) is decided by the solver, for all.
"""

from __future__ import annotations

from typing import Any

from checker.logic import ite, ult
from checker.records import dataclass
from checker.state import Bits, Bool
from checker.system import Start
from models.helper_world import Level
from models.pte import Architecture

TYPES = 1 << 5
"""Swap types: MAX_SWAPFILES_SHIFT in include/linux/swap.h is 5."""

SPECIAL = 28
"""Types from here on are no swap files wherever pages can be migrated (include/linux/swap.h SWP_MIGRATION_NUM)."""

MARKS = ("exclusive", "soft_dirty", "uffd_wp")
"""What generic mm marks swap entries with (include/linux/pgtable.h)."""


@dataclass(frozen=True)
class Code:
    """One page and one swap entry.

    Attributes:
        frame: a page frame number that the machine can have, aligned as the level asks for.
        type, offset: of the swap entry.
        exclusive, soft_dirty, uffd_wp: the marks that were put on it.
        entry: the swap entry as it stands in the table.
    """

    frame: Any
    type: Any
    offset: Any
    exclusive: Any
    soft_dirty: Any
    uffd_wp: Any
    entry: Any


SHAPE = Code(Bits(64), Bits(64), Bits(64), Bool, Bool, Bool, Bits(64))


@dataclass(frozen=True)
class Inputs:
    """What is free: see :class:`Code`."""

    frame: Any
    type: Any
    offset: Any
    exclusive: Any
    soft_dirty: Any
    uffd_wp: Any


def has_swap(level: Level) -> bool:
    """Whether swap entries are kept at this level."""
    names = (
        f"__swp_entry_to_{level.name}",
        f"__{level.name}_to_swp_entry",
        "__swp_entry",
        "__swp_type",
        "__swp_offset",
    )
    return all(name in level.arch.helpers for name in names)


def highest_frame(arch: Architecture, level: str) -> int:
    """The bits of a frame number of this level, its alignment included."""
    return arch.frame_numbers[level]


def highest_offset(level: Level) -> int:
    """The largest offset that comes back: what generic mm limits swap files to (mm/swapfile.c generic_max_swapfile_size)."""
    return int(decoded(level, encoded(level, 0, (1 << 64) - 1))[1])


SWAP_PAGES = (1 << 32) - 1
"""A swap file has at most so many pages (mm/swapfile.c read_swap_header(): the number is an unsigned int)."""

MIGRATION_MARKS = 2
"""Bits above the frame number in a migration entry, if there is room: young and dirty (include/linux/swapops.h)."""


def offsets(level: Level, kind: Any, offset: Any) -> Any:
    """The offset cut to what occurs with a swap type: slots of a swap file, or a frame number with its marks."""
    highest, frames = highest_offset(level), level.arch.memory_frames
    marked = (frames + 1 << MIGRATION_MARKS) - 1
    special = marked if marked <= highest else frames
    return ite(ult(kind, SPECIAL), offset & (highest & SWAP_PAGES), offset & (highest & special))


def encoded(level: Level, kind: Any, offset: Any) -> Any:
    """The entry for a swap type and offset."""
    helpers = level.arch.helpers
    return helpers[f"__swp_entry_to_{level.name}"](helpers["__swp_entry"](kind, offset))


def decoded(level: Level, entry: Any) -> tuple[Any, Any]:
    """Type and offset of an entry, its marks taken off first as generic pte_to_swp_entry() does."""
    helpers = level.arch.helpers
    for mark in marks(level):
        entry = level.call(f"swp_clear_{mark}", entry)
    swap = helpers[f"__{level.name}_to_swp_entry"](entry)
    return helpers["__swp_type"](swap), helpers["__swp_offset"](swap)


def marks(level: Level) -> tuple[str, ...]:
    """The marks of swap entries that the architecture has: stubs of generic code never say yes."""
    return tuple(mark for mark in MARKS if level.real(f"swp_{mark}", f"swp_mk{mark}", f"swp_clear_{mark}"))


def starts(level: Level) -> tuple[Start, ...]:
    """Every code at once."""

    def run(free: Inputs) -> Code:
        kind = free.type & (TYPES - 1) if level.arch.swap_files else (free.type & (TYPES - 1 - SPECIAL)) | SPECIAL
        offset = offsets(level, kind, free.offset) if has_swap(level) else free.offset & 0
        entry = encoded(level, kind, offset) if has_swap(level) else free.frame & 0
        chosen = {mark: getattr(free, mark) if has_swap(level) and mark in marks(level) else False for mark in MARKS}
        for mark in marks(level) if has_swap(level) else ():
            entry = ite(chosen[mark], level.call(f"swp_mk{mark}", entry), entry)
        return Code(free.frame & highest_frame(level.arch, level.name), kind, offset, **chosen, entry=entry)

    inputs = Inputs(Bits(64), Bits(64), Bits(64), Bool, Bool, Bool)
    return (Start("any code", run, inputs, "any frame number, any swap entry"),)
