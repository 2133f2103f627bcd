"""A shared file mapping whose file system wants to be notified of stores: one process, one page of the page cache."""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, ite, no
from checker.records import replace
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.operations.fault import write_fault
from models.mm.operations.swap import for_sharers, read_in
from models.mm.state import FILE, PTE, World, at, page_of, with_own_page, with_process


@operation("mm/memory.c do_read_fault(), do_set_pte() (6.1), set_pte_range() (6.12)", "file")
def file_read_fault(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Read fault on a page of a shared file mapping."""
    mine = s.processes[p]
    entry = k.arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry))
    return at(mine, FILE), with_process(read_in(s, p), p, level=PTE, entry=entry)


@operation("mm/memory.c do_shared_fault(), fault_dirty_shared_page()", "file")
def file_write_fault(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a page of a shared file mapping."""
    mine = s.processes[p]
    entry = k.arch.pte_mkdirty(k.arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    entry = k.maybe_mkwrite("pte", entry, mine.vma)
    after = with_own_page(read_in(s, p), p, dirty=True)
    return both(at(mine, FILE), mine.vma.write), with_process(after, p, level=PTE, entry=entry)


@operation("mm/memory.c wp_page_shared(), wp_page_reuse()", "file")
def wp_page_shared(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Write fault on a read-only PTE of a shared file mapping: the file system is notified."""
    arch, mine = k.arch, s.processes[p]
    fault = both(write_fault(k, s, p, PTE), no(arch.pte_write(mine.entry)), mine.vma.write)
    entry = k.maybe_mkwrite("pte", arch.pte_mkdirty(arch.pte_mkyoung(mine.entry)), mine.vma)
    return both(fault, mine.vma.shared), with_process(with_own_page(s, p, dirty=True), p, entry=entry)


@operation("mm/page-writeback.c folio_clear_dirty_for_io(); mm/rmap.c page_vma_mkclean_one()", "file")
def writeback(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """A dirty page of a file is cleaned, its entry with it, and written."""
    arch, mine, page = k.arch, s.processes[p], page_of(s, p)
    cleaned = either(arch.pte_dirty(mine.entry), arch.pte_write(mine.entry))
    entry = ite(both(at(mine, PTE), cleaned), arch.pte_mkclean(arch.pte_wrprotect(mine.entry)), mine.entry)
    after = for_sharers(s, p, lambda right: replace(right, slot=right.memory))
    guard = both(at(mine, PTE, FILE), mine.vma.shared, page.memory, page.dirty)
    return guard, with_process(with_own_page(after, p, dirty=False), p, entry=entry)


@operation("mm/rmap.c try_to_unmap_one(); mm/memory.c zap_pte_range()", "file")
def unmap_file(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """The entry of a shared file mapping is removed; its dirty bit goes to the page."""
    mine, page = s.processes[p], page_of(s, p)
    after = with_own_page(s, p, dirty=either(page.dirty, k.arch.pte_dirty(mine.entry)))
    return both(at(mine, PTE), mine.vma.shared), with_process(after, p, level=FILE, entry=0)


@operation("mm/vmscan.c __remove_mapping()", "file")
def free_file_page(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Reclaim frees an unmapped clean page of a file."""
    mine, page = s.processes[p], page_of(s, p)
    guard = both(at(mine, FILE), page.memory, no(page.dirty))
    after = for_sharers(s, p, lambda right: replace(right, memory=False))
    return guard, with_own_page(after, p, memory=False)
