"""BTOR2: the circuit in words, for word-level hardware model checkers."""

from __future__ import annotations

from checker.export.hardware import Circuit, circuit, explanation
from checker.export.model import Exported
from checker.terms import BOOL, Term, subterms

_NAMES = {
    "and": "and",
    "or": "or",
    "band": "and",
    "bor": "or",
    "bxor": "xor",
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "shl": "sll",
    "lshr": "srl",
    "ult": "ult",
    "ule": "ulte",
    "eq": "eq",
    "not": "not",
    "ite": "ite",
}


def text(model: Exported) -> str:
    """A system in BTOR2; a Boolean is a word of one bit."""
    made = circuit(model)
    writer = _Writer([f"; {line}" for line in explanation(made)])
    _declare(writer, made)
    for latch in made.latches:
        value = writer.node(latch.term)
        for condition, then in reversed(latch.updates):
            value = writer.add("ite", latch.term.width, writer.node(condition), writer.node(then), value)
        writer.add("next", latch.term.width, writer.node(latch.term), value)
    for name, bad in made.bads:
        writer.line("bad", writer.node(bad), name)
    return "\n".join(writer.lines) + "\n"


def _declare(writer: _Writer, made: Circuit) -> None:
    for part in made.inputs:
        writer.name(part.term, writer.add("input", part.term.width, part.name))
    # A value that a state begins with must have been written before the state.
    zeros = {width: writer.add("zero", width) for width in dict.fromkeys(latch.term.width for latch in made.latches)}
    for latch in made.latches:
        writer.name(latch.term, writer.add("state", latch.term.width, latch.name))
        writer.add("init", latch.term.width, writer.node(latch.term), zeros[latch.term.width])


class _Writer:
    """Lines, each with its number; a term is written once."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self._last = 0
        self._sorts: dict[int, int] = {}
        self._nodes: dict[Term, int] = {}

    def line(self, *words: object) -> int:
        """Writes a line and returns its number."""
        self._last += 1
        self.lines.append(" ".join(map(str, (self._last, *words))))
        return self._last

    def add(self, op: str, width: int, *words: object) -> int:
        """Writes a node of a width."""
        bits = max(1, width)
        if bits not in self._sorts:
            self._sorts[bits] = self.line("sort", "bitvec", bits)
        return self.line(op, self._sorts[bits], *words)

    def name(self, term: Term, number: int) -> None:
        """Makes a line stand for a variable."""
        self._nodes[term] = number

    def node(self, term: Term) -> int:
        """The line of a term."""
        for part in subterms([term]) if term not in self._nodes else ():
            if part not in self._nodes:
                self._nodes[part] = self._write(part, [self._nodes[arg] for arg in part.args])
        return self._nodes[term]

    def _write(self, term: Term, args: list[int]) -> int:
        if term.op == "const":
            value = int(term.data)
            return self.add("consth", term.width, f"{value:x}") if value else self.add("zero", term.width)
        if term.op == "extract":
            return self.add("slice", term.width, *args, *term.data)
        if term.op == "zext":
            return self.add("uext", term.width, *args, term.width - term.args[0].width)
        if term.op in ("and", "or"):
            number = args[0]
            for other in args[1:]:
                number = self.add(_NAMES[term.op], BOOL, number, other)
            return number
        return self.add(_NAMES[term.op], term.width, *args)
