"""The hand-written helpers against the lifted ones, for all 2^64 words, with Z3."""

from __future__ import annotations

from typing import Any

import pytest
import z3

from models.kernel import LiftedTree, architecture_from_tree, lift_tree
from models.pte import Architecture
from models.registry import architecture
from tests import kernel_trees

pytestmark = pytest.mark.kernel

PAIRS = [
    ("6.1", "loongarch/linux-6.1"),
    ("6.12", "loongarch/linux-6.12"),
    ("6.12", "loongarch+ptw/linux-6.12"),
    ("6.1", "x86-64/linux-6.1"),
    ("6.12", "x86-64/linux-6.12"),
    ("6.12", "x86-64+shstk/linux-6.12"),
    ("6.1", "sparc64/original"),
    ("6.1", "sparc64+sun4v/original"),
    ("6.12", "sparc64/linux-6.12"),
    ("6.12", "sparc64+sun4v/linux-6.12"),
]


def both(version: str, config: str) -> tuple[Architecture, Architecture, LiftedTree]:
    """The hand-written architecture, the tree's, and what was read."""
    tree = kernel_trees.tree(version)
    if tree is None:
        pytest.skip(kernel_trees.why_not(version))
    by_hand = architecture(config)
    lifted = lift_tree(tree, by_hand.name, by_hand.features)
    return by_hand, architecture_from_tree(by_hand, lifted), lifted


def differs(left: Any, right: Any) -> z3.ModelRef | None:
    """A word on which two results differ, if there is one."""
    solver = z3.Solver()
    solver.set("timeout", 60_000)
    solver.add(left != right)
    answer = solver.check()
    assert answer != z3.unknown, "Z3 could not decide"
    return solver.model() if answer == z3.sat else None


@pytest.mark.parametrize(("version", "config"), PAIRS)
def test_every_helper_is_the_trees(version: str, config: str) -> None:
    by_hand, from_tree, _ = both(version, config)
    entry, prot = z3.BitVecs("entry prot", 64)
    assert set(from_tree.helpers) == set(by_hand.helpers)
    for name, helper in by_hand.helpers.items():
        words = (entry, prot) if name.endswith("modify") else (entry,)
        wrong = differs(helper(*words), from_tree.helpers[name](*words))
        assert wrong is None, f"{name} of {config} differs from the tree: {wrong}"


@pytest.mark.parametrize(("version", "config"), PAIRS)
def test_a_changed_helper_is_noticed(version: str, config: str) -> None:
    by_hand, from_tree, _ = both(version, config)
    entry = z3.BitVec("entry", 64)
    for name in ("pte_mkdirty", "pmd_wrprotect", "pte_mkold"):
        assert differs(by_hand.helpers[name](entry) ^ (1 << 40), from_tree.helpers[name](entry)) is not None


@pytest.mark.parametrize(("version", "config"), [("6.12", "sparc64/original"), ("6.1", "sparc64/linux-6.12")])
def test_the_two_ways_to_make_sparc64_dirty_are_told_apart(version: str, config: str) -> None:
    by_hand, from_tree, _ = both(version, config)
    entry = z3.BitVec("entry", 64)
    different = [
        name for name in by_hand.helpers.keys() & from_tree.helpers.keys()
        if not name.endswith("modify") and differs(by_hand.helpers[name](entry), from_tree.helpers[name](entry))
    ]  # fmt: skip
    assert set(different) == {"pte_mkdirty", "pmd_mkdirty", "pte_mkwrite", "pmd_mkwrite"}


@pytest.mark.parametrize(("version", "config"), PAIRS)
def test_protections_and_bits_are_the_trees(version: str, config: str) -> None:
    by_hand, from_tree, lifted = both(version, config)
    assert by_hand.protections == from_tree.protections
    assert by_hand.frames == from_tree.frames
    positions = {bit.name: bit.position for bit in by_hand.bits}
    assert {bit.name: bit.position for bit in from_tree.bits}.items() <= positions.items()
    assert {file.split(":")[0].endswith(".c") for file in lifted.protection_source.values()} == {True}


@pytest.mark.parametrize(("version", "config"), PAIRS)
def test_the_version_is_the_trees(version: str, config: str) -> None:
    assert both(version, config)[2].version.startswith(f"{version}.")


@pytest.mark.parametrize("name", ["loongarch", "x86-64"])
def test_a_headers_folder_lifts_what_it_has(name: str) -> None:
    folder = kernel_trees.headers("6.12")
    if folder is None:
        pytest.skip(kernel_trees.why_not("6.12"))
    lifted = lift_tree(folder, name)
    gone = "which this folder does not have"
    present = {e.name: e for e in lifted.missing if gone in e.reason and e.name in lifted.platform.wanted}
    expected = {"loongarch": {"mk_pmd"}, "x86-64": {"pte_mkwrite", "pmd_mkwrite"}}
    assert set(present) == expected[name]
    assert all(entry.line for entry in present.values())
    assert "ptep_get" in lifted.in_place and "pmdp_invalidate" not in lifted.in_place
    assert any("PAGE_* macros" in sentence for sentence in lifted.assumptions)
