"""What SPARC machines do with the entries that the tree's own helpers make."""

from __future__ import annotations

import pytest

from models.hardware import machines
from models.hardware.sparc import describe
from tests.hardware import each_tree, effect, machine, made, rights

SUN = ("sparc64", "sparc64+sun4v", "sparc64+m7")
LEVELS = ("pte", "pmd")
pytestmark = pytest.mark.kernel


@each_tree
@pytest.mark.parametrize(
    ("protection", "helpers", "may"),
    [
        ("SHARED", (), "rwx"),
        ("SHARED", ("mkdirty",), "rwx"),
        ("SHARED", ("mkold",), "rwx"),
        ("READONLY", ("mkwrite",), "rwx"),
        ("READONLY", (), "rx"),
        ("PRIVATE", ("mkdirty",), "rx"),
        ("SHARED", ("wrprotect",), "rx"),
        ("SHARED", ("mkdirty", "wrprotect"), "rx"),
        ("NONE", (), ""),
        ("NONE", ("mkdirty",), ""),
        ("NONE", ("mkyoung",), ""),
        ("NONE", ("mkwrite",), ""),
    ],
)
def test_who_may_do_what_on_the_reference_mmu(
    version: str, protection: str, helpers: tuple[str, ...], may: str
) -> None:
    arch = machine(version, "sparc32")
    assert rights(arch, "pte", made(arch, "pte", protection, *helpers)) == may


@each_tree
@pytest.mark.parametrize(
    ("helpers", "what"),
    [
        ((), "cpu +M"),
        (("mkold",), "cpu +M+R"),
        (("mkdirty", "mkclean"), "cpu +M"),
        (("mkdirty",), "silent"),
        (("wrprotect",), ""),
        (("mkdirty", "wrprotect"), ""),
    ],
)
def test_the_reference_mmu_records_stores(version: str, helpers: tuple[str, ...], what: str) -> None:
    arch = machine(version, "sparc32")
    assert effect(arch, "pte", made(arch, "pte", "SHARED", *helpers)) == what


@each_tree
def test_a_load_sets_referenced_and_nothing_else(version: str) -> None:
    arch = machine(version, "sparc32")
    old, none = made(arch, "pte", "READONLY", "mkold"), made(arch, "pte", "NONE", "mkold")
    assert arch.hardware.loaded(old) == arch.pte_mkyoung(old) != old
    assert arch.hardware.loaded(none) == none


ACCESS = ("r", "rw", "rx", "rwx", "x", "r", "", "")
"""What ACC gives to a user: the manual's table."""


@each_tree
def test_the_access_field_means_what_the_manual_says(version: str) -> None:
    arch = machine(version, "sparc32")
    for access, may in enumerate(ACCESS):
        for kind in range(4):
            assert rights(arch, "pte", access << 2 | kind | 0x100) == (may if kind == 2 else "")


@each_tree
def test_a_prot_none_entry_of_sparc32_cannot_be_told_from_a_swap_entry(version: str) -> None:
    """PAGE_NONE has no entry type, so mprotect(PROT_NONE) turns a present page into something else."""
    arch = machine(version, "sparc32")
    none = arch.pte_modify(made(arch, "pte", "SHARED", "mkdirty"), arch.protections["NONE"])
    assert not arch.pte_present(none)
    assert not arch.pte_none(none)
    assert rights(arch, "pte", none) == ""


