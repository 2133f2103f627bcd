"""What an architecture is to ptecheck: named bits, the kernel's helpers, and the hardware that reads entries.

Entries are plain 64-bit words. A helper is a pure function of words under its kernel name; everything here
accepts integers, the checker's terms and Z3 terms alike (see :mod:`checker.logic`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checker.logic import either, ite, no
from checker.records import dataclass, field, replace

Helper = Callable[..., Any]

LEVELS = ("pte", "pmd")
"""The page-table levels whose entries map user pages in this model."""

PROTECTIONS = ("PRIVATE", "READONLY", "SHARED", "NONE")
"""The four classes of user protection: private writable, read-only, shared writable, PROT_NONE."""


@dataclass(frozen=True)
class Bit:
    """One named bit of an entry.

    Attributes:
        name: the kernel's name, ``_PAGE_DIRTY``.
        position: bit number, 0 is the least significant.
        letter: one character that stands for it in a trace.
        says: what the bit means, in a few words.
    """

    name: str
    position: int
    letter: str
    says: str

    @property
    def mask(self) -> int:
        """The word with only this bit set."""
        return 1 << self.position


@dataclass(frozen=True)
class Hardware:
    """What a user access does to an entry without generic mm's consent.

    Attributes:
        readable: entry -> Bool; a user load completes, by the CPU alone or by a low-level handler.
        silent: entry -> Bool; the store completes with no exception and leaves the entry as it is.
        recording: entry -> Bool; the store completes after the CPU itself has updated the entry.
        records: entry -> entry; that update.
        handler: entry -> Bool; the store traps into a low-level handler that runs without the mm and lets it through.
        handled: entry -> entry; what that handler writes back.
        source: manual section or kernel file and label for all of them.
        serves_writable: a store through any present user entry that ``pte_write()`` calls writable completes
            without generic mm, whatever its other bits.
        young_gates: an entry that is not young may not let an access through.
        executable: entry -> Bool; a user may fetch instructions; None: whoever may read may.
        handler_locks: the low-level handler takes the lock of the page table.
        loaded: entry -> entry; what a user load or fetch that goes through leaves, by the CPU or a low-level handler.
        exceptions: name of a requirement on helpers -> why this machine breaks it on purpose.
        notes: what one should know about the description, for reports.
    """

    readable: Helper
    silent: Helper
    recording: Helper
    records: Helper
    handler: Helper
    handled: Helper
    source: str
    serves_writable: bool
    young_gates: bool
    executable: Helper | None = None
    handler_locks: bool = False
    loaded: Helper = lambda entry: entry
    exceptions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def writable(self, entry: Any) -> Any:
        """A user store through this entry succeeds without generic mm: by the CPU alone or by a low-level handler."""
        return either(self.silent(entry), self.recording(entry), self.handler(entry))

    def traps(self, entry: Any) -> Any:
        """A user store through this entry raises an exception, whoever serves it."""
        return no(either(self.silent(entry), self.recording(entry)))

    def store(self, entry: Any) -> Any:
        """The entry after a user store that :meth:`writable` allows."""
        recorded = ite(self.recording(entry), self.records(entry), self.handled(entry))
        return ite(self.silent(entry), entry, recorded)


@dataclass(frozen=True, eq=False)
class Architecture:
    """One machine with one set of helpers, for example ``loongarch+ptw/huacai``.

    A helper is reached under its kernel name as an attribute: ``arch.pte_mkdirty(entry)``.

    Attributes:
        name: the established name, ``loongarch``.
        features: hardware options in force, ``("ptw",)``.
        variant: the name of the set of helpers.
        width: bits of an entry.
        bits: the named bits, for printing and for readable invariants.
        helpers: kernel name -> function. Always there: for each level ``mkdirty mkclean mkwrite wrprotect
            mkold mkyoung modify`` and the tests ``present write dirty young``; ``mk_pte``, ``mk_huge_pmd``
            (protection word -> entry, frame number 0) and ``pmd_mkinvalid``.
        protections: protection class -> page protection word.
        frames: level -> the bits of an entry that hold the frame number.
        in_place: kernel name -> helper on an entry in the table, where they were read from a kernel tree: called with the
            entry and further words it gives its value, and ``after`` the entry that it leaves.
        smp: the kernel is built for several CPUs.
        memory_frames: the largest frame number of memory; 0 if it is not known.
        swap_files: the kernel can swap; without, only special swap entries occur, such as those of migration.
        places: helper -> file and line of its definition, where it was read from a kernel tree.
        frame_numbers: level -> the bits that a frame number can have, where the helpers take one.
        hardware: the machine's behaviour.
        says: one sentence on the variant.
        source: where the helpers come from.
        fields: for fields of several bits, ``NAME is VALUE`` -> (mask, value), for readable invariants.
        assumptions: what was taken as given when the helpers were read from a kernel tree, a sentence each.
        levels: the levels whose entries map user pages and whose helpers are known.
        hardwares: level -> the machine's behaviour there, where it is not ``hardware``.
        protection_map: index of the kernel's table (VM_READ 1, VM_WRITE 2, VM_EXEC 4, VM_SHARED 8) -> protection word.
    """

    name: str
    features: tuple[str, ...]
    variant: str
    width: int
    bits: tuple[Bit, ...]
    helpers: Mapping[str, Helper]
    protections: Mapping[str, int]
    frames: Mapping[str, int]
    hardware: Hardware
    says: str
    source: str
    fields: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    levels: tuple[str, ...] = LEVELS
    hardwares: Mapping[str, Hardware] = field(default_factory=dict)
    protection_map: Mapping[int, int] = field(default_factory=dict)
    in_place: Mapping[str, Any] = field(default_factory=dict)
    smp: bool = False
    memory_frames: int = 0
    swap_files: bool = True
    places: Mapping[str, str] = field(default_factory=dict)
    frame_numbers: Mapping[str, int] = field(default_factory=dict)

    def hardware_at(self, level: str) -> Hardware:
        """The machine's behaviour on the entries of a level."""
        return self.hardwares.get(level, self.hardware)

    @property
    def config(self) -> str:
        """The configuration's name as the command line takes it, ``ARCH[+FEATURE...]/VARIANT``."""
        return "+".join((self.name, *self.features)) + f"/{self.variant}"

    def __getattr__(self, name: str) -> Helper:
        try:
            return self.__dict__["helpers"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(f"no helper {name!r} in this architecture") from None

    def facts(self) -> dict[str, Helper]:
        """Named facts about an entry: every bit, and every field of more than one bit with the value user pages have."""
        single = {bit.name: _has(bit.mask) for bit in self.bits}
        return {**single, **{name: _holds(mask, value) for name, (mask, value) in self.fields.items()}}

    def helper(self, level: str, name: str) -> Helper:
        """The helper of a level: ``helper("pmd", "mkdirty")`` is ``pmd_mkdirty``."""
        return self.helpers[f"{level}_{name}"]

    def with_helpers(self, variant: str, says: str, source: str, **helpers: Helper) -> Architecture:
        """The same machine with some helpers replaced, as a variant of its own name.

        Args:
            variant: the new variant's name.
            says: one sentence on what differs.
            source: where the change comes from.
            **helpers: replacements under their kernel names.
        """
        return replace(self, variant=variant, says=says, source=source, helpers={**self.helpers, **helpers})


def _has(mask: int) -> Helper:
    return lambda entry: (entry & mask) != 0


def _holds(mask: int, value: int) -> Helper:
    return lambda entry: (entry & mask) == value


def twins(**helpers: Helper) -> dict[str, Helper]:
    """The same functions for both levels: ``twins(mkdirty=f)`` is ``{"pte_mkdirty": f, "pmd_mkdirty": f}``."""
    return {f"{level}_{name}": helper for name, helper in helpers.items() for level in LEVELS}
