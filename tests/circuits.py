"""Readers of AIGER and BTOR2 that know nothing of the writers: just enough to run what is exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Aiger:
    """An AIGER 1.9 file without outputs and constraints; names are by literal."""

    inputs: list[int]
    latches: list[tuple[int, int]]
    bads: list[int]
    gates: list[tuple[int, int, int]]
    names: dict[str, str]
    comments: list[str]

    @classmethod
    def read(cls, data: bytes) -> Aiger:
        head, _, rest = data.partition(b"\n")
        kind, *numbers = head.split()
        most, inputs, latches, outputs, gates, bads = map(int, numbers)
        assert outputs == 0 and most == inputs + latches + gates
        return (
            _packed(rest, inputs, latches, gates, bads)
            if kind == b"aig"
            else _ascii(rest, inputs, latches, gates, bads)
        )

    def step(self, state: Sequence[int], given: Sequence[int]) -> tuple[list[int], list[int]]:
        """The bad outputs now, and the latches after."""
        values = {0: 0}
        values |= dict(zip((literal for literal in self.inputs), given, strict=True))
        values |= dict(zip((literal for literal, _ in self.latches), state, strict=True))

        def value(literal: int) -> int:
            return values[literal & ~1] ^ literal & 1

        for output, left, right in self.gates:
            assert output > left >= right
            values[output] = value(left) & value(right)
        return [value(bad) for bad in self.bads], [value(after) for _, after in self.latches]


def _ascii(rest: bytes, inputs: int, latches: int, gates: int, bads: int) -> Aiger:
    lines = rest.decode().splitlines()
    rows = [list(map(int, line.split())) for line in lines[: inputs + latches + bads + gates]]
    states = rows[inputs : inputs + latches]
    return Aiger(
        [row[0] for row in rows[:inputs]],
        [(row[0], row[1]) for row in states],
        [row[0] for row in rows[inputs + latches :][:bads]],
        [(row[0], row[1], row[2]) for row in rows[inputs + latches + bads :]],
        *_symbols(lines[len(rows) :]),
    )


def _packed(rest: bytes, inputs: int, latches: int, gates: int, bads: int) -> Aiger:
    *lines, rest = rest.split(b"\n", latches + bads)
    numbers = list(map(int, lines))
    place, found = 0, []

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = rest[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    for k in range(gates):
        output = 2 * (inputs + latches + 1 + k)
        left = output - number()
        found.append((output, left, left - number()))
    states = [(2 * (inputs + 1 + k), after) for k, after in enumerate(numbers[:latches])]
    names, comments = _symbols(rest[place:].decode().splitlines())
    return Aiger([2 * (k + 1) for k in range(inputs)], states, numbers[latches:], found, names, comments)


def _symbols(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    end = lines.index("c")
    return dict(line.split(" ", 1) for line in lines[:end]), lines[end + 1 :]


_WORDS: dict[str, Callable[[int, int, int], int]] = {
    "and": lambda a, b, width: a & b,
    "or": lambda a, b, width: a | b,
    "xor": lambda a, b, width: a ^ b,
    "add": lambda a, b, width: a + b,
    "sub": lambda a, b, width: a - b,
    "mul": lambda a, b, width: a * b,
    "sll": lambda a, b, width: a << b if b < width else 0,
    "srl": lambda a, b, width: a >> b,
    "eq": lambda a, b, width: a == b,
    "ult": lambda a, b, width: a < b,
    "ulte": lambda a, b, width: a <= b,
}


@dataclass
class Btor2:
    """A BTOR2 file: its lines as (number, operator, operands), and what is found of inputs, states and bad states."""

    lines: list[tuple[int, str, list[str]]] = field(default_factory=list)
    widths: dict[int, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    inputs: list[int] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    inits: dict[int, int] = field(default_factory=dict)
    nexts: dict[int, int] = field(default_factory=dict)
    bads: list[tuple[int, str]] = field(default_factory=list)

    @classmethod
    def read(cls, text: str) -> Btor2:
        found, sorts, last = cls(), {}, 0
        for line in text.splitlines():
            if line.startswith(";"):
                continue
            number, op, *words = line.split()
            assert int(number) > last
            last = int(number)
            if op == "sort":
                assert words[0] == "bitvec"
                sorts[number] = int(words[1])
            elif op == "bad":
                found.bads.append((int(words[0]), words[1]))
            else:
                found._add(int(number), op, sorts[words[0]], words[1:])
            found.lines.append((int(number), op, words))
        return found

    def _add(self, number: int, op: str, width: int, words: list[str]) -> None:
        self.widths[number] = width
        if op in ("input", "state"):
            (self.inputs if op == "input" else self.states).append(number)
            self.names[number] = words[0]
        elif op in ("init", "next"):
            state, value = map(int, words)
            assert self.widths[state] == self.widths[value] == width
            assert op == "next" or value < state
            (self.inits if op == "init" else self.nexts)[state] = value

    def first(self) -> dict[int, int]:
        """The initial values, for which no input may matter."""
        values = self._values({number: 0 for number in (*self.inputs, *self.states)})
        return {state: values[self.inits[state]] for state in self.states}

    def step(self, state: Mapping[int, int], given: Sequence[int]) -> tuple[list[int], dict[int, int]]:
        """The bad states now, and the states after."""
        values = self._values({**dict(zip(self.inputs, given, strict=True)), **state})
        return [values[bad] for bad, _ in self.bads], {number: values[self.nexts[number]] for number in self.states}

    def _values(self, known: dict[int, int]) -> dict[int, int]:
        values = dict(known)
        for number, op, words in self.lines:
            if number in values or op in ("sort", "init", "next", "bad"):
                continue
            width, args = self.widths[number], words[1:]
            values[number] = self._value(op, args, values, width) & (1 << width) - 1
        return values

    def _value(self, op: str, args: list[str], values: dict[int, int], width: int) -> int:
        if op in ("zero", "one", "consth"):
            return int(args[0], 16) if op == "consth" else int(op == "one")
        operands = [values[int(word)] for word in args[: 1 if op in ("slice", "uext") else 3]]
        if op == "slice":
            assert width == int(args[1]) - int(args[2]) + 1
            return operands[0] >> int(args[2])
        if op == "uext":
            assert width == self.widths[int(args[0])] + int(args[1])
            return operands[0]
        if op == "not":
            return ~operands[0]
        if op == "ite":
            assert self.widths[int(args[0])] == 1
            return operands[1] if operands[0] else operands[2]
        assert self.widths[int(args[0])] == self.widths[int(args[1])]
        return _WORDS[op](operands[0], operands[1], width)
