"""Who may use which entry on MIPS, and what is recorded, for entries that the tree's own helpers make."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import z3

from checker.logic import both, implies, no, same
from models.hardware import machines
from models.hardware.mips import MACHINES
from models.kernel import KernelError, lift_tree
from models.kernel.build import machine_from_tree
from models.kernel.platforms import PLATFORMS
from models.pte import Architecture
from tests import kernel_trees
from tests.compiled import wanted_tree

pytestmark = pytest.mark.kernel

NAMES = [machine.name for machine in MACHINES]
CONFIGURATIONS = [(name, features) for name in NAMES for features in [(), *((f,) for f in PLATFORMS[name].features)]]
INHIBIT = {("mips", ("rixi",)), ("mips64", ("rixi",)), ("mips-xpa", ())}
"""The TLB has bits against reading and executing."""

each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)
each_machine = pytest.mark.parametrize(("name", "features"), CONFIGURATIONS, ids=str)
WORD = z3.BitVec("entry", 64)


@cache
def _built(version: str, name: str, features: tuple[str, ...]) -> Architecture:
    return machine_from_tree(lift_tree(wanted_tree(version), name, features), machines()[name])


def levels(version: str, name: str, features: tuple[str, ...]) -> list[tuple[Architecture, str, dict[str, int]]]:
    """Each level with the fresh entry of each protection."""
    arch = _built(version, name, features)
    make = {"pte": "mk_pte", "pmd": "mk_huge_pmd"}
    return [
        (arch, level, {kind: arch.helpers[make[level]](prot) for kind, prot in arch.protections.items()})
        for level in arch.levels
    ]


def always(claim: Any) -> bool:
    """Whether a claim about the word ``WORD`` is true of every word."""
    solver = z3.Solver()
    solver.add(z3.Not(claim))
    return bool(solver.check() == z3.unsat)


@each_tree
@each_machine
def test_a_fresh_entry_lets_through_what_its_protection_says(
    version: str, name: str, features: tuple[str, ...]
) -> None:
    for arch, level, fresh in levels(version, name, features):
        hardware = arch.hardware_at(level)
        assert {kind: hardware.readable(entry) for kind, entry in fresh.items()} == {
            "PRIVATE": True, "READONLY": True, "SHARED": True, "NONE": False,
        }  # fmt: skip
        assert [kind for kind, entry in fresh.items() if hardware.writable(entry)] == ["SHARED"]
        fetches = [kind for kind, entry in fresh.items() if hardware.executable(entry)]  # type: ignore[misc]
        assert fetches == ([] if (name, features) in INHIBIT else ["PRIVATE", "READONLY", "SHARED"])


@each_tree
@each_machine
def test_the_first_store_traps_and_is_recorded_the_second_does_not(
    version: str, name: str, features: tuple[str, ...]
) -> None:
    for arch, level, fresh in levels(version, name, features):
        hardware, entry = arch.hardware_at(level), fresh["SHARED"]
        dirty, young = arch.helper(level, "dirty"), arch.helper(level, "young")
        assert hardware.traps(entry) and not dirty(entry) and not young(entry)
        stored = hardware.store(entry)
        assert dirty(stored) and young(stored) and hardware.silent(stored)
        assert hardware.store(stored) == stored


@each_tree
@each_machine
def test_a_load_makes_an_entry_young_and_no_store_silent(version: str, name: str, features: tuple[str, ...]) -> None:
    for arch, level, fresh in levels(version, name, features):
        hardware = arch.hardware_at(level)
        for kind in ("READONLY", "PRIVATE", "SHARED"):
            loaded = hardware.loaded(fresh[kind])
            assert arch.helper(level, "young")(loaded) and hardware.loaded(loaded) == loaded
            assert not arch.helper(level, "dirty")(loaded) and not hardware.silent(loaded)
            assert hardware.writable(loaded) is (kind == "SHARED")


@each_tree
@each_machine
def test_helpers_that_take_away_make_the_next_store_trap(version: str, name: str, features: tuple[str, ...]) -> None:
    for arch, level, fresh in levels(version, name, features):
        hardware = arch.hardware_at(level)
        stored = hardware.store(fresh["SHARED"])
        for helper in ("mkclean", "mkold", "wrprotect"):
            assert hardware.traps(arch.helper(level, helper)(stored)), helper
        protected = arch.helper(level, "wrprotect")(stored)
        assert not hardware.writable(protected) and arch.helper(level, "dirty")(protected)
        assert not hardware.writable(arch.helper(level, "mkdirty")(protected))
        assert not hardware.writable(arch.helper(level, "mkyoung")(protected))


@each_tree
@each_machine
def test_writable_and_dirty_in_either_order_lets_stores_through_silently(
    version: str, name: str, features: tuple[str, ...]
) -> None:
    for arch, level, fresh in levels(version, name, features):
        young = arch.helper(level, "mkyoung")(fresh["PRIVATE"])
        dirty, write = arch.helper(level, "mkdirty"), arch.helper(level, "mkwrite")
        assert arch.hardware_at(level).silent(write(dirty(young)))
        assert write(dirty(young)) == dirty(write(young))
        assert not arch.hardware_at(level).silent(write(young))


@each_tree
@each_machine
def test_a_mapping_for_writing_only_can_be_read_where_the_tlb_cannot_forbid_it(
    version: str, name: str, features: tuple[str, ...]
) -> None:
    arch = _built(version, name, features)
    entry = arch.mk_pte(arch.protection_map[2 | 8])
    assert not arch.hardware.readable(entry) and arch.hardware.writable(entry)
    assert arch.hardware.readable(arch.hardware.store(entry)) is ((name, features) not in INHIBIT)


@each_tree
@each_machine
def test_every_store_that_traps_and_goes_through_is_recorded(
    version: str, name: str, features: tuple[str, ...]
) -> None:
    for arch, level, _ in levels(version, name, features):
        hardware = arch.hardware_at(level)
        trapped = both(hardware.writable(WORD), no(hardware.silent(WORD)))
        assert always(implies(trapped, arch.helper(level, "dirty")(hardware.store(WORD))))
        assert always(implies(hardware.writable(WORD), hardware.silent(hardware.store(WORD))))
        frame = arch.frames[level]
        assert always(implies(hardware.writable(WORD), same(hardware.store(WORD) & frame, WORD & frame)))


@each_tree
@each_machine
def test_a_present_entry_that_software_calls_writable_is_served(
    version: str, name: str, features: tuple[str, ...]
) -> None:
    arch = _built(version, name, features)
    assert always(implies(both(arch.pte_present(WORD), arch.pte_write(WORD)), arch.hardware.writable(WORD)))
    assert not always(implies(arch.pte_write(WORD), arch.hardware.writable(WORD)))


@each_tree
@pytest.mark.parametrize(("name", "features"), [c for c in CONFIGURATIONS if "pmd" in PLATFORMS[c[0]].levels], ids=str)
def test_nobody_gets_through_an_invalid_pmd_or_a_pointer_to_a_table(
    version: str, name: str, features: tuple[str, ...]
) -> None:
    for arch, level, fresh in levels(version, name, features):
        if level == "pmd":
            hardware = arch.hardware_at(level)
            stored = hardware.store(fresh["SHARED"])
            table = arch.hardware.store(arch.mk_pte(arch.protections["SHARED"]))
            for entry in (arch.pmd_mkinvalid(stored), arch.pmd_mkinvalid(hardware.loaded(stored)), table):
                assert not hardware.writable(entry) and not hardware.readable(entry)
            assert arch.pmd_write(arch.pmd_mkinvalid(stored)) and arch.pmd_dirty(arch.pmd_mkinvalid(stored))


@each_tree
@each_machine
def test_swap_entries_are_invalid(version: str, name: str, features: tuple[str, ...]) -> None:
    arch = _built(version, name, features)
    hardware = arch.hardware
    swapped = {kind: arch.__swp_entry_to_pte(arch.__swp_entry(kind, 1)) for kind in range(32)}
    assert not any(hardware.readable(entry) or hardware.writable(entry) for entry in swapped.values())


@each_tree
def test_only_the_high_word_counts_for_the_tlb(version: str) -> None:
    for name in ("mips-xpa", "mips-alchemy"):
        arch = _built(version, name, ())
        high = {bit.letter: bit.mask for bit in arch.bits if bit.position >= 32}
        valid, dirty = high["V"], high["D"]
        assert arch.hardware.silent(valid | dirty)
        assert not arch.hardware.writable((valid | dirty) >> 32)
        assert not arch.hardware.writable(valid)
        stored = arch.hardware.store(arch.mk_pte(arch.protections["SHARED"]))
        low_copies = (valid | dirty) >> 32 if name == "mips-alchemy" else 0
        assert stored & ((valid | dirty) | (valid | dirty) >> 32) == valid | dirty | low_copies


@each_tree
def test_pte_modify_takes_nothing_away_on_alchemy_only(version: str) -> None:
    """Its _PAGE_CHG_MASK has _PFN_MASK in it, which are the software bits of the low word."""
    let_through = set()
    for name, features in CONFIGURATIONS:
        arch = _built(version, name, features)
        stored = arch.hardware.store(arch.mk_pte(arch.protections["SHARED"]))
        if arch.hardware.writable(arch.pte_modify(stored, arch.protections["READONLY"])):
            let_through.add(name)
    assert let_through == {"mips-alchemy"}


@pytest.mark.parametrize("macro", ["_PAGE_VALID", "_PAGE_DIRTY", "_PAGE_NO_READ", "_PAGE_NO_EXEC"])
def test_a_bit_that_does_not_shift_to_its_place_is_refused(macro: str) -> None:
    constants = dict(lift_tree(wanted_tree("6.12"), "mips", ("rixi",)).constants)
    describe = machines()["mips"].describe
    assert describe(constants, frozenset({"rixi"}))
    with pytest.raises(KernelError, match=f"{macro} is .* which does not shift to its place in EntryLo"):
        describe({**constants, macro: 1 << 20}, frozenset({"rixi"}))
