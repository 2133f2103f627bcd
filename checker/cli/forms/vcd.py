"""A trace as a value change dump (IEEE 1364) for waveform viewers: one scope for each entry, time is the step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from checker.cli.forms.plain import ascii_line
from checker.cli.forms.rows import requirement, violated_words
from checker.cli.telling import Row, ToldStep, ToldTrace

_FLAGS = {"yes": "1", "-": "0"}
"""Cells that are a truth value; of anything else a flag is ``x``."""

TEXT_HEADINGS = ("", "page")
"""Columns of text; they become vectors of eight bits a letter, as Verilog keeps text."""


@dataclass(frozen=True)
class Signal:
    """One signal: its name, its bits, and its value at every step, in binary digits or ``x``."""

    name: str
    width: int
    values: tuple[str, ...]


def vcd(run: ToldTrace) -> str:
    """The trace as a value change dump. Entries that are not mapped are ``x``; text is ASCII in vectors."""
    scopes = {"run": _about_the_run(run), **dict(_scopes(run))}
    identifiers = _identifiers()
    named = [(scope, [(next(identifiers), signal) for signal in signals]) for scope, signals in scopes.items()]
    out = [*_header(run), "$timescale 1 s $end"]
    for scope, signals in named:
        out += [f"$scope module {scope} $end"]
        out += [f"$var {_kind(s)} {s.width} {i} {s.name}{_range(s)} $end" for i, s in signals]
        out += ["$upscope $end"]
    out += ["$enddefinitions $end"]
    every = [pair for _, signals in named for pair in signals]
    width = {i: signal.width for i, signal in every}
    for time in range(len(run.steps)):
        changed = [(i, s.values[time]) for i, s in every if time == 0 or s.values[time] != s.values[time - 1]]
        out += [f"#{time}", *(["$dumpvars"] if time == 0 else [])]
        out += [_change(width[i], i, value) for i, value in changed] + (["$end"] if time == 0 else [])
    return "\n".join([*out, f"#{len(run.steps)}"]) + "\n"  # so that the last step is as long as the others


def _header(run: ToldTrace) -> list[str]:
    from checker import __version__

    says = [
        f"{run.job.config}, {run.job.title}: {run.trace.invariant} {violated_words(run)}",
        *(f"{head}: {text}" for head, text in requirement(run)),
        f"Start: {run.trace.start}",
        *(f"#{step.number} {step.operation}" for step in run.steps),
        "Time is the number of the step. Text (operation, kind, page) is ASCII in vectors: show it as ASCII.",
    ]
    return [f"$version ptecheck {__version__} $end", "$comment", *map(_comment, says), "$end"]


def _comment(text: str) -> str:
    """A line of a comment, which a $ could end."""
    return "  " + ascii_line(text).replace("$", "?")


def _about_the_run(run: ToldTrace) -> list[Signal]:
    """What happens, and in which step an invariant is broken that held before."""
    broken = dict.fromkeys(name for step in run.steps for name in step.broken)
    names = [f"breaks_{name}" for name in broken]
    unique = _unique(["step", "operation", *names])
    marks = [tuple("1" if name in step.broken else "0" for step in run.steps) for name in broken]
    return [
        Signal(unique[0], 32, tuple(f"{step.number:b}" for step in run.steps)),
        _text(unique[1], [step.operation for step in run.steps]),
        *(Signal(name, 1, values) for name, values in zip(unique[2:], marks, strict=True)),
    ]


def _scopes(run: ToldTrace) -> Iterator[tuple[str, list[Signal]]]:
    """A scope for each row; every step has the same ones."""
    rows = run.steps[0].rows
    names = _unique([row.who or "entry" for row in rows])
    for k, name in enumerate(names):
        if rows[k].entry is not None or any(step.rows[k].cells for step in run.steps):
            yield name, [*_entry_signals(run, [step.rows[k] for step in run.steps]), _changed(run.steps, k)]


def _entry_signals(run: ToldTrace, rows: list[Row]) -> list[Signal]:
    entries = [row.entry for row in rows]
    bits = [bit for bit in run.arch.bits if bit.position < run.arch.width]
    headings = [h for h in run.headings if h != "value"]  # which is the entry once more
    texts = [[row.cells[k] if k < len(row.cells) else "" for row in rows] for k in range(len(headings))]
    columns = list(zip(headings, texts, strict=True))
    names = _unique(["entry", *(bit.name for bit in bits), *(h or "kind" for h, _ in columns)])
    words = [Signal(names[0], run.arch.width, tuple("x" if e is None else f"{int(e):b}" for e in entries))]
    flags = [tuple("x" if e is None else str(int(e) >> bit.position & 1) for e in entries) for bit in bits]
    words += [Signal(name, 1, values) for name, values in zip(names[1:], flags, strict=False)]
    named = zip(names[1 + len(bits) :], columns, strict=True)
    return words + [signal for name, (heading, cells) in named for signal in _column(name, heading, cells)]


def _column(name: str, heading: str, cells: list[str]) -> Iterator[Signal]:
    """A column of the table: a flag, and its text where it says more than yes and no."""
    if heading in TEXT_HEADINGS:
        yield _text(name, cells)
        return
    yield Signal(name, 1, tuple(_FLAGS.get(cell, "x") for cell in cells))
    if not all(cell in _FLAGS or not cell for cell in cells):
        yield _text(f"{name}_text", cells)


def _changed(steps: tuple[ToldStep, ...], k: int) -> Signal:
    return Signal("changed_in_step", 1, tuple("1" if k in step.changed else "0" for step in steps))


def _text(name: str, texts: list[str]) -> Signal:
    """Text as Verilog keeps it: eight bits a letter, the last letter in the lowest bits."""
    plain = [ascii_line(text) for text in texts]
    width = 8 * max(1, *map(len, plain))
    return Signal(name, width, tuple(f"{int.from_bytes(text.encode(), 'big'):b}" for text in plain))


def _unique(names: list[str]) -> list[str]:
    """Names that any reader takes: letters, digits and underscores, no two alike."""
    out: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
        plain = f"_{plain}" if plain[0].isdigit() else plain
        while plain in out:
            plain += "_"
        out.append(plain)
    return out


def _identifiers() -> Iterator[str]:
    """Short codes of printable ASCII, each once."""
    for number in range(94 * 94):
        yield chr(33 + number % 94) + (chr(33 + number // 94 - 1) if number >= 94 else "")


def _kind(signal: Signal) -> str:
    return "wire" if signal.width == 1 else "reg"


def _range(signal: Signal) -> str:
    return "" if signal.width == 1 else f" [{signal.width - 1}:0]"


def _change(width: int, identifier: str, value: str) -> str:
    return f"{value}{identifier}" if width == 1 else f"b{value} {identifier}"
