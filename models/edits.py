"""Helpers with single assignments of theirs left out or added, and a record of what each assigns in a run.

An *assignment* is one bit that a helper sets where it was clear, or clears where it was set. Leaving it out means that
the helper, wherever it is called, leaves that bit as it found it; everything else that it does, it does as before.
What it found is its first argument; for a helper that makes an entry of a page protection, that protection's word.
The bits of a protection's word are assignments of their own, of the table of protections.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from checker.logic import both, either, no
from models.helper_world import protections
from models.kernel.helper import InPlaceHelper, LiftedHelper
from models.pte import Architecture

_CHANGES = re.compile(r"(pte|pmd|pud)_(mk|wrprotect|modify|clear_|swp_mk|swp_clear_)")
_MAKERS = ("mk_pte", "mk_huge_pmd", "mk_huge_pud")
_BEHIND = {"mk_huge_pmd": "pmd_mkhuge", "mk_huge_pud": "pud_mkhuge"}
"""A helper of the model that the kernel has under another name."""

_TABLE = "protection "
"""What the name of an assignment by the table of protections begins with."""

ONE_STEP = "one step"
"""Stands for the bit where it is missing that a helper in place changes the entry in one step."""

_ASKED = "asked "
"""What a record of a call that makes no entry begins with; of a test, with the entry and the answer."""


@dataclass(frozen=True, order=True)
class Assignment:
    """One bit that a helper sets or clears.

    Attributes:
        helper: the kernel's name; ``protection rw-p`` for a bit in a word of the table of protections.
        position: the number of the lowest bit.
        mask: the bit; several, if they have no name.
        sets: it sets the bit; else it clears it.
        bit: the kernel's name of the bit, or its number.
        missing: the helper does not do it, and is looked at as if it did.
        asks: it is a test, and would say yes (``sets``) or no wherever the bit is set.

    Of a helper in place that reads the entry and writes it later, :data:`ONE_STEP` is missing; it has no mask.
    """

    helper: str
    position: int
    mask: int
    sets: bool
    bit: str
    missing: bool = False
    asks: bool = False

    @property
    def level(self) -> str:
        """The level of the entries it is about; "" for the table of protections, which is for all."""
        found = re.match(r"(?:mk_huge_|mk_|set_)?(pte|pmd|pud)", self.helper)
        return found.group(1) if found else ""

    @property
    def says(self) -> str:
        """What the helper does, or does not do, in words."""
        if self.bit == ONE_STEP:
            return f"{self.helper} reads the entry first and writes it later, in two steps"
        if self.helper.startswith(_TABLE):
            return f"the protection of {self.helper.removeprefix(_TABLE)} has {self.bit}"
        if self.asks:
            return f"{self.helper} does not say {'yes' if self.sets else 'no'} for {self.bit}"
        if self.missing:
            return f"{self.helper} does not {'set' if self.sets else 'clear'} {self.bit}"
        return f"{self.helper} {'sets' if self.sets else 'clears'} {self.bit}"

    def applied(self, before: Any, made: Any) -> Any:
        """What the helper makes of an entry with this assignment left out, or added."""
        if self.asks:
            found = (before & self.mask) != 0
            return either(made, found) if self.sets else both(made, no(found))
        if self.missing:
            return made | self.mask if self.sets else made & ~self.mask
        return made & (before | ~self.mask) if self.sets else made | (before & self.mask)


def changes_entries(name: str, helper: Any) -> bool:
    """Whether a helper of the model makes one entry of another, or of a protection."""
    if isinstance(helper, InPlaceHelper):
        return False  # its value is no entry that it changed; what it leaves in the table is
    if isinstance(helper, LiftedHelper):
        return helper.result == "entry" and helper.parameters[0].kind in ("pte", "pmd", "pud")
    return name in _MAKERS or bool(_CHANGES.match(name))


def place(arch: Architecture, helper: str) -> str:
    """File and line of a helper's C where it was read from a tree; else the source of the architecture's helpers."""
    if helper.startswith(_TABLE) and arch.places:
        return "the tree's table of page protections (protection_map)"
    return arch.places.get(helper) or arch.places.get(_BEHIND.get(helper, ""), "") or arch.source


def bits_of(arch: Architecture, mask: int) -> Iterator[tuple[str, int]]:
    """The bits of a mask, each with its name; those without a name together."""
    for bit in sorted(arch.bits, key=lambda b: b.position):
        if mask & bit.mask:
            yield bit.name, bit.mask
            mask &= ~bit.mask
    if mask:
        yield (f"bit {mask.bit_length() - 1}" if mask.bit_count() == 1 else f"bits {mask:#x}"), mask


def assignments(arch: Architecture, helper: str, sets: int, clears: int, missing: bool = False) -> Iterator[Assignment]:
    """The assignments of these bits by a helper, in the order of the bits."""
    for mask, how in ((sets, True), (clears, False)):
        for name, part in bits_of(arch, mask):
            yield Assignment(helper, (part & -part).bit_length() - 1, part, how, name, missing)


def with_edits(arch: Architecture, edits: Iterable[Assignment]) -> Architecture:
    """The architecture with some assignments left out, or added where they are said to be missing."""
    wanted: dict[str, list[Assignment]] = {}
    for edit in sorted(edits):
        wanted.setdefault(edit.helper, []).append(edit)
    if not wanted:
        return arch
    table = _table_edits(arch, wanted)
    return replace(
        arch,
        helpers={name: _edited(helper, wanted.get(name, ())) for name, helper in arch.helpers.items()},
        in_place={name: _edited(helper, wanted.get(name, ())) for name, helper in arch.in_place.items()},
        protections={name: table.get(word, word) for name, word in arch.protections.items()},
        protection_map={index: table.get(word, word) for index, word in arch.protection_map.items()},
    )


def _table_edits(arch: Architecture, wanted: Mapping[str, list[Assignment]]) -> dict[int, int]:
    found = {}
    for word, name in table_names(arch).items():
        made = word
        for edit in wanted.get(name, ()):
            made = edit.applied(0, made)
        found[word] = made
    return found


def table_names(arch: Architecture) -> dict[int, str]:
    """Each word of the table of protections with the name of its assignments, ``protection r--p, rw-p``."""
    found: dict[int, list[str]] = {}
    for protection in protections(arch):
        found.setdefault(protection.word, []).append(protection.name)
    return {word: _TABLE + ", ".join(names) for word, names in found.items()}


def _edited(helper: Any, edits: Iterable[Assignment]) -> Any:
    """A helper under its edits; one that was read from C keeps being its term, which models look at."""
    edits = tuple(edits)
    if not edits:
        return helper
    if any(edit.bit == ONE_STEP for edit in edits):
        helper = replace(helper, atomic=True)
    if isinstance(helper, InPlaceHelper):
        return replace(helper, written=_applied(edits, _found(helper), helper.written))
    if isinstance(helper, LiftedHelper):
        return replace(helper, term=_applied(edits, helper.variables[0], helper.term))
    return lambda entry, *args: _applied(edits, entry, helper(entry, *args))


def _applied(edits: tuple[Assignment, ...], before: Any, made: Any) -> Any:
    for edit in edits:
        made = edit.applied(before, made)
    return made


def _found(helper: InPlaceHelper) -> Any:
    """What a helper in place starts from: the entry in the table; for set_pte_at() and its like, the new one."""
    return helper.variables[-1 if helper.name.startswith("set_") else 0]


Record = Callable[[str, int, int], None]
"""Is told of each call: the helper, the entry before and after."""


@dataclass(frozen=True)
class _Recorded:
    """A helper that tells of its calls on integers, and is otherwise the helper itself."""

    name: str
    helper: Any
    record: Record
    width: int

    def __call__(self, entry: Any, *args: Any) -> Any:
        made = self.helper(entry, *args)
        if not isinstance(made, int):
            self.record(_ASKED + self.name, 0, 0)
            return made
        if type(made) is bool:
            self.record(_ASKED + self.name, int(entry), int(made))
        elif not changes_entries(self.name, self.helper):
            self.record(_ASKED + self.name, 0, 0)
        else:
            self._tell(entry, made)
            if args and isinstance(args[-1], int):
                self.record(_TABLE, 0, int(args[-1]))
            elif self.name in _MAKERS and isinstance(entry, int):
                self.record(_TABLE, 0, int(entry))
        return made

    def after(self, *args: Any) -> Any:
        """The entry that a helper in place leaves."""
        made = self.helper.after(*args)
        if all(isinstance(value, int) for value in (made, *args)):
            self._tell(args[-1 if self.name.startswith("set_") else 0], made)
        return made

    def _tell(self, before: Any, made: Any) -> None:
        whole = (1 << self.width) - 1
        self.record(self.name, int(before) & whole, int(made) & whole)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying looks for these before there are attributes
            raise AttributeError(name)
        return getattr(self.helper, name)


def recorded(arch: Architecture, record: Record) -> Architecture:
    """The architecture with helpers that tell of their calls; words of the table as calls of :data:`_TABLE`."""
    return replace(
        arch,
        helpers={name: _Recorded(name, helper, record, arch.width) for name, helper in arch.helpers.items()},
        in_place={name: _Recorded(name, helper, record, arch.width) for name, helper in arch.in_place.items()},
    )


class Calls:
    """What was assigned in a run: for each helper the bits that it set and cleared, and made set and clear."""

    def __init__(self, arch: Architecture) -> None:
        self._arch = arch
        self._names = table_names(arch)
        self._seen: dict[str, list[int]] = {}
        self._asked: dict[str, list[int]] = {}

    def record(self, helper: str, before: int, made: int) -> None:
        """One call."""
        if helper.startswith(_ASKED):
            self._asked.setdefault(helper.removeprefix(_ASKED), [0, 0])[made] |= before
            return
        if helper == _TABLE:
            if made not in self._names:
                return
            helper = self._names[made]
        masks = self._seen.setdefault(helper, [0, 0, 0, 0])
        for k, bits in enumerate((made & ~before, before & ~made, made, ~made)):
            masks[k] |= bits

    @property
    def helpers(self) -> tuple[str, ...]:
        """Every helper that was called, by name, tests and all."""
        return tuple(sorted({*self._asked, *(name for name in self._seen if not name.startswith(_TABLE))}))

    def in_two_steps(self) -> tuple[Assignment, ...]:
        """The helpers in place that were called and do not change the entry in one step."""
        found = [name for name in self.helpers if not getattr(self._arch.in_place.get(name), "atomic", True)]
        return tuple(Assignment(name, -1, 0, True, ONE_STEP, missing=True) for name in found)

    def acting(self) -> tuple[Assignment, ...]:
        """The assignments that did something."""
        return tuple(
            found
            for helper, (sets, clears, _, _) in sorted(self._seen.items())
            for found in assignments(self._arch, helper, sets, clears)
        )

    def lacking(self) -> tuple[Assignment, ...]:
        """What helpers could be asked to do as well: assign a named bit that they left alone, or answer otherwise for it."""
        named = 0
        for bit in self._arch.bits:
            named |= bit.mask
        assigned = [
            found
            for helper, (_, _, ones, zeros) in sorted(self._seen.items())
            if not helper.startswith(_TABLE)
            for found in assignments(self._arch, helper, zeros & named, ones & named, missing=True)
        ]
        answered = [
            replace(found, asks=True)
            for helper, (denied, confirmed) in sorted(self._asked.items())
            if _is_real_test(self._arch.helpers.get(helper))
            for found in assignments(self._arch, helper, denied & named, confirmed & named, missing=True)
        ]
        return (*assigned, *answered)


def _is_real_test(helper: Any) -> bool:
    """Not a stub of generic code with one answer for every entry: that the architecture has no such mark stays so."""
    term = getattr(helper, "term", None)
    return term is None or term.op != "const"
