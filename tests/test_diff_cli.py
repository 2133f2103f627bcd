"""``ptecheck diff`` and ``compare`` as their users meet them: output, JSON, exit status, and bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from checker.cli.main import main
from tests.kernel_trees import tree as kernel_tree
from tests.kernel_trees import why_not
from tests.small_tree import ALWAYS, CONDITION, PGTABLE_H, PGTABLE_PATH, patch_between, small_tree
from tests.test_cli import same_as_golden
from tests.test_startup import ENGINES, HEAVY, loaded

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "docs" / "diff.schema.json").read_text(encoding="utf-8"))


def run(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    """The exit status, and what went to standard output and standard error."""
    try:
        status = main(list(arguments))
    except SystemExit as end:
        status = int(end.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def fits_a_mail(text: str) -> bool:
    return all(len(line) < 80 for line in text.splitlines())


def test_its_help_loads_no_engine() -> None:
    assert not loaded("diff", "--help") & {*HEAVY, *ENGINES, "dataclasses"}


def test_original_beside_the_fix(capsys: Any) -> None:
    status, out, _ = run(capsys, "diff", "loongarch/original", "loongarch/huacai", "--no-cache", "--jobs", "1")
    assert status == 1
    assert fits_a_mail(out)
    same_as_golden(out, "diff-original-huacai.txt")


def test_two_machines(capsys: Any) -> None:
    status, out, _ = run(capsys, "diff", "loongarch/linux-6.12", "sparc64/linux-6.12", "--world", "pte", "--no-cache")
    assert status == 1
    assert fits_a_mail(out)
    same_as_golden(out, "diff-two-machines.txt")


def test_helpers_that_are_the_same_are_equivalent(capsys: Any) -> None:
    status, out, _ = run(capsys, "diff", "loongarch/peter", "loongarch/peter", "--world", "pte", "--no-cache")
    assert status == 0
    assert "Equivalent, without a bound" in out
    assert "helpers that differ: none" in out


def test_the_json_is_what_the_schema_says(capsys: Any) -> None:
    status, out, _ = run(
        capsys, "diff", "loongarch/original", "loongarch/huacai", "--world", "pte", "--no-cache", "--json", "-"
    )
    data = json.loads(out)
    jsonschema.validate(data, SCHEMA)
    assert (status, data["answer"]) == (1, "different")
    (world,) = data["worlds"]
    found = {o["name"]: o for o in world["observables"]}
    assert found["hw-writable"]["depth"] == 1
    assert found["hw-writable"]["trace"][-1]["operation"] == "pte_mkdirty"
    assert found["pte_write"]["proof"]


def test_what_is_not_decided_in_time_is_not_called_the_same(capsys: Any) -> None:
    status, out, _ = run(
        capsys, "diff", "loongarch/huacai", "loongarch/hev", "--world", "pte", "--no-cache", "--timeout", "0.000001"
    )
    assert status == 3
    assert "NOT DECIDED" in out
    assert "same (proved)" not in out
    assert out.endswith("Not decided.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("loongarch/original",), ("no pair", "--kernel-b")),
        (("loongarch/orginal", "loongarch/huacai"), ("'original'",)),
        (("loongarch", "loongarch/huacai"), ("names 7 configurations",)),
        (("loongarch/huacai", "mips/linux"), ("no architecture 'mips'",)),
        (("loongarch/huacai", "loongarch/hev", "--world", "kernel", "--mm", "linux-6.2"), ("linux-6.1",)),
        (("loongarch/huacai", "loongarch/hev", "--mm", "linux-6.1"), ("--mm belongs",)),
        (("loongarch/huacai", "loongarch/hev", "--split", "carry"), ("carry-dirty",)),
        (("loongarch/huacai", "loongarch/hev", "--world", "pte", "--split", "reorder"), ("--split belongs",)),
        (("loongarch/huacai", "x86-64/linux-6.12", "--faults"), ("on one machine",)),
        (("loongarch/huacai", "loongarch/hev", "--faults", "--world", "pte"), ("--faults counts",)),
        (("loongarch/huacai", "loongarch/hev", "--patch", "x"), ("--patch is about a kernel tree",)),
        (("loongarch/huacai", "loongarch/hev", "--git", "v6.1"), ("--git",)),
        (("loongarch", "--kernel", "/nonexistent-tree", "--kernel-b", "/nonexistent"), ("/nonexistent",)),
    ],
)
def test_wrong_use_is_one_sentence(capsys: Any, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    status, out, err = run(capsys, "diff", *arguments)
    assert status == 2, out + err
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    for word in words:
        assert word in err


@pytest.mark.slow
def test_faults_of_a_pair(capsys: Any, tmp_path: Path) -> None:
    target = tmp_path / "faults.json"
    arguments = ("loongarch/linux-6.12", "loongarch/linux-6.12-peter", "--faults", "--mm", "linux-6.12", "--no-cache")
    status, out, _ = run(capsys, "diff", *arguments, "--json", str(target))
    assert status == 1
    assert fits_a_mail(out)
    same_as_golden(out, "diff-faults.txt")
    data = json.loads(target.read_text(encoding="utf-8"))
    jsonschema.validate(data, SCHEMA)
    (costs,) = data["costs"]
    paths = {path["made_by"]: path["all"] for path in costs["paths"]}
    assert data["answer"] == "extra"
    assert (paths["swap_in_write"]["least"], paths["swap_in_write"]["most"]) == (1, 1)
    assert paths["swap_in_write"]["extra"]["trace"][-1]["operation"] == "store(parent)"


@pytest.mark.slow
def test_faults_that_are_not_counted_in_time_are_not_called_never(capsys: Any) -> None:
    arguments = ("loongarch/huacai", "loongarch/peter", "--faults", "--mm", "linux-6.12", "--no-cache")
    status, out, _ = run(capsys, "diff", *arguments, "--timeout", "0.000001")
    assert status == 3
    assert "not decided" in out
    assert "NOT DECIDED" in out
    assert "proved" not in out


def test_compare_of_built_in_helpers(capsys: Any) -> None:
    arguments = ("loongarch/original", "sparc64/original", "x86-64/linux-6.12", "--no-cache", "--jobs", "1")
    status, out, _ = run(capsys, "compare", *arguments, "--world", "pte")
    assert status == 1
    assert fits_a_mail(out)
    same_as_golden(out, "compare-built-in.txt")


@pytest.mark.slow
def test_compare_has_contract_and_kernel_on_one_screen(capsys: Any) -> None:
    arguments = ("loongarch", "sparc64/original", "x86-64/linux-6.12", "--no-cache")
    status, out, _ = run(capsys, "compare", *arguments)
    assert status == 1
    assert fits_a_mail(out)
    assert len(out.splitlines()) <= 40
    assert "A loongarch" in out
    assert "  B shared-not-hw-writable: fork_pmd, split_huge_pmd [carry-dirty]" in out


def test_compare_keeps_what_is_required_of_helpers(capsys: Any) -> None:
    status, out, _ = run(capsys, "compare", "loongarch/original", "--world", "helpers", "--no-cache", "--jobs", "1")
    assert status == 1
    assert "store to clean: seen by" in out


def test_compare_refuses_a_name_it_does_not_know(capsys: Any) -> None:
    status, out, err = run(capsys, "compare", "loongarch/orginal")
    assert (status, out) == (2, "")
    assert "did you mean 'original'" in err


BROKEN_H = PGTABLE_H.replace(CONDITION, ALWAYS)
"""csky's mkdirty without the condition, as LoongArch had it."""


