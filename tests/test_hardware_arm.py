"""ARMv7: set_pte_ext and the CPU, step by step, against the description; and the entries that real trees make."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cache

import pytest
import z3

from checker.logic import both, implies, no
from models.hardware import machines
from models.kernel import KernelError, lift_tree
from models.kernel.build import machine_from_tree
from models.pte import Architecture
from tests import kernel_trees
from tests.compiled import wanted_tree
from tests.test_architectures import always, sometimes

E = z3.BitVec("entry", 64)
CLASSIC = {name: 1 << bit for bit, name in enumerate("VALID YOUNG - - - - DIRTY RDONLY USER XN SHARED NONE".split())}
"""The kernel's bits in an entry of two levels, by their names in pgtable-2level.h."""
BITS = {"VALID": 0, "TABLE": 1, "USER": 6, "AP2": 7, "YOUNG": 10, "XN": 54, "DIRTY": 55, "NONE": 57, "RDONLY": 58}
LONG = {name: 1 << bit for name, bit in BITS.items()}
"""The kernel's and the CPU's bits in an entry of LPAE, by pgtable-3level.h and pgtable-3level-hwdef.h."""

each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)
each_machine = pytest.mark.parametrize(
    ("name", "level"), [("arm", "pte"), ("arm-lpae", "pte"), ("arm-lpae", "pmd")], ids=str
)


@cache
def tree(version: str, name: str) -> Architecture:
    """A tree's helpers on that machine."""
    return machine_from_tree(lift_tree(wanted_tree(version), name), machines()[name])


def second_entry(entry: int) -> int:
    """What cpu_v7_set_pte_ext of proc-v7-2level.S writes behind a user entry, instruction by instruction."""
    found = entry & ~0x3F0 & ~3 | 0x800 | 0x10 | 2
    if entry & 1 << 4:
        found |= 1 << 6
    if (entry ^ CLASSIC["DIRTY"]) & (CLASSIC["RDONLY"] | CLASSIC["DIRTY"]):
        found |= 1 << 9
    if entry & CLASSIC["USER"]:
        found |= 2 << 4
    if entry & CLASSIC["XN"]:
        found |= 1
    there = entry & CLASSIC["YOUNG"] and entry & CLASSIC["VALID"] and not entry & CLASSIC["NONE"]
    return found if there else 0


def classic_user(descriptor: int) -> set[str]:
    """What a user may do through a small page, by its AP[2:0] and XN."""
    if not descriptor & 2:
        return set()
    rights = {0b010: {"load"}, 0b011: {"load", "store"}, 0b111: {"load"}}
    permission = (descriptor >> 4 & 3) | (descriptor >> 9 & 1) << 2
    found = rights.get(permission, set())
    return found | {"fetch"} if found and not descriptor & 1 else found


def stored_small(entry: int) -> int:
    """What cpu_v7_set_pte_ext of proc-v7-3level.S puts into the table."""
    if not entry & LONG["VALID"]:
        return entry
    if entry & LONG["NONE"]:
        return entry & ~LONG["VALID"]
    closed = (entry ^ LONG["DIRTY"]) & (LONG["DIRTY"] | LONG["RDONLY"])
    return entry | LONG["AP2"] if closed else entry & ~LONG["AP2"]


def stored_huge(entry: int) -> int:
    """What set_pmd_at() of pgtable-3level.h puts into the table."""
    if entry & LONG["NONE"]:
        entry &= ~LONG["VALID"]
    opened = not entry & LONG["RDONLY"] and entry & LONG["DIRTY"]
    return entry & ~LONG["AP2"] if opened else entry | LONG["AP2"]


def long_user(descriptor: int, kind: int) -> set[str]:
    """What a user may do through a long descriptor, by its type, access flag, AP[2:1] and XN."""
    if descriptor & 3 != kind or not descriptor & LONG["YOUNG"] or not descriptor & LONG["USER"]:
        return set()
    found = {"load"} if descriptor & LONG["AP2"] else {"load", "store"}
    return found if descriptor & LONG["XN"] else found | {"fetch"}


def words(bits: dict[str, int]) -> Iterator[int]:
    """Every combination of bits."""
    return (sum(chosen) for chosen in itertools.product(*((0, bit) for bit in bits.values())))


def described(arch: Architecture, level: str, entry: int) -> set[str]:
    """What the description lets a user do."""
    cpu = arch.hardware_at(level)
    assert cpu.executable is not None
    assert cpu.writable(entry) is cpu.silent(entry)
    allowed = {"load": cpu.readable(entry), "store": cpu.silent(entry), "fetch": cpu.executable(entry)}
    return {name for name, possible in allowed.items() if possible}


@pytest.mark.kernel
@each_tree
def test_the_second_entry_lets_through_what_is_described(version: str) -> None:
    arch, seen = tree(version, "arm"), set()
    for entry in range(1 << 12):
        allowed = classic_user(second_entry(entry))
        assert described(arch, "pte", entry) == allowed, hex(entry)
        seen.add(frozenset(allowed))
    assert len(seen) == 5


