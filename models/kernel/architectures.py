"""What the lifter has to know about an architecture, as data: headers, configuration, run-time values, helpers.

The configuration is the distribution's where it matters for page-table entries: transparent huge pages, NUMA
balancing, soft-dirty and userfaultfd write protection are on (Debian 6.1 and 6.12). A configuration option that is
not listed is not set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from models.kernel.words import LP64, Abi

TEST, ENTRY, WORD, SWAP, NO_VALUE = "test", "entry", "word", "swap", "nothing"
"""What a helper yields: a truth value, an entry, a plain integer, a swp_entry_t, or nothing."""

_TESTS = "present write dirty young none special protnone soft_dirty uffd_wp devmap"
_CHANGES = (
    "mkdirty mkclean mkwrite mkwrite_novma wrprotect mkold mkyoung mkspecial mkhuge mkdevmap mksoft_dirty "
    "clear_soft_dirty mkuffd_wp clear_uffd_wp"
)

_LEVELS = ("pte", "pmd", "pud")
_SWAP_FLAGS = ("exclusive", "soft_dirty", "uffd_wp")

_ENTRY_HELPERS: dict[str, tuple[str, tuple[str, ...]]] = {
    **{f"{level}_{name}": (TEST, (level,)) for level in _LEVELS for name in _TESTS.split()},
    **{f"{level}_{name}": (ENTRY, (level, "vma")) for level in _LEVELS for name in _CHANGES.split()},
    **{f"{level}_modify": (ENTRY, (level, "pgprot")) for level in _LEVELS},
    **{f"{level}_pfn": (WORD, (level,)) for level in _LEVELS},
    **{f"pfn_{level}": (ENTRY, ("word", "pgprot")) for level in _LEVELS},
    **{f"mk_{level}": (ENTRY, ("page", "pgprot")) for level in _LEVELS},
    **{f"{level}_{name}": (TEST, (level,)) for level in ("pmd", "pud") for name in ("trans_huge", "leaf", "bad")},
    **{f"{level}_mkinvalid": (ENTRY, (level,)) for level in ("pmd", "pud")},
}

_SWAP_HELPERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "__swp_type": (WORD, ("swp",)),
    "__swp_offset": (WORD, ("swp",)),
    "__swp_entry": (SWAP, ("word", "word")),
    "__pte_to_swp_entry": (SWAP, ("pte",)),
    "__swp_entry_to_pte": (ENTRY, ("swp",)),
    "__pmd_to_swp_entry": (SWAP, ("pmd",)),
    "__swp_entry_to_pmd": (ENTRY, ("swp",)),
    **{
        f"{level}_swp_{name}": (result, (level,))
        for level in ("pte", "pmd")
        for flag in _SWAP_FLAGS
        for name, result in ((flag, TEST), (f"mk{flag}", ENTRY), (f"clear_{flag}", ENTRY))
    },
}

HELPERS = {**_ENTRY_HELPERS, **_SWAP_HELPERS}
"""Helpers under their kernel names: what they yield, and the kinds of the parameters of a macro of that name."""

_MM, _VMA = ("mm", "address"), ("vma", "address")


def _in_place(level: str, huge: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Helpers of one level that work on an entry in memory."""
    p = f"{level}p"
    return {
        f"{p}_get": (ENTRY, (p,)),
        f"set_{level}_at": (NO_VALUE, (*_MM, p, level)),
        f"{p}{huge}_get_and_clear": (ENTRY, (*_MM, p)),
        f"{p}{huge}_clear_flush": (ENTRY, (*_VMA, p)),
        f"{p}_set_wrprotect": (NO_VALUE, (*_MM, p)),
        f"{p}_test_and_clear_young": (TEST, (*_VMA, p)),
        f"{p}_set_access_flags": (TEST, (*_VMA, p, level, "word")),
    }


