"""fork() and exit: mm/memory.c copy_page_range(), mm/huge_memory.c copy_huge_pmd()."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checker.logic import both, either, ite, no, word_like
from checker.records import replace
from models.mm.catalogue import operation
from models.mm.kernel import Kernel
from models.mm.state import (
    ABSENT,
    ABSENT_PROCESS,
    ELSEWHERE,
    MIGRATION_PMD,
    MIGRATION_PTE,
    NEW_PAGE,
    NONE,
    PMD,
    PTE,
    SWAP,
    Process,
    World,
    at,
    choose,
    maybe_dma_pinned,
    on_zero_page,
    page_of,
    put,
    renumbered,
    with_new_page,
    with_own_page,
    with_process,
)


def _into_first_absent(s: World, p: int, build: Callable[[int], World]) -> tuple[Any, World]:
    """The first process that does not exist becomes the child; ``build`` gives the world for each number of a child."""
    candidates = [q for q in range(len(s.processes)) if q != p]
    if not candidates:
        return False, s
    result = build(candidates[-1])
    for q in reversed(candidates[:-1]):
        result = choose(at(s.processes[q], ABSENT), build(q), result)
    return either(*(at(s.processes[q], ABSENT) for q in candidates)), result


def _child(mine: Process, **changes: Any) -> Process:
    return replace(mine, **{"torn": False, "stale": False, "armed": False, **changes})


def forks_elsewhere(s: World, p: int) -> tuple[Any, World]:
    """A process of another group forks: all that can be seen of it is that one more place is taken."""

    def taken(q: int) -> World:
        return with_process(s, q, level=word_like(s.processes[q].level, ELSEWHERE))

    possible, after = _into_first_absent(s, p, taken)
    return both(at(s.processes[p], ELSEWHERE), possible), after


def _sharing(s: World, p: int, entry: Any, child: Process) -> tuple[Any, World]:
    """Both map the page afterwards, and it is exclusive to neither (folio_try_dup_anon_rmap())."""

    def build(q: int) -> World:
        processes = put(put(s.processes, p, replace(s.processes[p], entry=entry)), q, child)
        return renumbered(replace(with_own_page(s, p, exclusive=False), processes=processes))

    return _into_first_absent(s, p, build)


def _early_copy(s: World, p: int) -> Any:
    """The page is pinned and this process's own: it must not be shared."""
    return both(page_of(s, p).exclusive, maybe_dma_pinned(s, s.processes[p].page))


def _private(mine: Process, *levels: int) -> Any:
    return both(at(mine, *levels), no(mine.vma.shared))


def _child_mark(k: Kernel, entry: Any, level: str, follow: bool) -> Any:
    """dup_userfaultfd(): the child keeps the uffd-wp mark only with UFFD_FEATURE_EVENT_FORK."""
    return entry if follow else k.without_uffd_wp(True, entry, level)


def fork_pte_entry(k: Kernel, s: World, p: int, follow: bool) -> tuple[Any, World]:
    """Fork of a page mapped by a PTE; ``follow`` with UFFD_FEATURE_EVENT_FORK."""
    arch, mine = k.arch, s.processes[p]
    entry = ite(arch.pte_write(mine.entry), arch.pte_wrprotect(mine.entry), mine.entry)
    child = _child(mine, entry=_child_mark(k, arch.pte_mkold(entry), "pte", follow), armed=both(follow, mine.armed))
    possible, after = _sharing(s, p, entry, child)
    marked = k.uffd_wp_of(mine.entry) if follow else True
    return both(_private(mine, PTE), marked, no(_early_copy(s, p)), possible), after


def nonpresent(k: Kernel) -> bool:
    """There are entries that are not present and yet refer to a page."""
    return bool(k.features & {"swap", "migration"})


def marks(k: Kernel) -> bool:
    """The architecture has userfaultfd write protection."""
    return k.uffd_wp


