"""``ptecheck scenario`` as its users meet it: what it prints, its exit status, and what it says to bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from checker.cli.scenario import job_of, resolve, setting_of, vocabulary
from checker.scenario import Setting
from tests.test_cli import ROOT, ptecheck, refused, same_as_golden

HELD = """\
scenario write-protected-stays-so
"An entry that generic mm has write-protected is not writable for the hardware."
source the seed's question, as a contract of one helper
world pte
on loongarch/*, x86-64/*
start mk_pte(PRIVATE)
pte_mkwrite
pte_wrprotect
pte_mkdirty
exists "hardware-writable"
expect not found
expect found on loongarch/original
"""
WRONG = HELD.replace("expect found on loongarch/original\n", "").replace("write-protected-stays-so", "wrong-hope")
STUCK = HELD.replace("pte_mkdirty", "install").replace("write-protected-stays-so", "no-local-copy")
LARGE = HELD.replace("pte_mkdirty", "any order to depth 50").replace("write-protected-stays-so", "large")
MM = """\
scenario split-after-fork
"A dirty huge page is forked and split; the parent's store must not reach the child."
on loongarch/original, loongarch/huacai
start a huge page of its own
split carry-dirty
mm linux-6.12
fork_pmd(parent)
split_huge_pmd(parent)
write parent
read child
always cow-isolation
expect holds
expect violated on */original
"""
HOLE = """\
scenario cleared-while-migrated
"Clearing soft-dirty during a migration does not hide the next write."
on x86-64/linux-6.12
mm linux-6.1
with as-is, without-ad
start a small page of its own
store(parent)
try_to_migrate_pte(parent)
clear_soft_dirty(parent)
remove_migration_pte(parent)
write parent
always soft-dirty-holds
expect violated
"""


def scenario_file(folder: Path, text: str, name: str = "s.scenario") -> str:
    """The path of a scenario file with this text."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return str(folder / name)


class TestAnswers:
    def test_an_expected_answer_is_one_line(self, tmp_path):
        run = ptecheck("scenario", scenario_file(tmp_path, HELD))
        assert run.stdout == (
            "write-protected-stays-so  9 configurations: found in 1, not found in 8\n"
            "1 scenario, 9 configurations: all as expected\n"
        )
        assert (run.returncode, run.stderr) == (0, "")

    def test_the_report_on_a_folder_is_the_reviewed_one(self, tmp_path):
        scenario_file(tmp_path, WRONG, "b/wrong.scenario")
        scenario_file(tmp_path, HELD, "held.scenario")
        scenario_file(tmp_path, STUCK, "stuck.scenario")
        scenario_file(tmp_path, "not looked at", "README")
        command = [sys.executable, "-m", "checker.cli", "scenario", ".", "--jobs", "1"]
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert run.returncode == 1
        assert all(len(line) < 80 for line in run.stdout.splitlines())
        same_as_golden(run.stdout, "scenario-report.txt")

    def test_more_processes_change_nothing(self, tmp_path):
        file = scenario_file(tmp_path, WRONG)
        assert ptecheck("scenario", file, "--jobs", "2").stdout == ptecheck("scenario", file, "--jobs", "1").stdout

    def test_a_limit_is_no_answer(self, tmp_path):
        run = ptecheck("scenario", scenario_file(tmp_path, LARGE), "--states", "20")
        assert run.returncode == 3
        assert "not decided: limit of 20 states reached" in run.stdout
        assert run.stdout.endswith("1 scenario, 9 configurations: 1 not decided\n")

    def test_a_failed_expectation_weighs_more_than_a_limit(self, tmp_path):
        files = [scenario_file(tmp_path, LARGE, "a.scenario"), scenario_file(tmp_path, WRONG, "b.scenario")]
        assert ptecheck("scenario", *files, "--states", "20").returncode == 1

    def test_runs_are_shown_when_asked_for(self, tmp_path):
        file = scenario_file(tmp_path, HELD)
        run = ptecheck("scenario", file, "--runs")
        assert run.returncode == 0
        assert "3  pte_mkdirty" in run.stdout

    def test_a_long_name_stands_alone(self, tmp_path):
        run = ptecheck("scenario", scenario_file(tmp_path, HELD.replace("write-protected", "w" * 60)))
        assert max(map(len, run.stdout.splitlines())) < 80

    def test_a_file_named_twice_runs_once(self, tmp_path):
        file = scenario_file(tmp_path, HELD)
        assert ptecheck("scenario", file, str(tmp_path)).stdout.endswith(
            "1 scenario, 9 configurations: all as expected\n"
        )


