"""Asks other model checkers about the exported systems and compares what they say with what ptecheck says.

Usage: python -m bench.agree [--quick] [--only TEXT] [--peer NAME]... [--require]
Verdicts must be the same, depths where the peer finds a shortest counterexample, numbers of states where it counts them.
A peer that gives no answer in time is counted and is no disagreement. Exit status 1: something differs.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from bench.peers.answer import Answer
from bench.peers.asking import Peer, ask
from checker.decision import Options, decide
from checker.export.model import Exported, exported
from checker.system import TransitionSystem
from checker.verdict import Result, Verdict

DEPTH = 4
"""The bound for peers that only look up to one."""

MISSING = "not installed"
"""How the note of a peer begins that is not there."""


@dataclass(frozen=True)
class Asked:
    """A way to ask a peer.

    Attributes:
        name: for the table and for ``--peer``.
        module: of :mod:`bench.peers`.
        bounded: it is asked up to :data:`DEPTH`; else for all runs.
    """

    name: str
    module: str
    bounded: bool = False

    def run(self) -> Peer:
        """The peer's function.

        Raises:
            ModuleNotFoundError: a module that it needs is not there.
        """
        found: Peer = importlib.import_module(f"bench.peers.{self.module}").run
        return found


PEERS = (
    Asked("SPIN", "spin"),
    Asked("Rumur", "rumur"),
    Asked("ESBMC", "esbmc", bounded=True),
    Asked("ABC", "abc"),
    Asked("Yosys", "yosys"),
    Asked("Spacer", "smt"),
    Asked("Bitwuzla", "smt", bounded=True),
)


@dataclass(frozen=True)
class Case:
    """A built-in system and what is asked about it.

    Attributes:
        config: the architecture with its helpers.
        world: ``pte``, ``kernel``, or the name of a split in the mm world.
        properties: of which a verdict is asked; empty: all.
        quick: part of a quick run.
        peers: which peers are asked; empty: all.
    """

    config: str
    world: str
    properties: tuple[str, ...] = ()
    quick: bool = False
    peers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For the table and for ``--only``."""
        return f"{self.config} {self.world}"

    def system(self) -> TransitionSystem:
        """The system, built anew."""
        from models.mm.catalogue import ALL
        from models.registry import architecture
        from models.worlds import mm_system, pte_system

        arch = architecture(self.config)
        if self.world == "pte":
            return pte_system(arch)
        return mm_system(arch, features=ALL) if self.world == "kernel" else mm_system(arch, self.world)


MM = ("shared-not-hw-writable", "cow-isolation")
PTE = ("cow-shared-not-hw-writable", "dirty-read-only-entry")
QUICK = (
    ("loongarch/original", "pte", (*PTE, "mkdirty-mkwrite-commute")),
    ("sparc64/linux-6.12", "pte", ("write-protect-holds",)),
    ("loongarch/original", "carry-dirty", MM),
    ("loongarch/huacai", "carry-dirty", ("shared-not-hw-writable",)),
    ("sparc64+sun4v/original", "linux-6.12", ("cow-isolation",)),
    ("x86-64+shstk/linux-6.1", "reorder", ("shared-not-hw-writable",)),
)


def cases() -> Iterator[Case]:
    """Every built-in system, the quick ones first."""
    from models.mm.orders import SPLITS
    from models.registry import FAMILIES, architectures

    for config, world, properties in QUICK:
        yield Case(config, world, properties, quick=True)
    machines = [m for name, family in FAMILIES.items() for m in (name, *(f"{name}+{f}" for f in family.features))]
    for config in (arch.config for machine in machines for arch in architectures(machine)):
        for world in ("pte", *SPLITS):
            yield Case(config, world, PTE if world == "pte" else MM)
    yield Case("sparc64/linux-6.12", "kernel", ("cow-isolation",), peers=("SPIN", "ABC"))


@dataclass(frozen=True)
class Row:
    """A property of a system: our result, and each peer's answer."""

    case: Case
    ours: Result
    answers: dict[str, Answer]


def compare(case: Case, asked: tuple[Asked, ...], seconds: float) -> list[Row]:
    """Our verdicts on a system, and the peers'."""
    system = case.system()
    results = {r.invariant: r for r in decide(system, Options(remember=False))}
    model, rows = exported(system), []
    for prop in case.properties or tuple(results):
        answers = {p.name: _ask(p, model, prop, seconds) for p in asked if not case.peers or p.name in case.peers}
        rows.append(Row(case, results[prop], answers))
    return rows


def _ask(peer: Asked, model: Exported, prop: str, seconds: float) -> Answer:
    return ask(peer.name, peer.run(), model, prop, DEPTH if peer.bounded else None, seconds)


def verdict_of(result: Result) -> str:
    """Our verdict in the words of peers; a property whose premise never holds does hold."""
    known = {Verdict.PROVED: "holds", Verdict.VACUOUS: "holds", Verdict.VIOLATED: "violated"}
    return known.get(result.verdict, "unknown")


def differences(ours: Result, answer: Answer, bound: int | None) -> list[str]:
    """In what an answer differs from ours; empty where it agrees or is unknown.

    Args:
        ours: our result.
        answer: the peer's.
        bound: the depth up to which it was asked, or None.
    """
    verdict = verdict_of(ours)
    if "unknown" in (verdict, answer.verdict):
        return []
    if bound is not None and verdict == "violated" and ours.depth is not None and ours.depth > bound:
        verdict = "holds"
    found = [f"it says {answer.verdict}, we say {verdict}"] if answer.verdict != verdict else []
    if not found and answer.verdict == "violated" and answer.depth not in (None, ours.depth):
        found.append(f"it finds depth {answer.depth}, we find {ours.depth}")
    if None not in (answer.states, ours.states) and answer.states != ours.states:
        found.append(f"it counts {answer.states} states, we count {ours.states}")
    return found


