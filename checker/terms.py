"""The checker's own expressions: Booleans and fixed-width words, hash-consed, without a solver.

A model is written once, as functions over values. Run on :class:`Term` values those functions leave behind
the expression that every engine works from: the explicit engine compiles it to Python, the symbolic engines
translate it to Z3, certificates print it as SMT-LIB, and the dependency analysis reads it bit by bit.
Importing this module costs no solver start-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

BOOL = 0
"""The width that stands for the Boolean sort; every other width is a number of bits."""

_WORD_BINARY: dict[str, Callable[[int, int, int], int]] = {
    "band": lambda a, b, mask: a & b,
    "bor": lambda a, b, mask: a | b,
    "bxor": lambda a, b, mask: a ^ b,
    "add": lambda a, b, mask: (a + b) & mask,
    "sub": lambda a, b, mask: (a - b) & mask,
    "mul": lambda a, b, mask: (a * b) & mask,
    "shl": lambda a, b, mask: (a << b) & mask if b < mask.bit_length() else 0,
    "lshr": lambda a, b, mask: a >> b if b < mask.bit_length() else 0,
}
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda a, b: a == b,
    "ult": lambda a, b: a < b,
    "ule": lambda a, b: a <= b,
}
_COMMUTATIVE = frozenset({"band", "bor", "bxor", "add", "mul", "eq"})


class Term:
    """One expression node; equal expressions are the same object.

    Attributes:
        op: ``const``, ``var``, or an operator name.
        args: the operand terms.
        width: bits of the value, or :data:`BOOL`.
        data: the value of a constant, the name of a variable, ``(high, low)`` of an extract.
    """

    __slots__ = ("args", "data", "op", "serial", "width")
    _table: dict[tuple[Any, ...], Term] = {}

    op: str
    args: tuple[Term, ...]
    width: int
    data: Any
    serial: int

    def __new__(cls, op: str, args: tuple[Term, ...], width: int, data: Any = None) -> Term:
        key = (op, args, width, data)
        found = cls._table.get(key)
        if found is None:
            found = object.__new__(cls)
            found.op, found.args, found.width, found.data = op, args, width, data
            found.serial = len(cls._table)
            cls._table[key] = found
        return found

    __hash__ = object.__hash__  # not a call of Python; the same terms are one object

    def __bool__(self) -> bool:
        raise TypeError(
            "a symbolic value has no truth value yet: write ite(), both(), either(), no() from checker.logic "
            "instead of if, and, or, not"
        )

    def __eq__(self, other: object) -> Any:
        return equal(self, other)

    def __ne__(self, other: object) -> Any:
        return negate(equal(self, other))

    def __and__(self, other: Any) -> Term:
        return word_op("band", self, other)

    def __or__(self, other: Any) -> Term:
        return word_op("bor", self, other)

    def __xor__(self, other: Any) -> Term:
        return word_op("bxor", self, other)

    def __add__(self, other: Any) -> Term:
        return word_op("add", self, other)

    def __sub__(self, other: Any) -> Term:
        return word_op("sub", self, other)

    def __rsub__(self, other: Any) -> Term:
        return word_op("sub", coerce(other, self.width), self)

    def __mul__(self, other: Any) -> Term:
        return word_op("mul", self, other)

    def __lshift__(self, other: Any) -> Term:
        return word_op("shl", self, other)

    __rand__, __ror__, __rxor__, __radd__, __rmul__ = __and__, __or__, __xor__, __add__, __mul__

    def __invert__(self) -> Term:
        return word_op("bxor", self, (1 << self.width) - 1)

    def _ambiguous(self, _other: Any) -> Any:
        raise TypeError(
            "the order of words is unsigned and their right shift logical: write ult() and lshr() from checker.logic"
        )

    __lt__ = __le__ = __gt__ = __ge__ = __rshift__ = _ambiguous

    def __repr__(self) -> str:
        if self.op == "const":
            return hex(self.data) if self.width else str(self.data)
        if self.op == "var":
            return str(self.data)
        inner = ", ".join(map(repr, self.args))
        return f"{self.op}{list(self.data) if self.data else ''}({inner})"


def constant(value: int | bool, width: int) -> Term:
    """The constant of a width; a word's value is taken modulo two to the width."""
    if width == BOOL:
        return TRUE if value else FALSE
    return Term("const", (), width, int(value) & ((1 << width) - 1))


def variable(name: str, width: int) -> Term:
    """A named unknown of a width in bits, or :data:`BOOL`."""
    return Term("var", (), width, name)


TRUE = Term("const", (), BOOL, True)
FALSE = Term("const", (), BOOL, False)


