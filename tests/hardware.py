"""Machines put together from a kernel tree and the description of their hardware, for tests; the entries they can make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import pytest

from models.hardware import machines
from models.kernel import lift_tree, machine_from_tree
from models.pte import Architecture, Hardware
from tests import kernel_trees
from tests.compiled import wanted_tree

each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)

CHANGES = ("mkdirty", "mkclean", "mkwrite", "wrprotect", "mkold", "mkyoung")
MAKERS = {"pte": "mk_pte", "pmd": "mk_huge_pmd", "pud": "mk_huge_pud"}

Access = Callable[[int, str], set[int]]
"""(entry, ``load``, ``store`` or ``fetch``) -> what a user's access that goes through without generic mm may leave."""


def machine(version: str, config: str, *features: str) -> Architecture:
    """A machine such as ``sparc64+sun4v`` with the helpers of a tree, or a skip that says how to get the tree."""
    wanted_tree(version)
    name, *chosen = config.split("+")
    return _machine(version, name, (*chosen, *features))


@cache
def _machine(version: str, name: str, features: tuple[str, ...]) -> Architecture:
    return machine_from_tree(lift_tree(wanted_tree(version), name, features), machines()[name])


def chain(arch: Architecture, protection: str, *helpers: str, level: str = "pte") -> int:
    """The entry of frame number 0 with a protection class, and then one helper after another."""
    entry = int(arch.helpers[MAKERS[level]](arch.protections[protection]))
    for helper in helpers:
        entry = int(arch.helper(level, helper)(entry))
    return entry


def reachable(arch: Architecture, level: str = "pte") -> set[int]:
    """Every entry of frame number 0 that some order of helpers makes of some protection of user mappings."""
    protections = sorted(set(arch.protection_map.values()))
    found = {int(arch.helpers[MAKERS[level]](protection)) for protection in protections}
    pending = list(found)
    while pending:
        entry = pending.pop()
        made = {int(arch.helper(level, change)(entry)) for change in CHANGES}
        made |= {int(arch.helper(level, "modify")(entry, protection)) for protection in protections}
        pending += made - found
        found |= made
    return found


def made(arch: Architecture, level: str, protection: str, *helpers: str) -> int:
    """The entry of a page in the middle of memory with a protection, after these helpers."""
    frame = 1 << 20 if arch.frames[level] >> 20 & 1 else arch.frames[level] & -arch.frames[level]
    entry = chain(arch, protection, level=level) ^ frame
    for helper in helpers:
        entry = int(arch.helper(level, helper)(entry))
    return entry


def rights(arch: Architecture, level: str, entry: int) -> str:
    """What a user may do through an entry without generic mm: ``r``, ``w`` and ``x``."""
    hardware = arch.hardware_at(level)
    executable = hardware.readable if hardware.executable is None else hardware.executable
    tests = (("r", hardware.readable), ("w", hardware.writable), ("x", executable))
    return "".join(letter for letter, test in tests if test(entry))


def effect(arch: Architecture, level: str, entry: int) -> str:
    """Who serves a store and which named bits it sets: ``silent``, ``cpu +A+D``, ``handler +V``; "" if nobody does."""
    hardware = arch.hardware_at(level)
    ways = (("silent", hardware.silent), ("cpu", hardware.recording), ("handler", hardware.handler))
    who = next((name for name, test in ways if test(entry)), "")
    changed = hardware.store(entry) ^ entry if who else 0
    letters = sorted(bit.letter for bit in arch.bits if changed & bit.mask)
    return " ".join([who, *([("+" + "+".join(letters))] if letters else [])])


def check_described(hardware: Hardware, words: Iterable[int], access: Access) -> None:
    """The description allows what an access does step by step, for each word, and leaves what it leaves."""
    seen: set[tuple[bool, ...]] = set()
    for entry in words:
        loads, stores, fetches = (access(entry, kind) for kind in ("load", "store", "fetch"))
        executable = hardware.executable or hardware.readable
        assert bool(hardware.readable(entry)) is bool(loads), hex(entry)
        assert bool(executable(entry)) is bool(fetches), hex(entry)
        left = {entry} if hardware.silent(entry) else set()
        left |= {hardware.handled(entry)} if hardware.handler(entry) else set()
        assert left == stores, hex(entry)
        assert not hardware.recording(entry)
        assert all(hardware.loaded(entry) in found for found in (loads, fetches) if found), hex(entry)
        seen.add((bool(loads), bool(stores), bool(fetches)))
    assert len(seen) > 1
