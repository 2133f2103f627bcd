"""The formulas of a scenario's question: named facts under not, and, or, read from one line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from checker.scenario import Connected, Fact, Formula, Not, Place, ScenarioError

MAX_NESTING = 40
"""Parentheses and ``not`` may nest so deep."""

TOKEN = re.compile(r'\s*(?:(?P<quoted>"[^"]*")|(?P<mark>[()])|(?P<word>[^\s"()]+))')
EXPECTED = "a fact in double quotes, the name of an invariant, not, or ("


@dataclass(frozen=True)
class Token:
    """A piece of a formula."""

    text: str
    place: Place


def tokens(text: str, place: Place) -> list[Token]:
    """The pieces of a formula.

    Args:
        text: the formula.
        place: of its first character.

    Raises:
        ScenarioError: a quote is not closed.
    """
    found: list[Token] = []
    position = 0
    while position < len(text.rstrip()):
        match = TOKEN.match(text, position)
        start = match.start(match.lastgroup or 0) if match else text.index('"', position)
        where = Place(place.file, place.line, place.column + start)
        if match is None:
            raise ScenarioError(where, "this quote is not closed: expected another one on the same line")
        found.append(Token(match.group().strip(), where))
        position = match.end()
    return found


def parse_formula(text: str, place: Place) -> Formula:
    """The formula in a text; ``not`` binds tighter than ``and``, ``and`` tighter than ``or``.

    Args:
        text: the formula.
        place: of its first character.

    Raises:
        ScenarioError: the text is not a formula.
    """
    reader = _Reader(tokens(text, place), Place(place.file, place.line, place.column + len(text.rstrip())))
    formula = reader.connected("or", 0)
    if reader.left:
        raise ScenarioError(reader.left[0].place, f"expected and, or, or the end of the line, not {_shown(reader)}")
    return formula


def _shown(reader: _Reader) -> str:
    return repr(reader.left[0].text) if reader.left else "the end of the line"


class _Reader:
    """What is still to be read; each method takes one construct off the front."""

    def __init__(self, left: list[Token], end: Place) -> None:
        self.left, self.end = left, end

    def place(self) -> Place:
        return self.left[0].place if self.left else self.end

    def take(self, text: str) -> bool:
        if self.left and self.left[0].text == text:
            self.left = self.left[1:]
            return True
        return False

    def connected(self, connective: str, depth: int) -> Formula:
        operands = [self.operand(connective, depth)]
        while self.take(connective):
            operands.append(self.operand(connective, depth))
        return operands[0] if len(operands) == 1 else Connected(connective, tuple(operands))

    def operand(self, connective: str, depth: int) -> Formula:
        return self.connected("and", depth) if connective == "or" else self.single(depth)

    def single(self, depth: int) -> Formula:
        if depth > MAX_NESTING:
            raise ScenarioError(self.place(), f"expected a formula nested at most {MAX_NESTING} deep")
        if self.take("not"):
            return Not(self.single(depth + 1))
        if self.take("("):
            inner = self.connected("or", depth + 1)
            if not self.take(")"):
                raise ScenarioError(self.place(), f"expected and, or, or ), not {_shown(self)}")
            return inner
        return self.fact()

    def fact(self) -> Fact:
        if not self.left or self.left[0].text in (")", "and", "or"):
            raise ScenarioError(self.place(), f"expected {EXPECTED}, not {_shown(self)}")
        token, self.left = self.left[0], self.left[1:]
        quoted = token.text.startswith('"')
        name = " ".join(token.text.strip('"').split())
        if not name:
            raise ScenarioError(token.place, "expected the name of a fact between the quotes")
        return Fact(name, quoted, token.place)