IN_PLACE: dict[str, tuple[str, tuple[str, ...]]] = {
    **_in_place("pte", ""),
    **_in_place("pmd", "_huge"),
    **_in_place("pud", "_huge"),
    "pte_clear": (NO_VALUE, (*_MM, "ptep")),
    "ptep_modify_prot_start": (ENTRY, (*_VMA, "ptep")),
    "ptep_modify_prot_commit": (NO_VALUE, (*_VMA, "ptep", "pte", "pte")),
    "clear_young_dirty_ptes": (NO_VALUE, (*_VMA, "ptep", "one", "word")),
    "pmdp_establish": (ENTRY, (*_VMA, "pmdp", "pmd")),
    **{f"{p}_invalidate": (ENTRY, (*_VMA, p)) for p in ("pmdp", "pudp")},
    "pmdp_invalidate_ad": (ENTRY, (*_VMA, "pmdp")),
}
"""Helpers on an entry in memory: what they yield, and the kinds of all their parameters.

``ptep`` and its like point to the entry; nothing may depend on ``mm``, ``vma`` and ``address``; ``one`` is a count of
entries, taken as 1.
"""

COMMON_SOURCES: dict[str, tuple[str, ...]] = {
    "mm/pgtable-generic.c": (
        "ptep_set_access_flags", "ptep_clear_flush", "pmdp_set_access_flags", "pmdp_huge_clear_flush",
        "pudp_huge_clear_flush", "pmdp_invalidate", "pmdp_invalidate_ad",
    ),
}  # fmt: skip
"""C files of every architecture, with the helpers that they define where the architecture has none of its own."""

FOLDED = ("asm-generic/pgtable-nop4d.h", "asm-generic/pgtable-nopud.h", "asm-generic/pgtable-nopmd.h")
COMMON_HEADERS: dict[str, bool] = {
    "asm/pgtable.h": False, "asm/page.h": False, "asm-generic/pgtable_uffd.h": True, **dict.fromkeys(FOLDED, False),
    "linux/const.h": True, "uapi/linux/const.h": True, "vdso/const.h": True, "vdso/page.h": True,
}  # fmt: skip


def enabled(options: str) -> dict[str, str]:
    """The configuration with these options on; written without their common prefix."""
    return {f"CONFIG_{option}": "1" for option in options.split()}


def disabled(options: str) -> dict[str, str]:
    """The configuration with these options off."""
    return {f"CONFIG_{option}": "" for option in options.split()}


def without(word: str) -> str:
    """The regular expression of a file that does not have a word."""
    return rf"\A(?![\s\S]*\b{word}\b)"


COMMON_CONFIG = enabled(
    "64BIT MMU SMP TRANSPARENT_HUGEPAGE HAVE_ARCH_TRANSPARENT_HUGEPAGE HUGETLB_PAGE NUMA NUMA_BALANCING "
    "ARCH_HAS_PTE_SPECIAL ARCH_HAS_PTE_DEVMAP PHYS_ADDR_T_64BIT ARCH_WANT_PMD_MKWRITE MIGRATION "
    "ARCH_ENABLE_THP_MIGRATION SWAP"
)

CONSTANTS = (
    "_PAGE_", "_CACHE_", "_PFN_", "_HPAGE_", "PFN_PTE_", "PTE_PFN_", "PTE_FLAGS_", "PAGE_SHIFT", "PAGE_SIZE",
    "PMD_SHIFT", "PUD_SHIFT", "PHYSICAL_",
)  # fmt: skip
"""What the names of the macros start with whose values are reported."""


@dataclass(frozen=True)
class RunTime:
    """A variable of the kernel whose value the lifter takes as given.

    Attributes:
        value: that value.
        says: the assumption as a sentence.
    """

    value: int
    says: str


@dataclass(frozen=True)
class Instead:
    """A function whose body the lifter cannot read, such as inline assembly, put into C by hand.

    Attributes:
        text: its definition, which takes the place of the tree's, or of one in a header that is not read.
        says: what it stands for, as an assumption.
        where: a name in the tree's definition without which that one stays.
        file, line: where the text stands, if it was read from somewhere.
    """

    text: str
    says: str
    where: str = ""
    file: str = "(built in)"
    line: int = 0