def coerce(value: Any, width: int) -> Term:
    """The value as a term of this width.

    Raises:
        TypeError: the value is of another width or sort.
    """
    if isinstance(value, Term):
        if value.width != width:
            raise TypeError(f"a value of {_sort(value.width)} where {_sort(width)} is needed: {value!r}")
        return value
    if isinstance(value, bool) != (width == BOOL) or not isinstance(value, int):
        raise TypeError(f"{value!r} where {_sort(width)} is needed")
    if width and not -(1 << width) <= value < 1 << width:
        raise TypeError(f"{value:#x} does not fit into {_sort(width)}")
    return constant(value, width)


def _sort(width: int) -> str:
    return "Bool" if width == BOOL else f"a {width}-bit word"


def word_op(op: str, left: Term, right: Any) -> Term:
    """An operator on two words of one width, constants folded."""
    if left.width == BOOL:
        raise TypeError(f"{op} needs words, not Booleans: write both(), either(), no()")
    if op in ("shl", "lshr") and isinstance(right, int) and right >= left.width:
        return constant(0, left.width)
    other = coerce(right, left.width)
    mask = (1 << left.width) - 1
    if left.op == "const" and other.op == "const":
        return constant(_WORD_BINARY[op](left.data, other.data, mask), left.width)
    if op in _COMMUTATIVE and left.op == "const":
        left, other = other, left
    if other.op == "const":
        simpler = _with_constant(op, left, other.data, mask)
        if simpler is not None:
            return simpler
    elif left is other and op in ("band", "bor"):
        return left
    return Term(op, (left, other), left.width)


def cut(term: Term, mask: int) -> Term:
    """A term with the bits outside a mask cleared; of a Boolean the mask is 0 or 1."""
    if term.width == BOOL:
        return term if mask else FALSE
    return word_op("band", term, mask)


def _with_constant(op: str, left: Term, value: int, mask: int) -> Term | None:
    """What a word operator with this constant on its right reduces to, if to anything."""
    if value == 0:
        return constant(0, left.width) if op in ("band", "mul") else left
    if value == mask and op in ("band", "bor"):
        return left if op == "band" else constant(mask, left.width)
    if op in ("band", "bor", "bxor") and left.op == op and left.args[1].op == "const":
        merged = _WORD_BINARY[op](left.args[1].data, value, mask)
        return word_op(op, left.args[0], merged)
    if op in ("shl", "lshr") and value >= left.width:
        return constant(0, left.width)
    return None


def equal(left: Term, right: Any) -> Term:
    """Equality of two values of one sort, as a Boolean term."""
    other = coerce(right, left.width)
    if left is other:
        return TRUE
    if left.op == "const" and other.op == "const":
        return FALSE
    if left.op == "const":
        left, other = other, left
    if left.width == BOOL and other.op == "const":
        return left if other.data else negate(left)
    return Term("eq", (left, other), BOOL)


def compare(op: str, left: Term, right: Any) -> Term:
    """An unsigned comparison (``ult`` or ``ule``) of two words."""
    other = coerce(right, left.width)
    if left.op == "const" and other.op == "const":
        return constant(_COMPARE[op](left.data, other.data), BOOL)
    return Term(op, (left, other), BOOL)


def negate(value: Term) -> Term:
    """Boolean negation."""
    coerce(value, BOOL)
    if value.op == "const":
        return constant(not value.data, BOOL)
    return value.args[0] if value.op == "not" else Term("not", (value,), BOOL)


def connect(op: str, values: Iterable[Any]) -> Term:
    """Conjunction (``and``) or disjunction (``or``) of Booleans, flattened."""
    absorbing, neutral = (FALSE, TRUE) if op == "and" else (TRUE, FALSE)
    kept: dict[int, Term] = {}
    negated: set[int] = set()
    for value in values:
        term = value if isinstance(value, Term) and value.width == BOOL else coerce(value, BOOL)
        for part in term.args if term.op == op else (term,):
            if part is neutral:
                continue
            opposite = part.args[0].serial in kept if part.op == "not" else part.serial in negated
            if part is absorbing or opposite:
                return absorbing
            kept[part.serial] = part
            if part.op == "not":
                negated.add(part.args[0].serial)
    if not kept:
        return neutral
    return next(iter(kept.values())) if len(kept) == 1 else Term(op, tuple(kept.values()), BOOL)


