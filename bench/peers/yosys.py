"""Yosys and Berkeley ABC on the circuit in Verilog: synthesised to AIGER, which ABC decides."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

from bench.peers import abc, verilog
from bench.peers.answer import Answer
from bench.peers.process import last_line, output_of
from checker.export.model import Exported

PEER = "Yosys"
SCRIPT = f"read_verilog system.v; synth -flatten -top {verilog.TOP}; dffunmap; aigmap; opt_clean; write_aiger -zinit system.aig"


def run(model: Exported, prop: str, work: Path, depth: int | None) -> Answer:
    """Asks Yosys and ABC about one property.

    Args:
        model: the system.
        prop: the property's name; "" for all at once.
        work: a folder for the files.
        depth: look at runs of at most so many operations; None for a proof, or the shortest counterexample.
    """
    program = abc.program()
    if program is None or not shutil.which("yosys"):
        return Answer(PEER, "unknown", None, None, 0.0, 0.0, 0.0, "not installed: apt-get install yosys berkeley-abc")
    began = time.monotonic()
    wanted = replace(model, properties=tuple(p for p in model.properties if prop in ("", p[0])))
    (work / "system.v").write_text(verilog.text(wanted), encoding="ascii")
    (work / "system.aig").unlink(missing_ok=True)
    said, _ = output_of(("yosys", "-q", "-p", SCRIPT), work)
    translated = time.monotonic()
    if not (work / "system.aig").exists():
        return Answer(PEER, "unknown", None, None, translated - began, 0.0, 0.0, f"yosys: {last_line(said)}")
    verdict, found, note = abc.decide(program, work / "system.aig", depth)
    return Answer(PEER, verdict, found, None, translated - began, 0.0, time.monotonic() - translated, note)
