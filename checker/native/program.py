"""A system's operations and conditions as the tables that the compiled engine reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.bitslice import Instruction, Program
from checker.keyset import WORD, Words
from checker.moves import Move, Stepper

MOST_ROWS = 1 << 16
"""Numbers of rows have 16 bits in the compiled engine."""

INSTRUCTION = np.dtype([("operator", "=u2"), ("left", "=u2"), ("right", "=u2"), ("target", "=u2")])
MOVE = np.dtype([("number", "=u4"), ("guard", "=u4"), ("code", "=u4", 3), ("groups", "=u4", 2)])
GROUP = np.dtype([("word", "=u4"), ("shift", "=u4"), ("rows", "=u4", 8)])

_OPERATORS = {np.bitwise_and: 0, np.bitwise_or: 1, np.bitwise_xor: 2}
_BYTE = 8


def height(program: Program) -> int:
    """How many rows a program needs."""
    return 2 + program.inputs + program.registers


def fits(program: Program) -> bool:
    """The compiled engine can run a program."""
    return height(program) <= MOST_ROWS


def instructions(code: Sequence[Instruction]) -> NDArray[Any]:
    """Instructions as a table."""
    return np.array([(_OPERATORS[operator], *rows) for operator, *rows in code], INSTRUCTION)


@dataclass(frozen=True)
class Tables:
    """What all operations do.

    Attributes:
        code, moves, groups: the structures of the C source, one after the other.
        keep, put: for each move and word of a state, the bits that stay and those that become one.
        most_groups: of a move.
    """

    code: NDArray[Any]
    moves: NDArray[Any]
    groups: NDArray[Any]
    keep: Words
    put: Words
    most_groups: int

    @classmethod
    def of(cls, stepper: Stepper) -> Tables:
        """The tables for a stepper's operations."""
        code: list[Instruction] = []
        groups: list[tuple[int, int, list[int]]] = []
        moves = []
        for move, part in zip(stepper.moves, stepper.program.parts, strict=True):
            begin, first = len(code), len(groups)
            code += [*part.code, *part.further]
            groups += _groups(move, part.results[1:])
            spans = (begin, begin + len(part.code), len(code)), (first, len(groups))
            moves.append((move.number, part.results[0], *spans))
        return cls(
            instructions(code),
            np.array(moves, MOVE),
            np.array(groups, GROUP),
            np.array([move.keep for move in stepper.moves], WORD),
            np.array([move.put for move in stepper.moves], WORD),
            max((last - first for *_, (first, last) in moves), default=0),
        )


def _groups(move: Move, rows: Sequence[int]) -> list[tuple[int, int, list[int]]]:
    """The bytes of a packed state that a move computes: word, lowest bit, and the row of each of its bits."""
    bytes_: dict[tuple[int, int], list[int]] = {}
    places = [(word, bit) for word, bits in move.groups for bit in bits]
    for (word, bit), row in zip(places, rows, strict=True):
        bytes_.setdefault((word, bit // _BYTE * _BYTE), [0] * _BYTE)[bit % _BYTE] = row
    return [(word, shift, found) for (word, shift), found in sorted(bytes_.items())]
