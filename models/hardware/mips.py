"""What the MIPS TLB does with entries, and the handlers that the kernel makes for it at boot.

The TLB: MIPS32 and MIPS64 Privileged Resource Architecture (MD00090, MD00091), chapter Virtual Memory and registers
EntryLo0 and EntryLo1: V (valid), D (stores allowed), RI and XI (read and execute inhibit, with Config3.RXI); exceptions
TLB Refill, TLB Invalid, TLB Modified, Execute-Inhibit, Read-Inhibit. R3000: IDT R30xx Family Software Reference Manual,
chapter Memory Management and the TLB, register EntryLo.

The handlers: arch/mips/mm/tlbex.c. A refill copies whatever is in the table (build_update_entries(), or a hardware
walker with the same shift). An invalid entry goes to build_r4000_tlb_load_handler() or build_r4000_tlb_store_handler(),
a store through a valid entry without D to build_r4000_tlb_modify_handler(); on an R3000 to the functions of the same
name with r3000. What these do not serve goes to do_page_fault(). None of them takes a lock or calls handle_mm_fault().
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checker.logic import both, either, ite
from checker.records import dataclass
from models.hardware import Constants, Machine, NamedBit
from models.kernel.errors import KernelError
from models.pte import Hardware

_HANDLERS = (
    "arch/mips/mm/tlbex.c build_pte_present(), build_make_valid(), build_pte_writable(), build_pte_modifiable(), "
    "build_make_write(), iPTE_SW()"
)
_MANUAL = "MIPS Privileged Resource Architecture, registers EntryLo0 and EntryLo1; "
_R3000_MANUAL = "IDT R30xx Family Software Reference Manual, register EntryLo; "
_MODIFY = (
    "the modify handler tests _PAGE_WRITE only; here it finds the entry that is in the TLB, not one that was changed "
    "since and whose TLB entry is not flushed yet"
)
_STALE_VALID = (
    "a load whose TLB entry is older than a valid page-table entry marks it accessed; here it changes nothing"
)
_NO_INHIBIT = (
    "the TLB has no bit against reading: a valid entry can be read although _PAGE_NO_READ is set, so a page of a "
    "mapping for writing only can be read once it was written"
)
_INHIBIT = "the load handler makes a present entry valid and accessed before the TLB stops the access for RI or XI"
_ONE_CACHE = "the cache attribute, _page_cachable_default, decides nothing about accesses"


@dataclass(frozen=True)
class _Masks:
    """Masks over the whole entry.

    Attributes:
        valid, dirty: what the TLB takes.
        present, write: what the handlers test.
        no_read, no_exec: RI and XI; without them ``no_read`` is tested by the load handler only.
        loaded, stored: what the load and store handlers set.
        inhibit: the TLB has RI and XI.
    """

    valid: int
    dirty: int
    present: int
    write: int
    no_read: int
    no_exec: int
    loaded: int
    stored: int
    inhibit: bool


def _masks(constants: Constants, inhibit: bool, high: int = 0, low_too: bool = False) -> _Masks:
    """The masks of a tree.

    Args:
        constants: its macros.
        inhibit: the TLB has RI and XI.
        high: 32 where the TLB takes the second word.
        low_too: the handlers set the TLB's bits in both words, and the first has no-read.
    """
    valid, dirty = constants["_PAGE_VALID"], constants["_PAGE_DIRTY"]
    accessed, modified = constants["_PAGE_ACCESSED"], constants["_PAGE_MODIFIED"]
    twice = 1 << high | low_too
    of_tlb = 0 if low_too else high
    return _Masks(
        valid=valid << high,
        dirty=dirty << high,
        present=constants["_PAGE_PRESENT"],
        write=constants["_PAGE_WRITE"],
        no_read=constants["_PAGE_NO_READ"] << of_tlb,
        no_exec=constants["_PAGE_NO_EXEC"] << of_tlb,
        loaded=accessed | valid * twice,
        stored=accessed | modified | (valid | dirty) * twice,
        inhibit=inhibit,
    )


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


_NO_EXEC_BIT = {"exec-only-when-allowed": "the TLB has no execute permission"}
_HUGE_IS_NOT_BAD = {
    "huge-is-bad": "pmd_bad() says no to a huge entry on purpose; only mm/debug_vm_pgtable.c asks for the contrary, and MIPS "
    "does not select it"
}


def _mapped(masks: _Masks, huge: int, source: str, notes: tuple[str, ...]) -> Hardware:
    """Entries of a level; above the PTE level only those with ``huge`` map a page."""
    valid, dirty, present, write = masks.valid, masks.dirty, masks.present, masks.write

    def page(entry: Any) -> Any:
        return (entry & huge) == huge

    def without(inhibited: int) -> Callable[[Any], Any]:
        """An access other than a store: RI and XI stop it in the TLB, no-read without them in the load handler."""
        if masks.inhibit:
            return lambda entry: both(page(entry), (entry & (valid | present)) != 0, (entry & inhibited) == 0)
        return lambda entry: both(
            page(entry), either((entry & valid) != 0, (entry & (present | masks.no_read)) == present)
        )

    return Hardware(
        readable=without(masks.no_read),
        silent=lambda entry: both(page(entry), (entry & (valid | dirty)) == (valid | dirty)),
        recording=_never,
        records=lambda entry: entry,
        handler=lambda entry: both(page(entry), (entry & write) != 0, (entry & (valid | present)) != 0),
        handled=lambda entry: entry | masks.stored,
        executable=without(masks.no_exec),
        loaded=lambda entry: ite((entry & valid) != 0, entry, entry | masks.loaded),
        source=source,
        serves_writable=True,
        young_gates=True,
        exceptions={**({} if masks.inhibit else _NO_EXEC_BIT), **(_HUGE_IS_NOT_BAD if huge else {})},
        notes=(*notes, _INHIBIT if masks.inhibit else _NO_INHIBIT),
    )


def _check_shift(constants: Constants, inhibit: bool) -> None:
    """EntryLo is the entry shifted or rotated to the right: G, V, D, and before them XI and RI, are neighbours."""
    places = [("_PAGE_VALID", 2, 1), ("_PAGE_DIRTY", 4, 1)]
    places += [("_PAGE_NO_READ", 1, 2), ("_PAGE_NO_EXEC", 1, 4)] if inhibit else []
    for name, times, over in places:
        if constants[name] != constants["_PAGE_GLOBAL"] * times // over:
            raise KernelError(
                f"{name} is {constants[name]:#x} in the tree, which does not shift to its place in EntryLo"
            )


def _one_word(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    inhibit = "rixi" in features
    _check_shift(constants, inhibit)
    masks = _masks(constants, inhibit)
    notes = (_MODIFY, _STALE_VALID, _ONE_CACHE)
    levels = {"pte": _mapped(masks, 0, _MANUAL + _HANDLERS, notes)}
    if "_PAGE_HUGE" in constants:
        source = _MANUAL + "arch/mips/mm/tlbex.c build_is_huge_pte(), the huge parts of the three handlers"
        levels["pmd"] = _mapped(masks, constants["_PAGE_HUGE"], source, notes)
    return levels


def _xpa(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    masks = _masks(constants, inhibit=True, high=32)
    return {"pte": _mapped(masks, 0, _MANUAL + _HANDLERS, (_MODIFY, _STALE_VALID, _ONE_CACHE))}


def _alchemy(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    masks = _masks(constants, inhibit=False, high=32, low_too=True)
    return {"pte": _mapped(masks, 0, _MANUAL + _HANDLERS, (_MODIFY, _STALE_VALID, _ONE_CACHE))}


def _r3000(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    masks = _masks(constants, inhibit=False)
    return {"pte": _mapped(masks, 0, _R3000_MANUAL + _HANDLERS, (_MODIFY, _STALE_VALID))}


_SOFTWARE = (
    NamedBit("_PAGE_PRESENT", "P", "the page is there; what the load handler asks for"),
    NamedBit("_PAGE_WRITE", "W", "software allows writing; what the store handlers ask for"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed; set by the handlers"),
    NamedBit("_PAGE_MODIFIED", "M", "data that must not be lost; set by the store handlers"),
    NamedBit("_PAGE_SPECIAL", "S", "no struct page"),
)
_ONE_WORD = (
    *_SOFTWARE,
    NamedBit("_PAGE_NO_READ", "R", "not readable; RI in the TLB where it has that"),
    NamedBit("_PAGE_NO_EXEC", "X", "not executable; XI in the TLB"),
    NamedBit("_PAGE_GLOBAL", "G", "for every address space"),
    NamedBit("_PAGE_VALID", "V", "valid for the TLB; goes with accessed"),
    NamedBit("_PAGE_DIRTY", "D", "the TLB lets stores through"),
)
_HUGE = NamedBit("_PAGE_HUGE", "H", "huge page (PMD)")
_XPA_BITS = (
    *_SOFTWARE,
    NamedBit("_PAGE_NO_READ", "R", "not readable; RI in the TLB", shift=32),
    NamedBit("_PAGE_NO_EXEC", "X", "not executable; XI in the TLB", shift=32),
    NamedBit("_PAGE_GLOBAL", "G", "for every address space", shift=32),
    NamedBit("_PAGE_VALID", "V", "valid for the TLB; goes with accessed", shift=32),
    NamedBit("_PAGE_DIRTY", "D", "the TLB lets stores through", shift=32),
)
_ALCHEMY_BITS = (
    *_SOFTWARE,
    NamedBit("_PAGE_NO_READ", "R", "not readable; the load handler refuses"),
    NamedBit("_PAGE_VALID", "v", "software's copy of the valid bit"),
    NamedBit("_PAGE_DIRTY", "d", "software's copy of the TLB's dirty bit"),
    NamedBit("_PAGE_GLOBAL", "G", "for every address space", shift=32),
    NamedBit("_PAGE_VALID", "V", "valid for the TLB; goes with accessed", shift=32),
    NamedBit("_PAGE_DIRTY", "D", "the TLB lets stores through", shift=32),
)

MACHINES = (
    Machine("mips", _ONE_WORD, _one_word),
    Machine("mips64", (*_ONE_WORD, _HUGE), _one_word),
    Machine(
        "mips-xpa",
        _XPA_BITS,
        _xpa,
        fixed={"_PAGE_NO_EXEC": 1, "_PAGE_NO_READ": 2, "_PAGE_GLOBAL": 4, "_PAGE_VALID": 8, "_PAGE_DIRTY": 0x10},
    ),
    Machine("mips-alchemy", _ALCHEMY_BITS, _alchemy, fixed={"_PAGE_GLOBAL": 1, "_PAGE_VALID": 2, "_PAGE_DIRTY": 4}),
    Machine("mips-r3k", _ONE_WORD, _r3000, fixed={"_PAGE_GLOBAL": 0x100, "_PAGE_VALID": 0x200, "_PAGE_DIRTY": 0x400}),
)
