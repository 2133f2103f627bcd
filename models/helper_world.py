"""The helper world: every entry that an architecture's own helpers and hardware can make of its protections.

One entry of one level starts as a fresh mapping with one of the protections of the architecture's table and is then
changed by any helper in any order, and by user loads and stores as the hardware does them. The requirements on helpers
(invariants/helpers.py) are judged on every entry that can occur here, and not on arbitrary words: a helper owes nothing
to words that nobody can make.

The caller keeps one rule of generic mm: mkwrite is for mappings with VM_WRITE (include/linux/mm.h maybe_mkwrite()).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from checker.logic import both
from checker.records import dataclass, replace
from checker.state import Bits, Bool
from checker.system import Operation, Predicate, Start
from models.pte import Architecture, Hardware, Helper

VM_READ, VM_WRITE, VM_EXEC, VM_SHARED = 1, 2, 4, 8
"""The flags that index the table of protections (include/linux/mm.h)."""

FRESH = {"pte": "mk_pte", "pmd": "mk_huge_pmd", "pud": "mk_huge_pud"}
"""Level -> the helper of the model that makes a fresh entry of a protection."""

CHANGES = ("mkdirty", "mkclean", "mkold", "mkyoung")
"""Helpers that change an entry and decide nothing about permissions."""

MARKERS = {
    "mkspecial": "special",
    "mkdevmap": "devmap",
    "mksoft_dirty": "soft_dirty",
    "clear_soft_dirty": "soft_dirty",
    "mkuffd_wp": "uffd_wp",
    "clear_uffd_wp": "uffd_wp",
}
"""Helpers that put a mark on an entry or take it off, and the test of the mark."""


@dataclass(frozen=True)
class EntryState:
    """One entry, and what generic mm has decided about it.

    Attributes:
        entry: the word.
        may_read: the protection in force allows some access, so that reading cannot be held against the hardware.
        must_read: it asks for reading.
        may_exec: it lets the user fetch instructions.
        vm_write: the mapping is writable, be it only after a copy.
        may_write: the last decision about writing (a protection, mkwrite, wrprotect) was to allow it.
    """

    entry: Any
    may_read: Any
    must_read: Any
    may_exec: Any
    vm_write: Any
    may_write: Any


SHAPE = EntryState(entry=Bits(64), may_read=Bool, must_read=Bool, may_exec=Bool, vm_write=Bool, may_write=Bool)


@dataclass(frozen=True)
class Protection:
    """A protection of the architecture's table.

    Attributes:
        name: as in /proc/PID/maps, ``rw-p``; of several with the same word and the same rights, the first.
        word: the page protection word.
        may_read: some access is allowed; any implies reading, since hardly any hardware can tell.
        may_exec: the user may fetch instructions.
        vm_write: VM_WRITE is set.
        may_write: shared and writable, so that entries are writable at once.
    """

    name: str
    word: int
    may_read: bool
    may_exec: bool
    vm_write: bool

    @property
    def must_read(self) -> bool:
        """VM_READ is set."""
        return self.name.startswith("r")

    @property
    def may_write(self) -> bool:
        """Shared and writable, so that entries are writable at once."""
        return self.vm_write and self.name.endswith("s")


@dataclass(frozen=True)
class Level:
    """The helpers and the hardware of one level of an architecture.

    Attributes:
        arch: the architecture.
        name: ``pte``, ``pmd`` or ``pud``.
    """

    arch: Architecture
    name: str

    @property
    def hardware(self) -> Hardware:
        """What the machine does with entries of this level."""
        return self.arch.hardware_at(self.name)

    def has(self, *helpers: str) -> bool:
        """Whether the architecture has all these helpers at this level."""
        return all(f"{self.name}_{helper}" in self.arch.helpers for helper in helpers)

    def real(self, test: str, *helpers: str) -> bool:
        """Whether it has them, and the test is not generic code's stub with one answer for every entry."""
        if not self.has(test, *helpers):
            return False
        term = getattr(self.arch.helper(self.name, test), "term", None)
        return term is None or term.op != "const"

    @property
    def markers(self) -> tuple[str, ...]:
        """The helpers for marks that there really are: where the test is a stub, nobody sets the mark."""
        return tuple(helper for helper, test in MARKERS.items() if self.real(test, helper))

    def in_place(self, helper: str) -> Any:
        """A helper of this level on an entry in the table, ``in_place("set_wrprotect")``; None if there is none."""
        names = [f"{self.name}p_{helper}", f"{self.name}p_huge_{helper}"] + [helper] * (self.name == "pte")
        return next((self.arch.in_place[name] for name in names if name in self.arch.in_place), None)

    @property
    def installed(self) -> Any:
        """What ``set_pte_at()`` of this level does to an entry on its way into the table; None if nothing is known to be."""
        helper = self.arch.in_place.get(f"set_{self.name}_at")
        if helper is None or helper.written is helper.variables[-1]:
            return None
        return lambda entry: helper.after(entry, entry)

    def call(self, helper: str, entry: Any, *args: Any) -> Any:
        """A helper of this level under its short name: ``call("mkdirty", entry)``."""
        return self.arch.helper(self.name, helper)(entry, *args)

    def fresh(self, protection: Protection, like: Any = None) -> Any:
        """A fresh entry with frame number 0; ``like`` makes it symbolic where that is."""
        made = self.arch.helpers[FRESH[self.name]](protection.word)
        return made if like is None else made | (like & 0)

    def executable(self, entry: Any) -> Any:
        """The user may fetch instructions."""
        test = self.hardware.executable
        return self.hardware.readable(entry) if test is None else test(entry)


