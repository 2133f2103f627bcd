"""The machine and the tools that a measurement was made with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from bench.peers import esbmc

_PROGRAMS = (
    ("spin", "-V"),
    ("rumur", "--version"),
    ("gcc", "--version"),
    ("berkeley-abc", "-c", "version"),
    ("yosys", "-V"),
)
_PACKAGES = ("z3-solver", "bitwuzla", "numpy")


class Failed(Exception):
    """A measurement did not come to its end; the message says of what, and why."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """The processor, its cores and Python, on one line."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.M) if info.exists() else None
    processor = named[1] if named else platform.processor() or platform.machine()
    return f"{processor}, {platform.machine()}, {cores()} cores, Python {platform.python_version()}"


def versions() -> str:
    """The versions of the tools that are there, on one line."""
    found = [_first_line(command) for command in _PROGRAMS if shutil.which(command[0])]
    if checker := esbmc.program():
        found.append(_first_line((checker, "--version")))
    for package in _PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return "; ".join(found)


def _first_line(command: tuple[str, ...]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if re.search(r"\d\.\d", line)]
    return lines[0] if lines else f"{command[0]}, version unknown"
