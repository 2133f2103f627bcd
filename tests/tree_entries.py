"""Machines with the helpers of a real kernel tree, and the entries that those helpers can make."""

from __future__ import annotations

from functools import cache

from models.hardware import machines
from models.kernel import lift_tree
from models.kernel.build import machine_from_tree
from models.pte import Architecture
from tests.compiled import wanted_tree

CHANGES = ("mkdirty", "mkclean", "mkwrite", "wrprotect", "mkold", "mkyoung")
MAKERS = {"pte": "mk_pte", "pmd": "mk_huge_pmd", "pud": "mk_huge_pud"}


@cache
def _machine(version: str, name: str, features: tuple[str, ...]) -> Architecture:
    return machine_from_tree(lift_tree(wanted_tree(version), name, features), machines()[name])


def machine(version: str, name: str, *features: str) -> Architecture:
    """One architecture with the helpers of a kernel version; skips the test without its tree."""
    wanted_tree(version)
    return _machine(version, name, features)


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