@dataclass(frozen=True)
class Feature:
    """An option of an architecture: of the CPU, or of the kernel's configuration.

    Attributes:
        says: one sentence.
        config: configuration options that it sets; "" unsets one.
        calls: calls whose value it changes.
        runtime: kernel variables or macros whose value it changes.
        protection_setup: the function that fills the table of page protections, where it is another one.
        physical_bits: bits of a physical address that a frame number may have, where it changes them.
        excludes: features that cannot be chosen with it.
    """

    says: str
    config: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, RunTime] = field(default_factory=dict)
    runtime: Mapping[str, RunTime] = field(default_factory=dict)
    protection_setup: str = ""
    physical_bits: int = 0
    excludes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class BootProtection:
    """Bits that the kernel puts into every entry of the table of page protections while it boots.

    Attributes:
        bits: those bits, an expression of the tree's macros.
        says: the assumption as a sentence.
    """

    bits: str
    says: str


@dataclass(frozen=True)
class Drift:
    """What is another way in some kernels, told by the text of a file of the tree, as its configuration is not there.

    Attributes:
        path: the file; one that the tree lacks says nothing.
        says: a regular expression; where the file has it, the rest holds.
        config: configuration options that it sets; "" unsets one.
        calls: calls whose value it changes.
        protection_setup: the function that fills the table of page protections, where that is another way.
        levels: the levels whose entries can map a user page, where they are others.
        protection: an index of the table of page protections that no mapping without special flags has, and the one
            that such mappings have instead.
        assumes: the assumption that is made with it, as a sentence; "" if none.
        traits: what the description of the hardware is told of such a kernel, as if it were a feature.
    """

    path: str
    says: str
    config: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, RunTime] = field(default_factory=dict)
    protection_setup: str = ""
    levels: tuple[str, ...] = ()
    protection: tuple[int, int] | None = None
    assumes: str = ""
    traits: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Patch:
    """A section with instructions that the kernel puts in place of others when it boots.

    Attributes:
        length: how many instructions an entry replaces.
        features: with any of these in force, it does.
    """

    length: int
    features: frozenset[str]