@pytest.mark.kernel
@each_tree
@pytest.mark.parametrize(("level", "stored", "kind"), [("pte", stored_small, 3), ("pmd", stored_huge, 1)])
def test_a_stored_long_descriptor_lets_through_what_is_described(
    version: str, level: str, stored: Callable[[int], int], kind: int
) -> None:
    arch, seen = tree(version, "arm-lpae"), set()
    for entry in words(LONG):
        allowed = long_user(stored(entry), kind)
        assert described(arch, level, entry) == allowed, hex(entry)
        assert described(arch, level, stored(entry)) == allowed, hex(entry)
        seen.add(frozenset(allowed))
    assert len(seen) == 5


@pytest.mark.kernel
@each_tree
@each_machine
def test_what_fresh_entries_let_through(version: str, name: str, level: str) -> None:
    arch = tree(version, name)
    cpu, dirty = arch.hardware_at(level), arch.helper(level, "mkdirty")
    made = {
        name: (arch.mk_pte if level == "pte" else arch.mk_huge_pmd)(prot) for name, prot in arch.protections.items()
    }
    assert {name for name, entry in made.items() if cpu.readable(entry)} == {"READONLY", "PRIVATE", "SHARED"}
    assert {name for name, entry in made.items() if cpu.writable(entry)} == set()
    assert {name for name, entry in made.items() if cpu.silent(dirty(entry))} == {"SHARED"}
    assert all(arch.helper(level, "present")(entry) for entry in made.values())
    old = arch.helper(level, "mkold")
    assert not any(cpu.readable(old(entry)) or cpu.writable(old(dirty(entry))) for entry in made.values())


@pytest.mark.kernel
@each_tree
@each_machine
def test_no_store_through_what_is_protected_or_clean(version: str, name: str, level: str) -> None:
    arch = tree(version, name)
    cpu = arch.hardware_at(level)
    assert sometimes(cpu.writable(E))
    assert always(no(cpu.writable(arch.helper(level, "wrprotect")(E))))
    assert always(no(cpu.writable(arch.helper(level, "mkclean")(E))))
    assert always(implies(cpu.writable(E), both(arch.helper(level, "dirty")(E), arch.helper(level, "write")(E))))
    for protection in ("NONE", "READONLY", "PRIVATE"):
        assert always(no(cpu.writable(arch.helper(level, "modify")(E, arch.protections[protection]))))


@pytest.mark.kernel
@each_tree
@each_machine
def test_prot_none_stays_closed_and_dirty_is_kept(version: str, name: str, level: str) -> None:
    arch = tree(version, name)
    cpu, dirty = arch.hardware_at(level), arch.helper(level, "dirty")
    closed = arch.helper(level, "modify")(E, arch.protections["NONE"])
    for change in ("mkyoung", "mkdirty", "mkwrite"):
        closed = arch.helper(level, change)(closed)
    assert always(no(cpu.readable(closed)))
    assert always(no(cpu.writable(closed)))
    assert sometimes(cpu.readable(arch.helper(level, "modify")(closed, arch.protections["READONLY"])))
    for change in ("wrprotect", "mkold", "mkyoung", "mkwrite"):
        assert always(implies(dirty(E), dirty(arch.helper(level, change)(E))))
    for prot in arch.protections.values():
        assert always(implies(dirty(E), dirty(arch.helper(level, "modify")(E, prot))))


@pytest.mark.kernel
@each_tree
def test_what_set_pmd_at_leaves_of_prot_none_is_not_present(version: str) -> None:
    """Neither is an invalidated huge entry; both are still huge for pmd_trans_huge()."""
    arch = tree(version, "arm-lpae")
    entry = arch.mk_huge_pmd(arch.protections["NONE"])
    for gone in (stored_huge(entry), arch.pmd_mkinvalid(arch.mk_huge_pmd(arch.protections["SHARED"]))):
        assert not arch.pmd_present(gone)
        assert arch.pmd_trans_huge(gone)
        assert not arch.hardware_at("pmd").readable(gone)
    assert arch.pmd_present(arch.pmd_modify(stored_huge(entry), arch.protections["READONLY"]))


@pytest.mark.kernel
@each_tree
def test_boot_code_adds_the_memory_type_and_nothing_that_opens_an_entry(version: str) -> None:
    lifted = lift_tree(wanted_tree(version), "arm-lpae")
    added = 7 << 2 | 3 << 8 | 1 << 53
    assert all(prot & added == added for prot in lifted.protection_map.values())
    assert sum("build_mem_type_table()" in sentence for sentence in lifted.assumptions) == 1
    assert lifted.protections["NONE"] & LONG["USER"] == 0


@pytest.mark.kernel
def test_a_tree_with_another_dirty_bit_is_refused() -> None:
    lifted = lift_tree(wanted_tree("6.12"), "arm-lpae")
    object.__setattr__(lifted, "constants", {**lifted.constants, "L_PTE_DIRTY": 1 << 56})
    with pytest.raises(KernelError, match="L_PTE_DIRTY"):
        machine_from_tree(lifted, machines()["arm-lpae"])
