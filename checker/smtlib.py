"""Prints terms as SMT-LIB 2, the one form in which engines and certificates hand formulas to a solver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from checker.terms import BOOL, Term, subterms

_NAMES = {
    "band": "bvand",
    "bor": "bvor",
    "bxor": "bvxor",
    "add": "bvadd",
    "sub": "bvsub",
    "mul": "bvmul",
    "shl": "bvshl",
    "lshr": "bvlshr",
    "ult": "bvult",
    "ule": "bvule",
    "eq": "=",
    "and": "and",
    "or": "or",
    "not": "not",
    "ite": "ite",
}

_LINE = 110
_NEXT_LINE = "\n       "


def sort(width: int) -> str:
    """The SMT-LIB sort of a width."""
    return "Bool" if width == BOOL else f"(_ BitVec {width})"


def literal(value: int | bool, width: int) -> str:
    """A constant in SMT-LIB."""
    if width == BOOL:
        return "true" if value else "false"
    return f"#x{value:0{width // 4}x}" if width % 4 == 0 else f"#b{value:0{width}b}"


def symbol(name: str) -> str:
    """A name as a quoted SMT-LIB symbol."""
    return f"|{name}|"


class Script:
    """An SMT-LIB script under construction; a term used more than once is defined once.

    Attributes:
        lines: the commands so far.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._text: dict[int, str] = {}  # by the terms' serial numbers, which hash without a call of Python
        self._defined = 0

    def comment(self, text: str) -> None:
        """Adds comment lines."""
        self.lines.extend(f"; {line}".rstrip() for line in text.splitlines())

    def declare(self, variables: Iterable[Term]) -> None:
        """Declares variables that are not declared yet."""
        for term in variables:
            if term.serial not in self._text:
                self._text[term.serial] = symbol(term.data)
                self.lines.append(f"(declare-const {symbol(term.data)} {sort(term.width)})")

    def text(self, roots: Sequence[Term]) -> list[str]:
        """The roots' text, after defining what they share."""
        order = subterms(roots)
        self.declare(t for t in order if t.op == "var")
        uses: dict[int, int] = {}
        for term in order:
            for arg in term.args:
                uses[arg.serial] = uses.get(arg.serial, 0) + 1
        for term in order:
            if term.serial not in self._text:
                text = _application(term, [self._text[arg.serial] for arg in term.args])
                if term.args and uses.get(term.serial, 0) > 1:
                    self._defined += 1
                    name = f"n{self._defined}"
                    self.lines.append(f"(define-fun {name} () {sort(term.width)} {text})")
                    text = name
                self._text[term.serial] = text
        return [self._text[root.serial] for root in roots]

    def assert_all(self, conditions: Sequence[Term]) -> None:
        """Asserts Boolean terms."""
        self.lines += [f"(assert {text})" for text in self.text(conditions)]

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"


def parameters(variables: Iterable[Term]) -> str:
    """The parameters of a function, each with its sort, as many to a line as fit."""
    return f"({wrapped([f'({symbol(v.data)} {sort(v.width)})' for v in variables])})"


def wrapped(words: Iterable[str]) -> str:
    """Words with blanks between them, as many to a line as fit."""
    lines, length = [""], 0
    for word in words:
        if length and length + len(word) > _LINE:
            lines, length = [*lines, ""], 0
        lines[-1] += f" {word}" if lines[-1] else word
        length += len(word) + 1
    return "\n    ".join(lines)


def body(root: Term) -> str:
    """A term as the body of a function.

    What is used more than once is bound by a ``let``, and each of these and of the conditions that must all hold is a
    line of its own. No variable of a system has a name like those of the bound ones.
    """
    order = subterms([root])
    uses: dict[Term, int] = {}
    for term in order:
        for arg in term.args:
            uses[arg] = uses.get(arg, 0) + 1
    text: dict[Term, str] = {}
    lines: list[str] = []
    for term in order:
        text[term] = symbol(term.data) if term.op == "var" else _application(term, [text[arg] for arg in term.args])
        if term.args and uses.get(term, 0) > 1:
            lines.append(f"(let ((?{len(lines) + 1} {text[term]}))")
            text[term] = f"?{len(lines)}"
    last = f"(and {_NEXT_LINE.join(text[arg] for arg in root.args)})" if root.op == "and" else text[root]
    return "\n  ".join([*lines, last]) + ")" * len(lines)


def _application(term: Term, operands: Sequence[str]) -> str:
    if term.op == "const":
        return literal(term.data, term.width)
    if term.op == "extract":
        return f"((_ extract {term.data[0]} {term.data[1]}) {operands[0]})"
    if term.op == "zext":
        return f"((_ zero_extend {term.width - term.args[0].width}) {operands[0]})"
    return f"({_NAMES[term.op]} {' '.join(operands)})"
