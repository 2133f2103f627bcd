"""Compiles terms to plain Python, so that the explicit engine runs the very definitions the solver is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from checker.system import Relation
from checker.terms import Term, cut, subterms

Values = tuple[int, ...]

MAX_NESTING = 30
"""Deeper expressions are split over several statements; Python refuses some 200 nested parentheses."""

_TEMPLATES = {
    "band": "({0} & {1})",
    "bor": "({0} | {1})",
    "bxor": "({0} ^ {1})",
    "eq": "({0} == {1})",
    "ult": "({0} < {1})",
    "ule": "({0} <= {1})",
    "not": "(not {0})",
    "ite": "({1} if {0} else {2})",
    "zext": "{0}",
}


def _expression(term: Term, operands: Sequence[str]) -> str:
    """One operator as Python text over its operands' text; words stay within their width."""
    if term.op == "const":
        return repr(int(term.data)) if term.width else repr(term.data)
    if term.op in ("and", "or"):
        return "(" + f" {term.op} ".join(operands) + ")"
    if term.op == "extract":
        high, low = term.data
        return f"(({operands[0]} >> {low}) & {(1 << (high - low + 1)) - 1})"
    if term.op in _TEMPLATES:
        return _TEMPLATES[term.op].format(*operands)
    mask = (1 << term.width) - 1
    if term.op in ("shl", "lshr"):
        sign = "<<" if term.op == "shl" else ">>"
        shifted = f"(({operands[0]} {sign} {operands[1]}) & {mask})"
        return shifted if term.args[1].op == "const" else f"({shifted} if {operands[1]} < {term.width} else 0)"
    sign = {"add": "+", "sub": "-", "mul": "*"}[term.op]
    return f"(({operands[0]} {sign} {operands[1]}) & {mask})"


class _Writer:
    """Writes terms as Python statements; a term used more than once gets a local variable of its own.

    Attributes:
        names: the terms that have a variable, by serial number.
    """

    def __init__(self, names: dict[int, str], roots: Sequence[Term]) -> None:
        self.names = dict(names)
        self.uses: dict[int, int] = {}
        for term in subterms(roots):
            for arg in term.args:
                self.uses[arg.serial] = self.uses.get(arg.serial, 0) + 1
        for root in roots:
            self.uses[root.serial] = self.uses.get(root.serial, 0) + 1

    def emit(self, roots: Sequence[Term], lines: list[str], indent: str) -> list[str]:
        """Appends what the roots need and returns the text of each root."""
        texts = dict(self.names)
        depths = dict.fromkeys(texts, 0)
        for term in subterms(roots, set(texts)):
            if term.op == "var":
                # Of a leaf that cannot matter: any value gives the same result.
                texts[term.serial], depths[term.serial] = "0" if term.width else "False", 0
                continue
            text = _expression(term, [texts[arg.serial] for arg in term.args])
            depth = 1 + max([depths[arg.serial] for arg in term.args], default=0)
            if term.op != "const" and (self.uses[term.serial] > 1 or len(text) > 2000 or depth > MAX_NESTING):
                name = f"t{term.serial}"
                lines.append(f"{indent}{name} = {text}")
                self.names[term.serial] = text = name
                depth = 0
            texts[term.serial], depths[term.serial] = text, depth
        return [texts[root.serial] for root in roots]


def _tuple(items: Sequence[str]) -> str:
    return "(" + "".join(f"{item}, " for item in items) + ")"


def _compile(lines: list[str], name: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {}
    exec(compile("\n".join(lines), f"<generated {name}>", "exec"), scope)
    return scope[name]  # type: ignore[no-any-return]


def _unpack(variables: Sequence[Term]) -> tuple[dict[int, str], str]:
    names = {term.serial: f"v{i}" for i, term in enumerate(variables)}
    return names, f"    {_tuple(list(names.values()))} = state" if names else "    pass"


def compile_function(variables: Sequence[Term], results: Sequence[Term]) -> Callable[[Values], Values]:
    """A Python function from the variables' values to the results' values."""
    names, unpack = _unpack(variables)
    lines = ["def function(state):", unpack]
    texts = _Writer(names, results).emit(results, lines, "    ")
    lines.append(f"    return {_tuple(texts)}")
    return _compile(lines, "function")


COMPILING = 120
"""Bytes of memory that Python takes for each character while it compiles, about; most of them are free again then."""

MANY, TOGETHER = 128, 32
"""Of more than so many operations, so many share a function: one for all would take all that memory at once, and longer."""


def room_to_compile(relation: Relation, masks: Values) -> int:
    """Bytes that :func:`compile_successors` is about to take, roughly."""
    return COMPILING * max(map(len, _successors_texts(relation, masks)))


@lru_cache(maxsize=4)
def compile_successors(relation: Relation, masks: Values) -> Callable[[Values], list[tuple[int, Values]]]:
    """A Python function from a state's leaf values to ``[(operation number, next leaf values)]``.

    Args:
        relation: the system.
        masks: for each leaf, the bits to keep (see :class:`checker.dependency.Cone`); states have no others.
    """
    parts = [_compile([text], "successors") for text in _successors_texts(relation, masks)]
    return parts[0] if len(parts) == 1 else lambda state: [found for part in parts for found in part(state)]


@lru_cache(maxsize=4)
def _successors_texts(relation: Relation, masks: Values) -> tuple[str, ...]:
    numbers = range(len(relation.steps))
    size = TOGETHER if len(numbers) > MANY else max(1, len(numbers))
    return tuple(_successors_text(relation, masks, numbers[k : k + size]) for k in range(0, max(1, len(numbers)), size))


def _successors_text(relation: Relation, masks: Values, numbers: Sequence[int]) -> str:
    """A function for the operations with these numbers."""
    wanted = [i for i, mask in enumerate(masks) if mask]
    variables = [relation.state[i] for i in wanted]
    names, unpack = _unpack(variables)
    nexts = [[_next(relation.steps[k].values[i], relation.state[i], masks[i]) for i in wanted] for k in numbers]
    guards = [relation.steps[k].guard for k in numbers]
    writer = _Writer(names, [*guards, *(value for values in nexts for value in values)])
    lines = ["def successors(state):", unpack, "    out = []"]
    guard_texts = writer.emit(guards, lines, "    ")
    shared = dict(writer.names)
    for number, guard, values in zip(numbers, guard_texts, nexts, strict=True):
        lines.append(f"    if {guard}:")
        texts = writer.emit(values, lines, "        ")
        lines.append(f"        out.append(({number}, {_tuple(texts)}))")
        # A name set inside one branch is not there in the next.
        writer.names = dict(shared)
    lines.append("    return out")
    return "\n".join(lines)


def _next(value: Term, leaf: Term, mask: int) -> Term:
    """A leaf's next value, cut to the bits to keep; what stays as it is has been cut."""
    return value if value is leaf else cut(value, mask)


def compile_masks(variables: Sequence[Term], conditions: Sequence[Term]) -> Callable[[Values], int]:
    """A Python function from values to an integer whose bit k tells whether condition k holds."""
    names, unpack = _unpack(variables)
    lines = ["def masks(state):", unpack]
    texts = _Writer(names, conditions).emit(conditions, lines, "    ")
    parts = [f"({1 << k} if {text} else 0)" for k, text in enumerate(texts)]
    lines.append(f"    return {' | '.join(parts) or '0'}")
    return _compile(lines, "masks")
