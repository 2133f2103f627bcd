"""The state of the mm world: processes with one page slot each, and the pages they refer to.

One sub-page is followed. A *page* is a page frame together with its place on backing store, so that a page which is
in memory and has a slot is one in the swap cache, and one that has only a slot is swapped out. Pages are numbered
canonically: a page has the number of the first process that refers to it, so that states which differ only in the
numbers of frames are one state. Of a page that only a pin holds nothing is kept: no entry can come to map it again.

Contents are not numbered. For each process the state keeps whether what it would find in memory, on backing store
and in the zero page is what it must read. That is all a comparison of contents can ask for, and it stays exact under
every operation: a store makes memory right for the writer and wrong for everybody else who shares the page, a copy
carries each answer over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from checker.logic import both, either, fits, ite, no, same, word_like
from checker.records import dataclass, field_names, replace
from checker.state import Bits, Bool, Enum, Fixed
from models.pte import Architecture

ABSENT, NONE, PTE, PMD, SWAP, MIGRATION_PTE, MIGRATION_PMD, FILE, ELSEWHERE = range(9)
"""Values of :attr:`Process.level`."""

LEVELS = ("absent", "none", "pte", "pmd", "swap", "migration pte", "migration pmd", "file", "elsewhere")

UNPINNED, PIN_READ, PIN_WRITE, REFERENCE = range(4)
"""Values of :attr:`Pin.kind`: none, FOLL_PIN for reading or for writing, a plain reference (FOLL_GET)."""

PROCESSES = ("parent", "child", "grandchild")


@dataclass(frozen=True)
class Held:
    """What an entry that is not present remembers.

    Attributes:
        writable: a writable migration entry.
        exclusive: a migration entry of an exclusive page; a swap entry with the exclusive marker.
        young: the A bit of a migration entry.
        dirty: the D bit of a migration entry.
        soft_dirty: pte_swp_soft_dirty().
        uffd_wp: pte_swp_uffd_wp().
    """

    writable: Any
    exclusive: Any
    young: Any
    dirty: Any
    soft_dirty: Any
    uffd_wp: Any


@dataclass(frozen=True)
class Vma:
    """The mapping a process has at the page's address.

    Attributes:
        write: VM_WRITE.
        shared: VM_SHARED; then the page belongs to a file.
    """

    write: Any
    shared: Any


@dataclass(frozen=True)
class Right:
    """Whether the process would find what it must read.

    Attributes:
        memory: in the page's frame.
        slot: on the page's place on backing store (swap slot, file).
        zero: in a page of zeroes.
    """

    memory: Any
    slot: Any
    zero: Any


@dataclass(frozen=True)
class Process:
    """One process's view of the page.

    Attributes:
        level: how the page is mapped, or why it is not.
        entry: a present entry, frame number left out; else 0.
        page: the number of the page it refers to, or :func:`zero_page`.
        held: what an entry that is not present remembers.
        vma: the mapping.
        right: whether it would find its own data.
        stored: it has written the page since soft-dirty was cleared.
        torn: a page it had pinned (FOLL_PIN) was exchanged behind its back.
        armed: it has asked for userfaultfd write protection of the page, and has not taken it back.
        stale: its TLB still lets it write the page silently, though the entry has been cleared.
    """

    level: Any
    entry: Any
    page: Any
    held: Held
    vma: Vma
    right: Right
    stored: Any
    torn: Any
    armed: Any
    stale: Any


@dataclass(frozen=True)
class Pin:
    """A reference to a page that a process holds apart from its entry.

    Attributes:
        kind: UNPINNED, PIN_READ, PIN_WRITE or REFERENCE.
        owner: the number of the process; the number of processes if it does not map the page any more.
        right: nobody but the owner has written the page since.
    """

    kind: Any
    owner: Any
    right: Any


@dataclass(frozen=True)
class Page:
    """One page, in memory or on backing store or both.

    Attributes:
        exclusive: PageAnonExclusive.
        dirty: PG_dirty.
        lazyfree: PG_swapbacked is clear.
        memory: it has a frame.
        slot: it has a place on backing store.
        ksm: it is a page of the KSM tree.
        pin: a reference that does not come from an entry; at most one at a time.
    """

    exclusive: Any
    dirty: Any
    lazyfree: Any
    memory: Any
    slot: Any
    ksm: Any
    pin: Pin


@dataclass(frozen=True)
class World:
    """All processes and all pages.

    Attributes:
        processes: by number.
        pages: by number.
        renamed: pages have canonical numbers; else a new page takes the lowest free one and keeps it. No state changes it.
    """

    processes: tuple[Process, ...]
    pages: tuple[Page, ...]
    renamed: Any = True


NOTHING_HELD = Held(False, False, False, False, False, False)
NO_PIN = Pin(UNPINNED, 0, False)
BLANK_PAGE = Page(False, False, False, False, False, False, NO_PIN)
NEW_PAGE = Page(True, False, False, True, False, False, NO_PIN)
NO_VMA = Vma(False, False)
ALL_ZERO = Right(False, False, True)
ABSENT_PROCESS = Process(ABSENT, 0, 0, NOTHING_HELD, NO_VMA, ALL_ZERO, False, False, False, False)


def shape(processes: int, features: frozenset[str], renamed: bool = True) -> World:
    """The world's sorts for that many processes; what the features cannot change is fixed.

    Args:
        processes: how many processes there can be at a time.
        features: the groups of operations in force, names of :data:`models.mm.catalogue.FEATURES`.
        renamed: pages have canonical numbers.
    """

    def when(sort: Any, *wanted: str) -> Any:
        return sort if features & set(wanted) else Fixed(0 if sort is not Bool else False)

    number = Enum(*(f"page {k}" for k in range(processes)), "zero page")
    migrating = when(Bool, "migration")
    held = Held(
        migrating,
        when(Bool, "swap", "migration"),
        migrating,
        migrating,
        Bool if features & {"swap", "migration"} and "soft-dirty" in features else Fixed(False),
        when(Bool, "userfaultfd-wp"),
    )
    vma = Vma(Bool, when(Bool, "file"))
    right = Right(Bool, when(Bool, "swap", "file"), Bool)
    ghosts = [when(Bool, feature) for feature in ("soft-dirty", "pin", "userfaultfd-wp", "stale-tlb")]
    levels = Enum(*(LEVELS[: PMD + 1] if features == {"core"} else LEVELS))
    process = Process(levels, Bits(64), number, held, vma, right, *ghosts)
    stored = when(Bool, "swap", "file")
    pin = Pin(
        when(Enum("none", "read", "write", "reference"), "pin"),
        when(Enum(*names(processes), "nobody"), "pin"),
        when(Bool, "pin"),
    )
    page = Page(Bool, Bool, when(Bool, "lazyfree"), Bool, stored, when(Bool, "ksm"), pin)
    return World((process,) * processes, (page,) * processes, Fixed(renamed))


def put(items: tuple[Any, ...], index: int, item: Any) -> tuple[Any, ...]:
    """The tuple with one item replaced at a known place."""
    return (*items[:index], item, *items[index + 1 :])


def with_process(s: World, p: int, **changes: Any) -> World:
    """The world with some attributes of process ``p`` replaced."""
    return replace(s, processes=put(s.processes, p, replace(s.processes[p], **changes)))


def choose(condition: Any, yes: Any, otherwise: Any) -> Any:
    """:func:`checker.logic.ite` for whole records (dataclasses of one type, tuples) and plain values."""
    if isinstance(condition, int):
        return yes if condition else otherwise
    if yes is otherwise:
        return yes
    if isinstance(yes, tuple):
        return tuple(choose(condition, a, b) for a, b in zip(yes, otherwise, strict=True))
    if parts := field_names(type(yes)):
        pairs = [(getattr(yes, n), getattr(otherwise, n)) for n in parts]
        return type(yes)(*[a if a is b else choose(condition, a, b) for a, b in pairs])
    return ite(condition, yes, otherwise)


def alike(left: Any, right: Any) -> Any:
    """Two records of one type are equal in every part; for plain values, :func:`checker.logic.same`."""
    if isinstance(left, tuple):
        return both(*(alike(a, b) for a, b in zip(left, right, strict=True)))
    if parts := field_names(type(left)):
        return both(*[alike(getattr(left, n), getattr(right, n)) for n in parts])
    return same(left, right)


def zero_page(s: World) -> int:
    """The number that stands for the zero page."""
    return len(s.pages)


def typed_like(like: Any, value: Any) -> Any:
    """A record of constants as words of the widths of another record."""
    if parts := field_names(type(value)):
        return type(value)(*[typed_like(getattr(like, n), getattr(value, n)) for n in parts])
    return value if type(like) is int or isinstance(value, bool) else word_like(like, value)


def at(process: Process, *levels: int) -> Any:
    """The process's entry is at one of these levels; a level this world does not have is never it."""
    here = process.level
    if isinstance(here, int):
        return here in levels
    return either(*[same(here, level) for level in levels if fits(level, here)])


