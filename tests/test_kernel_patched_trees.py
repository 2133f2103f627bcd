"""Real trees seen through patches: the LoongArch fix taken back brings the bug back, and nothing else."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest
import z3

from models.kernel import LiftedTree, Patch, affects, lift_tree, open_tree
from models.kernel.platforms import PLATFORMS
from models.registry import architecture
from tests import kernel_trees
from tests.patch_texts import encoded, mail, unified

pytestmark = pytest.mark.kernel

PGTABLE = "arch/loongarch/include/asm/pgtable.h"
_CONDITION = re.compile(r"(?<=\n)\tif \(p.d?.?_val\(\w+\) & _PAGE_WRITE\)\n\t(?=\t\S.*_PAGE_DIRTY;\n)")


def tree(version: str) -> Path:
    """The fetched tree of a version."""
    found = kernel_trees.tree(version)
    if found is None:
        pytest.skip(kernel_trees.why_not(version))
    return found


@lru_cache
def fix(version: str) -> str:
    """The fix as a patch, made of the tree's own lines: before it, mkdirty did not ask for _PAGE_WRITE."""
    after = (tree(version) / PGTABLE).read_text()
    pieces = []
    done = 0
    for name in ("pte_mkdirty", "pmd_mkdirty"):
        start = after.index(f"_t {name}(")
        end = after.index("\n}\n", start)
        body, count = _CONDITION.subn("", after[start:end])
        assert count == 1
        pieces += [after[done:start], body]
        done = end
    return unified(PGTABLE, "".join([*pieces, after[done:]]), after)


def lifted(version: str, patch: str | bytes, reverse: bool) -> LiftedTree:
    """LoongArch of the tree behind a patch."""
    data = patch if isinstance(patch, bytes) else patch.encode()
    return lift_tree(open_tree(tree(version), patches=[Patch("fix.patch", data)], reverse=reverse), "loongarch")


@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
@pytest.mark.parametrize(
    "wrap", [str, mail, lambda diff: encoded(diff, "quoted-printable"), lambda diff: encoded(diff, "base64")]
)
def test_the_fix_taken_back_brings_the_bug_back(version: str, wrap: object) -> None:
    assert callable(wrap)
    buggy = lifted(version, wrap(fix(version)), reverse=True)
    fixed = lift_tree(tree(version), "loongarch")
    write, dirty, modified = (fixed.constants[f"_PAGE_{name}"] for name in ("WRITE", "DIRTY", "MODIFIED"))
    for name in ("pte_mkdirty", "pmd_mkdirty"):
        assert buggy.helpers[name](0) == dirty | modified
        assert fixed.helpers[name](0) == modified
        assert fixed.helpers[name](write) == buggy.helpers[name](write) == write | dirty | modified


def test_mkdirty_without_the_fix_is_the_one_that_was_modelled_by_hand() -> None:
    buggy = lifted("6.1", fix("6.1"), reverse=True)
    original, entry = architecture("loongarch/original"), z3.BitVec("entry", 64)
    for name in ("pte_mkdirty", "pmd_mkdirty"):
        solver = z3.Solver()
        solver.add(original.helpers[name](entry) != buggy.helpers[name](entry))
        assert solver.check() == z3.unsat, name


@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
def test_nothing_but_mkdirty_changes(version: str) -> None:
    buggy, fixed = lifted(version, fix(version), reverse=True), lift_tree(tree(version), "loongarch")
    changed = {name for name, helper in fixed.helpers.items() if helper.term is not buggy.helpers[name].term}
    assert changed == {"pte_mkdirty", "pmd_mkdirty"}
    assert (buggy.constants, buggy.protection_map, buggy.version) == (
        fixed.constants,
        fixed.protection_map,
        fixed.version,
    )


def test_only_loongarch_need_be_lifted_again() -> None:
    behind = open_tree(tree("6.1"), patches=[Patch("fix.patch", fix("6.1").encode())], reverse=True)
    concerned = {platform.folder for platform in PLATFORMS.values() if affects(behind, platform)}
    assert concerned == {"loongarch"}


@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
def test_every_file_that_is_read_would_be_seen_to_matter(version: str) -> None:
    for name, platform in PLATFORMS.items():
        for path in lift_tree(tree(version), name).files:
            new = Patch("p", f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n".encode())
            behind = open_tree(kernel_trees.CACHE, patches=[new])
            assert affects(behind, platform), (name, path)
