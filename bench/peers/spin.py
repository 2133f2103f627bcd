"""SPIN on the Promela model: breadth first for a shortest counterexample and the number of states, or depth first."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.peers.answer import Answer
from bench.peers.process import last_line, output_of
from checker.export import promela
from checker.export.model import Exported

PEER = "SPIN"
MEMORY = 4096
"""Megabytes of memory after which SPIN stops by itself."""


@dataclass(frozen=True)
class Report:
    """What SPIN's report says, never its exit status.

    Attributes:
        verdict: ``holds``, ``violated`` or ``unknown``.
        depth: where the assertion failed, in operations.
        states: how many states it stored, without its own; None where the search did not end.
        note: why it is unknown.
    """

    verdict: str
    depth: int | None = None
    states: int | None = None
    note: str = ""


def run(
    model: Exported,
    prop: str,
    work: Path,
    depth: int | None,
    breadth_first: bool = True,
    count: bool = True,
    optimise: str = "-O2",
) -> Answer:
    """Asks SPIN about one property, always without bound.

    Args:
        model: the system.
        prop: the property's name; "" for all at once.
        work: a folder for its files.
        depth: not used: SPIN sees the whole system.
        breadth_first: find a shortest counterexample; else its usual search, whose counterexample has no depth here.
        count: count the states of a violated system in another run, whose time is not told.
        optimise: what the C compiler is told.
    """
    if not (shutil.which("spin") and shutil.which("gcc")):
        return Answer(PEER, "unknown", None, None, 0.0, 0.0, 0.0, "not installed: apt-get install spin gcc")
    began = time.monotonic()
    wanted = replace(model, properties=tuple(p for p in model.properties if prop in ("", p[0])))
    (work / "system.pml").write_text(promela.text(wanted), encoding="ascii")
    said, _ = output_of(("spin", "-a", "system.pml"), work)
    translate = time.monotonic() - began
    failed = partial(Answer, PEER, "unknown", None, None)
    if not (work / "pan.c").exists() or "Error" in said:
        return failed(translate, 0.0, 0.0, f"spin -a: {last_line(said)}")
    options = (optimise, "-DSAFETY", "-DNOCLAIM", f"-DMEMLIM={MEMORY}", *(("-DBFS",) if breadth_first else ()))
    said, compile_ = output_of(("gcc", *options, "-o", "pan", "pan.c"), work)
    if not (work / "pan").exists():
        return failed(translate, compile_, 0.0, f"gcc: {last_line(said)}")
    search = ("./pan", "-E", "-w20", *(() if breadth_first else ("-m2000000",)))
    said, seconds = output_of(search, work)
    report = read_report(said)
    states = report.states
    if report.verdict == "violated" and count:
        states = read_report(output_of((*search, "-A"), work)[0]).states
    found = report.depth if breadth_first else None
    return Answer(PEER, report.verdict, found, states, translate, compile_, seconds, report.note)


def read_report(text: str) -> Report:
    """SPIN's verdict in what its verifier prints."""
    errors = re.search(r"^State-vector .*, errors: (\d+)", text, re.M)
    stored = re.search(r"^\s*(\d+(?:\.\d+)?(?:e\+?\d+)?) states, stored", text, re.M)
    if not errors or not stored:
        return Report("unknown", note=last_line(text))
    failed = re.search(r"assertion violated .*\(at depth (\d+)\)", text)
    if failed and int(errors[1]):
        return Report("violated", depth=int(failed[1]))
    if int(errors[1]):
        return Report("unknown", note="an error that is no violated assertion")
    for sign, note in (
        ("out of memory", "out of memory"),
        ("MEMLIM", "out of memory"),
        ("max search depth too small", "the search was not deep enough"),
        ("Search not completed", "the search was not completed"),
    ):
        if sign in text:
            return Report("unknown", note=note)
    return Report("holds", states=int(float(stored[1])) - promela.EXTRA_STATES)