def alive(process: Process) -> Any:
    """The process exists, and it is not one that is looked at elsewhere."""
    return no(at(process, ABSENT, ELSEWHERE))


def mapped(process: Process) -> Any:
    """The process has a present entry."""
    return at(process, PTE, PMD)


def on_zero_page(s: World, process: Process) -> Any:
    """The process has a present entry for the zero page."""
    return both(mapped(process), same(process.page, zero_page(s)))


def maps_page(s: World, process: Process) -> Any:
    """The process has a present entry for a page that is not the zero page."""
    return both(mapped(process), no(same(process.page, zero_page(s))))


def maps_anonymous(s: World, process: Process) -> Any:
    """The process has a present entry for a page of anonymous memory that is not the zero page."""
    return both(maps_page(s, process), no(process.vma.shared))


def refers(s: World, process: Process) -> Any:
    """The process has an entry, present or not, for a page that is not the zero page."""
    return both(at(process, PTE, PMD, SWAP, MIGRATION_PTE, MIGRATION_PMD, FILE), no(same(process.page, zero_page(s))))


def pin_on(s: World, number: Any) -> Any:
    """A reference, of whatever kind, is held on the page of this number."""
    return either(*(both(same(number, n), no(same(page.pin.kind, UNPINNED))) for n, page in enumerate(s.pages)))


