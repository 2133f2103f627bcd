"""Kernel trees on the command line: what is proved, broken, not read, and what a patch changes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from tests import kernel_trees
from tests.small_tree import ALWAYS, CONDITION, PGTABLE_H, PGTABLE_PATH, patch_between, small_tree
from tests.test_cli import ROOT, ptecheck

RESULT_SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())
BROKEN_H = PGTABLE_H.replace(CONDITION, ALWAYS)
MKDIRTY_LINE = PGTABLE_H.splitlines().index("static inline pte_t pte_mkdirty(pte_t pte)") + 1


def check(*arguments: str | Path, stdin: str | None = None):
    return ptecheck("check", "--no-cache", *map(str, arguments), **({"input": stdin} if stdin else {}))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return small_tree(tmp_path / "good")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return small_tree(tmp_path / "bad", (CONDITION, ALWAYS))


class TestOneMachine:
    def test_helpers_that_keep_every_rule_are_proved(self, good):
        run = check("csky", "--kernel", good)
        assert run.returncode == 0, run.stdout + run.stderr
        assert "VIOLATED" not in run.stdout
        assert "Linux 6.99.0-made-up" in run.stdout
        for world in ("PTE world", "helpers:", "codes:"):
            assert world in run.stdout

    def test_a_broken_helper_is_named_with_file_line_entry_and_way(self, bad):
        run = check("csky", "--kernel", bad, "--world", "helpers")
        assert run.returncode == 1
        found = run.stdout[run.stdout.index("hw-write-implies-write: VIOLATED") :]
        found = found[: found.index("bits:")]
        assert re.search(r"pte_mkdirty +yes", found)
        assert f"where: pte_mkdirty {PGTABLE_PATH}:{MKDIRTY_LINE}" in found
        assert re.search(r"0x[0-9a-f]+", found)

    def test_a_helper_that_is_not_understood_is_named_and_nothing_is_decided(self, tmp_path):
        tree = small_tree(tmp_path, ("\tpte_val(pte) |= _PAGE_MODIFIED;\n", '\tasm("nop");\n'))
        run = check("csky", "--kernel", tree)
        assert run.returncode == 3
        assert f"{PGTABLE_PATH}:{MKDIRTY_LINE + 2}: pte_mkdirty" in run.stdout.replace("\n    ", " ")
        assert "proved" not in run.stdout

    def test_the_json_is_as_described(self, bad):
        run = check("csky", "--kernel", bad, "--json", "-")
        data = json.loads(run.stdout)
        jsonschema.validate(data, RESULT_SCHEMA)
        assert {r["world"] for r in data["results"]} == {"pte", "helpers", "codes"}
        assert {r["level"] for r in data["results"]} == {None, "pte"}

    def test_evidence_is_checked_anew_with_the_tree_it_was_made_from(self, good, bad, tmp_path):
        assert check("csky", "--kernel", bad, "--world", "helpers", "--save", tmp_path / "out").returncode == 1
        trace = next((tmp_path / "out").rglob("*.trace.json"))
        assert ptecheck("replay", str(trace), "--kernel", str(bad)).returncode == 0
        other = ptecheck("replay", str(trace), "--kernel", str(good))
        assert other.returncode == 2 and "Traceback" not in other.stderr
        certified = ptecheck("certify", str(tmp_path / "out"), "--kernel", str(bad))
        assert certified.returncode == 0, certified.stderr
        assert "is proved" in certified.stdout


class TestManyMachines:
    @pytest.mark.parametrize("machines", [("csky-abiv1",), ("csky", "csky-abiv1"), ("csky", "csky-abiv1", "hexagon")])
    @pytest.mark.parametrize("jobs", ["1", "2"])
    def test_one_that_is_asked_for_by_name_and_cannot_be_read_is_an_error(self, machines, jobs, bad):
        run = check(*machines, "--kernel", bad, "--jobs", jobs)
        assert run.returncode == 2
        assert run.stdout == ""
        assert "abi/pgtable-bits.h" in run.stderr.splitlines()[-1]  # behind how far it had come
        assert "Traceback" not in run.stderr

    @pytest.mark.slow
    def test_report_and_evidence_are_the_same_whoever_makes_them(self, bad, tmp_path):
        texts, files = [], []
        for jobs in ("1", "2"):
            folder = tmp_path / jobs
            run = check("--kernel", bad, "--jobs", jobs, "--save", folder)
            texts.append((run.returncode, run.stdout))
            files.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
        assert texts[0] == texts[1]
        assert files[0] == files[1]
        assert any(path.name.endswith(".trace.json") for path in files[0])
        assert any(path.name == "safety.smt2" for path in files[0])

    def test_a_folder_that_cannot_be_written_to_is_explained(self, bad, tmp_path):
        (tmp_path / "csky_tree").write_text("in the way")
        run = check("--kernel", bad, "--save", tmp_path)
        assert run.returncode == 2
        assert "cannot write" in run.stderr
        assert "Traceback" not in run.stderr

    def test_all_machines_of_a_tree(self, bad):
        run = check("--kernel", bad)
        assert run.returncode == 1
        lines = run.stdout.splitlines()
        assert lines[0].startswith("Linux 6.99.0-made-up: what generic mm relies on, for 2 machines")
        assert re.search(r"^csky +\d+ +\d+ +- +- +fault$", run.stdout, re.M)
        assert re.search(r"^csky-abiv1 +- +- +- +\d+$", run.stdout, re.M)
        assert "Not decided" in run.stdout and "abi/pgtable-bits.h" in run.stdout
        assert f"pte_mkdirty {PGTABLE_PATH}:{MKDIRTY_LINE}" in run.stdout
        assert all(len(line) <= 80 for line in lines if str(bad) not in line)


class TestPatches:
    def patch(self, tmp_path, old, new) -> Path:
        path = tmp_path / "change.patch"
        path.write_text(patch_between(old, new))
        return path

    def test_a_patch_that_mends_is_told_by_what_it_mends(self, bad, tmp_path):
        run = check("csky", "--kernel", bad, "--patch", self.patch(tmp_path, BROKEN_H, PGTABLE_H))
        assert run.returncode == 0, run.stderr
        assert "fixed: hw-write-implies-write" in run.stdout
        assert "broken:" not in run.stdout
        assert (bad / PGTABLE_PATH).read_text() == BROKEN_H

    def test_a_patch_that_breaks_is_told_by_entry_and_line(self, good, tmp_path):
        run = check("csky", "--kernel", good, "--patch", self.patch(tmp_path, PGTABLE_H, BROKEN_H))
        assert run.returncode == 1
        assert "broken: write-only-when-granted (pte)" in run.stdout
        assert f"pte_mkdirty {PGTABLE_PATH}:{MKDIRTY_LINE}" in run.stdout
        assert "fixed" not in run.stdout and re.search(r"\d+ unchanged", run.stdout)

    def test_taken_back_it_is_the_other_way_round(self, good, tmp_path):
        run = check("csky", "--kernel", good, "--reverse", "--patch", self.patch(tmp_path, BROKEN_H, PGTABLE_H))
        assert run.returncode == 1
        assert "change.patch, taken back" in run.stdout

    def test_from_standard_input(self, bad):
        run = check("csky", "--kernel", bad, "--patch", "-", stdin=patch_between(BROKEN_H, PGTABLE_H))
        assert run.returncode == 0
        assert run.stdout.startswith("standard input: what changes")

    def test_a_patch_that_makes_a_helper_unreadable_takes_the_decision_away(self, good, tmp_path):
        unread = PGTABLE_H.replace("\tpte_val(pte) |= _PAGE_MODIFIED;\n", '\tasm("nop");\n')
        run = check("csky", "--kernel", good, "--patch", self.patch(tmp_path, PGTABLE_H, unread))
        assert run.returncode == 3
        assert "no longer decided" in run.stdout and PGTABLE_PATH in run.stdout

    def test_a_patch_without_effect_changes_nothing(self, good, tmp_path):
        renamed = PGTABLE_H.replace("word", "entry")
        run = check("csky", "--kernel", good, "--patch", self.patch(tmp_path, PGTABLE_H, renamed))
        assert run.returncode == 0
        assert re.fullmatch(r"\d+ unchanged", run.stdout.strip().splitlines()[-1])

    def test_a_patch_elsewhere_is_not_even_looked_at(self, good, tmp_path):
        path = tmp_path / "elsewhere.patch"
        path.write_text("--- /dev/null\n+++ b/drivers/new.c\n@@ -0,0 +1 @@\n+int new;\n")
        run = check("--kernel", good, "--patch", path)
        assert (run.returncode, run.stdout) == (
            0, "the patches touch no file that helpers are read from: nothing changes\n"
        )  # fmt: skip

    def test_the_json_has_both_verdicts(self, bad, tmp_path):
        patch = self.patch(tmp_path, BROKEN_H, PGTABLE_H)
        data = json.loads(check("csky", "--kernel", bad, "--patch", patch, "--json", "-").stdout)
        assert data["schema"] == "ptecheck.changes/1"
        kinds = {(c["kind"], c["before"]["verdict"], c["after"]["verdict"]) for c in data["changes"]}
        assert ("fixed", "violated", "proved") in kinds and ("unchanged", "proved", "proved") in kinds

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--patch", "x.patch"], "--patch is about a kernel tree"),
            (["--git", "v6.1"], "--git is about a kernel tree"),
            (["--reverse"], "--reverse is about a kernel tree"),
            (["--kernel", "{good}", "--reverse"], "--reverse takes patches back"),
            (["--kernel", "{good}", "--patch", "/nowhere.patch"], "cannot be read"),
            (["--kernel", "{good}", "--git", "v6.1"], "git"),
        ],
    )
    def test_options_that_do_not_fit_are_explained(self, arguments, words, good):
        run = check(*(argument.replace("{good}", str(good)) for argument in arguments))
        assert run.returncode == 2
        assert words in run.stderr and len(run.stderr.splitlines()) == 1


class TestNames:
    @pytest.mark.parametrize(
        ("names", "words"),
        [
            (["cski"], "did you mean 'csky'"),
            (["pdp11"], "see ptecheck list architectures"),
            (["csky/original"], "leave out /original"),
            (["csky+ptw"], "csky has no option 'ptw'"),
            (["riscv64+svadux"], "it has svadu"),
        ],
    )
    def test_a_wrong_one_is_explained(self, names, words, good):
        run = check(*names, "--kernel", good)
        assert run.returncode == 2
        assert words in run.stderr

    def test_generic_mm_is_modelled_for_some(self, good):
        run = check("csky", "--kernel", good, "--world", "mm")
        assert run.returncode == 2
        assert "loongarch, sparc64, x86-64" in run.stderr


@pytest.fixture(params=kernel_trees.VERSIONS, scope="module")
def release(request) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def data(release):
    found = kernel_trees.tree(release)
    if found is None:
        pytest.skip(kernel_trees.why_not(release))
    run = check("--kernel", found, "--json", "-")
    assert run.returncode == 1, run.stderr
    return json.loads(run.stdout)


@pytest.mark.kernel
class TestRealTrees:
    def test_every_machine_is_decided(self, data):
        jsonschema.validate(data, RESULT_SCHEMA)
        undecided = [(r["config"], r["invariant"], r["reason"]) for r in data["results"] if r["verdict"] == "unknown"]
        assert undecided == []
        assert len({r["config"] for r in data["results"]}) >= 43

    def test_the_findings_say_what_is_proved(self, data, release):
        """docs/findings-architectures.md names the machines of which every statement is proved."""
        text = (ROOT / "docs" / "findings-architectures.md").read_text()
        wanted = {"**Proved in every statement, in both releases:**", f"**In {release} also:**"}
        named = {
            word
            for heading in wanted
            for word in re.split(r"[,\s.]+", re.sub(r"\([^)]*\)", "", text.split(heading)[1].split(". ")[0]))
            if word and "+" not in word
        }
        failed = [r for r in data["results"] if r["verdict"] == "violated" and not r["cost"] and not r["exception"]]
        broken = {r["config"].removesuffix("/tree") for r in failed}
        assert named == {r["config"].removesuffix("/tree") for r in data["results"]} - broken
