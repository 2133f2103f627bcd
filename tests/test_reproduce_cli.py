"""``ptecheck reproduce``: what it takes, writes and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checker import trace as traces
from checker.cli.jobs import Job
from checker.export.ctext import comment
from tests.reproducers import needs_cc, run, violation
from tests.test_startup import ENGINES, HEAVY, loaded

ROOT = Path(__file__).parent.parent
ENTRY, MM = Job("loongarch/original", "pte"), Job("loongarch/original", "mm", split="linux-6.12")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "checker.cli", "reproduce", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done


def saved(folder: Path, told, **changes) -> Path:
    """The trace as ``check --save`` writes it, with some fields changed."""
    named = {"config": told.job.config, "world": told.job.world, "split": told.job.split}
    path = folder / f"{told.trace.invariant}.trace.json"
    path.write_text(json.dumps({**traces.to_json(told.trace), **named, **changes}))
    return path


@pytest.fixture
def entry(tmp_path):
    return saved(tmp_path, violation(ENTRY, "write-protect-holds", "mk_pte(PRIVATE)", "pte_mkdirty"))


@pytest.fixture
def mm(tmp_path):
    steps = ("fork_pmd(parent)", "split_huge_pmd(parent)", "store(parent)")
    return saved(tmp_path, violation(MM, "cow-isolation", "a huge page of its own", *steps))


def test_the_form_follows_from_the_world(entry, mm, tmp_path):
    kunit, selftest = command(entry), command(mm)
    assert (kunit.returncode, selftest.returncode) == (0, 0)
    assert "kunit_test_suite(ptecheck_suite);" in kunit.stdout
    assert "TAP version 13" in selftest.stdout
    assert " *   ptecheck reproduce cow-isolation.trace.json\n" in selftest.stdout
    check = "ptecheck check loongarch/original --world mm --split linux-6.12 --invariant cow-isolation --save out"
    assert check in " ".join(selftest.stdout.replace(" *", " ").split())
    assert str(tmp_path) not in kunit.stdout + selftest.stdout


@needs_cc
def test_a_program_of_its_own_is_written_where_one_wants_it(entry, tmp_path):
    target = tmp_path / "made.c"
    for variant, status in (("original", 1), ("huacai", 0)):
        assert command(entry, "--against", f"loongarch/{variant}", "-o", target).stdout == ""
        assert run(tmp_path, target.read_text()).status == status


def test_the_other_form_for_entries(entry):
    made = command(entry, "--form", "debug-vm-pgtable")
    assert "WARN_ON(hw_writable(pte_val(pte)));" in made.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--form", "selftest"), "the world pte has no processes"),
        (("--against", "sparc64/original"), "sparc64/original is another machine"),
        (("--against", "loongarch"), "'loongarch' names 7 configurations: add /VARIANT"),
        (("--against", "loongarch/huakai"), "did you mean 'huacai'?"),
        (("--against", "loongarch/tree"), "loongarch/tree: name the tree with --kernel"),
        (("--form", "debug-vm-pgtable", "--against", "loongarch/huacai"), "--against goes with --form kunit"),
        (("-o", "/no/such/folder/x.c"), "cannot write -o /no/such/folder/x.c"),
    ],
)
def test_wrong_use_is_explained(entry, arguments, message):
    done = command(entry, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_trace_that_does_not_replay_makes_no_program(entry):
    data = json.loads(entry.read_text())
    data["steps"][1]["state"]["entry"] += 2
    entry.write_text(json.dumps(data))
    done = command(entry)
    assert done.returncode == 2
    assert "step 1: entry is claimed to be" in done.stderr


HOSTILE = '*/ #error evil\n/* \\\n" evil(); //'


@pytest.mark.parametrize("field", ["system", "invariant", "start", "config", "world", "split", "operation"])
def test_hostile_names_make_no_program(mm, field):
    data = json.loads(mm.read_text())
    if field == "operation":
        data["steps"][1]["operation"] = HOSTILE
    else:
        data[field] = HOSTILE
    mm.write_text(json.dumps(data))
    done = command(mm)
    assert done.returncode == 2
    assert done.stdout == ""


def test_a_hostile_file_name_stays_in_its_comment(entry, tmp_path):
    path = tmp_path / "x*\\ int evil; \n#error evil\n *.json"
    path.write_bytes(entry.read_bytes())
    made = command(path)
    assert made.returncode == 0
    inside = made.stdout.partition("*/")[0]
    assert inside.count("evil") == made.stdout.count("evil") == 2


def test_help_loads_no_engine():
    assert not loaded("reproduce", "--help") & {*HEAVY, *ENGINES, "dataclasses"}


def test_a_backslash_does_not_end_a_comment():
    assert comment("a *\\ b") == "a * / b"
    assert comment("a *\u00e9 b") == "a * /xe9 b"
    assert comment("a ???/ b") == "a ? ? ?/ b"


def _commands() -> list[str]:
    text = (ROOT / "docs" / "reproducers.md").read_text(encoding="utf-8")
    lines = [line.strip().partition("  #")[0] for line in text.splitlines() if line.startswith("    ")]
    return [line for line in lines if line.startswith(("ptecheck ", "cc "))]


def _run_commands(commands: list[str], folder: Path) -> None:
    """Runs commands as a user types them; those that check end with 1, for they find something."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for line in commands:
        words = line.replace("ptecheck ", f"{sys.executable} -m checker.cli ", 1)
        done = subprocess.run(
            words, shell=True, capture_output=True, text=True, cwd=folder, env=environment, check=False
        )
        assert done.returncode in ((1,) if " check " in words or "./bad" in line else (0, 4)), line + done.stderr


@needs_cc
def test_every_command_of_the_document_runs(tmp_path):
    commands = _commands()
    quick = [line for line in commands if "x86-64" not in line]
    assert len(quick) == 9
    _run_commands(quick, tmp_path)


@pytest.mark.slow
def test_the_commands_about_a_running_kernel_run(tmp_path):
    commands = [line for line in _commands() if "x86-64" in line]
    assert len(commands) == 2
    _run_commands(commands, tmp_path)
