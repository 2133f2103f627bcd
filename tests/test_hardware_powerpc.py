"""Who may store through the entries that powerpc's own helpers build, and what is left in them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
import z3

from checker.logic import both, either, implies, no, same
from models.hardware import machines
from models.kernel import lift_tree
from models.kernel.build import machine_from_tree
from models.kernel.platforms import PLATFORMS
from models.pte import Architecture, Hardware
from tests import kernel_trees

pytestmark = pytest.mark.kernel

RADIX, HASH64, CLASSIC = "powerpc-book3s64", "powerpc-book3s64-hash", "powerpc-book3s32"
MINE = [name for name in PLATFORMS if name.startswith("powerpc")]
MACHINES = [(name, ()) for name in MINE] + [(name, (f,)) for name in MINE for f in PLATFORMS[name].features]
RECORDED_BELOW = [(RADIX, ()), (HASH64, ()), (CLASSIC, ())]
"""Machines that record accesses without generic mm: the CPU itself, or the handler that fills the hashed table."""

LEFT_TO_MM = [machine for machine in MACHINES if machine not in RECORDED_BELOW]
E = z3.BitVec("entry", 64)


@cache
def machine(version: str, name: str, features: tuple[str, ...]) -> Architecture:
    tree = kernel_trees.tree(version)
    if tree is None:
        pytest.skip(kernel_trees.why_not(version))
    return machine_from_tree(lift_tree(tree, name, features), machines()[name])


def on(which: list[tuple[str, tuple[str, ...]]]) -> Any:
    """Runs a test on these machines as each tree has them."""
    ids = ["+".join((name, *features)) for name, features in which]
    return pytest.mark.parametrize(
        "arch",
        [pytest.param((v, *m), id=f"{i}-{v}") for m, i in zip(which, ids, strict=True) for v in kernel_trees.VERSIONS],
        indirect=True,
    )


@pytest.fixture
def arch(request: pytest.FixtureRequest) -> Architecture:
    return machine(*request.param)


def always(fact: Any) -> bool:
    """Whether a fact holds for every entry."""
    solver = z3.Solver()
    solver.add(z3.Not(fact))
    return bool(solver.check() == z3.unsat)


def levels(arch: Architecture) -> list[tuple[Any, Hardware]]:
    """For each level, the helper of that level by its name, and the hardware."""

    def helpers(level: str) -> Any:
        return lambda name, *words: arch.helper(level, name)(*words)

    return [(helpers(level), arch.hardware_at(level)) for level in arch.levels]


def entry(arch: Architecture, protection: str, *changes: str) -> int:
    """mk_pte() of a protection, changed by helpers."""
    found = arch.mk_pte(arch.protections[protection])
    for change in changes:
        found = getattr(arch, f"pte_{change}")(found)
    return int(found)


@on(MACHINES)
def test_nobody_reaches_a_protnone_page(arch: Architecture) -> None:
    for changes in ((), ("mkdirty",), ("mkyoung",), ("mkclean", "mkold"), ("mkdirty", "mkyoung", "mkspecial")):
        word = entry(arch, "NONE", *changes)
        hardware = arch.hardware
        assert arch.pte_present(word)
        assert not hardware.readable(word)
        assert not hardware.writable(word)
        assert not (hardware.executable or hardware.readable)(word)


@on(MACHINES)
@pytest.mark.parametrize("protection", ["READONLY", "PRIVATE"])
def test_a_read_only_page_is_read_and_not_stored_to(arch: Architecture, protection: str) -> None:
    for changes in ((), ("mkdirty",), ("mkwrite", "mkdirty", "wrprotect")):
        assert arch.hardware.readable(entry(arch, protection, *changes))
        assert not arch.hardware.writable(entry(arch, protection, *changes))


@on(MACHINES)
def test_no_store_goes_through_what_wrprotect_has_seen(arch: Architecture) -> None:
    for helper, hardware in levels(arch):
        assert always(no(hardware.writable(helper("wrprotect", E))))


@on(MACHINES)
def test_no_store_goes_unrecorded_through_a_clean_entry(arch: Architecture) -> None:
    for helper, hardware in levels(arch):
        assert always(implies(hardware.silent(E), helper("dirty", E)))
        assert always(no(hardware.silent(helper("mkclean", E))))


@on(RECORDED_BELOW)
def test_a_store_through_a_clean_writable_entry_is_recorded(arch: Architecture) -> None:
    for protection, changes in (("SHARED", ()), ("SHARED", ("mkold", "mkclean")), ("PRIVATE", ("mkwrite",))):
        before = entry(arch, protection, *changes)
        after = arch.hardware.store(before)
        assert arch.hardware.writable(before)
        assert not arch.hardware.silent(before)
        assert arch.pte_dirty(after)
        assert arch.pte_young(after)
        assert arch.pte_pfn(after) == arch.pte_pfn(before)
        assert arch.hardware.silent(after)


@on(RECORDED_BELOW)
def test_every_user_entry_that_is_writable_is_served(arch: Architecture) -> None:
    for helper, hardware in levels(arch):
        assert hardware.serves_writable
        assert not hardware.young_gates
        # the classic hashed table lets pages be read that are only executable; they are no user entries in this sense
        may_read = entry(arch, "READONLY") & ~entry(arch, "NONE")
        user = both(helper("present", E), hardware.readable(E), (E & may_read) != 0)
        assert always(implies(both(user, helper("write", E)), hardware.writable(E)))
        assert always(implies(hardware.writable(E), helper("young", hardware.store(E))))


@on(LEFT_TO_MM)
def test_generic_mm_serves_what_is_clean_or_old(arch: Architecture) -> None:
    hardware = arch.hardware
    assert not hardware.serves_writable
    assert hardware.young_gates
    assert hardware.silent(entry(arch, "SHARED", "mkdirty"))
    for word in (entry(arch, "SHARED"), entry(arch, "PRIVATE", "mkwrite"), entry(arch, "SHARED", "mkdirty", "mkold")):
        assert arch.pte_write(word)
        assert not hardware.writable(word)
    for helper, at in levels(arch):
        old = helper("mkold", E)
        assert always(no(either(at.readable(old), at.writable(old), (at.executable or at.readable)(old))))
        assert always(both(no(at.recording(E)), no(at.handler(E)), same(at.loaded(E), E)))


@on(MACHINES)
def test_a_second_store_changes_nothing_more(arch: Architecture) -> None:
    for helper, hardware in levels(arch):
        after = hardware.store(E)
        assert always(implies(hardware.writable(E), both(hardware.silent(after), same(hardware.store(after), after))))
        assert always(implies(hardware.writable(E), helper("dirty", after)))


@on(MACHINES)
def test_a_load_leaves_permissions_and_dirt_alone(arch: Architecture) -> None:
    for helper, hardware in levels(arch):
        after = hardware.loaded(E)
        for test in ("present", "write", "dirty"):
            assert always(same(helper(test, after), helper(test, E)))
        assert always(implies(hardware.readable(E), helper("young", after)))


@on([(RADIX, ()), (HASH64, ())])
def test_an_entry_that_points_to_a_table_maps_nothing(arch: Architecture) -> None:
    leaf = 1 << 62
    for level in arch.levels:
        hardware = arch.hardware_at(level)
        table = E & ~leaf
        assert always(no(either(hardware.readable(table), hardware.writable(table))))
    huge = arch.mk_huge_pmd(arch.protections["SHARED"])
    assert huge & leaf
    assert arch.hardware_at("pmd").writable(huge)
    assert not arch.hardware_at("pmd").writable(arch.pmd_wrprotect(huge))


@on([(RADIX, ()), (RADIX, ("rcfault",))])
def test_write_permission_includes_reading_for_a_radix_walk(arch: Architecture) -> None:
    written_only = entry(arch, "SHARED", "mkdirty") & ~0x4
    assert arch.hardware.readable(written_only)
    assert not arch.hardware.readable(written_only | 0x8)
    assert not arch.hardware.readable(written_only & ~(1 << 63))


@on([(HASH64, ())])
def test_the_hashed_table_wants_the_read_bit_of_every_access(arch: Architecture) -> None:
    word = entry(arch, "SHARED", "mkdirty")
    assert arch.hardware.handler(word)
    assert not arch.hardware.silent(word)
    assert not arch.hardware.writable(word & ~0x4)
    executable = arch.hardware.executable
    assert executable is not None
    assert executable(entry(arch, "READONLY") | 0x1)
    assert not executable((entry(arch, "READONLY") | 0x1) & ~0x4)


@on([(CLASSIC, ())])
def test_the_classic_hashed_table_cannot_forbid_fetches(arch: Architecture) -> None:
    assert arch.hardware.executable is None
    execute_only = arch.mk_pte(arch.protection_map[4])
    assert arch.hardware.readable(execute_only)
    assert not arch.hardware.writable(execute_only)


@on([(CLASSIC, ("603",)), ("powerpc-44x", ()), ("powerpc-85xx", ()), ("powerpc-e500", ()), ("powerpc-book3e64", ())])
def test_fetches_want_their_own_permission(arch: Architecture) -> None:
    executable = arch.hardware.executable
    assert executable is not None
    assert executable(arch.mk_pte(arch.protection_map[5]))
    assert not executable(entry(arch, "SHARED", "mkdirty"))


@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
def test_wrprotect_opens_a_protnone_page_on_8xx(version: str) -> None:
    """Both bits of the field mean read-only, the lower one alone no access, and the helper sets both."""
    arch = machine(version, "powerpc-8xx", ())
    written = entry(arch, "SHARED", "mkdirty")
    closed = arch.pte_modify(written, arch.protections["NONE"])
    assert not arch.hardware.readable(closed)
    assert arch.pte_dirty(closed)
    assert not arch.pte_write(closed)
    opened = arch.pte_mkclean(arch.pte_wrprotect(closed))
    assert (closed, opened) == (0x321, 0x621)
    assert arch.hardware.readable(opened)
    assert not arch.hardware.writable(opened)


@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
@pytest.mark.parametrize("name", [name for name in MINE if name != "powerpc-8xx"])
def test_wrprotect_opens_no_protnone_page_elsewhere(version: str, name: str) -> None:
    arch = machine(version, name, ())
    closed = arch.pte_modify(entry(arch, "SHARED", "mkdirty"), arch.protections["NONE"])
    assert not arch.hardware.readable(closed)
    assert not arch.hardware.readable(arch.pte_mkclean(arch.pte_wrprotect(closed)))


@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
def test_a_saved_write_permission_lets_no_store_through(version: str) -> None:
    """pte_write() of Linux 6.1 is also true where NUMA balancing keeps the permission of a page that it protects."""
    arch = machine(version, RADIX, ())
    saved = entry(arch, "NONE", "mkdirty") & ~0x8
    assert arch.pte_present(saved)
    assert bool(arch.pte_write(saved)) is (version == "6.1")
    assert not arch.hardware.writable(saved)
    assert not arch.hardware.readable(saved)


@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
@pytest.mark.parametrize(("name", "header", "prefix"), [(RADIX, "radix", "RADIX"), (HASH64, "hash", "H")])
def test_the_sizes_of_tables_are_the_trees(version: str, name: str, header: str, prefix: str) -> None:
    tree = kernel_trees.tree(version)
    if tree is None:
        pytest.skip(kernel_trees.why_not(version))
    text = (tree / f"arch/powerpc/include/asm/book3s/64/{header}-64k.h").read_text()
    given = {name: run.value for name, run in PLATFORMS[name].runtime.items()}
    for level in ("pte", "pmd", "pud"):
        size = re.search(rf"#define {prefix}_{level.upper()}_INDEX_SIZE\s+(\d+)", text)
        assert size is not None
        assert given[f"__{level}_index_size"] == int(size.group(1))
    # a hashed table keeps as much again behind the entries, for their places in it
    word = 8 if name == RADIX else 16
    for level in ("pte", "pmd"):
        assert given[f"__{level}_table_size"] == word << given[f"__{level}_index_size"]


@pytest.mark.parametrize(("version", "known"), [("6.1", ("pte", "pmd")), ("6.12", ("pte", "pmd", "pud"))])
def test_huge_pages_of_the_upper_level_are_new(version: str, known: tuple[str, ...]) -> None:
    assert machine(version, RADIX, ()).levels == known
    assert machine(version, HASH64, ()).levels == ("pte", "pmd")


@on(MACHINES)
def test_every_named_bit_has_a_letter_of_its_own(arch: Architecture) -> None:
    letters = [bit.letter for bit in arch.bits]
    assert len(set(letters)) == len(letters)
    assert len(letters) >= 6
