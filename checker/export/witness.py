"""Runs that a hardware model checker found in an exported circuit, read back as runs of the system.

Understood are witnesses of AIGER 1.9, what Berkeley ABC writes with ``write_cex`` and ``write_cex -a``, and those of
BTOR2. A file is only ever a proposal: the run it names is done anew on plain integers, step by step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from checker.export.aiger import positions
from checker.export.hardware import Circuit
from checker.state import Shape
from checker.system import TransitionSystem
from checker.terms import evaluate

MAX_STEPS = 10_000
"""Longer runs are refused."""


class BadWitness(ValueError):
    """A file that is no witness for the circuit, or whose run does not exist; the message says where."""


@dataclass(frozen=True)
class Witness:
    """What a file claims.

    Attributes:
        bad: the number of the property that fails in the end; None where the file does not say.
        frames: for each step the value of each input of the circuit.
    """

    bad: int | None
    frames: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Run:
    """A run of the exported system that ends where a property fails.

    Attributes:
        invariant: which one.
        start: the number of the start.
        inputs: the values of its inputs, those left out of the export zero.
        steps: the numbers of the operations.
    """

    invariant: str
    start: int
    inputs: tuple[int, ...]
    steps: tuple[int, ...]


def read(text: str, circuit: Circuit) -> Witness:
    """What a witness file says about a circuit.

    Raises:
        BadWitness: it is none, or one for another circuit.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith(";")]
    if not lines:
        raise BadWitness("the file is empty")
    if lines[0][1] in ("unsat", "unknown", "0", "2"):
        raise BadWitness(f"line {lines[0][0]}: the file says that no run was found")
    found = _btor2(lines, circuit) if lines[0][1] == "sat" else _aiger(lines, circuit)
    if found.bad is not None and found.bad >= len(circuit.bads):
        raise BadWitness(f"there is no property b{found.bad}: the exported file has {len(circuit.bads)}")
    if not found.frames:
        raise BadWitness("the file has no step")
    return found


Lines = list[tuple[int, str]]


def _aiger(lines: Lines, circuit: Circuit) -> Witness:
    bad = None
    if lines[0][1] == "1":
        lines = lines[1:]
        if lines and re.fullmatch("([bj][0-9]{1,6})+", lines[0][1]):
            bad = _property(*lines[0])
            lines = lines[1:]
    latches = sum(latch.mask.bit_count() for latch in circuit.latches)
    width = sum(part.mask.bit_count() for part in circuit.inputs)
    rows = list(_rows(lines))
    if not rows:
        raise BadWitness("the file ends before the first values of the latches")
    number, first = rows.pop(0)
    if not rows and len(first) > latches:  # write_cex without -a: everything in one line
        rows = [(number, first[k : k + width]) for k in range(latches, len(first), width)]
        first = first[:latches]
    if len(first) != latches:
        raise BadWitness(f"line {number}: {len(first)} values where the exported file has {latches} latches")
    if "1" in first:
        raise BadWitness(f"line {number}: a latch begins with 1, in the exported file all begin with 0")
    return Witness(bad, tuple(_frame(number, row, width, circuit) for number, row in rows))


def _rows(lines: Lines) -> Iterator[tuple[int, str]]:
    """The lines of bits, up to the end of the first witness."""
    for count, (number, line) in enumerate(lines):
        row = line.partition("#")[0].strip()
        if line in (".", "c") or not row:
            return
        if set(row) - set("01x"):
            raise BadWitness(f"line {number}: {_short(row)} is not made of 0, 1 and x")
        if count > MAX_STEPS:
            raise BadWitness(f"line {number}: more than {MAX_STEPS} steps")
        yield number, row


def _frame(number: int, row: str, width: int, circuit: Circuit) -> tuple[int, ...]:
    if len(row) != width:
        raise BadWitness(f"line {number}: {len(row)} values where the exported file has {width} inputs")
    bits = iter(row)
    # What a file leaves open may have any value; zero is one.
    return tuple(sum(1 << i for i in positions(part.term, part.mask) if next(bits) == "1") for part in circuit.inputs)


def _property(number: int, line: str) -> int:
    found = re.search("b([0-9]+)", line)
    if found is None:
        raise BadWitness(f"line {number}: only witnesses of bad states (b0, b1, ...) are understood")
    return int(found[1])


