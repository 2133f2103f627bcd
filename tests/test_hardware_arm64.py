"""arm64: what the CPU does with entries, alone and with the entries that the helpers of real trees make."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import pytest
import z3

from checker.logic import both, implies, no, same
from models.hardware import machines
from models.hardware.arm64 import MACHINES
from models.kernel import KernelError, lift_tree
from models.kernel.build import machine_from_tree
from models.pte import Architecture, Hardware
from tests import kernel_trees
from tests.compiled import wanted_tree
from tests.test_architectures import always, sometimes

VALID, PAGE, USER, READ_ONLY, ACCESSED, MANAGED, NO_EXEC = (1 << bit for bit in (0, 1, 6, 7, 10, 51, 54))
"""The descriptor's bits, by the Arm ARM's figures."""
CONSTANTS = {
    **{"PTE_TYPE_MASK": 3, "PTE_TYPE_PAGE": 3, "PMD_TYPE_SECT": 1, "PTE_USER": USER, "PTE_RDONLY": READ_ONLY},
    **{"PTE_AF": ACCESSED, "PTE_DBM": MANAGED, "PTE_UXN": NO_EXEC},
}
FEATURES = ((), ("af",), ("dbm",))
E = z3.BitVec("entry", 64)

each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)
each_feature = pytest.mark.parametrize("features", FEATURES, ids="+".join)
each_level = pytest.mark.parametrize("level", ["pte", "pmd"])


def hardware(features: tuple[str, ...], level: str) -> Hardware:
    """The description of a machine."""
    return MACHINES[0].describe(CONSTANTS, frozenset(features))[level]


@cache
def tree(version: str, features: tuple[str, ...] = ()) -> Architecture:
    """A tree's helpers on that machine."""
    return machine_from_tree(lift_tree(wanted_tree(version), "arm64", features), machines()["arm64"])


def store(entry: int, level: str, features: tuple[str, ...]) -> int | None:
    """The entry after a user store, step by step as the manual has it; None where the store faults."""
    if entry & 3 != (3 if level == "pte" else 1):
        return None
    if not entry & ACCESSED:
        if not features:
            return None
        entry |= ACCESSED
    if not entry & USER:
        return None
    if entry & READ_ONLY:
        if features != ("dbm",) or not entry & MANAGED:
            return None
        entry &= ~READ_ONLY
    return entry


def descriptors() -> list[int]:
    """Every combination of the bits that decide about an access."""
    bits = (VALID, PAGE, USER, READ_ONLY, ACCESSED, MANAGED, NO_EXEC)
    return [sum(chosen) for chosen in itertools.product(*((0, bit) for bit in bits))]


@each_feature
@each_level
def test_a_store_goes_as_the_manual_says(features: tuple[str, ...], level: str) -> None:
    described = hardware(features, level)
    for entry in descriptors():
        after = store(entry, level, features)
        assert described.writable(entry) is (after is not None), hex(entry)
        assert described.silent(entry) is (after == entry), hex(entry)
        if after is not None:
            assert described.store(entry) == after


@each_feature
@each_level
def test_loads_and_fetches_go_as_the_manual_says(features: tuple[str, ...], level: str) -> None:
    described, kind = hardware(features, level), 3 if level == "pte" else 1
    for entry in descriptors():
        there = entry & 3 == kind and bool(features or entry & ACCESSED)
        assert described.readable(entry) is (there and bool(entry & USER))
        assert described.executable is not None
        assert described.executable(entry) is (there and not entry & NO_EXEC)
        assert described.loaded(entry) == (entry | ACCESSED if features else entry)


@pytest.mark.kernel
@each_tree
@each_feature
@each_level
def test_what_fresh_entries_let_through(version: str, features: tuple[str, ...], level: str) -> None:
    arch = tree(version, features)
    cpu, dirty = arch.hardware_at(level), arch.helper(level, "mkdirty")
    made = {
        name: (arch.mk_pte if level == "pte" else arch.mk_huge_pmd)(prot) for name, prot in arch.protections.items()
    }
    assert {name for name, entry in made.items() if cpu.readable(entry)} == {"READONLY", "PRIVATE", "SHARED"}
    assert {name for name, entry in made.items() if cpu.silent(entry)} == set()
    assert {name for name, entry in made.items() if cpu.silent(dirty(entry))} == {"SHARED"}
    assert {name for name, entry in made.items() if cpu.recording(entry)} == (
        {"SHARED"} if "dbm" in features else set()
    )
    assert not any(cpu.writable(dirty(entry)) for name, entry in made.items() if name != "SHARED")
    assert all(arch.helper(level, "present")(entry) for entry in made.values())


@pytest.mark.kernel
@each_tree
@each_feature
@each_level
def test_no_store_through_what_was_protected(version: str, features: tuple[str, ...], level: str) -> None:
    arch = tree(version, features)
    cpu, protect, clean = arch.hardware_at(level), arch.helper(level, "wrprotect"), arch.helper(level, "mkclean")
    assert sometimes(cpu.writable(E))
    assert always(no(cpu.writable(protect(E))))
    assert always(no(cpu.silent(clean(E))))
    assert sometimes(cpu.recording(clean(E))) is ("dbm" in features)
    for name in ("NONE", "READONLY", "PRIVATE"):
        assert always(no(cpu.writable(arch.helper(level, "modify")(E, arch.protections[name]))))