def choose(condition: Term, then: Any, otherwise: Any) -> Term:
    """If-then-else over two values of one sort."""
    coerce(condition, BOOL)
    if not isinstance(then, Term) and not isinstance(otherwise, Term) and not isinstance(then, bool):
        raise TypeError("ite() between two plain integers has no width: make one of them word_like(word, VALUE)")
    width = then.width if isinstance(then, Term) else otherwise.width if isinstance(otherwise, Term) else BOOL
    yes, no = coerce(then, width), coerce(otherwise, width)
    if condition.op == "const":
        return yes if condition.data else no
    if yes is no:
        return yes
    if condition.op == "not":
        condition, yes, no = condition.args[0], no, yes
    if width == BOOL:
        if yes.op == "const":
            return connect("or" if yes.data else "and", (condition if yes.data else negate(condition), no))
        if no.op == "const":
            return connect("or" if no.data else "and", (negate(condition) if no.data else condition, yes))
    return Term("ite", (condition, yes, no), width)


def extract(value: Term, high: int, low: int) -> Term:
    """Bits ``high`` down to ``low``, both included, as a word of their own."""
    if not 0 <= low <= high < value.width:
        raise ValueError(f"bits {high}..{low} of {_sort(value.width)}")
    width = high - low + 1
    if width == value.width:
        return value
    if value.op == "const":
        return constant(value.data >> low, width)
    return Term("extract", (value,), width, (high, low))


def extend(value: Term, width: int) -> Term:
    """The word widened with zeros to ``width`` bits."""
    if width == value.width:
        return value
    if value.op == "const":
        return constant(value.data, width)
    return Term("zext", (value,), width)


def subterms(roots: Iterable[Term], seen: set[int] | None = None) -> list[Term]:
    """Every term the roots are made of, operands before their users, each once.

    Args:
        roots: the terms.
        seen: serial numbers of terms to leave out, with what they are made of; those of whatever is found are added.
    """
    order: list[Term] = []
    seen = set() if seen is None else seen
    for root in roots:
        if root.serial not in seen:
            _visit(root, seen, order)
    return order


def _visit(root: Term, seen: set[int], order: list[Term]) -> None:
    """Appends a root's new subterms; its own stack, since terms may be deeper than Python's.

    Terms are told apart by their serial numbers, which hash without a call of Python.
    """
    seen.add(root.serial)
    stack = [(root, iter(root.args))]
    while stack:
        term, operands = stack[-1]
        for operand in operands:
            if operand.serial not in seen:
                seen.add(operand.serial)
                if operand.args:
                    stack.append((operand, iter(operand.args)))
                    break
                order.append(operand)
        else:
            order.append(term)
            stack.pop()


def fold(term: Term, args: tuple[Any, ...]) -> int | bool:
    """The value of one operator on plain integers and Booleans."""
    op = term.op
    if op == "const":
        return term.data  # type: ignore[no-any-return]
    if op in _WORD_BINARY:
        return _WORD_BINARY[op](args[0], args[1], (1 << term.width) - 1)
    if op in _COMPARE:
        return _COMPARE[op](args[0], args[1])
    if op == "and":
        return all(args)
    if op == "or":
        return any(args)
    if op == "not":
        return not args[0]
    if op == "ite":
        return args[1] if args[0] else args[2]  # type: ignore[no-any-return]
    if op == "extract":
        return (args[0] >> term.data[1]) & ((1 << term.width) - 1)  # type: ignore[no-any-return]
    if op == "zext":
        return args[0]  # type: ignore[no-any-return]
    raise KeyError(f"no evaluation for {op}")


def evaluate(roots: Iterable[Term], values: Mapping[Term, int | bool]) -> list[int | bool]:
    """The roots' values on plain integers, given a value for each variable."""
    roots = list(roots)
    known: dict[Term, Any] = dict(values)
    for term in subterms(roots):
        if term not in known:
            known[term] = fold(term, tuple(known[a] for a in term.args))
    return [known[root] for root in roots]


def rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    """The same operator on other operands, simplified anew."""
    op = term.op
    if op in _WORD_BINARY:
        return word_op(op, args[0], args[1])
    if op == "eq":
        return equal(args[0], args[1])
    if op in ("ult", "ule"):
        return compare(op, args[0], args[1])
    if op in ("and", "or"):
        return connect(op, args)
    if op == "not":
        return negate(args[0])
    if op == "ite":
        return choose(args[0], args[1], args[2])
    if op == "extract":
        return extract(args[0], *term.data)
    if op == "zext":
        return extend(args[0], term.width)
    return term


def substitute(roots: Iterable[Term], values: Mapping[Term, Term]) -> list[Term]:
    """The roots with variables replaced by terms of the same sort."""
    roots = list(roots)
    done = {term.serial: value for term, value in values.items()}
    for term in subterms(roots):
        if term.serial not in done:
            done[term.serial] = rebuild(term, tuple([done[a.serial] for a in term.args])) if term.args else term
    return [done[root.serial] for root in roots]
