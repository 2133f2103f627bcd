"""RISC-V's hardware on the entries of the tree's own helpers: who may store, and who records it."""

from __future__ import annotations

import pytest

from models.kernel.architectures import VM_FLAGS
from tests import kernel_trees
from tests.hardware import chain, machine, reachable

pytestmark = pytest.mark.kernel
each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)
each_level = pytest.mark.parametrize(("name", "level"), [("riscv64", "pte"), ("riscv64", "pmd"), ("riscv32", "pte")])
READ, WRITE, USER, GLOBAL, ACCESSED, DIRTY = 2, 4, 0x10, 0x20, 0x40, 0x80


@each_tree
@each_level
def test_a_store_needs_a_young_dirty_writable_entry(version: str, name: str, level: str) -> None:
    arch = machine(version, name)
    hardware = arch.hardware_at(level)
    stored = chain(arch, "SHARED", "mkdirty", level=level)
    assert hardware.silent(stored)
    assert hardware.store(stored) == stored
    for last in ("mkclean", "mkold", "wrprotect"):
        entry = chain(arch, "SHARED", "mkdirty", last, level=level)
        assert not hardware.writable(entry), last
        assert hardware.traps(entry)
    assert not hardware.writable(chain(arch, "PRIVATE", "mkdirty", level=level))
    assert hardware.silent(chain(arch, "PRIVATE", "mkdirty", "mkwrite", level=level))


@each_tree
@each_level
def test_no_order_of_helpers_makes_a_store_go_unseen(version: str, name: str, level: str) -> None:
    arch = machine(version, name)
    hardware = arch.hardware_at(level)
    entries = reachable(arch, level)
    stored = [entry for entry in entries if hardware.writable(entry)]
    assert stored
    assert len(stored) < len(entries) / 4
    for entry in stored:
        assert arch.helper(level, "write")(entry)
        assert arch.helper(level, "dirty")(entry)
        assert not hardware.writable(arch.helper(level, "wrprotect")(entry))
        assert not hardware.writable(arch.helper(level, "mkclean")(entry))


@each_tree
@each_level
def test_with_svadu_the_cpu_records_a_store(version: str, name: str, level: str) -> None:
    arch = machine(version, name, "svadu")
    hardware = arch.hardware_at(level)
    clean = chain(arch, "SHARED", "mkclean", "mkold", level=level)
    assert hardware.recording(clean)
    assert not hardware.silent(clean)
    assert hardware.store(clean) == clean | ACCESSED | DIRTY
    assert hardware.loaded(clean) == clean | ACCESSED
    assert not hardware.writable(chain(arch, "SHARED", "wrprotect", level=level))
    assert not hardware.writable(chain(arch, "PRIVATE", level=level))


@each_tree
@each_level
def test_with_svadu_every_store_is_recorded_and_every_writable_user_entry_served(
    version: str, name: str, level: str
) -> None:
    arch = machine(version, name, "svadu")
    hardware = arch.hardware_at(level)
    assert hardware.serves_writable
    for entry in reachable(arch, level):
        if hardware.writable(entry):
            assert arch.helper(level, "dirty")(hardware.store(entry))
        if entry & (USER | READ) == USER | READ and arch.helper(level, "write")(entry):
            assert hardware.writable(entry)


@each_tree
@each_level
@pytest.mark.parametrize("features", [(), ("svadu",)])
def test_prot_none_lets_nothing_through(version: str, name: str, level: str, features: tuple[str, ...]) -> None:
    arch = machine(version, name, *features)
    hardware = arch.hardware_at(level)
    entry = chain(arch, "NONE", "mkyoung", "mkdirty", "mkwrite", level=level)
    assert entry & (1 | GLOBAL) == GLOBAL
    assert arch.helper(level, "present")(entry)
    for access in (hardware.readable, hardware.writable, hardware.executable):
        assert access is not None
        assert not access(entry)


@each_tree
@pytest.mark.parametrize("features", [(), ("svadu",)])
def test_an_invalid_pmd_is_present_for_software_and_unreachable(version: str, features: tuple[str, ...]) -> None:
    arch = machine(version, "riscv64", *features)
    hardware = arch.hardware_at("pmd")
    for entry in reachable(arch, "pmd"):
        invalid = arch.pmd_mkinvalid(entry)
        assert not hardware.writable(invalid)
        assert not hardware.readable(invalid)
        assert arch.pmd_present(invalid)


@each_tree
def test_writable_without_readable_is_reserved(version: str) -> None:
    arch = machine(version, "riscv64", "svadu")
    execute_only = int(arch.mk_pte(arch.protection_map[VM_FLAGS["VM_EXEC"]]))
    hardware = arch.hardware
    assert hardware.executable is not None
    assert hardware.executable(execute_only)
    assert not hardware.readable(execute_only)
    assert not hardware.writable(arch.pte_mkwrite(execute_only))
    assert hardware.writable(arch.pte_mkwrite(execute_only | READ))


@each_tree
def test_memory_types_survive_modify_only_without_svpbmt(version: str) -> None:
    shared = {name: machine(version, "riscv64", *name) for name in ((), ("svpbmt",))}
    device = 1 << 62
    assert shared[()].pte_modify(0x57 | device, 0x53) == 0x53 | device
    assert shared[("svpbmt",)].pte_modify(0x57 | device, 0x53) == 0x53


def test_an_entry_for_many_pages_has_its_size_in_its_frame_number() -> None:
    frame, several = 0x1230, 1 << 63
    word = (frame | 8) << 10 | several | 0x57
    assert machine("6.12", "riscv64", "svnapot").pte_pfn(word) == frame
    assert machine("6.12", "riscv64").pte_pfn(word) == frame | 8


@each_tree
def test_a_swap_entry_is_nothing_to_the_cpu(version: str) -> None:
    arch = machine(version, "riscv64", "svadu")
    for kind in range(32):
        for offset in (0, 1, 0xFF, (1 << 40) - 1):
            word = arch.helpers["__swp_entry_to_pte"](arch.helpers["__swp_entry"](kind, offset))
            assert not arch.pte_present(word)
            assert not arch.hardware.readable(word)
