"""Value change dumps, read back by a parser that is not ours: every signal at every step is what the trace says."""

from __future__ import annotations

import io
import re
import shutil
import subprocess

import pytest
from vcd.reader import TokenKind, tokenize

from checker.cli.forms.vcd import vcd
from tests.told_runs import HOSTILE, RUNS, run_of, with_text


def read(text: str) -> tuple[dict[str, tuple[int, list[int | str]]], int]:
    """Signal -> (width, value at each time), and the last time; made by pyvcd's reader."""
    names: dict[str, str] = {}
    widths: dict[str, int] = {}
    values: dict[str, list[int | str]] = {}
    now: dict[str, int | str] = {}
    scope: list[str] = []
    time = -1
    for token in tokenize(io.BytesIO(text.encode("ascii"))):
        if token.kind is TokenKind.SCOPE:
            scope.append(token.scope.ident)
        elif token.kind is TokenKind.UPSCOPE:
            scope.pop()
        elif token.kind is TokenKind.VAR:
            name = ".".join([*scope, token.var.reference])
            assert name not in widths and token.var.id_code not in names
            names[token.var.id_code], widths[name], values[name] = name, token.var.size, []
        elif token.kind is TokenKind.CHANGE_TIME:
            assert token.time_change == time + 1
            if time >= 0:
                for name, found in values.items():
                    found.append(now[name])
            time = token.time_change
        elif token.kind is TokenKind.CHANGE_SCALAR:
            now[names[token.scalar_change.id_code]] = _number(token.scalar_change.value)
        elif token.kind is TokenKind.CHANGE_VECTOR:
            now[names[token.vector_change.id_code]] = token.vector_change.value
    assert not scope
    return {name: (widths[name], values[name]) for name in widths}, time


def _number(value: str) -> int | str:
    return int(value) if value in "01" else value


def words(signal: tuple[int, list[int | str]]) -> list[str]:
    """A vector of text, letter by letter."""
    return [int(v).to_bytes(signal[0] // 8, "big").strip(b"\0").decode("ascii") for v in signal[1]]


@pytest.mark.parametrize("name", RUNS)
def test_every_entry_bit_and_flag_at_every_step(name):
    run = run_of(name)
    signals, last = read(vcd(run))
    assert last == len(run.steps), "the last step is as long as the others"
    assert signals["run.step"][1] == list(range(len(run.steps)))
    assert words(signals["run.operation"]) == [step.operation for step in run.steps]
    for k, row in enumerate(run.steps[0].rows):
        scope = row.who or "entry"
        entries = [step.rows[k].entry for step in run.steps]
        width, found = signals[f"{scope}.entry"]
        assert width == run.arch.width and found == ["x" if e is None else int(e) for e in entries]
        for bit in run.arch.bits:
            assert signals[f"{scope}.{bit.name}"] == (1, ["x" if e is None else e >> bit.position & 1 for e in entries])
        if "hw-wr" in run.headings:
            cells = [dict(zip(run.headings, step.rows[k].cells, strict=False)).get("hw-wr", "") for step in run.steps]
            assert signals[f"{scope}.hw_wr"][1] == [{"yes": 1, "-": 0}.get(cell, "x") for cell in cells]


def test_what_breaks_is_a_pulse_in_its_step():
    signals, _ = read(vcd(run_of("split")))
    assert signals["run.breaks_shared_not_hw_writable"][1] == [0, 0, 1, 0]
    assert signals["run.breaks_cow_isolation"][1] == [0, 0, 0, 1]
    assert words(signals["parent.page"]) == ["0 excl", "0 shared", "0 shared +D", "0 shared +D"]


def test_only_changes_are_written():
    text = vcd(run_of("split"))
    last = text.split("#3\n")[1].split("#4\n")[0].splitlines()
    assert 3 <= len(last) < 8


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["split", "one entry"])
def test_no_name_ends_a_declaration(text, name):
    run = with_text(run_of(name), text)
    written = vcd(run)
    assert written.isascii() and all(c == "\n" or c.isprintable() for c in written)
    signals, last = read(written)
    assert last == len(run.steps)
    plain, _ = read(vcd(run_of(name)))
    assert len(signals) == len(plain)
    assert all(re.fullmatch(r"[A-Za-z0-9_.]+", signal) for signal in signals)


@pytest.mark.skipif(not shutil.which("vcd2fst"), reason="needs GTKWave's vcd2fst")
def test_gtkwave_takes_it(tmp_path):
    source, target = tmp_path / "run.vcd", tmp_path / "run.fst"
    source.write_text(vcd(run_of("split")))
    subprocess.run(["vcd2fst", str(source), str(target)], check=True, capture_output=True)
    back = subprocess.run(["fst2vcd", str(target)], check=True, capture_output=True, text=True).stdout
    assert "_PAGE_DIRTY" in back and "breaks_cow_isolation" in back
