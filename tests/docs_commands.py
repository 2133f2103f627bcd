"""The commands that documents show: found in code blocks, run in order in one folder for each document.

A block with a line that begins with ``$ `` is a session: what follows a command is its output, and ``...`` stands for any
text in a line, or for any lines where it stands alone. In other blocks every line that begins with one of our commands is a
command; what follows two spaces, or `` #``, says what it does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.kernel_trees import tree
from tests.patch_texts import unified

ROOT = Path(__file__).parent.parent
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

COMMAND = re.compile(r"(ptecheck|python3?|make|\.venv/bin/\S+|berkeley-abc|man)\s")
"""How a command begins that must be run, or be listed with the reason why not."""

NOT_RUN = {
    r"^make (check|test)$": "installs the project; CI does it with these very lines",
    r"python3 -m venv|\.venv/bin/": "installs the project, as make does",
    r"ptecheck check --world kernel$": "every variant: several minutes",
    r"--with as-is\b|kernel-linux-6\.12-as-is": "holes of generic mm make millions of states: a minute and more",
    r"^ptecheck check --kernel ~/linux( --report \S+)?$": "every machine: minutes; tests/test_kernel_releases.py reads them",
    r"\s(FILE|TRACE)\b": "stands for any saved trace",
    r"^ptecheck diff \S+ --faults$": "beside every variant: a minute; tests/test_diff_docs.py computes its table anew",
    r"~/linux-6\.1\b": "needs two trees; the kernel tests of ptecheck diff have both",
    r"--reverse$": "takes back a patch that the tree has; tests/test_cli_trees.py does it",
    r"--git v6\.12": "needs a repository with the kernel's history; tests/test_kernel_git.py makes a small one",
    r"berkeley-abc|^ptecheck witness .* found\.txt": "needs ABC; bench.agree and tests/test_witness.py run both directions",
}
"""Commands that are not run, as regular expressions, each with the reason."""

SLOW = (
    r"--world kernel",
    r"--faults$",
    r"--coverage$",
    r"^ptecheck check( --report \S+)?$",
    r"^ptecheck explain out$",
    r"^ptecheck check (loongarch|sparc64|x86-64)\S*$",
    r"^ptecheck reductions \S",
    r"^ptecheck certify .* --solver ",
    r"^ptecheck scenario docs/scenarios$",
)
"""Commands that take more than a few seconds."""

TREE = "~/linux"
"""The kernel tree that documents speak of; commands with it are run on a real one."""

STATUSES = {
    r"^ptecheck list helpers --kernel ~/linux$": (3,),  # some helpers of powerpc are not understood, and named
    r"": (0, 1),
}
"""How a command may end, the first pattern that fits: everything was decided, whatever the verdict."""


@dataclass(frozen=True)
class Shown:
    """One command of a document.

    Attributes:
        document: the file.
        line: where it stands, from 1.
        text: as it is given to a shell, a document that it reads included.
        output: the lines shown below it; None if none are.
    """

    document: Path
    line: int
    text: str
    output: tuple[str, ...] | None = None

    @property
    def speed(self) -> str:
        """``not run``, ``kernel``, ``slow`` or ``fast``."""
        if any(re.search(pattern, self.text) for pattern in NOT_RUN):
            return "not run"
        if TREE in self.text:
            return "kernel"
        return "slow" if any(re.search(pattern, self.text) for pattern in SLOW) else "fast"

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}: {self.text}"


Block = list[tuple[int, str]]
"""Numbered lines of a code block, without what they are indented by."""

_FENCE = re.compile(r"```(\w*)$")
_SHELLS = ("", "sh", "bash", "shell", "console", "text")


def blocks(text: str) -> Iterator[Block]:
    """The code blocks of a document that may hold commands: indented by four, or fenced."""
    block: Block = []
    fence: str | None = None
    for number, line in enumerate([*text.splitlines(), ""], 1):
        found = _FENCE.match(line)
        if fence is not None:
            if found:
                if fence in _SHELLS:
                    yield block
                fence, block = None, []
            else:
                block.append((number, line))
        elif line.startswith("    ") or (block and not line):
            block.append((number, line[4:]))
        else:
            if block:
                yield block
            block, fence = [], found.group(1) if found else None
    if block and fence is None:
        yield block


def commands(document: Path, text: str) -> list[Shown]:
    """Every command of a document."""
    found: list[Shown] = []
    for block in blocks(text):
        session = any(line.startswith("$ ") for _, line in block)
        found += _of_session(document, block) if session else _of_list(document, block)
    return found


def _of_list(document: Path, block: Block) -> Iterator[Shown]:
    for number, line in block:
        if COMMAND.match(line + " "):
            yield Shown(document, number, re.split(r"\s{2,}|\s#", line)[0])


def _of_session(document: Path, block: Block) -> Iterator[Shown]:
    while block:
        (number, line), block = block[0], block[1:]
        if not line.startswith("$ "):
            continue
        text, block = _whole_command(line[2:], block)
        length = next((k for k, (_, after) in enumerate(block) if after.startswith("$ ")), len(block))
        output = "\n".join(after for _, after in block[:length]).strip("\n")
        yield Shown(document, number, text, tuple(output.split("\n")) if output else None)
        block = block[length:]


def _whole_command(text: str, block: Block) -> tuple[str, Block]:
    """A command with its further lines and the text that it reads from the document."""
    while text.endswith("\\") and block:
        text, block = f"{text}\n{block[0][1]}", block[1:]
    word = re.search(r"<<'(\w+)'", text)
    if word:
        end = next(k for k, (_, line) in enumerate(block) if line == word.group(1))
        text = "\n".join([text, *(line for _, line in block[: end + 1])])
        block = block[end + 1 :]
    return text, block


def differs(shown: tuple[str, ...], real: str) -> str:
    """What is wrong with the output that a document shows; "" if nothing is.

    Blank lines do not count, nor does white space at the end of a line.
    """
    lines = [line.rstrip() for line in real.splitlines() if line.strip()]
    wanted = [line.rstrip() for line in shown if line.strip()]
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "..." else _any(line) + r"\n" for line in wanted)
    text = "".join(line + "\n" for line in lines)
    if re.fullmatch(pattern, text):
        return ""
    missing = [line for line in wanted if line.strip() != "..." and not re.search(f"^{_any(line)}$", text, re.M)]
    return "\n".join(["not in the output:", *missing] if missing else ["in another order or incomplete:", text])


def _any(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("..."))


def _patch(kernel: Path) -> str:
    """A patch of our own for a kernel tree: C-SKY's pte_wrprotect() leaves the CPU's write bit alone."""
    path = "arch/csky/include/asm/pgtable.h"
    old = (kernel / path).read_text(encoding="utf-8")
    head, name, body = old.partition("pte_t pte_wrprotect(")
    assert name and "(_PAGE_WRITE | _PAGE_DIRTY)" in body
    return unified(path, old, head + name + body.replace("(_PAGE_WRITE | _PAGE_DIRTY)", "_PAGE_WRITE", 1))


class Session:
    """A folder with a shell in which ``ptecheck`` and ``python`` are the ones under test."""

    def __init__(self, folder: Path) -> None:
        self.work, self.home, bin_ = folder / "work", folder / "home", folder / "bin"
        for made in (self.work, self.home, bin_):
            made.mkdir()
        kernel = tree("6.12")
        if kernel:
            (self.home / "linux").symlink_to(kernel)
            (self.work / "fix.patch").write_text(_patch(kernel))
        (self.work / "docs").symlink_to(ROOT / "docs")
        for name, words in (("ptecheck", "-m checker.cli"), ("python", ""), ("python3", "")):
            script = bin_ / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
            script.chmod(0o755)
        self.environment = {
            **os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(self.home),
            "PTECHECK_CACHE": "", "COLUMNS": "80", "LC_ALL": "C.UTF-8",
        }  # fmt: skip

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in bash."""
        return subprocess.run(
            ["bash", "-c", text], cwd=self.work, env=self.environment, text=True, check=False, stdin=subprocess.DEVNULL,
            capture_output=True,
        )  # fmt: skip

    def complaint(self, shown: Shown) -> str:
        """Runs a command of a document; what is wrong with it, "" if nothing is."""
        done = self.run(shown.text)
        allowed = next(ends for pattern, ends in STATUSES.items() if re.search(pattern, shown.text))
        if done.returncode not in allowed or "Traceback" in done.stderr:
            return f"{shown}\nexit status {done.returncode}\n{done.stdout}{done.stderr}"
        wrong = differs(shown.output, done.stdout) if shown.output else ""
        return f"{shown}\n{wrong}" if wrong else ""
