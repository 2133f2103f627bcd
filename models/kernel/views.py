"""Parts of a value, and memory that is read or written as another type."""

from __future__ import annotations

from collections.abc import Sequence

from checker import terms
from checker.terms import Term
from models.kernel.values import (
    WIDTH,
    Hop,
    Pointer,
    Struct,
    StructType,
    Type,
    Union,
    UnionType,
    Value,
    member_of,
    scalar,
    wrap,
)
from models.kernel.words import Abi, IntType, Undefined, Word, convert, reversed_bytes


def inside(value: Value, path: Sequence[Hop], abi: Abi) -> Value:
    """The part of a value that a path leads to."""
    for step in path:
        found = member_of(value, step) if isinstance(step, str) else seen_as(value, step, abi)
        assert found is not None
        value = found
    return value


def with_inside(value: Value, path: Sequence[Hop], new: Value, abi: Abi) -> Value:
    """The value with the part replaced that a path leads to.

    Raises:
        Undefined: what is put into a union was never set.
    """
    if not path:
        return new
    step = path[0]
    inner = with_inside(inside(value, (step,), abi), path[1:], new, abi)
    if not isinstance(step, str):
        return seen_as(inner, value.type, abi)
    if isinstance(value, Struct):
        return Struct(value.type, {**value.members, step: inner})
    assert isinstance(value, Union)
    view = value.type.view(step)
    assert view is not None
    kept = terms.word_op("band", value.term, ~view.mask)
    moved = terms.word_op("shl", terms.extend(scalar(inner).term, value.type.bits), view.lowest)
    return Union(value.type, terms.word_op("bor", kept, moved), value.known | view.mask)


def seen_as(value: Value, kind: Type, abi: Abi) -> Value:
    """What memory that holds a value is when it is read as another type: integers of the same bits, in any structure.

    Raises:
        Undefined: the two do not have the same bits, or hold something else than integers of one width.
    """
    if value.type == kind or (isinstance(value.type, Pointer) and isinstance(kind, Pointer)):
        return value
    parts, wanted = _leaves(value.type), _leaves(kind)
    bits = sum(part.bits for part in parts)
    if bits != sum(part.bits for part in wanted) or bits > WIDTH:
        raise Undefined("memory that is read or written as a type of another size")
    if len(parts) == len(wanted) == 1:
        return wrap(kind, convert(scalar(value), wanted[0]).term)
    for leaves in (parts, wanted):
        if any(leaf.bits != leaves[0].bits or leaf.bits < 8 for leaf in leaves):
            raise Undefined("memory that is read or written as a type of another form")
    return _spread(kind, _packed(value, abi), abi)


def _leaves(kind: Type) -> list[IntType]:
    """The integers of a type in the order of their addresses."""
    if isinstance(kind, IntType):
        return [kind]
    if isinstance(kind, StructType):
        return [leaf for _, member in kind.members for leaf in _leaves(member)]
    if isinstance(kind, UnionType):
        return [IntType(kind.bits, False)]
    raise Undefined("memory that holds a pointer and is read or written as something else")


def _packed(value: Value, abi: Abi) -> Term:
    """The bits of a value as one word, as memory has them."""
    if not isinstance(value, Struct):
        found = scalar(value)
        return reversed_bytes(found.term) if found.type.swapped else found.term
    members = [_packed(value.members[name], abi) for name, _ in value.type.members]
    whole = members[0]
    for term in members[1:]:
        low, high = (term, whole) if abi.big_endian else (whole, term)
        wide = terms.word_op("shl", terms.extend(high, low.width + high.width), low.width)
        whole = terms.word_op("bor", wide, terms.extend(low, low.width + high.width))
    return whole


def _spread(kind: Type, term: Term, abi: Abi) -> Value:
    """The opposite of :func:`_packed`."""
    if isinstance(kind, IntType):
        return Word(kind, reversed_bytes(term) if kind.swapped else term)
    if isinstance(kind, UnionType):
        return Union(kind, term)
    assert isinstance(kind, StructType)
    members: dict[str, Value] = {}
    for name, member in kind.members:
        bits, left = sum(leaf.bits for leaf in _leaves(member)), term.width
        high = left - 1 if abi.big_endian else bits - 1
        members[name] = _spread(member, terms.extract(term, high, high - bits + 1), abi)
        if left > bits:
            term = terms.extract(term, left - bits - 1, 0) if abi.big_endian else terms.extract(term, left - 1, bits)
    return Struct(kind, members)