@pytest.fixture
def tree(tmp_path: Path) -> str:
    return str(small_tree(tmp_path / "linux"))


def patch(tmp_path: Path, new: str) -> str:
    path = tmp_path / "change.patch"
    path.write_text(patch_between(PGTABLE_H, new), encoding="utf-8")
    return str(path)


def test_what_a_patch_changes_is_told_by_the_shortest_run(capsys: Any, tree: str, tmp_path: Path) -> None:
    status, out, _ = run(capsys, "diff", "csky", "--kernel", tree, "--patch", patch(tmp_path, BROKEN_H), "--no-cache")
    assert status == 1
    assert "helpers that differ: pte_mkdirty;" in out
    assert "with change.patch" in out
    assert "hw-writable differs after 2 steps: mk_pte(PRIVATE), pte_mkyoung, pte_mkdirty" in out
    assert PGTABLE_PATH in out  # where the helper of the last step is


def test_a_patch_taken_back_is_the_same_difference(capsys: Any, tree: str, tmp_path: Path) -> None:
    (Path(tree) / PGTABLE_PATH).write_text(BROKEN_H, encoding="utf-8")
    arguments = ("--kernel", tree, "--reverse", "--patch", patch(tmp_path, BROKEN_H), "--no-cache")
    status, out, _ = run(capsys, "diff", "csky", *arguments)
    assert status == 1
    assert "taken back" in out