class TestMmWorld:
    def test_accesses_take_the_faults_they_need(self, tmp_path):
        run = ptecheck("scenario", scenario_file(tmp_path, MM), "--json", "-")
        assert run.returncode == 0, run.stdout + run.stderr
        answers = {a["config"]: a for s in json.loads(run.stdout)["scenarios"] for a in s["answers"]}
        assert answers["loongarch/huacai"]["answer"] == "holds"
        operations = answers["loongarch/original"]["run"]["operations"]
        assert operations == ["fork_pmd(parent)", "split_huge_pmd(parent)", "store(parent)"]

    def test_settings_and_jobs_name_the_same_systems(self):
        from checker.cli.jobs import EXTRAS, Job
        from models.mm.orders import MIGRATIONS, SPLITS

        kernel = Job("x86-64/linux-6.1", "kernel", generation="linux-6.12")
        jobs = [
            Job("x86-64/linux-6.1", "pte"),
            kernel,
            *(replace(kernel, split=split) for split in SPLITS),
            *(replace(kernel, migration=migration) for migration in MIGRATIONS),
            replace(kernel, extras=tuple(sorted(EXTRAS))),
        ]
        assert [job_of(setting_of(job)) for job in jobs] == jobs

    def test_the_core_under_a_split_becomes_the_kernel_around_it(self):
        from checker.cli.jobs import Job

        setting = setting_of(Job("sparc64/original", "mm", "reorder"))
        assert setting == Setting("sparc64/original", "mm", "linux-6.1", (("split", "reorder"),))

    def test_a_process_takes_only_the_faults_it_has(self):
        system, accesses = resolve(Setting("x86-64/linux-6.12", "mm", "linux-6.12"))
        names = {op.name for op in system.operations}
        assert all({served.final, *served.faults} <= names for served in accesses.values())
        assert "file_write_fault(parent)" in accesses["write", "parent"].faults
        assert "split_huge_pmd(child)" in accesses["write", "child"].faults
        assert "uffd_async_resolve(child)" in names - set(accesses["write", "child"].faults)

    def test_the_known_holes_are_open_on_request_only(self, tmp_path):
        text = HOLE.replace("with as-is, without-ad\n", "").replace("expect violated", "expect holds")
        for name, scenario in (("open", HOLE), ("closed", text)):
            run = ptecheck("scenario", scenario_file(tmp_path, scenario, f"{name}.scenario"), "--json", "-")
            assert run.returncode == 0, run.stdout + run.stderr
            answer = json.loads(run.stdout)["scenarios"][0]["answers"][0]
            assert answer["choices"] == ({"with": "as-is, without-ad"} if name == "open" else {})

    def test_the_default_is_the_comparison(self):
        words = vocabulary()
        assert set(words.default) < set(words.configurations)


