"""Help: every command has examples that its parser takes and that run, and nothing is wider than a terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from checker.cli.parser import COMMANDS, command_module, command_parser
from tests.docs_commands import ROOT, Session, Shown


def examples(command: str) -> list[str]:
    """The examples of a command's help, without what they are said to do."""
    _, found, listed = command_module(command).EPILOG.partition("examples:\n")
    assert found, f"{command} has no examples"
    listed = re.sub(r"\\\n\s*", "", listed.partition("\n\n")[0])
    lines = re.findall(r"^  (\S.*)$", listed, re.M)
    return [re.split(r"\s{2,}", line)[0] for line in lines]


def help_of(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "checker.cli", *words, "--help"], cwd=ROOT, capture_output=True, text=True, check=True,
        env={"COLUMNS": "80", "PATH": ""},
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_examples_that_its_parser_takes(command: str) -> None:
    found = [re.split(r" (?:>|[|]|&&) ", line)[0].split() for line in examples(command) if line.startswith("ptecheck ")]
    assert 1 <= len(found) <= 9
    assert any(words[1] == command for words in found), "none of its own"
    for words in found:
        assert command_parser(words[1:]).parse_args(words[1:]).command == words[1]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_terminal_and_says_how_it_ends(command: str) -> None:
    text = help_of(*[command] if command else [])
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80
    assert "exit status:" in text
    assert "examples:" in text
    assert "(default: None)" not in text


def run(session: Session, command: str) -> set[str]:
    """Runs the examples of a command that need no more than what others have written; which ones those were."""
    ran = set()
    for line in examples(command):
        shown = Shown(Path(f"ptecheck {command} --help"), 0, line)
        if shown.speed != "fast":
            continue
        done = session.run(line)
        missing = done.returncode == 2 and re.search(r"No such file|no such folder|no such file", done.stderr)
        if not missing:
            assert done.returncode in (0, 1), (line, done.stdout, done.stderr)
            assert "Traceback" not in done.stderr, (line, done.stderr)
            ran.add(line.split()[1])
    return ran


ALL_RUN = ("certify", "compare", "export", "list", "replay", "reductions", "scenario")
"""Commands of which some example must run without a kernel tree."""


@pytest.mark.slow
def test_examples_do_what_they_say(tmp_path: Path) -> None:
    session = Session(tmp_path)
    assert session.run("ptecheck check loongarch/original --save out").returncode == 1
    for command in COMMANDS:
        ran = run(session, command)
        assert command in ran or command not in ALL_RUN, command


def test_the_check_of_examples_can_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command_module("list"), "EPILOG", "examples:\n  ptecheck list nothing\n")
    with pytest.raises(SystemExit):
        test_a_command_has_examples_that_its_parser_takes("list")
    with pytest.raises(AssertionError):
        run(Session(tmp_path), "list")