def table(rows: list[Row], asked: tuple[Asked, ...]) -> str:
    """All rows as Markdown."""
    lines = [
        f"| system | property | ptecheck | {' | '.join(p.name for p in asked)} |",
        "| --- | --- | --- |" + " --- |" * len(asked),
    ]
    for row in rows:
        ours = verdict_of(row.ours)
        cells = [_cell(ours, row.ours.depth if ours == "violated" else None, row.ours.states)]
        cells += [_answer_cell(row, peer) for peer in asked]
        lines.append(f"| {row.case.name} | {row.ours.invariant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(verdict: str, depth: int | None, states: int | None) -> str:
    return verdict + (f" at {depth}" if depth is not None else "") + (f", {states:,} states" if states else "")


def _answer_cell(row: Row, peer: Asked) -> str:
    answer = row.answers.get(peer.name)
    if answer is None:
        return ""
    if answer.verdict == "unknown":
        return f"unknown: {answer.note}".replace("|", "/")[:60]
    text = _cell(answer.verdict, answer.depth, answer.states)
    if peer.bounded and answer.verdict == "holds":
        text += f" to {DEPTH}"
    wrong = differences(row.ours, answer, DEPTH if peer.bounded else None)
    return f"**{text}: {'; '.join(wrong)}**" if wrong else text


def present(chosen: list[str]) -> tuple[tuple[Asked, ...], list[str]]:
    """The peers that are there, of those chosen or of all; and a line for each that is not."""
    probe = exported(Case("loongarch/original", "pte").system())
    there, missing = [], []
    for peer in PEERS:
        if chosen and peer.name not in chosen:
            continue
        try:
            run = peer.run()
        except ModuleNotFoundError as why:
            missing.append(f"{peer.name}: {why}")
            continue
        answer = ask(peer.name, run, probe, probe.properties[0][0], 1, 60)
        if answer.note.startswith(MISSING):
            missing.append(f"{peer.name}: {answer.note}")
        else:
            there.append(peer)
    return tuple(there), missing


def silent_peers(rows: list[Row], asked: tuple[Asked, ...]) -> list[str]:
    """The peers that answered nothing: something is wrong with how they are asked, not with their time."""
    answered = {name for row in rows for name, answer in row.answers.items() if answer.verdict != "unknown"}
    return [peer.name for peer in asked if peer.name not in answered and any(peer.name in r.answers for r in rows)]


def summary(rows: list[Row], asked: tuple[Asked, ...]) -> tuple[str, bool]:
    """A line for each peer, and whether anything differs or was not decided by us."""
    lines, bad = [], False
    for peer in asked:
        bound = DEPTH if peer.bounded else None
        answers = [(row.ours, row.answers[peer.name]) for row in rows if peer.name in row.answers]
        silent = sum(answer.verdict == "unknown" for _, answer in answers)
        wrong = sum(bool(differences(ours, answer, bound)) for ours, answer in answers)
        bad |= bool(wrong)
        lines.append(f"{peer.name}: {len(answers) - silent - wrong} agree, {wrong} differ, {silent} without an answer")
    undecided = sum(verdict_of(row.ours) == "unknown" for row in rows)
    if undecided:
        lines.append(f"ptecheck: {undecided} not decided")
    return "\n".join(lines), bad or bool(undecided)


def main() -> int:
    """Asks, compares, prints."""
    parser = argparse.ArgumentParser(description="compare ptecheck with other model checkers")
    parser.add_argument("--quick", action="store_true", help="a few systems that have every kind of answer")
    parser.add_argument("--only", metavar="TEXT", default="", help="only systems whose name contains this")
    parser.add_argument(
        "--peer", metavar="NAME", action="append", default=[], choices=[p.name for p in PEERS], help="only this peer"
    )
    parser.add_argument("--seconds", type=float, help="time limit for each question (default: 60, quick 15)")
    parser.add_argument(
        "--require", action="store_true", help="a peer that is missing, or that answers nothing, is an error"
    )
    args = parser.parse_args()
    seconds = args.seconds or (15.0 if args.quick else 60.0)
    asked, missing = present(args.peer)
    print("".join(f"left out: {line}\n" for line in missing))
    if missing and args.require:
        return 1
    chosen = [case for case in cases() if case.quick >= args.quick and args.only in case.name]
    if not chosen or not asked:
        print("nothing to compare: no system has that name, or no peer is there", file=sys.stderr)
        return 2
    began, rows = time.monotonic(), []
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for found in pool.map(partial(compare, asked=asked, seconds=seconds), chosen):
            rows += found
            print(f"{len(rows)} questions, {time.monotonic() - began:.0f} s", file=sys.stderr)
    lines, bad = summary(rows, asked)
    print(f"{table(rows, asked)}\n\n{lines}")
    silent = silent_peers(rows, asked) if args.require else []
    for name in silent:
        print(f"{name} answered nothing, which counts as missing", file=sys.stderr)
    return int(bad or bool(silent))


if __name__ == "__main__":
    sys.exit(main())
