"""Berkeley ABC on the AIGER file: ``bmc3`` for a shortest counterexample, ``pdr`` for a proof."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from bench.peers.answer import Answer
from checker.export import aiger
from checker.export.model import Exported
from checker.terms import connect

PEER = "ABC"
PROGRAMS = ("berkeley-abc", "abc")
SECONDS = 600
"""How long one command may take."""


def run(model: Exported, prop: str, work: Path, depth: int | None) -> Answer:
    """Asks ABC about one property.

    Args:
        model: the system.
        prop: the property's name; "" for all at once.
        work: a folder for the file.
        depth: look at runs of at most so many operations; None for a proof, or the shortest counterexample.
    """
    if (asked := program()) is None:
        return Answer(PEER, "unknown", None, None, 0.0, 0.0, 0.0, "not installed: apt-get install berkeley-abc")
    began = time.monotonic()
    file = work / "system.aig"
    file.write_bytes(aiger.binary(_one(model, prop)))
    translated = time.monotonic()
    verdict, found, note = decide(asked, file, depth)
    return Answer(PEER, verdict, found, None, translated - began, 0.0, time.monotonic() - translated, note)


def _one(model: Exported, prop: str) -> Exported:
    """The model with one property: that of a name, or all together."""
    if prop:
        return replace(model, properties=tuple(p for p in model.properties if p[0] == prop))
    return replace(model, properties=(("all", connect("and", [holds for _, holds in model.properties])),))


def program() -> str | None:
    """ABC's path, under the name that Debian gives it or its own."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def decide(program: str, file: Path, depth: int | None) -> tuple[str, int | None, str]:
    """What ABC says of the one output of an AIGER file.

    Args:
        program: its path.
        file: the AIGER file.
        depth: as for :func:`run`.

    Returns:
        The verdict; the depth of a shortest counterexample; and by which commands, or why it is unknown.
    """
    return _proof(program, file) if depth is None else _bounded(program, file, depth)


def _bounded(program: str, file: Path, depth: int) -> tuple[str, int | None, str]:
    """Frame 0 loads the initial state, so that frame ``depth + 1`` is the last one to look at."""
    said = _ask(program, file, f"bmc3 -F {depth + 2}")
    if (frame := _asserted(said)) is not None:
        return "violated", frame - 1, "bmc3"
    looked = re.search(r"^No output asserted in (\d+) frames\.", said, re.M)
    if looked and int(looked[1]) >= depth + 2:
        return "holds", None, "bmc3"
    return "unknown", None, _last_line(said)


def _proof(program: str, file: Path) -> tuple[str, int | None, str]:
    said = _ask(program, file, "pdr")
    if re.search(r"^Property proved\.", said, re.M):
        return "holds", None, "pdr"
    if (frame := _asserted(said)) is None:
        return "unknown", None, _last_line(said)
    # The counterexample of pdr need not be a shortest one.
    verdict, found, _ = _bounded(program, file, frame - 1)
    return ("violated", found, "pdr, then bmc3") if verdict == "violated" else ("unknown", None, "pdr and bmc3 differ")


def _asserted(said: str) -> int | None:
    found = re.search(r"^Output 0 of miter .* was asserted in frame (\d+)\.", said, re.M)
    return int(found[1]) if found else None


def _ask(program: str, file: Path, command: str) -> str:
    """What ABC prints; its exit status says nothing."""
    script = f"read {file.name}; {command} -T {SECONDS}"
    try:
        done = subprocess.run(
            [program, "-q", script], cwd=file.parent, capture_output=True, text=True, timeout=SECONDS + 30, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS} s"
    return done.stdout


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or ["it says nothing"])[-1]
