"""Atomic operations on a cell: exchange, compare and exchange, bit operations, each as one step.

Between two steps of a helper nothing else happens: what another CPU does meanwhile shows as a step before or after.
So a compare and exchange with what was just read succeeds, and a loop that repeats it until then ends at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

from checker import terms
from checker.terms import Term
from models.kernel.errors import Unsupported
from models.kernel.expressions import Expressions
from models.kernel.syntax import Call, Expression
from models.kernel.values import Reference, StructType, Value, choose, joined
from models.kernel.views import seen_as
from models.kernel.words import BOOL, Word, binary, convert, from_truth, inverted, number, truth

Operation = Callable[[Expressions, Call], Value | None]

_ORDERS = ("", "_relaxed", "_acquire", "_release", "_local")
_PREFIXES = ("", "arch_", "raw_")
_OPERATORS = {"and": "&", "or": "|", "xor": "^", "andnot": "&", "add": "+", "sub": "-"}


def _exchange(run: Expressions, call: Call) -> Value:
    place = _target(run, call.arguments[0])
    return run.exchange(place, run.converted(call.arguments[1], place.kind))


def _compare(run: Expressions, call: Call) -> Value:
    place = _target(run, call.arguments[0])
    expected = run.converted(call.arguments[1], place.kind)
    return _exchanged_if_equal(run, place, expected, call.arguments[2])[1]


def _try_compare(run: Expressions, call: Call) -> Value:
    place, kept = _target(run, call.arguments[0]), run.pointed(call.arguments[1])
    expected = run.load(kept)
    same, found = _exchanged_if_equal(run, place, seen_as(expected, place.kind, run.platform.abi), call.arguments[2])
    run.store(kept, choose(same, expected, seen_as(found, kept.kind, run.platform.abi)))
    return from_truth(same, BOOL)


def _exchanged_if_equal(
    run: Expressions, place: Reference, expected: Value, replacement: Expression
) -> tuple[Term, Value]:
    """Whether a cell held what was expected, and what it held."""
    new = run.converted(replacement, place.kind)
    found, abi = run.load(place), run.platform.abi
    same = terms.equal(joined(found, abi), joined(expected, abi))
    run.put(place, choose(same, new, found))
    return same, found


def _target(run: Expressions, pointer: Expression) -> Reference:
    """What a pointer leads to; of an ``atomic_long_t`` and its like, the integer."""
    place = run.pointed(pointer)
    kind = place.kind
    if isinstance(kind, StructType) and [name for name, _ in kind.members] == ["counter"]:
        return Reference(kind.members[0][1], place.cell, place.path)
    return place


def _integer(run: Expressions, pointer: Expression) -> tuple[Reference, Word]:
    place = _target(run, pointer)
    value = run.load(place)
    if not isinstance(value, Word):
        raise Unsupported("an atomic operation on something that is no integer", pointer.token)
    return place, value


def _read(run: Expressions, call: Call) -> Value:
    return _integer(run, call.arguments[0])[1]


def _set(run: Expressions, call: Call) -> None:
    place, old = _integer(run, call.arguments[0])
    run.store(place, run.converted(call.arguments[1], old.type))


def _store(run: Expressions, call: Call) -> None:
    """A store in one step, whatever was there."""
    place = run.pointed(call.arguments[0])
    run.store(place, run.converted(call.arguments[1], place.kind))


def _arithmetic(op: str, yields: bool, run: Expressions, call: Call) -> Value | None:
    """``atomic_long_and(value, pointer)`` and its like."""
    place, old = _integer(run, call.arguments[1])
    operand = run.converted(call.arguments[0], old.type)
    assert isinstance(operand, Word)
    new = binary(_OPERATORS[op], old, inverted(operand) if op == "andnot" else operand)
    run.put(place, convert(new, old.type))
    return old if yields else None


def _bit(op: str, yields: bool, plain: bool, run: Expressions, call: Call) -> Value | None:
    """``set_bit(number, pointer)`` and its like; the pointer leads to an ``unsigned long``."""
    index, kind = run.word(call.arguments[0]), run.platform.abi.ulong
    pointer = run.pointed(call.arguments[1])
    place = Reference(kind, pointer.cell, pointer.path)
    old = run.load(place)
    assert isinstance(old, Word)
    if index.term.op != "const" or index.term.data >= kind.bits:
        raise Unsupported("the number of a bit that is not constant, or not in its word", call.arguments[0].token)
    bit = number(1 << index.term.data, kind)
    if op != "test":
        new = {"set": ("|", bit), "clear": ("&", inverted(bit)), "change": ("^", bit)}[op]
        (run.store if plain else run.put)(place, binary(new[0], old, new[1]))
    return from_truth(truth(binary("&", old, bit).term)) if yields else None


def _operations() -> dict[str, tuple[int, Operation]]:
    found: dict[str, tuple[int, Operation]] = {}
    for prefix, order, size in product(_PREFIXES, _ORDERS, ("", "64")):
        found[f"{prefix}xchg{size}{order}"] = (2, _exchange)
        found[f"{prefix}cmpxchg{size}{order}"] = (3, _compare)
        found[f"{prefix}try_cmpxchg{size}{order}"] = (3, _try_compare)
    for prefix, order, kind in product(_PREFIXES, _ORDERS, ("atomic", "atomic_long", "atomic64")):
        name = f"{prefix}{kind}"
        found |= {f"{name}_read{order}": (1, _read), f"{name}_set{order}": (2, _set)}
        found |= {f"{name}_xchg{order}": (2, _exchange), f"{name}_cmpxchg{order}": (3, _compare)}
        found[f"{name}_try_cmpxchg{order}"] = (3, _try_compare)
        for op in _OPERATORS:
            found[f"{name}_{op}"] = (2, partial(_arithmetic, op, False))
            found[f"{name}_fetch_{op}{order}"] = (2, partial(_arithmetic, op, True))
    for prefix, op in product((*_PREFIXES, "__"), ("set", "clear", "change")):
        found[f"{prefix}{op}_bit"] = (2, partial(_bit, op, False, prefix == "__"))
        found[f"{prefix}test_and_{op}_bit"] = (2, partial(_bit, op, True, prefix == "__"))
    return {**found, "set_64bit": (2, _store), "test_bit": (2, partial(_bit, "test", True, False))}


OPERATIONS = _operations()
"""Name -> how many arguments it takes, and what it does."""


def operate(run: Expressions, call: Call) -> Value | None:
    """The value of an atomic operation, if it has one.

    Raises:
        Unsupported: its target is not known, or not what it works on.
    """
    count, operation = OPERATIONS[call.token.text]
    if len(call.arguments) != count:
        raise Unsupported(f"{call.token.text}() takes {count} arguments", call.token)
    return operation(run, call)