def test_a_patch_without_effect_is_equivalent(capsys: Any, tree: str, tmp_path: Path) -> None:
    renamed = PGTABLE_H.replace("int pte_write(pte_t pte) {", "int pte_write(pte_t  pte) {")
    assert renamed != PGTABLE_H
    status, out, _ = run(capsys, "diff", "csky", "--kernel", tree, "--patch", patch(tmp_path, renamed), "--no-cache")
    assert status == 0
    assert "Equivalent" in out


def test_a_helper_that_cannot_be_read_decides_nothing(capsys: Any, tree: str, tmp_path: Path) -> None:
    unread = PGTABLE_H.replace("pte_val(pte) |= _PAGE_MODIFIED;", "pte_val(pte) |= mystery();", 1)
    status, out, _ = run(capsys, "diff", "csky", "--kernel", tree, "--patch", patch(tmp_path, unread), "--no-cache")
    assert status == 3
    assert "NOT DECIDED" in out
    assert "mystery" in out


def test_a_machine_of_a_tree_has_the_pte_world_only(capsys: Any, tree: str) -> None:
    status, _, err = run(capsys, "diff", "csky", "csky", "--kernel", tree, "--world", "mm")
    assert status == 2
    assert "use --world pte" in err


def test_faults_are_counted_where_generic_mm_is_known(capsys: Any, tree: str) -> None:
    status, _, err = run(capsys, "diff", "csky", "csky", "--kernel", tree, "--faults")
    assert status == 2
    assert "generic mm" in err


@pytest.mark.kernel
def test_two_releases_whose_helpers_differ_and_cannot_be_told_apart(capsys: Any) -> None:
    trees = [kernel_tree(version) for version in ("6.1", "6.12")]
    if None in trees:
        pytest.skip(why_not("6.1"))
    arguments = ("--kernel-a", str(trees[0]), "--kernel-b", str(trees[1]), "--no-cache")
    status, out, _ = run(capsys, "diff", "loongarch", *arguments, "--world", "pte")
    assert status == 0, out
    assert "helpers that differ: pte_dirty, pmd_dirty, pte_modify, pmd_modify;" in out
    status, out, _ = run(capsys, "diff", "loongarch+ptw", *arguments, "--world", "pte")
    assert status == 1
    assert "pte_dirty   differs after" in out  # the walker sets _PAGE_DIRTY alone, and 6.1 does not look at it


@pytest.mark.kernel
def test_the_built_in_helpers_are_those_of_the_tree(capsys: Any) -> None:
    folder = kernel_tree("6.12")
    if folder is None:
        pytest.skip(why_not("6.12"))
    arguments = ("sparc64/linux-6.12", "sparc64", "--kernel-b", str(folder), "--split", "linux-6.12", "--no-cache")
    status, out, _ = run(capsys, "diff", *arguments)
    assert status == 0, out
