"""Every built-in configuration as a transition system, built once for all tests."""

from __future__ import annotations

from functools import cache

from checker.system import TransitionSystem
from models.mm.orders import SPLITS
from models.registry import FAMILIES, architecture, architectures
from models.worlds import mm_system, pte_system

MACHINES = tuple(
    machine for name, family in FAMILIES.items() for machine in (name, *(f"{name}+{f}" for f in family.features))
)
CONFIGS = tuple(arch.config for machine in MACHINES for arch in architectures(machine))
SPLIT_NAMES = tuple(SPLITS)

MKDIRTY_GRANTS_WRITE = ("loongarch/original", "loongarch+ptw/original", "sparc64/original", "sparc64+sun4v/original")
"""Configurations whose mkdirty makes a write-protected entry writable for the hardware."""
MKDIRTY_LAST = ("carry-dirty", "drop-wrprotect", "linux-6.12")
"""Splits that call mkdirty after the last wrprotect."""
UNGUARDED_SHADOW_STACKS = "x86-64+shstk/linux-6.1"
"""A CPU with shadow stacks under helpers that know nothing of them."""

VIOLATED_MM = tuple((config, split) for config in MKDIRTY_GRANTS_WRITE for split in MKDIRTY_LAST) + tuple(
    (UNGUARDED_SHADOW_STACKS, split) for split in SPLIT_NAMES
)


@cache
def pte(config: str) -> TransitionSystem:
    """The PTE world of a configuration."""
    return pte_system(architecture(config))


@cache
def mm(config: str, split: str) -> TransitionSystem:
    """The mm world of a configuration under one order of the split."""
    return mm_system(architecture(config), split)
