"""SPIN on the Promela model: breadth first for a shortest counterexample and the number of states, or depth first."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench.peers.answer import Answer
from bench.peers.process import last_line, output_of
from checker.export import promela
from checker.export.model import Exported

PEER = "SPIN"
MODEL = "system.pml"
MEMORY = 4096
"""Megabytes of memory after which SPIN stops by itself."""


class NotMade(Exception):
    """SPIN or the C compiler made no verifier; the message says which, and what it said."""


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
    (work / MODEL).write_text(promela.text(wanted), encoding="ascii")
    try:
        translate_verifier(work)
        translated = time.monotonic()
        compile_verifier(work, "pan", breadth_first, optimise)
    except NotMade as why:
        return Answer(PEER, "unknown", None, None, time.monotonic() - began, 0.0, 0.0, str(why))
    compiled = time.monotonic()
    search = ("./pan", "-E", "-w20", *(() if breadth_first else ("-m2000000",)))
    said, seconds = output_of(search, work)
    report = read_report(said)
    states = report.states
    if report.verdict == "violated" and count:
        states = read_report(output_of((*search, "-A"), work)[0]).states
    found = report.depth if breadth_first else None
    return Answer(PEER, report.verdict, found, states, translated - began, compiled - translated, seconds, report.note)


def translate_verifier(work: Path) -> None:
    """Makes the verifier's C source from the model in a folder, :data:`MODEL`.

    Raises:
        NotMade: SPIN made none.
    """
    said, _ = output_of(("spin", "-a", MODEL), work)
    if not (work / "pan.c").exists() or "Error" in said:
        raise NotMade(f"spin -a: {last_line(said)}")


def compile_verifier(work: Path, program: str, breadth_first: bool, optimise: str = "-O2") -> None:
    """Compiles the verifier in a folder.

    Args:
        work: where its source is.
        program: what it is called there.
        breadth_first: that is how it will search; else depth first.
        optimise: what the C compiler is told.

    Raises:
        NotMade: the compiler made none.
    """
    options = (optimise, "-DSAFETY", "-DNOCLAIM", f"-DMEMLIM={MEMORY}", *(("-DBFS",) if breadth_first else ()))
    said, _ = output_of(("gcc", *options, "-o", program, "pan.c"), work)
    if not (work / program).exists():
        raise NotMade(f"gcc: {last_line(said)}")


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
