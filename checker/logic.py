"""The words a model is written in: functions that accept plain values, the checker's terms and Z3 terms alike.

A helper such as ``ite((pte & W) != 0, pte | D, pte)`` is one line of text that replay runs on integers, the
engines run on :class:`checker.terms.Term`, and anybody may run on Z3 bit-vectors. Words are unsigned; plain
integers stand for words and plain Booleans for conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from checker import terms
from checker.terms import Term
from checker.words import Word

_OF_Z3: dict[type, bool] = {}
"""Whether a type is one of Z3's, for every type that was met."""


def _is_z3(value: Any) -> bool:
    kind = type(value)
    if kind not in _OF_Z3:
        _OF_Z3[kind] = kind.__module__.startswith("z3")
    return _OF_Z3[kind]


def _any_z3(values: Sequence[Any]) -> bool:
    return any(_is_z3(value) for value in values)


def both(*conditions: Any) -> Any:
    """True when every condition holds."""
    plain = True  # replay asks this very often
    for value in conditions:
        if not isinstance(value, int):
            if isinstance(value, Term):
                return terms.connect("and", conditions)
            plain = False
    if not plain and _any_z3(conditions):
        import z3

        return z3.And(*conditions)
    return all(conditions)


def either(*conditions: Any) -> Any:
    """True when at least one condition holds."""
    plain = True  # replay asks this very often
    for value in conditions:
        if not isinstance(value, int):
            if isinstance(value, Term):
                return terms.connect("or", conditions)
            plain = False
    if not plain and _any_z3(conditions):
        import z3

        return z3.Or(*conditions)
    return any(conditions)


def no(condition: Any) -> Any:
    """True when the condition does not hold."""
    if isinstance(condition, int):
        return not condition
    if isinstance(condition, Term):
        return terms.negate(condition)
    if _is_z3(condition):
        import z3

        return z3.Not(condition)
    return not condition


def implies(premise: Any, conclusion: Any) -> Any:
    """True unless the premise holds and the conclusion does not."""
    return either(no(premise), conclusion)


def same(left: Any, right: Any) -> Any:
    """True when two values of one sort are equal; for Booleans, when both or neither hold."""
    if isinstance(right, Term) and not isinstance(left, Term):
        return right == left
    return left == right


_watchers: list[Callable[[Term], None]] = []


@contextmanager
def watching(watcher: Callable[[Term], None]) -> Iterator[None]:
    """Within the block :func:`ite` tells ``watcher`` every symbolic condition it is called with, before it is used."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.pop()


def ite(condition: Any, then: Any, otherwise: Any) -> Any:
    """``then`` where the condition holds, ``otherwise`` elsewhere; at least one of two words must be symbolic."""
    if isinstance(condition, int):
        return then if condition else otherwise
    if isinstance(condition, Term):
        if _watchers:
            _watchers[-1](condition)
        return terms.choose(condition, then, otherwise)
    if _is_z3(condition):
        import z3

        if not _is_z3(then) and not _is_z3(otherwise) and not isinstance(then, bool):
            raise TypeError("ite() between two plain integers has no width: make one of them word_like(word, VALUE)")
        return z3.If(condition, then, otherwise)
    return then if condition else otherwise


def word_like(like: Any, value: int) -> Any:
    """A constant as a word of the width of ``like``; needed where both branches of :func:`ite` are constants."""
    if isinstance(like, Term):
        return terms.constant(value, like.width)
    if _is_z3(like):
        import z3

        return z3.BitVecVal(value, like.size())
    return Word(value, like.width) if isinstance(like, Word) else value


def fits(value: int, like: Any) -> bool:
    """Whether a constant is a value of the width of ``like``; always, if that is a plain integer without one."""
    width = like.size() if not isinstance(like, int) and _is_z3(like) else getattr(like, "width", None)
    return width is None or value < 1 << width


def ult(left: Any, right: Any) -> Any:
    """Unsigned less-than of two words."""
    if isinstance(left, Term):
        return terms.compare("ult", left, right)
    if isinstance(right, Term):
        return terms.compare("ult", terms.coerce(left, right.width), right)
    if _any_z3((left, right)):
        import z3

        return z3.ULT(left, right)
    return left < right


def lshr(value: Any, amount: int) -> Any:
    """The word shifted right by a constant number of bits, zeros moving in."""
    if isinstance(value, Term):
        return terms.word_op("lshr", value, amount)
    if _is_z3(value):
        import z3

        return z3.LShR(value, amount)
    return value >> amount


def select(items: Sequence[Any], index: Any) -> Any:
    """``items[index]`` for a word index that is below ``len(items)``."""
    if isinstance(index, int):
        return items[index]
    return reduce(lambda rest, k: ite(index == k, items[k], rest), range(len(items) - 2, -1, -1), items[-1])