def maybe_dma_pinned(s: World, number: Any) -> Any:
    """page_maybe_dma_pinned(): a FOLL_PIN pin is held on the page of this number."""
    return either(*(both(same(number, n), dma_pinned(page.pin)) for n, page in enumerate(s.pages)))


def dma_pinned(pin: Pin) -> Any:
    """The reference is a FOLL_PIN pin."""
    return either(same(pin.kind, PIN_READ), same(pin.kind, PIN_WRITE))


def refers_to(s: World, process: Process, number: Any) -> Any:
    """The process has an entry, present or not, for the page of this number."""
    return both(refers(s, process), same(process.page, number))


def page_of(s: World, p: int) -> Page:
    """The attributes of the page process ``p`` refers to; of the zero page, those of a blank one."""
    return page_at(s, s.processes[p].page)


def page_at(s: World, number: Any) -> Page:
    """The attributes of the page of this (possibly symbolic) number; of a blank page if no page has it."""
    if isinstance(number, int) and number < len(s.pages):
        return s.pages[number]
    found = typed_like(s.pages[-1], BLANK_PAGE)
    for n, page in enumerate(s.pages):
        found = choose(same(number, n), page, found)
    return cast(Page, found)


def with_page(s: World, number: Any, **changes: Any) -> World:
    """The world with some attributes of the page of this (possibly symbolic) number replaced."""
    return replace(s, pages=tuple(_changed(page, same(number, n), changes) for n, page in enumerate(s.pages)))


def _changed(page: Page, hit: Any, changes: dict[str, Any]) -> Page:
    """The page, where it is the one that is meant with these attributes."""
    if isinstance(hit, int):
        return replace(page, **changes) if hit else page
    return replace(page, **{name: choose(hit, value, getattr(page, name)) for name, value in changes.items()})


def with_own_page(s: World, p: int, **changes: Any) -> World:
    """The world with some attributes of the page process ``p`` refers to replaced; nothing happens to the zero page."""
    return with_page(s, s.processes[p].page, **changes)


def others(s: World, p: int) -> list[Process]:
    """Every process but ``p``."""
    return [q for k, q in enumerate(s.processes) if k != p]


