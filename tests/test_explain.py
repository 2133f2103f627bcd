"""Why a saved trace violates and why a saved proof holds: on every built-in set of helpers, and on trees."""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from checker.cause import rerun
from checker.cli.evidence import TRACE_SUFFIX, save
from checker.cli.explain import Blame, Cause, cause_of
from checker.cli.explain_report import cause_text
from checker.cli.jobs import Job, Outcome, build_system, find_architecture, system_with
from checker.decision import Options, decide
from checker.trace import BadTrace, make_trace
from checker.verdict import Result, Verdict
from models.edits import with_edits
from tests.small_tree import ALWAYS, CONDITION, PGTABLE_H, PGTABLE_PATH, small_tree
from tests.test_cli import ROOT, ptecheck

SCHEMA = json.loads((ROOT / "docs" / "explain.schema.json").read_text())
GOLDEN = ROOT / "tests" / "golden"
ORIGINAL = Job("loongarch/original", "mm", "carry-dirty")
MKDIRTY_LINE = PGTABLE_H.splitlines().index("static inline pte_t pte_mkdirty(pte_t pte)") + 1

SLOW = tuple(
    pytest.param(job, marks=pytest.mark.slow)
    for job in (
        Job("loongarch/original", "pte"),
        Job("loongarch/original", "helpers", level="pmd"),
        Job("loongarch+ptw/hev", "pte"),
        Job("sparc64/original", "pte"),
        Job("sparc64+sun4v/original", "mm", "drop-wrprotect"),
        Job("x86-64+shstk/linux-6.1", "mm", "linux-6.12"),
        Job("loongarch+ptw/original", "mm", "linux-6.12"),
        Job("x86-64+shstk/linux-6.1", "pte"),
    )
)
JOBS = (ORIGINAL, Job("loongarch/peter", "pte"), *SLOW)


@cache
def decided(job: Job) -> tuple[Result, ...]:
    return tuple(decide(build_system(job), Options()))


@cache
def causes(job: Job) -> tuple[Cause, ...]:
    """The cause of everything that a job violates."""
    return tuple(cause_of(job, r.trace) for r in decided(job) if r.trace is not None)


def cause(job: Job, invariant: str) -> Cause:
    return next(c for c in causes(job) if c.trace.invariant == invariant)


def says(found: Cause) -> list[list[str]]:
    return [[edit.says for edit in blame.assignments] for blame in found.blames]


def without(found: Cause, blame: Blame, chosen) -> bool:
    """Whether the violation is gone under some of a blame's edits."""
    system = system_with(found.job, with_edits(find_architecture(found.job.config), chosen))
    return rerun(found.trace, lambda _: system, system).removed


class TestTheOriginalBug:
    @pytest.mark.parametrize("invariant", ["shared-not-hw-writable", "cow-isolation", "read-only-vma-holds"])
    def test_it_is_the_assignment_that_the_patch_removes(self, invariant):
        found = cause(ORIGINAL, invariant)
        assert (found.kind, says(found)) == ("assignment", [["pte_mkdirty sets _PAGE_DIRTY"]])
        assert "arch/loongarch/include/asm/pgtable.h" in found.blames[0].places[0]

    def test_the_step_is_the_split_and_not_the_store(self):
        found = cause(ORIGINAL, "cow-isolation")
        step = found.blames[0].wrong_at
        assert found.trace.steps[step].operation == "split_huge_pmd(parent)"

    def test_a_run_that_cannot_happen_is_told_from_one_that_does_no_harm(self):
        assert cause(ORIGINAL, "cow-isolation").blames[0].rerun.fate.value == "blocked"
        assert cause(ORIGINAL, "shared-not-hw-writable").blames[0].rerun.fate.value == "holds"

    def test_without_it_every_order_is_safe_and_nothing_is_lost(self):
        (blame,) = cause(ORIGINAL, "cow-isolation").blames
        assert blame.whole.holds
        assert blame.contract.clean
        assert "pte: hw-write-implies-write" in blame.contract.mends

    def test_marking_pages_dirty_is_no_cause_though_it_would_help_here(self):
        others = {edit.says: b for b in cause(ORIGINAL, "cow-isolation").others for edit in b.assignments}
        assert "pmd: mkdirty-is-dirty" in others["pmd_mkdirty sets _PAGE_MODIFIED"].contract.breaks

    def test_other_orders_of_calls_are_named(self):
        assert "split reorder" in cause(ORIGINAL, "cow-isolation").choices
        assert "split linux-6.12" not in cause(ORIGINAL, "cow-isolation").choices

    def test_it_is_told_like_this(self):
        assert cause_text(cause(ORIGINAL, "cow-isolation")) == (GOLDEN / "explain-original.txt").read_text()


