"""Page migration: mm/rmap.c try_to_migrate_one(), mm/migrate.c remove_migration_pte() and their PMD twins.

The copy to another frame is no step of its own: it happens only when every mapping is a migration entry, so that
nobody can see it, and a migration that is given up puts the entries back in the same way.
"""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, no
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.huge import thp_migration
from models.mm.orders import held_by, migrated_entry
from models.mm.state import (
    MIGRATION_PMD,
    MIGRATION_PTE,
    NOTHING_HELD,
    PMD,
    PTE,
    World,
    at,
    maps_page,
    maybe_dma_pinned,
    page_of,
    with_own_page,
    with_process,
)


def _out(k: Kernel, s: World, p: int, level: str) -> tuple[Any, World]:
    mine, page = s.processes[p], page_of(s, p)
    held = held_by(k, level, mine.entry, page.exclusive)
    dirty = either(page.dirty, k.arch.helper(level, "dirty")(mine.entry))
    after = with_own_page(s, p, exclusive=False, dirty=dirty)
    target = MIGRATION_PTE if level == "pte" else MIGRATION_PMD
    shareable = no(both(page.exclusive, maybe_dma_pinned(s, mine.page)))
    guard = both(at(mine, PTE if level == "pte" else PMD), maps_page(s, mine), shareable)
    return guard, with_process(after, p, level=target, entry=0, held=held)


def _in(k: Kernel, s: World, p: int, level: str) -> tuple[Any, World]:
    mine, page = s.processes[p], page_of(s, p)
    entry = migrated_entry(k, level, mine.held, mine.vma, page, mine.entry)
    mark = either(page.exclusive, mine.held.writable, mine.held.exclusive)
    after = with_own_page(s, p, exclusive=both(mark, no(mine.vma.shared)))
    present = PTE if level == "pte" else PMD
    guard = at(mine, MIGRATION_PTE if level == "pte" else MIGRATION_PMD)
    return guard, with_process(after, p, level=present, entry=entry, held=NOTHING_HELD)


@operation("mm/rmap.c try_to_migrate_one()", "migration")
def try_to_migrate_pte(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A PTE becomes a migration entry."""
    return _out(k, s, p, "pte")


@operation("mm/migrate.c remove_migration_pte()", "migration")
def remove_migration_pte(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A migration entry becomes a PTE again."""
    return _in(k, s, p, "pte")


@operation("mm/huge_memory.c set_pmd_migration_entry()", "migration", needs=thp_migration)
def try_to_migrate_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A huge PMD becomes a migration entry."""
    return _out(k, s, p, "pmd")


@operation("mm/huge_memory.c remove_migration_pmd()", "migration", needs=thp_migration)
def remove_migration_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A huge migration entry becomes a PMD again."""
    return _in(k, s, p, "pmd")
