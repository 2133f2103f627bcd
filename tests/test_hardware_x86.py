"""What x86 CPUs do with the entries that the tree's own helpers make."""

from __future__ import annotations

import pytest

from models.hardware.x86 import describe
from tests.hardware import each_tree, effect, machine, made, rights

CONFIGS = ("x86-64", "x86-64+shstk", "x86-32", "x86-pae")
LEVELS = ("pte", "pmd")
pytestmark = pytest.mark.kernel


@each_tree
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(
    ("protection", "helpers", "may"),
    [
        ("SHARED", (), "rw"),
        ("SHARED", ("mkold",), "rw"),
        ("PRIVATE", ("mkwrite",), "rw"),
        ("READONLY", (), "r"),
        ("PRIVATE", (), "r"),
        ("SHARED", ("wrprotect",), "r"),
        ("NONE", (), ""),
        ("NONE", ("mkdirty",), ""),
        ("NONE", ("mkwrite", "mkdirty"), ""),
        ("NONE", ("mkyoung",), ""),
    ],
)
def test_who_may_do_what(
    version: str, level: str, config: str, protection: str, helpers: tuple[str, ...], may: str
) -> None:
    """Without the bit that forbids it, what can be read can be executed."""
    arch = machine(version, config)
    executable = "x" if config == "x86-32" and may else ""
    assert rights(arch, level, made(arch, level, protection, *helpers)) == may + executable


@each_tree
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(
    ("protection", "helpers", "what"),
    [
        ("SHARED", (), "cpu +D"),
        ("SHARED", ("mkold",), "cpu +A+D"),
        ("SHARED", ("mkdirty", "mkclean"), "cpu +D"),
        ("SHARED", ("mkdirty",), "silent"),
        ("READONLY", (), ""),
        ("SHARED", ("wrprotect",), ""),
        ("NONE", ("mkwrite",), ""),
    ],
)
def test_the_cpu_records_stores(
    version: str, level: str, config: str, protection: str, helpers: tuple[str, ...], what: str
) -> None:
    arch = machine(version, config)
    assert effect(arch, level, made(arch, level, protection, *helpers)) == what


@each_tree
@pytest.mark.parametrize("config", CONFIGS)
def test_a_load_sets_accessed_where_it_is_allowed(version: str, config: str) -> None:
    arch = machine(version, config)
    for level in LEVELS:
        loaded = arch.hardware_at(level).loaded
        old, none = made(arch, level, "READONLY", "mkold"), made(arch, level, "NONE", "mkold")
        assert loaded(old) == arch.helper(level, "mkyoung")(old) != old
        assert loaded(none) == none


@each_tree
@pytest.mark.parametrize("config", ["x86-64", "x86-pae"])
def test_instructions_come_from_pages_that_do_not_forbid_it(version: str, config: str) -> None:
    arch = machine(version, config)
    assert rights(arch, "pte", arch.mk_pte(arch.protection_map[5])) == "rx"
    assert rights(arch, "pte", arch.mk_pte(arch.protection_map[1])) == "r"
    assert rights(arch, "pte", arch.mk_pte(arch.protection_map[15])) == "rwx"


@each_tree
@pytest.mark.parametrize("config", CONFIGS)
def test_neither_a_table_nor_an_invalidated_huge_page_is_a_page(version: str, config: str) -> None:
    arch = machine(version, config)
    huge = made(arch, "pmd", "SHARED", "mkdirty")
    assert "w" in rights(arch, "pmd", huge)
    assert rights(arch, "pmd", huge & ~0x80) == ""
    assert rights(arch, "pmd", arch.pmd_mkinvalid(huge)) == ""
    assert arch.pmd_present(arch.pmd_mkinvalid(huge))


def test_huge_entries_one_level_up_are_there_since_the_kernel_can_change_them() -> None:
    assert machine("6.1", "x86-64").levels == LEVELS
    arch = machine("6.12", "x86-64")
    assert arch.levels == (*LEVELS, "pud")
    huge = made(arch, "pud", "SHARED")
    assert (rights(arch, "pud", huge), rights(arch, "pud", huge & ~0x80)) == ("rw", "")
    assert rights(arch, "pud", arch.pud_wrprotect(arch.pud_mkdirty(huge))) == "r"


@each_tree
@pytest.mark.parametrize(("config", "shadow"), [("x86-64", False), ("x86-64+shstk", True), ("x86-pae", False)])
def test_a_dirty_entry_without_the_write_bit_is_a_shadow_stack_only_with_that_feature(
    version: str, config: str, shadow: bool
) -> None:
    arch = machine(version, config)
    assert ("w" in rights(arch, "pte", 0x1065)) is shadow
    assert "w" not in rights(arch, "pte", 0x1025)
    protected = made(arch, "pte", "SHARED", "mkdirty", "wrprotect")
    assert arch.pte_dirty(protected)
    assert ("w" in rights(arch, "pte", protected)) is (shadow and version == "6.1")


@each_tree
@pytest.mark.parametrize("config", ["x86-32", "x86-pae"])
def test_a_swap_entry_of_32_bits_is_nobodys_page_and_keeps_its_mark_apart(version: str, config: str) -> None:
    arch = machine(version, config)
    for kind in range(28):
        for offset in (0, 1, 0x12345, (1 << 19) - 1):
            entry = arch.helpers["__swp_entry_to_pte"](arch.helpers["__swp_entry"](kind, offset))
            marked = arch.helpers["pte_swp_mkexclusive"](entry)
            for word in (entry, marked):
                back = arch.helpers["__pte_to_swp_entry"](arch.helpers["pte_swp_clear_exclusive"](word))
                assert (arch.helpers["__swp_type"](back), arch.helpers["__swp_offset"](back)) == (kind, offset)
                assert not arch.pte_present(word)
                assert rights(arch, "pte", word) == ""


def test_without_the_bit_against_execution_reading_is_enough() -> None:
    bits = {"PRESENT": 1, "RW": 2, "USER": 4, "ACCESSED": 32, "DIRTY": 64, "PSE": 128, "NX": 0}
    assert describe({f"_PAGE_{name}": mask for name, mask in bits.items()}, frozenset())["pte"].executable is None