class TestEverySetIsSufficientAndMinimal:
    @pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.config}-{job.world}")
    def test_all_of_it_removes_the_violation_and_less_does_not(self, job):
        assert causes(job)
        for found in causes(job):
            for blame in (*found.blames, *found.others):
                assert without(found, blame, blame.assignments)
                for size in range(len(blame.assignments)):
                    for some in itertools.combinations(blame.assignments, size):
                        assert not without(found, blame, some)

    @pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.config}-{job.world}")
    def test_what_is_left_out_everywhere_is_what_is_said_of_every_order(self, job):
        for found in causes(job):
            for blame in found.blames:
                edits = with_edits(find_architecture(job.config), (*blame.assignments, *blame.also))
                whole = blame.whole_also or blame.whole
                if whole is not None and whole.verdict in (Verdict.PROVED, Verdict.VIOLATED):
                    options = Options(only=frozenset({found.trace.invariant}))
                    verdicts = {r.invariant: r.verdict for r in decide(system_with(job, edits), options)}
                    assert verdicts[found.trace.invariant] is whole.verdict


class TestKinds:
    def test_in_the_contract_of_sparc64_it_is_mkdirty_too(self):
        job = Job("sparc64/original", "pte")
        trace = make_trace(build_system(job), "write-protect-holds", "mk_pte(PRIVATE)", (0,), ["pte_mkdirty"])
        found = cause_of(job, trace)
        assert says(found) == [["pte_mkdirty sets _PAGE_W_4U"]]
        assert found.blames[0].contract.breaks == ("pte: access-goes-through",)

    def test_a_store_that_nobody_records_is_mkwrite(self):
        (found,) = [c for c in causes(Job("loongarch/peter", "pte")) if c.trace.invariant == "dirty-never-lost"]
        assert says(found) == [["pte_mkwrite sets _PAGE_DIRTY"]]
        assert [edit.says for edit in found.blames[0].also] == ["pmd_mkwrite sets _PAGE_DIRTY"]
        assert not found.blames[0].whole.holds
        assert found.blames[0].whole_also.holds

    def test_what_the_requirement_asks_of_helpers_is_no_step(self):
        job = Job("loongarch/original", "pte")
        found = cause_of(job, make_trace(build_system(job), "dirty-read-only-entry", "mk_pte(PRIVATE)", (0,), []))
        assert found.trace.depth == 0
        assert (found.blames[0].wrong_at, found.blames[0].judging) == (None, True)

    def test_an_assignment_may_be_missing(self):
        job = Job("loongarch/original", "helpers", level="pmd")
        trace = make_trace(build_system(job), "invalid-stays-huge", "mk_huge_pmd(---p)", (0,), [])
        found = cause_of(job, trace)
        assert (found.kind, says(found)) == ("missing", [["pmd_mkinvalid does not set _PAGE_PROTNONE"]])

    def test_a_test_may_not_look_at_what_the_hardware_records(self):
        job = Job("loongarch+ptw/hev", "pte")
        trace = make_trace(build_system(job), "dirty-never-lost", "mk_pte(SHARED)", (0,), ["store"])
        found = cause_of(job, trace)
        assert (found.kind, says(found)) == ("missing", [["pte_dirty does not say yes for _PAGE_DIRTY"]])

    def test_where_each_is_needed_nothing_is_blamed(self):
        job = Job("x86-64+shstk/linux-6.1", "mm", "linux-6.12")
        trace = make_trace(
            build_system(job), "shared-not-hw-writable", "a small page of its own", (), ["fork_pte(parent)"]
        )
        found = cause_of(job, trace)
        assert found.kind == "open"
        assert ["pte_wrprotect does not clear _PAGE_DIRTY"] in says(found)
        assert all(blame.contract.breaks for blame in found.blames)
        assert "not to be pinned on one assignment" in cause_text(found)

    @pytest.mark.slow
    def test_a_hole_of_generic_mm_is_no_helper(self):
        job = Job("x86-64/linux-6.12", "kernel", generation="linux-6.12", extras=("as-is",))
        steps = ["ksm_merge_freed(parent)", "lazyfree_discard(parent)"]
        found = cause_of(job, make_trace(build_system(job), "cow-isolation", "a small page of its own", (), steps))
        assert (found.kind, found.blames) == ("generic mm", ())
        assert "repair madv-free-ksm" in found.choices
        assert "generic mm itself, and no helper" in cause_text(found)

    def test_a_trace_of_another_system_is_refused(self):
        (trace, *_) = [r.trace for r in decided(ORIGINAL) if r.trace]
        with pytest.raises(BadTrace):
            cause_of(Job("loongarch/original", "mm", "reorder"), trace)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """Evidence of two jobs, a violation among it and proofs with clauses."""
    root = tmp_path_factory.mktemp("out")
    job = Job("loongarch/linux-6.12", "pte")
    proofs = [r for r in decided(job) if r.invariant in ("cow-shared-not-hw-writable", "invalid-pmd-unreachable")]
    save([Outcome(ORIGINAL, decided(ORIGINAL)[:2]), Outcome(job, tuple(proofs))], root)
    return root


