"""Rumur on a Murphi model: breadth first in one thread, for a shortest counterexample or the number of states."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.peers import murphi
from bench.peers.answer import Answer
from bench.peers.process import last_line, output_of
from checker.export.model import Exported

PEER = "Rumur"
TRANSLATE = ("rumur", "--output-format", "machine-readable", "--deadlock-detection", "off", "--threads", "1")
COMPILE = ("gcc", "-std=c11", "-O0", "-mcx16", "-w", "-o", "verifier", "verifier.c", "-lpthread")
"""Compiling takes nearly all of its time here; the search of so few states is short even so."""


def run(model: Exported, prop: str, work: Path, depth: int | None) -> Answer:
    """Asks Rumur about one property, always without bound.

    Args:
        model: the system.
        prop: the property's name.
        work: a folder for its files.
        depth: not used: Rumur sees the whole system.
    """
    if not (shutil.which("rumur") and shutil.which("gcc")):
        return Answer(PEER, "unknown", None, None, 0.0, 0.0, 0.0, "not installed: apt-get install rumur gcc")
    began = time.monotonic()
    one = replace(model, properties=tuple(p for p in model.properties if p[0] == prop))
    (work / "system.m").write_text(murphi.text(one), encoding="ascii")
    said, _ = output_of((*TRANSLATE, "--output", "verifier.c", "system.m"), work)
    translate = time.monotonic() - began
    failed = partial(Answer, PEER, "unknown", None, None, translate)
    if not (work / "verifier.c").exists():
        return failed(0.0, 0.0, f"rumur: {last_line(said)}")
    said, compile_ = output_of(COMPILE, work)
    if not (work / "verifier").exists():
        return failed(compile_, 0.0, f"gcc: {last_line(said)}")
    said, seconds = output_of(("./verifier",), work)
    verdict, found, states, note = read_report(said)
    return Answer(PEER, verdict, found, states, translate, compile_, seconds, note)


def read_report(text: str) -> tuple[str, int | None, int | None, str]:
    """Verdict, depth, number of states and, where there is no verdict, the reason, in what the verifier prints.

    A search that was broken off has no summary. With an error the number of states is not that of the whole system.
    """
    summary = re.search(r'<summary states="(\d+)" rules_fired="\d+" errors="(\d+)"', text)
    if not summary:
        return "unknown", None, None, last_line(text)
    if summary[2] == "0":
        return "holds", None, int(summary[1]), ""
    if not re.search(r"<message>[^<]*invariant[^<]*</message>", text, re.I):
        return "unknown", None, None, "an error that is no violated invariant"
    return "violated", text.count("<transition>Rule "), None, ""