@pytest.mark.kernel
@each_tree
@each_feature
@each_level
def test_a_store_through_a_writable_entry_shows_as_dirty(version: str, features: tuple[str, ...], level: str) -> None:
    arch = tree(version, features)
    cpu, write, dirty = arch.hardware_at(level), arch.helper(level, "write"), arch.helper(level, "dirty")
    stored = both(cpu.writable(E), write(E))
    assert sometimes(stored)
    assert always(implies(stored, dirty(cpu.store(E))))
    for change in ("wrprotect", "mkold", "mkyoung", "mkwrite"):
        assert always(implies(dirty(E), dirty(arch.helper(level, change)(E))))
    for prot in arch.protections.values():
        assert always(implies(dirty(E), dirty(arch.helper(level, "modify")(E, prot))))


@pytest.mark.kernel
@each_tree
@each_feature
def test_prot_none_and_invalidated_entries_stay_closed(version: str, features: tuple[str, ...]) -> None:
    arch = tree(version, features)
    for level in ("pte", "pmd"):
        cpu = arch.hardware_at(level)
        entry = arch.helper(level, "modify")(E, arch.protections["NONE"])
        for change in ("mkyoung", "mkdirty", "mkwrite"):
            entry = arch.helper(level, change)(entry)
        assert always(no(cpu.readable(entry)))
        assert always(no(cpu.writable(entry)))
    huge = arch.hardware_at("pmd")
    assert always(no(huge.readable(arch.pmd_mkinvalid(E))))
    assert always(no(huge.writable(arch.pmd_mkinvalid(E))))
    assert always(arch.pmd_present(arch.pmd_mkinvalid(E)))


@pytest.mark.kernel
@each_tree
@each_feature
def test_an_old_entry_stops_accesses_unless_the_cpu_keeps_the_access_flag(
    version: str, features: tuple[str, ...]
) -> None:
    arch = tree(version, features)
    cpu, old = arch.hardware, arch.pte_mkold(arch.pte_mkdirty(arch.mk_pte(arch.protections["SHARED"])))
    assert not cpu.silent(old)
    assert cpu.readable(old) is bool(features)
    assert cpu.writable(old) is bool(features)
    assert arch.pte_young(cpu.loaded(old)) is bool(features)
    assert cpu.young_gates is not bool(features)


@pytest.mark.kernel
@each_tree
@each_feature
def test_mkwrite_does_not_open_a_clean_entry_for_silent_stores(version: str, features: tuple[str, ...]) -> None:
    arch = tree(version, features)
    entry = arch.pte_mkwrite(arch.mk_pte(arch.protections["PRIVATE"]))
    assert not arch.pte_dirty(entry)
    assert not arch.hardware.silent(entry)
    assert arch.hardware.silent(arch.pte_mkdirty(entry))
    assert arch.hardware.silent(arch.pte_mkwrite(arch.pte_mkdirty(arch.mk_pte(arch.protections["PRIVATE"]))))


@pytest.mark.kernel
@pytest.mark.parametrize("features", FEATURES[1:], ids="+".join)
def test_no_store_passes_userfaultfd(features: tuple[str, ...]) -> None:
    arch = tree("6.12", features)
    for level in ("pte", "pmd"):
        marked = arch.helper(level, "mkuffd_wp")(E)
        assert always(no(arch.hardware_at(level).writable(marked)))
        assert always(same(arch.helper(level, "uffd_wp")(marked), z3.BoolVal(True)))


@pytest.mark.kernel
def test_a_tree_with_another_read_only_bit_is_refused() -> None:
    lifted = lift_tree(wanted_tree("6.12"), "arm64")
    moved = {**lifted.constants, "PTE_RDONLY": 1 << 8}
    object.__setattr__(lifted, "constants", moved)
    with pytest.raises(KernelError, match="PTE_RDONLY is 0x100 in the tree, the CPU has it at 0x80"):
        machine_from_tree(lifted, machines()["arm64"])


def entry_bits(arch: Architecture, *names: str) -> Any:
    """The word with these named bits."""
    return sum(bit.mask for bit in arch.bits if bit.name in names)


@pytest.mark.kernel
@each_tree
def test_an_execute_only_entry_is_fetched_and_not_read(version: str) -> None:
    arch = tree(version)
    entry = entry_bits(arch, "PTE_VALID", "PTE_TABLE_BIT", "PTE_AF", "PTE_RDONLY", "PTE_NG", "PTE_PXN")
    assert arch.hardware.executable is not None
    assert arch.hardware.executable(entry)
    assert not arch.hardware.readable(entry)
    assert not arch.hardware.executable(entry | entry_bits(arch, "PTE_UXN"))


@pytest.mark.kernel
@each_tree
@each_feature
@each_level
def test_every_writable_user_entry_is_served_by_a_cpu_that_records_dirty(
    version: str, features: tuple[str, ...], level: str
) -> None:
    arch = tree(version, features)
    cpu, write = arch.hardware_at(level), arch.helper(level, "write")
    user = same(E & (VALID | PAGE | USER), (3 if level == "pte" else 1) | USER)
    assert always(implies(both(user, write(E)), cpu.writable(E))) is cpu.serves_writable
    assert cpu.serves_writable is ("dbm" in features)
    after = cpu.store(E)
    assert always(
        implies(cpu.writable(E), both(cpu.silent(after), same(after & arch.frames[level], E & arch.frames[level])))
    )
    assert always(implies(both(cpu.writable(E), write(E)), both(write(after), arch.helper(level, "present")(after))))