def explain(*arguments: str | Path):
    return ptecheck("explain", *map(str, arguments))


class TestTheCommand:
    def test_a_trace_is_explained_and_shown(self, saved):
        run = explain(next(saved.rglob(f"cow-isolation{TRACE_SUFFIX}")))
        assert run.returncode == 0, run.stderr
        assert "cause: pte_mkdirty sets _PAGE_DIRTY" in run.stdout
        assert "^ breaks cow-isolation" in run.stdout
        assert max(map(len, run.stdout.splitlines())) <= 80

    def test_a_proof_is_explained_clause_by_clause(self, saved):
        run = explain(next(saved.rglob("cow-shared-not-hw-writable")))
        assert run.returncode == 0, run.stderr
        text = " ".join(run.stdout.split())
        assert "holds, by an invariant of 4 clauses" in text
        assert "2 if _PAGE_DIRTY then write without it these break others: pte_mkyoung breaks 1: pte_mkyoung +V" in text
        assert "pte_wrprotect clears _PAGE_WRITE: clauses 1, 3, 4 fail first, violated in 1 step" in text

    @pytest.mark.slow
    def test_a_folder_is_explained_whole_and_its_json_is_as_described(self, saved, tmp_path):
        target = tmp_path / "e.json"
        run = explain(saved, "--json", target)
        data = json.loads(target.read_text())
        jsonschema.validate(data, SCHEMA)
        assert run.returncode == 0, run.stderr
        kinds = [one["what"] for one in data["explained"]]
        assert kinds == ["proof", "proof", "violation", "violation"]
        assert {one["file"] for one in data["explained"]} <= {str(p) for p in saved.rglob("*.json")}
        needed = [n for one in data["explained"] if one["what"] == "proof" for n in one["rests_on"]["needed"]]
        assert all(n["everywhere"]["verdict"] in ("violated", "vacuous") for n in needed)

    def test_json_alone_goes_to_standard_output(self, saved):
        run = explain(next(saved.rglob(f"cow-isolation{TRACE_SUFFIX}")), "--json", "-")
        jsonschema.validate(json.loads(run.stdout), SCHEMA)

    def test_a_limit_is_said_and_is_no_answer(self, saved):
        run = explain(next(saved.rglob("cow-shared-not-hw-writable")), "--timeout", "0.001")
        assert run.returncode == 3
        assert "not decided" in run.stdout
        assert "rests on no" not in run.stdout

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"schema": "ptecheck.trace/1"}', b"[" * 9999])
    def test_a_file_that_is_no_evidence_is_refused(self, tmp_path, content):
        for name in ("t.trace.json", "certificate.json", "enumeration.json"):
            (tmp_path / name).write_bytes(content)
            run = explain(tmp_path / name)
            assert run.returncode == 2
            assert run.stderr.startswith("ptecheck: ")
            assert "Traceback" not in run.stderr

    def test_a_folder_without_evidence_and_no_folder(self, tmp_path):
        assert "no trace and no certificate" in explain(tmp_path).stderr
        assert "no such file or folder" in explain(tmp_path / "nowhere").stderr

    def test_a_proof_that_was_changed_is_not_explained(self, saved, tmp_path):
        source = next(saved.rglob("cow-shared-not-hw-writable")) / "certificate.json"
        data = json.loads(source.read_text())
        data["clauses"].pop()
        (tmp_path / "certificate.json").write_text(json.dumps(data))
        run = explain(tmp_path)
        assert run.returncode == 2
        assert "does not hold" in run.stderr

    @pytest.mark.slow
    def test_an_enumeration_is_explained_unless_it_was_changed(self, tmp_path):
        job = Job("loongarch/huacai", "mm", "carry-dirty")
        proof = Result("read-only-vma-holds", Verdict.PROVED, states=209, diameter=9, enumerated=True)
        save([Outcome(job, (proof,))], tmp_path)
        file = next(tmp_path.rglob("enumeration.json"))
        right = explain(file)
        assert right.returncode == 0, right.stderr
        assert "closed set of all 209 reachable states" in right.stdout
        assert "pte_modify clears _PAGE_WRITE: violated in" in right.stdout
        data = json.loads(file.read_text())
        for change in ({"states": 7}, {"invariants": ["cow-isolation", "nope"]}, {"system": "x"}):
            file.write_text(json.dumps({**data, **change}))
            assert explain(file).returncode == 2