_INDEX = {"NONE": 0, "READONLY": VM_READ, "PRIVATE": VM_READ | VM_WRITE, "SHARED": VM_READ | VM_WRITE | VM_SHARED}
"""The index of each class of protections, for architectures of which only these four are known."""


def protections(arch: Architecture) -> tuple[Protection, ...]:
    """The distinct protections of an architecture's table, in the order of their indices."""
    found: dict[tuple[Any, ...], Protection] = {}
    table = arch.protection_map or {_INDEX[name]: word for name, word in arch.protections.items()}
    for index, word in sorted(table.items()):
        executable = bool(
            index & (VM_READ | VM_WRITE | VM_EXEC) if arch.hardware.executable is None else index & VM_EXEC
        )
        made = Protection(
            name=_flags(index),
            word=word,
            may_read=bool(index & (VM_READ | VM_WRITE | VM_EXEC)),
            may_exec=executable,
            vm_write=bool(index & VM_WRITE),
        )
        found.setdefault((word, *_rights(made).values()), made)
    return tuple(found.values())


def _flags(index: int) -> str:
    letters = [
        letter if index & flag else "-" for letter, flag in zip("rwx", (VM_READ, VM_WRITE, VM_EXEC), strict=True)
    ]
    return "".join(letters) + ("s" if index & VM_SHARED else "p")


def starts(level: Level) -> tuple[Start, ...]:
    """Fresh entries of every protection, whatever the frame number, which should be immaterial."""
    return tuple(_start(level, protection) for protection in protections(level.arch))


def _start(level: Level, protection: Protection) -> Start:
    def run(frame: Any) -> EntryState:
        entry = level.fresh(protection) ^ (frame & level.arch.frames[level.name])
        return EntryState(entry, **_rights(protection))

    name = f"{FRESH[level.name]}({protection.name})"
    return Start(name, run, Bits(64), f"a new {level.name} entry of a {protection.name} mapping")


def immaterial(level: Level, path: str = "entry") -> dict[str, int]:
    """The frame number's bits, which helpers should not take for anything else."""
    return {path: level.arch.frames[level.name]}


def _rights(protection: Protection) -> dict[str, bool]:
    return {name: getattr(protection, name) for name in ("may_read", "must_read", "may_exec", "vm_write", "may_write")}


Step = Callable[[EntryState], tuple[Any, EntryState]]


def operations(level: Level) -> tuple[Operation, ...]:
    """Every helper of the level that changes an entry, and what loads and stores do to it."""
    return (*_helper_steps(level), *_installing(level), *_access_steps(level))


def _installing(level: Level) -> Iterator[Operation]:
    """The way into the table, where that changes an entry."""
    installed, name = level.installed, f"set_{level.name}_at"
    if installed is None:
        return

    def run(s: EntryState) -> tuple[Any, EntryState]:
        return True, replace(s, entry=installed(s.entry))

    yield Operation(name, run, level.arch.places.get(name, ""), f"generic mm installs the entry with {name}()")


