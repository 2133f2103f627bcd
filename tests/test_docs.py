"""What the documents show is what the tool does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.S)


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_the_output_in_the_readme_is_real():
    shown = README.split("    $ ptecheck check loongarch/original --split carry-dirty --invariant cow-isolation\n")[1]
    shown = shown.split("**Reading a trace.**")[0]
    real = run(
        "-m", "checker.cli", "check", "loongarch/original", "--split", "carry-dirty", "--invariant", "cow-isolation"
    )
    assert [line.strip() for line in shown.splitlines() if line] == [line.strip() for line in real.splitlines() if line]


def test_the_proof_in_the_readme_is_real():
    real = run("-m", "checker.cli", "check", "loongarch/linux-6.12", "--invariant", "cow-shared-not-hw-writable")
    for clause in (
        "if _PAGE_DIRTY then write",
        "if write then write allowed",
        "if write and COW-shared then a local copy",
    ):
        assert clause in README
        assert clause in real


def test_the_toy_system_of_the_readme():
    assert run("-c", PROGRAMS[1]).strip() == f"violated 9 {['(start)', *['wait'] * 9]}"


def test_the_variant_of_the_readme_is_judged():
    lines = run("-c", PROGRAMS[0]).splitlines()
    assert any("mine, PTE world cow-shared-not-hw-writable violated" in line for line in lines)
    assert any("split carry-dirty cow-isolation violated 3" in line for line in lines)


@pytest.mark.parametrize("name", ["model.md", "findings.md", "decisions.md", "formats.md", "result.schema.json"])
def test_every_document_the_readme_names_is_there(name):
    assert f"docs/{name}" in README
    assert (ROOT / "docs" / name).is_file()


def test_every_command_in_the_findings_runs():
    text = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    commands = re.findall(r"`ptecheck (check [^`]+)`", text)
    assert len(commands) >= 2
    for command in commands:
        assert "VIOLATED" in run("-m", "checker.cli", *command.split())
