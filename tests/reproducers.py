"""Reproducers made, compiled and run in the tests."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from checker.cli.jobs import Job, build_system
from checker.cli.telling import ToldTrace, told
from checker.trace import START, Step, Trace, concrete_run, make_trace

CC = shutil.which("cc") or shutil.which("gcc") or ""
needs_cc = pytest.mark.skipif(not CC, reason="no C compiler: apt-get install gcc")
STRICT = ("-std=gnu11", "-Wall", "-Wextra", "-Werror")


def violation(job: Job, invariant: str, start: str, *operations: str) -> ToldTrace:
    """A run that violates the invariant, told."""
    inputs = tuple(0 for _ in range({"pte": 1, "helpers": 1, "levels": 2}.get(job.world, 0)))
    return told(job, make_trace(build_system(job), invariant, start, inputs, list(operations)))


def any_run(job: Job, invariant: str, start: str, *operations: str) -> ToldTrace:
    """A run of the mm world, whether or not it violates anything."""
    system = build_system(job)
    layout = system.layout
    states = concrete_run(system, start, (), list(operations))
    names = [START, *operations]
    steps = [Step(name, layout.named(layout.concrete(s))) for name, s in zip(names, states, strict=True)]
    return told(job, Trace(system.name, invariant, start, (), tuple(steps)))


@dataclass(frozen=True)
class Ran:
    """What a program did: its exit status and its report."""

    status: int
    report: str


def run(folder: Path, text: str, *flags: str) -> Ran:
    """Compiles a program and runs it in the folder."""
    source = folder / "test.c"
    source.write_text(text)
    compiled(folder, source, *flags)
    done = subprocess.run([folder / "test"], capture_output=True, text=True, cwd=folder, timeout=120, check=False)
    return Ran(done.returncode, done.stdout + done.stderr)


def compiled(folder: Path, source: Path, *flags: str) -> None:
    """Compiles a program, which must give no warning."""
    done = subprocess.run(
        [CC, *STRICT, *flags, "-o", folder / "test", source], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def style_errors(text: str) -> list[str]:
    """What the kernel's coding style forbids: long lines, blanks at line ends, blanks in place of tabs."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if len(line.expandtabs(8)) > 80:
            found.append(f"{number}: longer than 80 columns: {line}")
        if line != line.rstrip():
            found.append(f"{number}: blanks at its end")
        if line.startswith(" " * 8) or " \t" in line:
            found.append(f"{number}: blanks in place of a tab: {line}")
    return found


def without_comments(text: str) -> str:
    """A program without its comments, as a compiler sees it."""
    import re

    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