def migrating(s: World, p: int) -> Any:
    """The page process ``p`` refers to is under migration: its folio is locked, and whoever only tries gets no lock."""
    number = s.processes[p].page
    return either(*(both(at(q, MIGRATION_PTE, MIGRATION_PMD), refers_to(s, q, number)) for q in s.processes))


def shared(s: World, p: int) -> Any:
    """Another process refers, or may come to refer, to the page in memory that process ``p`` maps: COW-shared.

    The zero page and a page of the KSM tree always are; a shared file mapping never is: there, sharing is intended.
    """
    mine = s.processes[p]
    fellow = either(*(refers_to(s, q, mine.page) for q in others(s, p)))
    forever = either(on_zero_page(s, mine), page_of(s, p).ksm)
    return both(mapped(mine), no(mine.vma.shared), either(forever, both(maps_page(s, mine), fellow)))


def exclusive(s: World, p: int) -> Any:
    """PageAnonExclusive of the page process ``p`` refers to; never of the zero page."""
    return page_of(s, p).exclusive


def reads_right(s: World, p: int) -> Any:
    """What process ``p`` would read now is what it must read."""
    mine = s.processes[p]
    page = page_of(s, p)
    backed = ite(page.memory, mine.right.memory, mine.right.slot)
    present = ite(same(mine.page, zero_page(s)), mine.right.zero, mine.right.memory)
    answer = ite(mapped(mine), present, ite(at(mine, NONE), mine.right.zero, backed))
    return either(no(alive(mine)), answer)


def entry_test(arch: Architecture, process: Process, name: str) -> Any:
    """A mapped entry's ``write``, ``dirty`` or ``young`` test of its own level."""
    pte, pmd = (arch.helper(level, name)(process.entry) for level in ("pte", "pmd"))
    return both(mapped(process), ite(same(process.level, PMD), pmd, pte))


def hardware_writable(arch: Architecture, process: Process) -> Any:
    """A user store by this process succeeds without generic mm."""
    return both(mapped(process), arch.hardware.writable(process.entry))


def renumbered(s: World) -> World:
    """The same world with every page under its canonical number and pages nobody refers to blank.

    A page nobody refers to is free; whoever uses its frame next writes all of it first. In a world without canonical
    numbers the others keep theirs.
    """
    if not s.renamed:
        return _in_place(s)
    holders = [(refers(s, q), q.page) for q in s.processes]
    like = next((page for _, page in holders if not isinstance(page, int)), s.processes[0].page)
    firsts = [
        both(held, no(either(*(both(h, same(other, page)) for h, other in holders[:k]))))
        for k, (held, page) in enumerate(holders)
    ]

    def canonical(page: Any, otherwise: Any) -> Any:
        for k in range(len(holders) - 1, -1, -1):
            otherwise = ite(both(firsts[k], same(holders[k][1], page)), word_like(like, k), otherwise)
        return otherwise

    pages = tuple(_moved(s, first, page) for first, (_, page) in zip(firsts, holders, strict=True))
    processes = tuple(_renumbered_process(s, q, canonical, like) for q in s.processes)
    return replace(s, processes=processes, pages=pages)


def _in_place(s: World) -> World:
    """The same world with pages nobody refers to blank."""
    pages = tuple(_moved(s, _taken(s, n), n) for n in range(len(s.pages)))
    processes = tuple(_renumbered_process(s, q, lambda page, _: page, q.page) for q in s.processes)
    return replace(s, processes=processes, pages=pages)


def _taken(s: World, number: int) -> Any:
    return either(*(refers_to(s, q, number) for q in s.processes))


def _free_number(s: World, p: int) -> Any:
    """The number of the next new page, which process ``p`` gets, once it refers to none.

    By the canonical numbering number p is free: only process p itself or a page it is the first of has it.
    """
    if s.renamed:
        return p
    like = next((q.page for q in s.processes if not isinstance(q.page, int)), s.processes[p].page)
    number = word_like(like, len(s.pages) - 1)
    for n in reversed(range(len(s.pages) - 1)):
        number = ite(_taken(s, n), number, word_like(like, n))
    return number