@dataclass(frozen=True)
class Platform:
    """One architecture for the lifter, with its features chosen.

    Attributes:
        name: the architecture's name in ptecheck.
        folder: its folder under ``arch/``.
        headers: include names that are read, True where the header may be absent.
        config: the kernel configuration, option -> value.
        drifts: what is another way in some kernels.
        needs: files of the architecture; a tree with none of them does not support the machine. Empty if all do.
        sources: C files read where the tree has them, path -> the helpers they define.
        protection_map: the one of them with the table of page protections.
        protection_setup: the function that fills that table at boot; "" where it has an initialiser.
        protection: an index of it that no ordinary mapping has, and the one that stands for it (:class:`Drift`).
        assumes: assumptions that hold for all that is read, as sentences.
        traits: what the description of the hardware is told of the kernel, beside the features.
        boot_protection: what the kernel adds to every entry of that table while it boots.
        abi: how wide ``long`` is, and the byte order.
        first: headers read before all others, because headers that are not on the list would include them.
        folders: further folders of the tree where its Makefile has headers looked for.
        helpers: names lifted beside :data:`HELPERS`.
        hardware: functions of one entry that say what the CPU does, lifted likewise, with what they yield.
        runtime: kernel variables, macros and C expressions of one name with a value taken as given.
        calls: functions and function-like macros with a constant value taken as given, whatever their arguments.
        instead: functions of inline assembly and their like, put into C.
        quiet: further calls that leave every entry as it is, name -> why (:mod:`models.kernel.quiet`).
        cpu_tests: functions that ask for a CPU feature.
        cpu_features: flag -> the ptecheck feature that sets it ("" never).
        clear_vm_flags: flags of a mapping that are taken as clear.
        assembly: the instruction set of inline assembly that helpers use, "" if they use none.
        patches: sections of replaced instructions, in the order in which the kernel takes them.
        constants: prefixes of the macros whose values are reported.
        features: options, name -> what it is.
        default: features in force when none is named.
        page_shift: bits of an offset inside a page.
        physical_bits: bits of a physical address that a frame number may have.
        memory_bits: bits of the physical address of memory, where there are fewer than of devices; 0 if not.
        levels: the levels whose entries can map a user page.
        chosen: the features in force.
        says: one sentence on the machine.
    """

    name: str
    folder: str
    headers: Mapping[str, bool]
    config: Mapping[str, str]
    sources: Mapping[str, tuple[str, ...]]
    protection_map: str
    boot_protection: BootProtection | None = None
    drifts: tuple[Drift, ...] = ()
    needs: tuple[str, ...] = ()
    protection_setup: str = ""
    protection: tuple[int, int] | None = None
    assumes: tuple[str, ...] = ()
    traits: frozenset[str] = frozenset()
    abi: Abi = LP64
    first: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    helpers: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    hardware: Mapping[str, str] = field(default_factory=dict)
    runtime: Mapping[str, RunTime] = field(default_factory=dict)
    calls: Mapping[str, RunTime] = field(default_factory=dict)
    instead: Mapping[str, Instead] = field(default_factory=dict)
    quiet: Mapping[str, str] = field(default_factory=dict)
    cpu_tests: frozenset[str] = frozenset()
    cpu_features: Mapping[str, str] = field(default_factory=dict)
    clear_vm_flags: frozenset[str] = frozenset()
    assembly: str = ""
    patches: Mapping[str, Patch] = field(default_factory=dict)
    constants: tuple[str, ...] = CONSTANTS
    features: Mapping[str, Feature] = field(default_factory=dict)
    default: tuple[str, ...] = ()
    page_shift: int = 12
    physical_bits: int = 52
    memory_bits: int = 0
    levels: tuple[str, ...] = ("pte", "pmd")
    chosen: frozenset[str] = frozenset()
    says: str = ""

    @property
    def wanted(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Every helper to look for."""
        return {**HELPERS, **self.helpers}

    @property
    def computes_protections(self) -> bool:
        """Whether vm_get_page_prot() is one of the functions to read, because it does not just look up the table."""
        return any("vm_get_page_prot" in names for names in self.sources.values())

    def with_features(self, names: Iterable[str]) -> Platform:
        """The platform with these features in force."""
        config, calls, runtime = dict(self.config), dict(self.calls), dict(self.runtime)
        found = self
        for name in names:
            feature = self.features.get(name, Feature(""))
            config = {**config, **feature.config}
            runtime |= feature.runtime
            calls |= feature.calls
            found = replace(
                found,
                protection_setup=feature.protection_setup or found.protection_setup,
                physical_bits=feature.physical_bits or found.physical_bits,
            )
        kept = {option: value for option, value in config.items() if value}
        return replace(found, config=kept, calls=calls, runtime=runtime, chosen=frozenset(names))

    def as_told(self, told: Callable[[Drift], bool]) -> Platform:
        """The platform as it is in a tree where some of its drifts hold."""
        found = self
        for drift in filter(told, self.drifts):
            config = {**found.config, **drift.config}
            found = replace(
                found,
                config={option: value for option, value in config.items() if value},
                calls={**found.calls, **drift.calls},
                protection_setup=drift.protection_setup or found.protection_setup,
                levels=drift.levels or found.levels,
                protection=drift.protection or found.protection,
                traits=found.traits | drift.traits,
                assumes=(*found.assumes, *([drift.assumes] if drift.assumes else [])),
            )
        return found


VM_FLAGS = {"VM_NONE": 0, "VM_READ": 1, "VM_WRITE": 2, "VM_EXEC": 4, "VM_SHARED": 8, "VM_ACCESS_FLAGS": 7}
"""The flags that index the table of page protections (include/linux/mm.h)."""

MM_CONSTANTS = {"CYDP_CLEAR_YOUNG": 1, "CYDP_CLEAR_DIRTY": 2}
"""Macros of include/linux/mm_types.h that helpers on entries in memory ask for; that header is not read."""

CLASSES = {"NONE": 0, "READONLY": 1, "PRIVATE": 1 | 2, "SHARED": 1 | 2 | 8}
"""Protection class -> its index in that table."""

MACROS = {
    "NONE": ("PAGE_NONE",),
    "READONLY": ("PAGE_READONLY",),
    "PRIVATE": ("PAGE_COPY", "PAGE_READONLY"),
    "SHARED": ("PAGE_SHARED",),
}
"""Protection class -> macros to use where the tree does not have the table."""
