"""OpenRISC's hardware on the entries of the tree's own helpers: who may store, and that nobody records it."""

from __future__ import annotations

import pytest

from tests import kernel_trees
from tests.hardware import chain, machine, reachable

pytestmark = pytest.mark.kernel
each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)
EXEC, SWE = 0x400, 0x200


@each_tree
def test_only_the_write_enable_decides_about_a_store(version: str) -> None:
    arch = machine(version, "openrisc")
    hardware = arch.hardware
    for entry in reachable(arch):
        assert hardware.writable(entry) is bool(arch.pte_write(entry))
        assert not hardware.writable(arch.pte_wrprotect(entry))
    assert not hardware.writable(chain(arch, "PRIVATE", "mkdirty", "mkyoung"))
    assert not hardware.writable(chain(arch, "SHARED", "mkdirty", "wrprotect"))
    assert not hardware.writable(chain(arch, "SHARED", "wrprotect") | SWE)


@each_tree
def test_a_store_through_a_clean_entry_is_seen_by_nobody(version: str) -> None:
    arch = machine(version, "openrisc")
    hardware = arch.hardware
    clean = chain(arch, "SHARED", "mkdirty", "mkclean", "mkold")
    assert hardware.silent(clean)
    assert not hardware.traps(clean)
    assert hardware.store(clean) == clean
    assert not arch.pte_dirty(hardware.store(clean))
    assert not arch.pte_young(hardware.loaded(clean))


@each_tree
def test_modify_keeps_what_generic_mm_recorded(version: str) -> None:
    arch = machine(version, "openrisc")
    for protection in arch.protection_map.values():
        modified = arch.pte_modify(chain(arch, "SHARED", "mkdirty"), protection)
        assert arch.pte_dirty(modified)
        assert arch.hardware.writable(modified) is bool(protection & 0x80)


@each_tree
def test_each_of_the_sixteen_protections(version: str) -> None:
    arch = machine(version, "openrisc")
    hardware = arch.hardware
    assert hardware.executable is not None
    for index, protection in arch.protection_map.items():
        entry = arch.mk_pte(protection)
        # no mapping but PROT_NONE is kept from reading, and none that can be read from fetching
        assert hardware.readable(entry) is bool(index & 7), index
        assert hardware.executable(entry) is bool(index & 7), index
        assert hardware.writable(entry) is (index & 10 == 10), index
        assert bool(entry & EXEC) is bool(index & 1), index


@each_tree
def test_prot_none_and_swap_entries_let_nothing_through(version: str) -> None:
    arch = machine(version, "openrisc")
    hardware = arch.hardware
    swap = [
        arch.helpers["__swp_entry_to_pte"](arch.helpers["__swp_entry"](kind, offset))
        for kind in range(32)
        for offset in (0, 1, 0xFF, (1 << 20) - 1)
    ]
    assert hardware.executable is not None
    for word in (chain(arch, "NONE"), chain(arch, "NONE", "mkdirty", "mkyoung"), *swap):
        assert not hardware.readable(word)
        assert not hardware.writable(word)
        assert not hardware.executable(word)