def shown(command: str) -> list[list[str]]:
    """What docs/explain.md shows of a command's output: pieces without a gap."""
    text = (ROOT / "docs" / "explain.md").read_text()
    block = text.split(f"    $ ptecheck explain out/{command}\n")[1].split("\n\n")[0]
    return [[line.removeprefix("    ") for line in piece.splitlines()] for piece in block.split("    ...\n")]


@pytest.mark.parametrize(
    "command",
    [
        "loongarch_original/mm-carry-dirty/cow-isolation.trace.json",
        "loongarch_linux-6.12/pte/cow-shared-not-hw-writable",
    ],
)
def test_what_the_document_shows_is_real(saved, command):
    real = explain(saved / command).stdout
    for piece in shown(command):
        assert "\n".join(line for line in piece if line != "...") in real


class TestATree:
    def test_the_line_of_the_tree_is_named(self, tmp_path):
        tree = small_tree(tmp_path / "bad", (CONDITION, ALWAYS))
        out = tmp_path / "out"
        ptecheck("check", "csky", "--kernel", str(tree), "--no-cache", "--world", "helpers", "--save", str(out))
        run = explain("--kernel", tree, next(out.rglob(f"hw-write-implies-write{TRACE_SUFFIX}")))
        assert run.returncode == 0, run.stderr
        assert f"cause: pte_mkdirty sets _PAGE_DIRTY\n         {PGTABLE_PATH}:{MKDIRTY_LINE}" in run.stdout

    def test_evidence_from_a_tree_needs_the_tree(self, tmp_path):
        tree = small_tree(tmp_path / "bad", (CONDITION, ALWAYS))
        out = tmp_path / "out"
        ptecheck("check", "csky", "--kernel", str(tree), "--no-cache", "--world", "pte", "--save", str(out))
        run = explain(out)
        assert run.returncode == 2
        assert "--kernel" in run.stderr
