"""Machines put together from a kernel tree and the description of their hardware, for tests."""

from __future__ import annotations

from functools import cache

import pytest

from models.hardware import machines
from models.kernel import lift_tree
from models.kernel.build import machine_from_tree
from models.pte import Architecture
from tests import kernel_trees

each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)


def machine(version: str, config: str) -> Architecture:
    """A machine such as ``sparc64+sun4v`` with the helpers of a tree, or a skip that says how to get the tree."""
    if kernel_trees.tree(version) is None:
        pytest.skip(kernel_trees.why_not(version))
    return _machine(version, config)


@cache
def _machine(version: str, config: str) -> Architecture:
    tree = kernel_trees.tree(version)
    assert tree is not None
    name, *features = config.split("+")
    return machine_from_tree(lift_tree(tree, name, tuple(features)), machines()[name])


def made(arch: Architecture, level: str, protection: str, *helpers: str) -> int:
    """The entry of a page in the middle of memory with a protection, after these helpers."""
    frame = 1 << 20 if arch.frames[level] >> 20 & 1 else arch.frames[level] & -arch.frames[level]
    entry = arch.helpers["mk_pte" if level == "pte" else f"mk_huge_{level}"](arch.protections[protection]) ^ frame
    for helper in helpers:
        entry = arch.helper(level, helper)(entry)
    return int(entry)


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