@each_tree
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("config", SUN)
@pytest.mark.parametrize(
    ("protection", "helpers", "may"),
    [
        ("SHARED", ("mkwrite", "mkdirty"), "rw"),
        ("READONLY", ("mkwrite", "mkdirty"), "rw"),
        ("SHARED", (), "r"),
        ("SHARED", ("mkdirty", "mkclean"), "r"),
        ("READONLY", (), "r"),
        ("READONLY", ("mkwrite",), "r"),
        ("SHARED", ("mkdirty", "wrprotect"), "r"),
        ("SHARED", ("mkdirty", "mkold"), ""),
        ("READONLY", ("mkold",), ""),
        ("NONE", (), ""),
        ("NONE", ("mkdirty",), ""),
        ("NONE", ("mkwrite", "mkdirty"), ""),
    ],
)
def test_who_may_do_what_on_sparc64(
    version: str, level: str, config: str, protection: str, helpers: tuple[str, ...], may: str
) -> None:
    arch = machine(version, config)
    assert rights(arch, level, made(arch, level, protection, *helpers)) == may


@each_tree
@pytest.mark.parametrize("config", SUN)
def test_only_released_helpers_after_the_fix_keep_a_dirty_read_only_page_from_stores(version: str, config: str) -> None:
    arch = machine(version, config)
    for level in LEVELS:
        dirty = made(arch, level, "READONLY", "mkdirty")
        assert rights(arch, level, dirty) == {"6.1": "rw", "6.12": "r"}[version]
        assert effect(arch, level, dirty) == {"6.1": "silent", "6.12": ""}[version]


@each_tree
@pytest.mark.parametrize("config", SUN)
def test_mkyoung_makes_a_prot_none_page_readable(version: str, config: str) -> None:
    """The bit that pte_mkyoung() sets beside accessed is the one that makes an entry valid."""
    arch = machine(version, config)
    for level in LEVELS:
        assert rights(arch, level, made(arch, level, "NONE", "mkyoung")) == "r"


@each_tree
@pytest.mark.parametrize("config", SUN)
def test_instructions_need_the_executable_bit_and_users_no_privileged_page(version: str, config: str) -> None:
    arch = machine(version, config)
    entry = arch.mk_pte(arch.protection_map[5])
    privileged = next(bit.mask for bit in arch.bits if bit.letter == "p")
    assert rights(arch, "pte", entry) == "rx"
    assert rights(arch, "pte", arch.pte_mkwrite(arch.pte_mkdirty(entry))) == "rwx"
    assert rights(arch, "pte", entry | privileged) == ""


@each_tree
@pytest.mark.parametrize("config", SUN)
def test_a_table_of_entries_is_no_page(version: str, config: str) -> None:
    arch = machine(version, config)
    huge = made(arch, "pmd", "SHARED", "mkdirty", "mkwrite")
    mark = next(bit.mask for bit in arch.bits if bit.letter == "H")
    assert rights(arch, "pmd", huge) == "rw"
    assert rights(arch, "pmd", huge & ~mark) == ""


@each_tree
def test_the_features_show_their_own_bits(version: str) -> None:
    for config, position, detects in (("sparc64", 1, False), ("sparc64+sun4v", 6, False), ("sparc64+m7", 6, True)):
        bits = {bit.letter: bit for bit in machine(version, config).bits}
        assert len(bits) == len(machine(version, config).bits)
        assert bits["w"].position == position
        assert ("c" in bits) is detects


@each_tree
def test_the_bit_of_the_virtual_cache_is_not_kept_where_it_detects_corruption(version: str) -> None:
    cache, m7, older = 1 << 9, machine(version, "sparc64+m7"), machine(version, "sparc64+sun4v")
    entry, prot = made(older, "pte", "SHARED") | cache, m7.protections["READONLY"]
    assert older.pte_modify(entry, prot) & cache
    assert not m7.pte_modify(entry, prot) & cache
    assert {index: word & ~cache for index, word in older.protection_map.items()} == dict(m7.protection_map)
    assert set(m7.protection_map) == set(range(16))


def test_a_description_without_a_constant_names_it() -> None:
    with pytest.raises(KeyError, match="_PAGE_W_4V"):
        describe({"_PAGE_PMD_HUGE": 1, "_PAGE_VALID": 2, "_PAGE_W_4U": 4}, frozenset({"m7"}))
    assert {"sparc32", "sparc64"} <= set(machines())