class TestJson:
    def test_follows_its_schema(self, tmp_path):
        schema = json.loads((ROOT / "docs" / "scenario.schema.json").read_text())
        files = [scenario_file(tmp_path, t, f"{k}.scenario") for k, t in enumerate((HELD, WRONG, STUCK, LARGE, MM))]
        target = tmp_path / "out.json"
        run = ptecheck("scenario", *files, "--states", "40", "--json", str(target))
        assert run.returncode == 1
        assert run.stdout.startswith("write-protected-stays-so")
        data = json.loads(target.read_text())
        jsonschema.validate(data, schema)
        answers = {a["answer"] for s in data["scenarios"] for a in s["answers"]}
        assert answers == {"found", "not found", "stuck", "not decided", "holds", "violated"}
        assert [s["as_expected"] for s in data["scenarios"]] == [True, False, False, False, True]

    def test_goes_to_standard_output_alone(self, tmp_path):
        run = ptecheck("scenario", scenario_file(tmp_path, HELD), "--json", "-")
        assert json.loads(run.stdout)["schema"] == "ptecheck.scenario/1"

    def test_a_target_that_cannot_be_written(self, tmp_path):
        file = scenario_file(tmp_path, HELD)
        refused(ptecheck("scenario", file, "--json", str(tmp_path / "no" / "x.json")), "cannot write --json")


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", [":1:1: expected `scenario NAME`"]),
            (HELD.replace("x86-64/*", "x86_64/*"), [":5:17:", "no configuration matches 'x86_64/*': did you mean"]),
            (HELD.replace("mk_pte(PRIVATE)", "mk_pte(PRIVAT)"), [":6:7:", "did you mean 'mk_pte(PRIVATE)'?"]),
            (HELD.replace("pte_mkdirty", "pte_mkdrity"), [":9:1:", "did you mean 'pte_mkdirty'?"]),
            (HELD.replace('"hardware-writable"', "hardware-writable"), [":10:8:", "facts stand in double quotes"]),
            (HELD.replace("pte_mkdirty", "write parent"), [":9:1:", "does not know 'write'"]),
            (MM.replace("write parent", "write parrot"), [":9:7:", "did you mean 'parent'?"]),
            (MM.replace("carry-dirty", "carry"), [":5:7:", "no split 'carry': did you mean 'carry-dirty'?"]),
            (HOLE.replace("without-ad", "without"), [":5:13:", "no choice 'without': did you mean"]),
        ],
    )
    def test_is_one_sentence_with_a_position(self, tmp_path, text, words):
        file = scenario_file(tmp_path, text)
        refused(ptecheck("scenario", file, "--jobs", "1"), file, *words)

    @pytest.mark.parametrize(
        "content", [b"\0", b"\xff\xfe", b"(" * 70000, b"\n" * 65536, b'"' * 900, b"scenario " + b"a" * 900]
    )
    def test_a_file_that_is_no_scenario(self, tmp_path, content):
        (tmp_path / "junk").write_bytes(content)
        refused(ptecheck("scenario", str(tmp_path / "junk")), f"{tmp_path / 'junk'}:")

    def test_one_bad_file_does_not_hide_the_others(self, tmp_path):
        scenario_file(tmp_path, HELD, "a.scenario")
        scenario_file(tmp_path, "nonsense", "b.scenario")
        run = ptecheck("scenario", str(tmp_path))
        assert run.returncode == 2
        assert run.stdout.endswith("1 scenario, 9 configurations: all as expected\n")
        assert len(run.stderr.splitlines()) == 1

    def test_files_that_are_not_there(self, tmp_path):
        refused(ptecheck("scenario", str(tmp_path / "no")), "there is no such file or folder")
        refused(ptecheck("scenario", str(tmp_path)), "no *.scenario file in it or below it")

    @pytest.mark.parametrize(
        "arguments", [[], ["f", "--states", "0"], ["f", "--states", "x"], ["f", "--timeout", "0"], ["f", "--jobs", "0"]]
    )
    def test_wrong_arguments(self, arguments):
        run = ptecheck("scenario", *arguments)
        assert run.returncode == 2
        assert "Traceback" not in run.stderr


class TestSavedCounterexamples:
    def test_give_the_same_answer(self, tmp_path):
        check = ptecheck(
            "check", "loongarch/original", "sparc64/linux-6.12", "--save-scenarios", str(tmp_path), "--json", "-"
        )
        violated = [r for r in json.loads(check.stdout)["results"] if r["verdict"] == "violated"]
        files = sorted(tmp_path.glob("*.scenario"))
        assert len(files) == len(violated) > 5
        run = ptecheck("scenario", str(tmp_path), "--json", "-")
        assert run.returncode == 0, run.stderr
        runs = [a["run"]["operations"] for s in json.loads(run.stdout)["scenarios"] for a in s["answers"]]
        assert sorted(runs) == sorted([s["operation"] for s in r["trace"][1:]] for r in violated)

    def test_read_well(self, tmp_path):
        ptecheck("check", "loongarch/original", "--world", "pte", "--save-scenarios", str(tmp_path))
        file = tmp_path / "loongarch-original-pte-write-protect-holds.scenario"
        same_as_golden(file.read_text(), "counterexample.scenario")

    def test_not_of_a_kernel_tree(self, tmp_path):
        run = ptecheck("check", "loongarch", "--kernel", str(tmp_path), "--save-scenarios", str(tmp_path / "out"))
        refused(run, "--save-scenarios", "leave out --kernel")

    def test_not_where_nothing_can_be_written(self, tmp_path):
        (tmp_path / "file").write_text("")
        run = ptecheck("check", "sparc64/original", "--save-scenarios", str(tmp_path / "file" / "x"))
        refused(run, "cannot write below --save-scenarios")


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_decided(tmp_path):
    large = MM.replace("on loongarch/original, loongarch/huacai\n", "").replace(
        "write parent", "any order to depth 999"
    )
    file = scenario_file(tmp_path, large)
    code = (
        "import os, signal, threading, sys; from checker.cli.main import main\n"
        "threading.Timer(0.6, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        f"sys.exit(main(['scenario', '--jobs', '1'] + [{file!r}]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "Traceback" not in run.stderr
    assert run.returncode in (0, 1, 3, -signal.SIGINT)


def test_help_loads_no_model():
    code = "import sys; from checker.cli.main import main\ntry: main(['scenario', '--help'])\nexcept SystemExit: pass\n"
    code += "print([m for m in ('z3', 'models') if m in sys.modules], file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.stderr.strip() == "[]"
