"""What the Hexagon Virtual Machine does with entries: it loads them into the TLB and records nothing.

arch/hexagon/include/asm/vm_mmu.h: the format, and arch/hexagon/include/asm/pgtable.h: an entry of the lower level is
invalid if it has none of read, write and execute; the virtual machine does not know the present bit. The published
implementation, minivm.S of github.com/quic/hexagonMVM, does so in MINIVM_handle_tlbmissrw and MINIVM_handle_tlbmissx:
a miss by a user needs the user bit, the low five bits are replaced by the page's size, and no entry is written.

Every fault goes to handle_mm_fault(): arch/hexagon/kernel/traps.c do_genex(), arch/hexagon/mm/vm_fault.c do_page_fault().
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from models.hardware import Constants, Machine, NamedBit
from models.pte import Hardware


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _describe(constants: Constants, features: frozenset[str]) -> Mapping[str, Hardware]:
    user, read, write, execute = (constants[f"_PAGE_{name}"] for name in "USER READ WRITE EXECUTE".split())

    def granted(permission: int) -> Callable[[Any], Any]:
        return lambda entry: (entry & (user | permission)) == (user | permission)

    hardware = Hardware(
        readable=granted(read),
        silent=granted(write),
        recording=_never,
        records=_same,
        handler=_never,
        handled=_same,
        executable=granted(execute),
        source="arch/hexagon/include/asm/vm_mmu.h; minivm.S of hexagonMVM, MINIVM_handle_tlbmissrw",
        serves_writable=True,
        young_gates=False,
        notes=(
            "the present bit is the kernel's own: a swap entry that has the user and the read bit can be read",
            "nobody records an access or a store: only generic mm sets the accessed and dirty bits",
        ),
    )
    return {"pte": hardware}


_BITS = (
    NamedBit("_PAGE_PRESENT", "P", "the page is there, for software only"),
    NamedBit("_PAGE_DIRTY", "D", "was written, for software only"),
    NamedBit("_PAGE_ACCESSED", "A", "was accessed, for software only"),
    NamedBit("_PAGE_USER", "U", "for user mode"),
    NamedBit("_PAGE_SWP_EXCLUSIVE", "E", "cache attribute; exclusive, in a swap entry (6.12)"),
    NamedBit("_PAGE_READ", "R", "readable"),
    NamedBit("_PAGE_WRITE", "W", "writable"),
    NamedBit("_PAGE_EXECUTE", "X", "executable"),
)

MACHINES = (
    Machine(
        "hexagon",
        _BITS,
        _describe,
        fixed={"_PAGE_USER": 0x20, "_PAGE_READ": 0x200, "_PAGE_WRITE": 0x400, "_PAGE_EXECUTE": 0x800},
    ),
)
