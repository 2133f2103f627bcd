"""Runs a peer's programs: what they print and how long they take, never what they return."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def output_of(command: Sequence[str], folder: Path) -> tuple[str, float]:
    """What a command prints on both channels, and its seconds.

    Args:
        command: the program and its arguments.
        folder: where it runs.
    """
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.stdout.decode(errors="replace"), time.monotonic() - began


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it says nothing")
