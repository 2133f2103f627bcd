"""The commands in ``docs/formats.md`` that need no kernel tree and no other tool do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checker.cli.main import main
from tests.test_cli import ROOT

PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("#")[0].split() for line in re.findall(r"^    ptecheck (.+)$", PAGE, re.M) if "~/linux" not in line
]


def test_they_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trace = next(word for command in COMMANDS for word in command if word.endswith(".trace.json"))
    written = set()
    assert {command[0] for command in COMMANDS} >= {"check", "show", "graph"}
    for command in COMMANDS:
        words = [trace if word == "FILE" else word for word in command]
        assert main(words) == (1 if words[0] == "check" else 0), words
        written |= {words[k + 1] for k, word in enumerate(words) if word == "-o"}
    assert all((tmp_path / name).stat().st_size > 0 for name in written) and written


@pytest.mark.parametrize("form", ["mail", "markdown", "vcd", "json", "text", "svg", "dot", "graphml"])
def test_every_form_is_described(form: str) -> None:
    assert f"| `{form}`" in PAGE or f"**{form.upper()}**" in PAGE
