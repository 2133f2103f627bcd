"""Machines with the helpers of a kernel tree, for tests of what the hardware does to their entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import pytest

from models.hardware import machines
from models.kernel import lift_tree
from models.kernel.build import machine_from_tree
from models.pte import Architecture, Hardware
from tests import kernel_trees
from tests.compiled import wanted_tree

each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)

Access = Callable[[int, str], set[int]]
"""(entry, ``load``, ``store`` or ``fetch``) -> what a user's access that goes through without generic mm may leave."""


@cache
def tree(version: str, name: str) -> Architecture:
    """A tree's helpers on the machine of that name."""
    return machine_from_tree(lift_tree(wanted_tree(version), name), machines()[name])


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