def _moved(s: World, first: Any, number: Any) -> Page:
    """The page of this number if somebody is the first to refer to it, else a blank one; pins of who left are nobody's."""
    page = page_at(s, number)
    kept = page if first is True else cast(Page, choose(first, page, typed_like(page, BLANK_PAGE)))
    return kept if type(kept.pin.kind) is int else replace(kept, pin=_pin_of_mappers(s, kept.pin, number))


def _pin_of_mappers(s: World, pin: Pin, number: Any) -> Pin:
    nobody = word_like(pin.owner, len(s.processes))
    owner = pin.owner
    for n, q in enumerate(s.processes):
        owner = ite(both(same(pin.owner, n), no(refers_to(s, q, number))), nobody, owner)
    return replace(pin, owner=ite(same(pin.kind, UNPINNED), word_like(pin.owner, 0), owner))


def _renumbered_process(s: World, q: Process, canonical: Any, like: Any) -> Process:
    nowhere = ite(on_zero_page(s, q), word_like(like, zero_page(s)), word_like(like, 0))
    has = refers(s, q)
    right = Right(both(has, q.right.memory), both(has, q.right.slot), q.right.zero)
    page = ite(has, canonical(q.page, nowhere), nowhere)
    return replace(q, page=page, right=right)


def released(s: World, p: int, level: int) -> World:
    """Process ``p`` drops its entry, which becomes nothing at this level (NONE or ABSENT)."""
    page = word_like(s.processes[p].page, 0)
    return renumbered(with_process(s, p, level=level, entry=0, page=page, held=NOTHING_HELD))


def with_new_page(s: World, p: int, page: Page, **changes: Any) -> World:
    """Process ``p`` leaves what it refers to and gets a page of its own; ``changes`` are its other attributes.

    Args:
        s: the world.
        p: the number of the process.
        page: the new page.
        **changes: of the process: level, entry, held, right, ...; what is not named stays.
    """
    mine = s.processes[p]
    without = released(s, p, NONE)
    number = _free_number(without, p)
    new = typed_like(s.pages[p], page)
    settled = replace(without, pages=tuple(choose(same(number, n), new, old) for n, old in enumerate(without.pages)))
    kept = {"held": mine.held, "right": mine.right, "level": mine.level, "torn": torn(s, p), **changes}
    return with_process(settled, p, page=word_like(mine.page, p) if s.renamed else number, **kept)


def torn(s: World, p: int) -> Any:
    """Process ``p`` has lost, or loses if it leaves its page now, a page it has pinned."""
    pin = page_of(s, p).pin
    leaves = both(refers(s, s.processes[p]), dma_pinned(pin), same(pin.owner, p))
    return either(s.processes[p].torn, leaves)


def written(s: World, p: int, tracking: bool) -> World:
    """The contents after a write by process ``p`` to the page it maps: new data, which only the writer has asked for.

    The zero page is taken to stay zero: what is written through it, which no kernel may allow, is lost to the writer.
    ``tracking`` tells whether soft-dirty is tracked.
    """
    mine = s.processes[p]
    own = Right(no(on_zero_page(s, mine)), False, False)
    processes = tuple(
        replace(q, right=own, stored=tracking) if k == p else _disturbed(s, q, mine) for k, q in enumerate(s.processes)
    )
    return replace(s, processes=processes, pages=seen_through_pins(s, mine.page, p))


def seen_through_pins(s: World, number: Any, writer: int) -> tuple[Page, ...]:
    """The pages after a write to the page of this number: whoever else holds a reference sees what he must not."""

    def seen(n: int, pin: Pin) -> Pin:
        return replace(pin, right=both(pin.right, no(both(same(number, n), no(same(pin.owner, writer))))))

    return tuple(replace(page, pin=seen(n, page.pin)) for n, page in enumerate(s.pages))


def _disturbed(s: World, q: Process, writer: Process) -> Process:
    """A process after somebody else has written; what it shares with the writer is not what it must read any more."""
    hit = both(refers(s, writer), refers_to(s, q, writer.page))
    return replace(q, right=replace(q.right, memory=both(q.right.memory, no(hit))))


def names(count: int) -> Sequence[str]:
    """The processes' names in traces."""
    return PROCESSES[:count] if count <= len(PROCESSES) else [f"p{k}" for k in range(count)]