def _btor2(lines: Lines, circuit: Circuit) -> Witness:
    if len(lines) < 2 or not re.fullmatch("([bj][0-9]{1,6} *)+", lines[1][1]):
        raise BadWitness(f"line {lines[0][0] + 1}: the violated property (b0) is missing")
    bad = _property(*lines[1])
    frames: list[list[int]] = []
    about_inputs = False
    for number, line in lines[2:]:
        if line == ".":
            break
        if re.fullmatch("[#@][0-9]{1,9}", line):
            about_inputs = line[0] == "@"
            if about_inputs and int(line[1:]) != len(frames):
                raise BadWitness(f"line {number}: {line} where @{len(frames)} should follow")
            if about_inputs:
                frames.append([0] * len(circuit.inputs))
        elif about_inputs:
            place, value = _assignment(number, line, circuit)
            frames[-1][place] = value
        elif not re.match("[0-9]", line):
            raise BadWitness(f"line {number}: {_short(line)} is neither a step nor a value")
        if len(frames) > MAX_STEPS:
            raise BadWitness(f"line {number}: more than {MAX_STEPS} steps")
    return Witness(bad, tuple(map(tuple, frames)))


def _assignment(number: int, line: str, circuit: Circuit) -> tuple[int, int]:
    """Which input a line is about, and its value."""
    found = re.match("([0-9]{1,6}) ([01x]+)( |$)", line)
    if found is None:
        raise BadWitness(f"line {number}: {_short(line)} is no value of an input")
    place = int(found[1])
    if place >= len(circuit.inputs):
        raise BadWitness(f"line {number}: there is no input {place}: the exported file has {len(circuit.inputs)}")
    width = max(1, circuit.inputs[place].term.width)
    if len(found[2]) != width:
        raise BadWitness(f"line {number}: {len(found[2])} bits where input {place} has {width}")
    return place, int(found[2].replace("x", "0"), 2)


def _short(text: str) -> str:
    return repr(text if len(text) <= 24 else text[:20] + "...")


def run_of(circuit: Circuit, witness: Witness) -> Run:
    """The run of the exported system that a witness names, up to where the property fails first.

    Raises:
        BadWitness: the run does not exist, or violates nothing.
    """
    model, system = circuit.model, circuit.model.system
    names = [name for name, _ in model.properties]
    wanted = names if witness.bad is None else [names[witness.bad]]
    frames = iter(witness.frames)
    number, inputs = _begin(circuit, frames)
    layout, steps = system.layout, []
    state = layout.state(layout.concrete(system.starts[number].run(_shape(system, number).state(inputs))))
    while not (broken := _broken(system, wanted, state)):
        choice = next(frames, None)
        if choice is None:
            raise BadWitness(f"no step of the run violates {' or '.join(wanted)}")
        if choice[0] >= len(system.operations):
            continue
        enabled, after = system.operations[choice[0]].run(state)
        if enabled:  # what is impossible changes nothing in the circuit either
            steps.append(choice[0])
            state = layout.state(layout.concrete(after))
    return Run(broken, number, inputs, tuple(steps))


def _begin(circuit: Circuit, frames: Iterator[tuple[int, ...]]) -> tuple[int, tuple[int, ...]]:
    """The first step that loads an initial state: which start, and the values of all of its inputs."""
    starts = circuit.model.starts
    for values in frames:
        given = {part.term: value & part.mask for part, value in zip(circuit.inputs, values, strict=True)}
        if values[0] < len(starts) and evaluate([starts[values[0]].domain], given)[0]:
            start = starts[values[0]]
            known = {v.path: given[v.term] for v in start.inputs}
            leaves = _shape(circuit.model.system, start.number).leaves
            return start.number, tuple(known.get(f"{start.name}?{leaf.path}", 0) for leaf in leaves)
    raise BadWitness("no step of the run loads an initial state")


def _shape(system: TransitionSystem, start: int) -> Shape:
    return Shape.of(system.starts[start].inputs)


def _broken(system: TransitionSystem, wanted: list[str], state: Any) -> str:
    """The first of the invariants that fails in a state, or ""."""
    found = {invariant.name: invariant for invariant in system.invariants}
    return next((name for name in wanted if not found[name].holds(state)), "")
