"""What LoongArch does with the entries that the tree's own helpers make."""

from __future__ import annotations

import pytest

from tests.hardware import each_tree, effect, machine, made, rights

LEVELS = ("pte", "pmd")
pytestmark = [pytest.mark.kernel, pytest.mark.parametrize("config", ["loongarch", "loongarch+ptw"])]


@each_tree
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("protection", "helpers", "may"),
    [
        ("SHARED", (), "rw"),
        ("SHARED", ("mkold",), "rw"),
        ("PRIVATE", ("mkwrite",), "rw"),
        ("READONLY", ("mkold",), "r"),
        ("READONLY", ("mkdirty",), "r"),
        ("SHARED", ("mkdirty", "wrprotect"), "r"),
        ("NONE", (), ""),
        ("NONE", ("mkyoung",), ""),
        ("NONE", ("mkdirty",), ""),
    ],
)
def test_who_may_do_what(
    version: str, config: str, level: str, protection: str, helpers: tuple[str, ...], may: str
) -> None:
    arch = machine(version, config)
    assert rights(arch, level, made(arch, level, protection, *helpers)) == may


@each_tree
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("protection", "helpers", "what"),
    [
        ("SHARED", (), "+D"),
        ("SHARED", ("mkold",), "+D+V"),
        ("SHARED", ("mkdirty",), "silent"),
        ("READONLY", (), ""),
        ("READONLY", ("mkdirty",), ""),
        ("SHARED", ("mkdirty", "wrprotect"), ""),
    ],
)
def test_who_records_a_store(
    version: str, config: str, level: str, protection: str, helpers: tuple[str, ...], what: str
) -> None:
    """The handler notes what must not be lost, the walker does not."""
    arch = machine(version, config)
    if what.startswith("+"):
        walker = config.endswith("+ptw")
        what = f"cpu {what}" if walker else f"handler {what.replace('+D', '+D+M', 1)}"
    assert effect(arch, level, made(arch, level, protection, *helpers)) == what


@each_tree
def test_a_load_makes_a_present_entry_valid_and_no_other(version: str, config: str) -> None:
    arch = machine(version, config)
    for level in LEVELS:
        loaded = arch.hardware_at(level).loaded
        old, none = made(arch, level, "READONLY", "mkold"), made(arch, level, "NONE")
        assert loaded(old) == arch.helper(level, "mkyoung")(old) != old
        assert loaded(none) == none


@each_tree
def test_instructions_come_from_pages_that_do_not_forbid_it(version: str, config: str) -> None:
    arch = machine(version, config)
    assert rights(arch, "pte", arch.mk_pte(arch.protection_map[5])) == "rx"
    assert rights(arch, "pte", arch.mk_pte(arch.protection_map[1])) == "r"
    assert rights(arch, "pte", arch.mk_pte(arch.protection_map[15])) == "rwx"


@each_tree
def test_neither_a_table_nor_an_invalidated_huge_page_is_a_page(version: str, config: str) -> None:
    arch = machine(version, config)
    huge = made(arch, "pmd", "SHARED", "mkdirty")
    assert rights(arch, "pmd", huge) == "rw"
    assert rights(arch, "pmd", huge & ~0x40) == ""
    assert "r" not in rights(arch, "pmd", arch.pmd_mkinvalid(huge) & ~0x100)
    assert arch.pmd_present(arch.pmd_mkinvalid(huge))


@each_tree
def test_an_invalidated_huge_page_lets_no_store_through(version: str, config: str) -> None:
    """Nothing but the software's write bit is left, which the store handler does not take alone."""
    arch = machine(version, config)
    invalid = arch.pmd_mkinvalid(made(arch, "pmd", "SHARED", "mkdirty"))
    assert rights(arch, "pmd", invalid) == ""
