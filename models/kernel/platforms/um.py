"""User-mode Linux for the lifter: on a 64-bit and on a 32-bit x86 host."""

from __future__ import annotations

from models.kernel.architectures import COMMON_HEADERS, Drift, Platform, enabled
from models.kernel.words import Abi

_HEADERS = {**COMMON_HEADERS, "linux/pfn.h": False}
_FIRST = ("arch/um/include/asm/page.h",)
_OPTIONS = "UML MMU SWAP MIGRATION PROC_FS"
_SOURCES: dict[str, tuple[str, ...]] = {"arch/um/kernel/mem.c": ()}
_QUIET = {"um_tlb_mark_sync": "notes which addresses the host has to map anew"}
_SAYS = "the host maps pages at the kernel's request; accessed and dirty come from faults"

UM = Platform(
    name="um",
    folder="um",
    headers={**_HEADERS, "asm/pgtable-3level.h": False, "asm/pgtable-4level.h": False},
    config={
        **enabled(f"{_OPTIONS} 64BIT X86_64 3_LEVEL_PGTABLES PHYS_ADDR_T_64BIT"),
        "CONFIG_PGTABLE_LEVELS": "3",
        "CONFIG_PAGE_SHIFT": "12",
    },
    drifts=(
        Drift(
            "arch/um/Kconfig",
            r"\bdefault 4 if 64BIT\b",
            config={"CONFIG_PGTABLE_LEVELS": "4", "CONFIG_3_LEVEL_PGTABLES": ""},
        ),
    ),
    sources=_SOURCES,
    quiet=_QUIET,
    protection_map="arch/um/kernel/mem.c",
    first=_FIRST,
    physical_bits=48,
    levels=("pte",),
    says=_SAYS,
)

UM_32 = Platform(
    name="um32",
    folder="um",
    headers={**_HEADERS, "asm/pgtable-2level.h": False},
    config={
        **enabled(f"{_OPTIONS} X86_32"),
        "CONFIG_PGTABLE_LEVELS": "2",
        "CONFIG_PAGE_SHIFT": "12",
    },
    sources=_SOURCES,
    quiet=_QUIET,
    protection_map="arch/um/kernel/mem.c",
    first=_FIRST,
    abi=Abi(bits=32, physical=32),
    physical_bits=32,
    levels=("pte",),
    says=_SAYS,
)

PLATFORMS = (UM, UM_32)
