"""The manual page is current, and groff and man have nothing to say against it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from checker.cli.manual import PAGE, manual, quoted
from checker.cli.parser import whole_parser

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    assert manual() == TEXT, "docs/ptecheck.1 is old: make man"


def test_every_command_and_option_is_in_it() -> None:
    parser = whole_parser()
    (commands,) = [a.choices for a in parser._actions if a.dest == "command"]
    assert commands is not None
    for name, command in commands.items():
        part = TEXT.partition(f".SS ptecheck {name}\n")[2].partition("\n.S")[0]
        assert part
        for action in command._actions:
            assert all(quoted(option) in part for option in action.option_strings if action.dest != "help")


def test_what_roff_would_take_for_a_command_is_quoted() -> None:
    assert quoted(".x\na-b \\ 'c' ~/d\n'e") == "\\&.x\na\\-b \\e \\(aqc\\(aq \\(ti/d\n\\(aqe"


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
@pytest.mark.parametrize("text", [TEXT, ".TH A 1\n.NOSUCHMACRO\n"], ids=["ours", "a wrong one"])
def test_groff_has_no_complaint(text: str) -> None:
    done = subprocess.run(["groff", "-man", "-ww", "-z"], input=text, capture_output=True, text=True, check=False)
    assert bool(done.stderr) == (text != TEXT), done.stderr


@pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")
def test_man_shows_it_in_eighty_columns(tmp_path: Path) -> None:
    done = subprocess.run(
        ["man", "-l", str(PAGE)], capture_output=True, text=True, check=True,
        env={"MANWIDTH": "80", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "ptecheck check --kernel ~/linux --patch fix.patch       what a patch changes" in done.stdout
    for word in ("\\e", "\\(", "\\f", ".PP"):
        assert word not in done.stdout