@operation("mm/memory.c copy_present_pte() (6.1), __copy_present_ptes() (6.12)")
def fork_pte(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a page mapped by a PTE."""
    return fork_pte_entry(k, s, p, False)


@operation("mm/memory.c copy_present_pte() (6.1), __copy_present_ptes() (6.12)", "userfaultfd-wp", needs=marks)
def fork_pte_uffd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a write-protected PTE with UFFD_FEATURE_EVENT_FORK: the child's is marked, too."""
    return fork_pte_entry(k, s, p, True)


@operation("mm/memory.c copy_present_ptes(), any_writable", needs=lambda k: k.since_612)
def fork_pte_batch(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a read-only PTE in one batch with a writable one of the same large folio."""
    arch, mine = k.arch, s.processes[p]
    entry = arch.pte_wrprotect(arch.pte_mkwrite(mine.entry))
    child_entry = k.without_uffd_wp(True, arch.pte_mkold(entry))
    batch = both(mine.vma.write, no(arch.pte_write(mine.entry)), no(k.uffd_wp_of(mine.entry)))
    batch = both(batch, no(k.protnone(mine.entry)), no(on_zero_page(s, mine)))
    # wrprotect_ptes() on the parent starts from its own entry, not from the batch's.
    parent = arch.pte_wrprotect(mine.entry)
    possible, after = _sharing(s, p, parent, _child(mine, entry=child_entry))
    return both(_private(mine, PTE), batch, no(_early_copy(s, p)), possible), after


def fork_pmd_entry(k: Kernel, s: World, p: int, follow: bool) -> tuple[Any, World]:
    """Fork of a page mapped by a PMD; ``follow`` with UFFD_FEATURE_EVENT_FORK."""
    arch, mine = k.arch, s.processes[p]
    copied = _child_mark(k, mine.entry, "pmd", follow)
    child = _child(mine, entry=arch.pmd_mkold(arch.pmd_wrprotect(copied)), armed=both(follow, mine.armed))
    possible, after = _sharing(s, p, arch.pmd_wrprotect(mine.entry), child)
    marked = k.uffd_wp_of(mine.entry, "pmd") if follow else True
    return both(_private(mine, PMD), marked, no(_early_copy(s, p)), possible), after


@operation("mm/huge_memory.c copy_huge_pmd()")
def fork_pmd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a huge page: both PMDs are write-protected, writable or not."""
    return fork_pmd_entry(k, s, p, False)


@operation("mm/huge_memory.c copy_huge_pmd()", "userfaultfd-wp", needs=marks)
def fork_pmd_uffd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a write-protected huge page with UFFD_FEATURE_EVENT_FORK: the child's is marked, too."""
    return fork_pmd_entry(k, s, p, True)


def _fork_pinned(k: Kernel, s: World, p: int, follow: bool) -> tuple[Any, World]:
    arch, mine = k.arch, s.processes[p]
    entry = arch.pte_mkdirty(arch.mk_pte(k.vm_page_prot(mine.vma, mine.entry)))
    entry = k.maybe_mkwrite("pte", entry, mine.vma)
    if follow:
        entry = arch.pte_mkuffd_wp(entry)
        entry = entry if k.since_612 else arch.pte_wrprotect(entry)
    child = _child(mine, level=NONE, entry=0, page=0, armed=both(follow, mine.armed))

    def build(q: int) -> World:
        born = replace(s, processes=put(s.processes, q, child))
        return with_new_page(born, q, NEW_PAGE, level=PTE, entry=entry, right=replace(mine.right, slot=False))

    possible, after = _into_first_absent(s, p, build)
    marked = k.uffd_wp_of(mine.entry) if follow else True
    return both(_private(mine, PTE), marked, _early_copy(s, p), possible), after


@operation("mm/memory.c copy_present_page()", "pin")
def fork_pinned_pte(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a pinned page: the child gets a copy at once, the parent's entry stays as it is."""
    return _fork_pinned(k, s, p, False)


@operation("mm/memory.c copy_present_page(), userfaultfd_wp()", "pin", needs=lambda k: k.uffd_wp)
def fork_pinned_pte_uffd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """The same of a write-protected page with UFFD_FEATURE_EVENT_FORK: the copy is write-protected, too."""
    return _fork_pinned(k, s, p, True)


def _fork_as_is(s: World, p: int, parent: Process, child: Process) -> tuple[Any, World]:
    def build(q: int) -> World:
        return renumbered(replace(s, processes=put(put(s.processes, p, parent), q, child)))

    return _into_first_absent(s, p, build)


def _fork_nonpresent(s: World, p: int, follow: bool) -> tuple[Any, World]:
    mine = s.processes[p]
    held = replace(mine.held, writable=False, exclusive=False)
    child = held if follow else replace(held, uffd_wp=False)
    possible, after = _fork_as_is(
        s, p, replace(mine, held=held), _child(mine, held=child, armed=both(follow, mine.armed))
    )
    marked = held.uffd_wp if follow else True
    return both(_private(mine, SWAP, MIGRATION_PTE, MIGRATION_PMD), marked, possible), after


@operation("mm/memory.c copy_nonpresent_pte(); mm/huge_memory.c copy_huge_pmd()", needs=nonpresent)
def fork_nonpresent(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a swap or migration entry: it is exclusive to neither process afterwards, and not writable."""
    return _fork_nonpresent(s, p, False)


@operation(
    "mm/memory.c copy_nonpresent_pte(); mm/huge_memory.c copy_huge_pmd()",
    "userfaultfd-wp",
    needs=lambda k: marks(k) and nonpresent(k),
)
def fork_nonpresent_uffd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """The same with UFFD_FEATURE_EVENT_FORK: the child's entry is marked, too."""
    return _fork_nonpresent(s, p, True)


@operation("kernel/fork.c dup_mmap(); mm/memory.c copy_page_range()", "touch")
def fork_empty(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork while nothing is mapped at the address."""
    mine = s.processes[p]
    child = _child(mine, held=replace(mine.held, uffd_wp=False))
    possible, after = _fork_as_is(s, p, mine, child)
    return both(_private(mine, NONE), possible), after


@operation("mm/memory.c copy_pte_marker()", "userfaultfd-wp", needs=lambda k: marks(k) and k.since_612)
def fork_empty_uffd(k: Kernel, s: World, p: int) -> tuple[Any, World]:
    """Fork of a userfaultfd marker with UFFD_FEATURE_EVENT_FORK: the child has it, too."""
    mine = s.processes[p]
    possible, after = _fork_as_is(s, p, mine, _child(mine, armed=mine.armed))
    return both(_private(mine, NONE), mine.held.uffd_wp, possible), after


@operation("mm/mmap.c exit_mmap()")
def exit(k: Kernel, s: World, p: int) -> tuple[Any, World]:  # noqa: A001 - the name it has in traces
    """The process ends."""
    mine = s.processes[p]
    gone = replace(ABSENT_PROCESS, page=word_like(mine.page, 0))
    return no(at(mine, ABSENT)), renumbered(replace(s, processes=put(s.processes, p, gone)))
