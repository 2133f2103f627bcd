"""What the memory-management units of powerpc do with entries.

Radix (powerpc-book3s64): the CPU walks the tables. Power ISA 3.0B and 3.1B, Book III, chapter Storage Control, Radix Tree
Translation (page-table entries: valid, leaf, encoded access authority, where write includes read) and Reference and
Change Recording; 6.10.1.2, Modifying a Translation Table Entry, as include/asm/book3s/64/tlbflush.h cites it. A CPU may
instead raise a storage interrupt where a bit has to be set (DSISR_SET_RC in include/asm/reg.h, kernel/exceptions-64s.S at
data_access, and Microwatt's mmu.vhdl, signal rc_error): the feature rcfault.

Hashed table, 64 bits (powerpc-book3s64-hash): mm/book3s64/hash_utils.c do_hash_fault(), hash_page_mm() and
htab_convert_pte_flags(), mm/book3s64/hash_64k.c __hash_page_64K(), mm/book3s64/hash_hugepage.c __hash_page_thp(),
include/asm/book3s/64/pgtable.h check_pte_access().

Hashed table, 32 bits (powerpc-book3s32): mm/book3s32/hash_low.S hash_page and create_hpte, called by
kernel/head_book3s_32.S DataAccess and InstructionAccess. With 603: kernel/head_book3s_32.S InstructionTLBMiss,
DataLoadTLBMiss and DataStoreTLBMiss.

8xx: kernel/head_8xx.S DataStoreTLBMiss, InstructionTLBMiss and DataTLBError; include/asm/nohash/32/mmu-8xx.h on access
groups; include/asm/nohash/32/pte-8xx.h on the protection field.

Book E: kernel/head_44x.S DataTLBError44x and finish_tlb_load_44x (and those of the 476); kernel/head_85xx.S DataTLBError
and finish_tlb_load; mm/nohash/tlb_low_64e.S data_tlb_miss_bolted and tlb_miss_common_bolted.

All of these are under arch/powerpc/. A fault that they do not serve goes to ___do_page_fault() in mm/fault.c, which calls
handle_mm_fault().
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checker.logic import both
from checker.records import replace
from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware

Predicate = Callable[[Any], Any]


_PLAIN_IF_NOT_PRESENT = {
    "get-and-clear-is-one-step": "pmdp_huge_get_and_clear() reads first and writes later only where the entry is not present"
}


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _set(bits: int) -> Predicate:
    """All of the bits are set."""
    return lambda entry: (entry & bits) == bits


def _any(bits: int) -> Predicate:
    """One of the bits is set."""
    return lambda entry: (entry & bits) != 0


def _is(mask: int, value: int) -> Predicate:
    return lambda entry: (entry & mask) == value


def _all(*rules: Predicate) -> Predicate:
    return lambda entry: both(*(rule(entry) for rule in rules))


def _bits(constants: Constants, *names: str) -> tuple[int, ...]:
    return tuple(constants[name] for name in names)


def _permissions(constants: Constants) -> tuple[int, int]:
    """The bits that let user mode read and write; Linux 6.1 has a user bit instead of a read bit."""
    if "_PAGE_WRITE" in constants:
        return constants["_PAGE_READ"], constants["_PAGE_WRITE"]
    return constants["_PAGE_USER"], constants["_PAGE_RW"]


_SAVED_WRITE = (
    "up to Linux 6.1 pte_write() is also true of an entry that NUMA balancing has protected and that keeps its write "
    "permission (pte_savedwrite()); user mode cannot reach such an entry, so that it counts as no user entry"
)
_NO_KEYS = "memory protection keys (AMR, IAMR) are not described: every mapping has key 0, which permits everything"


def _radix(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    present, leaf, privileged = _bits(constants, "_PAGE_PRESENT", "_PAGE_PTE", "_PAGE_PRIVILEGED")
    read, write, execute = _bits(constants, "_PAGE_READ", "_PAGE_WRITE", "_PAGE_EXEC")
    reference, change = _bits(constants, "_PAGE_ACCESSED", "_PAGE_DIRTY")
    faults = "rcfault" in features
    user = _is(present | leaf | privileged, present | leaf)
    reached = _all(user, _set(reference)) if faults else user
    storable = _all(user, _set(write))
    hardware = Hardware(
        readable=_all(reached, _any(read | write)),
        silent=_all(storable, _set(reference | change)),
        recording=_never if faults else storable,
        records=_same if faults else lambda entry: entry | reference | change,
        handler=_never,
        handled=_same,
        executable=_all(reached, _set(execute)),
        loaded=_same if faults else lambda entry: entry | reference,
        source="Power ISA 3.1B, Book III, Radix Tree Translation, Reference and Change Recording, 6.10.1.2",
        serves_writable=not faults,
        young_gates=faults,
        notes=(
            "a CPU may set the reference and change bits or raise a storage interrupt that the kernel serves like any "
            "other; which one POWER9 and POWER10 do in which case was not found, so this describes "
            + ("the interrupt" if faults else "the setting, and the feature rcfault the interrupt"),
            _SAVED_WRITE,
            _NO_KEYS,
        ),
    )
    return {"pte": hardware, "pmd": replace(hardware, exceptions=_PLAIN_IF_NOT_PRESENT), "pud": hardware}


def _hash64(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    present, leaf, privileged = _bits(constants, "_PAGE_PRESENT", "_PAGE_PTE", "_PAGE_PRIVILEGED")
    read, write, execute = _bits(constants, "_PAGE_READ", "_PAGE_WRITE", "_PAGE_EXEC")
    accessed, dirty, hashed = _bits(constants, "_PAGE_ACCESSED", "_PAGE_DIRTY", "H_PAGE_HASHPTE")
    # check_pte_access() wants the read bit of every access, a store's and a fetch's included
    readable = _is(present | leaf | privileged | read, present | leaf | read)
    storable = _all(readable, _set(write))
    recorded = accessed | dirty | hashed
    hardware = Hardware(
        readable=readable,
        silent=_all(storable, _set(recorded)),
        recording=_never,
        records=_same,
        handler=storable,
        handled=lambda entry: entry | recorded,
        executable=_all(readable, _set(execute)),
        loaded=lambda entry: entry | accessed | hashed,
        source="arch/powerpc/mm/book3s64/hash_utils.c hash_page_mm(), hash_64k.c __hash_page_64K(), hash_hugepage.c",
        serves_writable=True,
        young_gates=False,
        notes=(
            "do_hash_fault() enters a page into the hashed table as writable only if the entry is writable and dirty, "
            "and every change of an entry by pte_update() takes it out again; the bits of the hashed table are not kept",
            "H_PAGE_BUSY, which makes an access wait, and H_PAGE_COMBO of segments with 4K pages are not described",
            "subpage_prot() can forbid more than the entry does (CONFIG_PPC_SUBPAGE_PROT)",
            _SAVED_WRITE,
            _NO_KEYS,
        ),
    )
    return {"pte": hardware, "pmd": replace(hardware, exceptions=_PLAIN_IF_NOT_PRESENT)}


def _book3s32(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    return {"pte": _603(constants) if "603" in features else _hash32(constants)}


def _hash32(constants: Constants) -> Hardware:
    present, accessed, dirty, hashed, execute = _bits(
        constants, *(f"_PAGE_{name}" for name in "PRESENT ACCESSED DIRTY HASHPTE EXEC".split())
    )
    read, write = _permissions(constants)
    # a fetch may enter a page that is only executable, and the hashed table has no bit against reading it
    entered = read | execute if "_PAGE_READ" in constants else read
    recorded = accessed | dirty | hashed
    return Hardware(
        readable=_all(_set(present), _any(entered)),
        silent=_all(_set(present | write | recorded), _any(entered)),
        recording=_never,
        records=_same,
        handler=_set(present | read | write),
        handled=lambda entry: entry | recorded,
        loaded=lambda entry: entry | accessed | hashed,
        source="arch/powerpc/mm/book3s32/hash_low.S hash_page, create_hpte",
        serves_writable=True,
        young_gates=False,
        notes=(
            "create_hpte makes a page writable in the hashed table only if the entry is writable and dirty; it stays there "
            "until the flush that follows a change of the entry (mm/book3s32/tlb.c), as a translation stays in a TLB",
            "the hashed table has no bit against fetches: a page that was entered for a load can be executed",
            "from Linux 6.7 on a page that is only executable is entered by a fetch and can then be read",
        ),
    )


def _603(constants: Constants) -> Hardware:
    present, accessed, dirty, execute = _bits(
        constants, *(f"_PAGE_{name}" for name in "PRESENT ACCESSED DIRTY EXEC".split())
    )
    read, write = _permissions(constants)
    fetched = present | accessed | execute
    return _software_loaded(
        readable=_set(present | accessed | read),
        storable=_set(present | accessed | read | write | dirty),
        executable=_set(fetched if "_PAGE_READ" in constants else fetched | read),
        source="arch/powerpc/kernel/head_book3s_32.S DataLoadTLBMiss, DataStoreTLBMiss, InstructionTLBMiss",
    )


_LOADED_EARLIER = (
    "a translation in the TLB is as good as the entry was when it was loaded; it is writable only if the entry was "
    "writable and dirty, so that no store goes through that the entry has not recorded"
)


def _software_loaded(
    readable: Predicate, storable: Predicate, executable: Predicate, source: str, notes: tuple[str, ...] = ()
) -> Hardware:
    """A TLB whose handlers load entries as they are and never write them."""
    return Hardware(
        readable=readable,
        silent=storable,
        recording=_never,
        records=_same,
        handler=_never,
        handled=_same,
        executable=executable,
        source=source,
        serves_writable=False,
        young_gates=True,
        notes=(_LOADED_EARLIER, *notes),
    )


def _8xx(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    reached, dirty, execute = (
        constants["_PAGE_PRESENT"] | constants["_PAGE_ACCESSED"], constants["_PAGE_DIRTY"], constants["_PAGE_EXEC"]
    )  # fmt: skip
    field, none = _bits(constants, "_PAGE_RO", "_PAGE_NA")
    hardware = _software_loaded(
        readable=_all(_set(reached), lambda entry: (entry & field) != none),
        storable=_is(reached | dirty | none, reached | dirty),
        executable=_set(reached | execute),
        source="arch/powerpc/kernel/head_8xx.S DataStoreTLBMiss, DataTLBError; arch/powerpc/include/asm/nohash/32/mmu-8xx.h",
        notes=(
            "the handlers load every entry; valid, accessed (by its access group), the protection field and the change "
            "bit stop an access in the TLB, with an error that goes to do_page_fault()",
            "the two bits of the protection field are taken as in asm/nohash/32/pte-8xx.h: neither is writable, the lower "
            "one alone nothing, both read-only; the upper one alone, which no helper makes, is taken as writable",
        ),
    )
    return {"pte": hardware}


def _book_e(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    """44x, and 85xx with entries of 32 bits."""
    reached, dirty, execute = (
        constants["_PAGE_PRESENT"] | constants["_PAGE_ACCESSED"], constants["_PAGE_DIRTY"], constants["_PAGE_EXEC"]
    )  # fmt: skip
    read, write = _permissions(constants)
    stored = _set(reached | write | dirty)
    if "_PAGE_READ" in constants:
        # a fetch loads the page for stores as well
        storable, executable = _all(stored, _any(read | execute)), _set(reached | execute)
    else:
        storable, executable = _all(stored, _set(read)), _set(reached | execute | read)
    hardware = _software_loaded(
        readable=_set(reached | read),
        storable=storable,
        executable=executable,
        source="arch/powerpc/kernel/head_44x.S DataTLBError44x, finish_tlb_load_44x (44x); "
        "arch/powerpc/kernel/head_85xx.S DataTLBError, finish_tlb_load (85xx)",
    )
    return {"pte": hardware}


def _e500(source: str, *notes: str) -> Callable[[Constants, frozenset[str]], Mapping[str, Hardware]]:
    """Entries with permissions of their own for user mode."""

    def describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
        reached, dirty = constants["_PAGE_PRESENT"] | constants["_PAGE_ACCESSED"], constants["_PAGE_DIRTY"]
        read, write, execute = _bits(constants, "_PAGE_BAP_UR", "_PAGE_BAP_UW", "_PAGE_BAP_UX")
        hardware = _software_loaded(
            readable=_set(reached | read),
            storable=_set(reached | write | dirty),
            executable=_set(reached | execute),
            source=source,
            notes=(
                "a load that misses in the TLB also wants the supervisor's read bit, from Linux 6.7 on, or, on a 64-bit "
                "kernel, a store the supervisor's write bit; every helper sets and clears them together, and a translation "
                "that is there needs the user's bits only, so that only those are described",
                *notes,
            ),
        )
        return {"pte": hardware}

    return describe


_SOFTWARE_BITS = (
    NamedBit("_PAGE_DIRTY", "D", "was written; a page is loaded writable only with it"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed; a page is loaded only with it"),
    NamedBit("_PAGE_SPECIAL", "S", "no struct page"),
)
_SERVER_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "valid for the CPU"),
    NamedBit("_PAGE_PTE", "L", "a leaf: it maps a page"),
    NamedBit("_PAGE_PRIVILEGED", "K", "the kernel only"),
    NamedBit("_PAGE_READ", "R", "readable"),
    NamedBit("_PAGE_WRITE", "W", "writable"),
    NamedBit("_PAGE_EXEC", "X", "executable"),
    NamedBit("_PAGE_DIRTY", "D", "changed"),
    NamedBit("_PAGE_ACCESSED", "A", "referenced"),
    NamedBit("_PAGE_SOFT_DIRTY", "s", "software: soft-dirty"),
    NamedBit("_PAGE_SPECIAL", "S", "software: no struct page"),
    NamedBit("_PAGE_DEVMAP", "d", "software: a device's memory"),
    NamedBit("_PAGE_INVALID", "I", "software: made invalid for a moment"),
    NamedBit("_PAGE_NON_IDEMPOTENT", "E", "memory that must be accessed once; exclusive, in a swap entry"),
)
_HASH_BITS = (
    *_SERVER_BITS,
    NamedBit("H_PAGE_HASHPTE", "h", "software: entered into the hashed table"),
    NamedBit("H_PAGE_BUSY", "b", "software: being entered into it"),
    NamedBit("H_PAGE_COMBO", "c", "software: entered in pieces of 4K"),
    NamedBit("H_PAGE_THP_HUGE", "H", "software: a transparent huge page, or one 4K page"),
)
_BOOK3S32_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "the page is there"),
    NamedBit("_PAGE_HASHPTE", "h", "entered into the hashed table"),
    NamedBit("_PAGE_USER", "U", "user mode may read (6.1)"),
    NamedBit("_PAGE_READ", "R", "user mode may read (6.12); exclusive, in a swap entry"),
    NamedBit("_PAGE_RW", "W", "writable (6.1)"),
    NamedBit("_PAGE_WRITE", "w", "writable (6.12)"),
    NamedBit("_PAGE_EXEC", "X", "executable"),
    *_SOFTWARE_BITS,
)
_8XX_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "valid in the TLB"),
    NamedBit("_PAGE_NA", "N", "with the other bit of its field read-only, alone no access"),
    NamedBit("_PAGE_EXEC", "X", "executable"),
    NamedBit("_PAGE_SH", "G", "matches every address space; exclusive, in a swap entry (6.12)"),
    NamedBit("_PAGE_HUGE", "H", "a page of 512K"),
    *_SOFTWARE_BITS,
)
_BOOK_E_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "the page is there"),
    NamedBit("_PAGE_USER", "U", "user mode may read (6.1)"),
    NamedBit("_PAGE_READ", "R", "user mode may read (6.12)"),
    NamedBit("_PAGE_RW", "W", "writable (6.1)"),
    NamedBit("_PAGE_WRITE", "w", "writable (6.12)"),
    NamedBit("_PAGE_EXEC", "X", "executable"),
    *_SOFTWARE_BITS,
)
_E500_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "the page is there"),
    *(
        NamedBit(f"_PAGE_BAP_{mode}{access}", letter, f"{whose} may {does}")
        for mode, whose, letters in (("U", "user mode", "RWX"), ("S", "the kernel", "rwx"))
        for access, letter, does in zip("RWX", letters, ("read", "write", "execute"), strict=True)
    ),
    *_SOFTWARE_BITS,
)

_SERVER_FIXED = {
    "_PAGE_PRESENT": 1 << 63,
    "_PAGE_PTE": 1 << 62,
    "_PAGE_PRIVILEGED": 0x8,
    "_PAGE_READ": 0x4,
    "_PAGE_WRITE": 0x2,
    "_PAGE_EXEC": 0x1,
    "_PAGE_ACCESSED": 0x100,
    "_PAGE_DIRTY": 0x80,
}

MACHINES = (
    Machine("powerpc-book3s64", _SERVER_BITS, _radix, fixed=_SERVER_FIXED),
    Machine("powerpc-book3s64-hash", _HASH_BITS, _hash64),
    Machine("powerpc-book3s32", _BOOK3S32_BITS, _book3s32),
    Machine("powerpc-8xx", _8XX_BITS, _8xx, fixed={"_PAGE_PRESENT": 0x1, "_PAGE_DIRTY": 0x100, "_PAGE_RO": 0x600}),
    Machine("powerpc-44x", _BOOK_E_BITS, _book_e),
    Machine("powerpc-85xx", _BOOK_E_BITS, _book_e),
    Machine("powerpc-e500", _E500_BITS, _e500("arch/powerpc/kernel/head_85xx.S DataTLBError, finish_tlb_load")),
    Machine(
        "powerpc-book3e64",
        _E500_BITS,
        _e500(
            "arch/powerpc/mm/nohash/tlb_low_64e.S data_tlb_miss_bolted, tlb_miss_common_bolted",
            "an e6500 reads entries itself, by an indirect translation that data_tlb_miss_e6500 loads; that it treats "
            "present, accessed and dirty as the handlers for other CPUs do was not found in a source",
        ),
    ),
)
