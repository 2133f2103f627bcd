"""Who may use which entry on Nios II: three bits decide, and nothing is recorded."""

from __future__ import annotations

import pytest

from models.hardware import machines
from models.kernel import lift_tree
from models.kernel.build import machine_from_tree
from models.pte import Architecture
from tests import kernel_trees
from tests.compiled import wanted_tree

pytestmark = pytest.mark.kernel


@pytest.fixture(params=kernel_trees.VERSIONS)
def arch(request: pytest.FixtureRequest) -> Architecture:
    """The machine of each tree."""
    return machine_from_tree(lift_tree(wanted_tree(request.param), "nios2"), machines()["nios2"])


def test_a_fresh_entry_lets_through_what_its_protection_says(arch: Architecture) -> None:
    fresh = {kind: arch.mk_pte(prot) for kind, prot in arch.protections.items()}
    assert [kind for kind, entry in fresh.items() if not arch.hardware.readable(entry)] == ["NONE"]
    assert [kind for kind, entry in fresh.items() if arch.hardware.writable(entry)] == ["SHARED"]
    assert not any(arch.hardware.executable(entry) for entry in fresh.values())  # type: ignore[misc]


def test_each_permission_is_its_own(arch: Architecture) -> None:
    hardware, table = arch.hardware, {index: arch.mk_pte(prot) for index, prot in arch.protection_map.items()}
    assert [index for index, entry in table.items() if hardware.readable(entry)] == [1, 3, 5, 7, 9, 11, 13, 15]
    assert [index for index, entry in table.items() if hardware.writable(entry)] == [10, 11, 14, 15]
    assert [index for index, e in table.items() if hardware.executable(e)] == [4, 5, 6, 7, 12, 13, 14, 15]  # type: ignore[misc]


def test_no_store_and_no_load_leaves_a_trace(arch: Architecture) -> None:
    entry = arch.mk_pte(arch.protections["SHARED"])
    assert not arch.pte_dirty(entry) and arch.hardware.silent(entry)
    assert arch.hardware.store(entry) == entry and arch.hardware.loaded(entry) == entry
    assert not arch.hardware.handler(entry) and not arch.hardware.recording(entry)


def test_a_clean_entry_stays_writable_until_it_is_protected(arch: Architecture) -> None:
    dirty = arch.pte_mkdirty(arch.mk_pte(arch.protections["SHARED"]))
    assert arch.hardware.silent(arch.pte_mkclean(dirty)) and not arch.pte_dirty(arch.pte_mkclean(dirty))
    assert not arch.hardware.writable(arch.pte_wrprotect(dirty)) and arch.pte_dirty(arch.pte_wrprotect(dirty))
    for kind in ("PRIVATE", "READONLY", "NONE"):
        assert not arch.hardware.writable(arch.pte_modify(dirty, arch.protections[kind]))
    assert not arch.hardware.readable(arch.pte_modify(dirty, arch.protections["NONE"]))


def test_no_swap_entry_has_a_permission(arch: Architecture) -> None:
    for kind in range(32):
        for offset in (1, 0xFFFFF, 0xFFFFFFFF):
            entry = arch.__swp_entry_to_pte(arch.__swp_entry(kind, offset))
            exclusive = arch.helpers.get("pte_swp_mkexclusive", lambda e: e)(entry)
            assert not any((arch.hardware.readable(e) or arch.hardware.writable(e)) for e in (entry, exclusive))
