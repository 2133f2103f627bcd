"""Who may use which entry on MicroBlaze, and what its two handlers record."""

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
    return machine_from_tree(lift_tree(wanted_tree(request.param), "microblaze"), machines()["microblaze"])


def test_a_fresh_entry_lets_through_what_its_protection_says(arch: Architecture) -> None:
    fresh = {kind: arch.mk_pte(prot) for kind, prot in arch.protections.items()}
    assert [kind for kind, entry in fresh.items() if not arch.hardware.readable(entry)] == ["NONE"]
    assert [kind for kind, entry in fresh.items() if arch.hardware.writable(entry)] == ["SHARED"]


def test_a_store_is_recorded_once_and_then_silent(arch: Architecture) -> None:
    entry = arch.mk_pte(arch.protections["SHARED"])
    assert arch.hardware.traps(entry) and not arch.pte_dirty(entry)
    stored = arch.hardware.store(entry)
    assert arch.pte_dirty(stored) and arch.pte_write(stored) and arch.hardware.silent(stored)
    assert arch.hardware.traps(arch.pte_mkclean(stored))
    assert not arch.hardware.writable(arch.pte_wrprotect(stored)) and arch.pte_dirty(arch.pte_wrprotect(stored))


def test_no_helper_gives_the_hardware_permission(arch: Architecture) -> None:
    entry = arch.pte_mkdirty(arch.pte_mkwrite(arch.pte_mkyoung(arch.mk_pte(arch.protections["PRIVATE"]))))
    assert arch.hardware.traps(entry) and arch.hardware.writable(entry)
    stored = arch.hardware.store(entry)
    for prot in arch.protections.values():
        assert arch.hardware.traps(arch.pte_modify(stored, prot)) and arch.pte_dirty(arch.pte_modify(stored, prot))


def test_an_old_entry_may_be_stored_through_without_a_trace_or_be_marked(arch: Architecture) -> None:
    old = arch.pte_mkold(arch.hardware.store(arch.mk_pte(arch.protections["SHARED"])))
    assert arch.hardware.silent(old) and arch.hardware.handler(old)
    assert arch.hardware.handled(old) == arch.pte_mkyoung(old) == arch.hardware.loaded(old)


def test_zone_zero_and_absent_entries_are_shut(arch: Architecture) -> None:
    kernel = arch.pte_mkwrite(arch.mk_pte(arch.protections["NONE"]))
    assert arch.pte_write(kernel) and not arch.hardware.writable(kernel) and not arch.hardware.readable(kernel)
    for kind in range(32):
        for offset in (1, 0xFFFFF, 0xFFFFFFFF):
            entry = arch.__swp_entry_to_pte(arch.__swp_entry(kind, offset))
            assert not arch.hardware.readable(entry) and not arch.hardware.writable(entry)
