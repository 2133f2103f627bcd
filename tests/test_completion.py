"""Completion in real shells: the script is loaded, and what it offers is looked at."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checker.cli.main import main
from checker.cli.parser import COMMANDS

ROOT = Path(__file__).parent.parent
pytest.importorskip("shtab")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run(
            [sys.executable, "-m", "checker.cli", "completion", shell],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        (folder / {"bash": "ptecheck.bash", "zsh": "_ptecheck", "fish": "ptecheck.fish"}[shell]).write_text(done.stdout)
    (folder / "mine.scenario").touch()
    return folder


BASH = """
set -eu
. ./ptecheck.bash
f=$(complete -p ptecheck | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
set +eu
"$f" ptecheck "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}" 2>errors
printf '%s\\n' "${COMPREPLY[@]}"
grep -v compopt errors >&2
"""

FISH = 'source ptecheck.fish; complete -C "$argv"'

LINES = [
    (["ptecheck", ""], set(COMMANDS)),
    (["ptecheck", "ch"], {"check"}),
    (["ptecheck", "check", "--inv"], {"--invariant"}),
    (["ptecheck", "check", "loongarch/h"], {"loongarch/huacai", "loongarch/hev", "loongarch/hev-fast"}),
    (["ptecheck", "check", "riscv64+sva"], {"riscv64+svadu"}),
    (["ptecheck", "check", "--split", "carry"], {"carry-dirty"}),
    (["ptecheck", "check", "--world", "k"], {"kernel"}),
    (["ptecheck", "check", "--invariant", "cow-iso"], {"cow-isolation"}),
    (["ptecheck", "check", "--mm", "linux-6.1"], {"linux-6.1", "linux-6.12"}),
    (["ptecheck", "check", "--with", "st"], {"stale-tlb"}),
    (["ptecheck", "export", "x86-64", "--format", "a"], {"aiger"}),
    (["ptecheck", "list", "inv"], {"invariants"}),
    (["ptecheck", "check", "vax"], set()),
]
"""What has been typed, the last word unfinished, and what must be offered."""


@pytest.mark.parametrize(("words", "wanted"), LINES, ids=[" ".join(words) for words, _ in LINES])
def test_bash_completes(words: list[str], wanted: set[str], scripts: Path) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", *words], cwd=scripts, capture_output=True, text=True, check=False
    )
    found = set(done.stdout.split())
    assert not done.stderr
    assert found >= wanted if wanted == set(COMMANDS) else found == wanted


def test_bash_completes_file_names(scripts: Path) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", "ptecheck", "scenario", "mi"],
        cwd=scripts, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["mine.scenario"]


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
@pytest.mark.parametrize(("words", "wanted"), LINES, ids=[" ".join(words) for words, _ in LINES])
def test_fish_completes(words: list[str], wanted: set[str], scripts: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        ["fish", "--no-config", "-c", FISH, " ".join(words)], cwd=scripts, capture_output=True, text=True, check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    found = {line.partition("\t")[0] for line in done.stdout.splitlines()}
    assert not done.stderr
    assert found >= wanted


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_reads_the_script(scripts: Path) -> None:
    text = "fpath=(. $fpath); autoload -Uz compinit && compinit -D; autoload -Uz +X _ptecheck && whence -w _ptecheck"
    done = subprocess.run(["zsh", "-f", "-c", text], cwd=scripts, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("_ptecheck: function\n", "")


def test_without_the_library_there_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install shtab" in capsys.readouterr().err
