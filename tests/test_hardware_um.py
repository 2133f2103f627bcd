"""What the host lets a process of user-mode Linux do through the entries that the tree's own helpers make."""

from __future__ import annotations

import pytest

from tests.hardware import each_tree, effect, machine, made, rights

pytestmark = [pytest.mark.kernel, pytest.mark.parametrize("config", ["um", "um32"])]


@each_tree
@pytest.mark.parametrize(
    ("protection", "helpers", "may"),
    [
        ("SHARED", ("mkdirty",), "rwx"),
        ("PRIVATE", ("mkwrite", "mkdirty"), "rwx"),
        ("SHARED", (), "rx"),
        ("SHARED", ("mkdirty", "mkclean"), "rx"),
        ("READONLY", ("mkdirty",), "rx"),
        ("PRIVATE", ("mkwrite",), "rx"),
        ("SHARED", ("mkdirty", "wrprotect"), "rx"),
        ("SHARED", ("mkdirty", "mkold"), "rx"),
        ("NONE", (), ""),
        ("NONE", ("mkdirty", "mkyoung"), ""),
        ("NONE", ("mkwrite", "mkdirty"), ""),
    ],
)
def test_who_may_do_what(version: str, config: str, protection: str, helpers: tuple[str, ...], may: str) -> None:
    arch = machine(version, config)
    assert rights(arch, "pte", made(arch, "pte", protection, *helpers)) == may


@each_tree
def test_nobody_records_anything_but_generic_mm(version: str, config: str) -> None:
    arch = machine(version, config)
    dirty, old = made(arch, "pte", "SHARED", "mkdirty"), made(arch, "pte", "SHARED", "mkold")
    assert effect(arch, "pte", dirty) == "silent"
    assert effect(arch, "pte", made(arch, "pte", "SHARED")) == ""
    assert arch.hardware.loaded(old) == old


@each_tree
def test_a_store_goes_through_dirty_entries_only(version: str, config: str) -> None:
    arch = machine(version, config)
    for entry in range(1 << 12):
        if arch.hardware.writable(entry):
            assert arch.pte_dirty(entry) and arch.pte_young(entry) and arch.pte_write(entry) and arch.pte_present(entry)


@each_tree
def test_prot_none_stays_without_rights_whatever_else_it_has(version: str, config: str) -> None:
    arch = machine(version, config)
    for entry in range(1 << 12):
        none = arch.pte_modify(entry, arch.protections["NONE"])
        assert rights(arch, "pte", none) == ""
        assert arch.pte_present(none)