def _helper_steps(level: Level) -> Iterator[Operation]:
    def op(helper: str, argument: str, args: tuple[Any, ...], guard: Helper, **ghosts: Any) -> Operation:
        def run(s: EntryState) -> tuple[Any, EntryState]:
            return guard(s), replace(s, entry=level.call(helper, s.entry, *args), **ghosts)

        name = f"{level.name}_{helper}"
        return Operation(
            name + argument, run, level.arch.places.get(name, level.arch.source), f"generic mm calls {name}()"
        )

    def always(s: EntryState) -> Any:
        return True

    for helper in (*CHANGES, *level.markers):
        yield op(helper, "", (), always)
    yield op("mkwrite", "", (), lambda s: s.vm_write, may_write=True)
    yield op("wrprotect", "", (), always, may_write=False)
    for protection in protections(level.arch):
        yield op("modify", f"({protection.name})", (protection.word,), always, **_rights(protection))


def _access_steps(level: Level) -> Iterator[Operation]:
    hardware = level.hardware

    def op(name: str, guard: Helper, after: Helper, says: str) -> Operation:
        def run(s: EntryState) -> tuple[Any, EntryState]:
            return guard(s.entry), replace(s, entry=after(s.entry))

        return Operation(name, run, hardware.source, says, idle="this hardware has no such access")

    yield op("load", hardware.readable, hardware.loaded, "a user load goes through without generic mm")
    yield op("store_recorded", hardware.recording, hardware.records, "a user store that the CPU records in the entry")
    yield op("store_handled", hardware.handler, hardware.handled, "a user store that a low-level handler lets through")


def predicates(level: Level) -> tuple[Predicate, ...]:
    """The vocabulary of readable invariants: what the kernel and the hardware see, then raw bits."""
    hardware = level.hardware
    named = {
        "hardware-writable": hardware.writable,
        "readable": hardware.readable,
        **{name: _test(level, name) for name in ("write", "dirty", "young", "present")},
        **level.arch.facts(),
    }
    return tuple(_of_entry(name, test) for name, test in named.items())


def _test(level: Level, name: str) -> Helper:
    return lambda entry: level.call(name, entry)


def _of_entry(name: str, holds: Helper) -> Predicate:
    return Predicate(name, lambda s: holds(s.entry))


def clean_writable(level: Level) -> Any:
    """An entry of a shared mapping that was made young, writable and clean."""
    shared = next(p for p in protections(level.arch) if p.may_write)
    return level.call("mkclean", level.call("mkwrite", level.call("mkyoung", level.fresh(shared))))


def store_policy(level: Level) -> tuple[str, ...]:
    """Who notices a store through a clean writable entry: ``hardware``, ``handler``, ``nobody``, ``fault``.

    More than one where it depends on what the TLB holds.
    """
    entry = clean_writable(level)
    hardware = level.hardware
    ways = {"hardware": hardware.recording, "handler": hardware.handler, "nobody": hardware.silent}
    found = tuple(name for name, test in ways.items() if test(entry))
    return found or ("fault",)


@dataclass(frozen=True)
class TwoEntries:
    """Entries of two levels to which the same has been done.

    Attributes:
        left, right: the entry of each level, with what was decided about it.
    """

    left: EntryState
    right: EntryState


def paired(left: Level, right: Level) -> tuple[tuple[Start, ...], tuple[Operation, ...]]:
    """Starts and operations of two levels in lock-step: what both have is done to both at once."""
    first = {op.name.removeprefix(f"{left.name}_"): op for op in operations(left)}
    second = {op.name.removeprefix(f"{right.name}_"): op for op in operations(right)}
    steps = tuple(_both_steps(name, first[name], second[name]) for name in first if name in second)
    begin = tuple(_both_starts(a, b) for a, b in zip(starts(left), starts(right), strict=True))
    return begin, steps


def _both_steps(name: str, first: Operation, second: Operation) -> Operation:
    def run(s: TwoEntries) -> tuple[Any, TwoEntries]:
        (guard, left), (other, right) = first.run(s.left), second.run(s.right)
        return both(guard, other), TwoEntries(left, right)

    return Operation(name, run, first.source, first.says, first.idle)


def _both_starts(first: Start, second: Start) -> Start:
    def run(frames: tuple[Any, Any]) -> TwoEntries:
        return TwoEntries(first.run(frames[0]), second.run(frames[1]))

    name = first.name.partition("(")[2].removesuffix(")")
    return Start(f"fresh({name})", run, (Bits(64), Bits(64)), f"new entries of a {name} mapping")
