"""What a C expression can be here: an integer, a structure of integers, or a thing known only by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from checker import terms
from checker.terms import Term
from models.kernel.words import Abi, IntType, Undefined, Word, as_word, number

WIDTH = 64
"""Bits of a helper's every argument and of its value."""


@dataclass(frozen=True, slots=True)
class StructType:
    """A structure, its members in order."""

    name: str
    members: tuple[tuple[str, Type], ...]


@dataclass(frozen=True, slots=True)
class View:
    """A member of a union, or of a structure without a name inside it.

    Attributes:
        name: the member's.
        type: the member's.
        lowest: the place of its least significant bit in the union.
    """

    name: str
    type: Type
    lowest: int


@dataclass(frozen=True, slots=True)
class UnionType:
    """A union: one word, and what can be seen of it.

    Attributes:
        name: where it is defined.
        bits: its width.
        views: its members.
    """

    name: str
    bits: int
    views: tuple[View, ...]

    def view(self, name: str) -> View | None:
        """The member of a name."""
        return next((view for view in self.views if view.name == name), None)


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer to something with this name; nothing can be done with it but pass it on."""

    to: str


@dataclass(frozen=True, slots=True)
class Void:
    """No value."""


Type = IntType | StructType | UnionType | Pointer | Void


@dataclass(frozen=True, slots=True)
class Struct:
    """A structure's value, member name -> value."""

    type: StructType
    members: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Union:
    """A union's value: all its bits."""

    type: UnionType
    term: Term


@dataclass(frozen=True, slots=True)
class Opaque:
    """A pointer that is only passed on: to a ``vm_area_struct``, to a ``page`` with its frame number, or to an address.

    Attributes:
        type: what it points to.
        frame: the frame number of the page.
        address: the pointer as a number, where it was made from one.
    """

    type: Pointer
    frame: Term | None = None
    address: Term | None = None


@dataclass(frozen=True, slots=True)
class Unset:
    """A variable before its first assignment."""

    type: Type


Value = Word | Struct | Union | Opaque | Unset


def zero(kind: Type) -> Value:
    """The value of a type with every bit clear."""
    if isinstance(kind, IntType):
        return number(0, kind)
    if isinstance(kind, StructType):
        return Struct(kind, {name: zero(member) for name, member in kind.members})
    if isinstance(kind, UnionType):
        return Union(kind, terms.constant(0, kind.bits))
    raise Undefined("a null pointer")


def unset(kind: Type) -> Value:
    """A variable of a type that was not assigned yet; a structure's members can be set one by one."""
    if isinstance(kind, StructType):
        return Struct(kind, {name: unset(member) for name, member in kind.members})
    return Unset(kind)


def choose(condition: Term, then: Value, otherwise: Value) -> Value:
    """The value that a variable has after an ``if``; unset where either branch leaves it so.

    Raises:
        Undefined: the two have different types.
    """
    if then is otherwise:
        return then
    if isinstance(then, Unset) or isinstance(otherwise, Unset):
        return Unset(then.type)
    if then.type != otherwise.type:
        raise Undefined("two branches with values of different types")
    if isinstance(then, Word) and isinstance(otherwise, Word):
        return Word(then.type, terms.choose(condition, then.term, otherwise.term))
    if isinstance(then, Struct) and isinstance(otherwise, Struct):
        members = {name: choose(condition, value, otherwise.members[name]) for name, value in then.members.items()}
        return Struct(then.type, members)
    if isinstance(then, Union) and isinstance(otherwise, Union):
        return Union(then.type, terms.choose(condition, then.term, otherwise.term))
    raise Undefined("a choice between two pointers")


def member_of(value: Value, name: str) -> Value | None:
    """A member of a structure or union; None if it has none of that name."""
    if isinstance(value, Struct):
        return value.members.get(name)
    view = value.type.view(name) if isinstance(value.type, UnionType) else None
    if view is None:
        return None
    if not isinstance(value, Union):
        return unset(view.type)
    return wrap(view.type, terms.extract(value.term, view.lowest + width_of(view.type) - 1, view.lowest))


def with_member(value: Value, path: list[str], new: Value) -> Value:
    """The value with one member, reached through others, replaced.

    Raises:
        Undefined: a part of a union whose rest was never set.
    """
    if not path:
        return new
    old = member_of(value, path[0])
    assert old is not None
    inner = with_member(old, path[1:], new)
    if isinstance(value, Struct):
        return Struct(value.type, {**value.members, path[0]: inner})
    assert isinstance(value.type, UnionType)
    view = value.type.view(path[0])
    assert view is not None
    return _with_view(value, value.type, view, inner)


def _with_view(value: Value, kind: UnionType, view: View, new: Value) -> Value:
    width = width_of(view.type)
    term = scalar(new).term
    if width < kind.bits:
        if not isinstance(value, Union):
            raise Undefined("a part of a union whose rest was never set")
        kept = terms.word_op("band", value.term, ~(((1 << width) - 1) << view.lowest))
        moved = terms.word_op("shl", terms.extend(term, kind.bits), view.lowest)
        term = terms.word_op("bor", kept, moved)
    return Union(kind, term)


def scalar(value: Value) -> Word:
    """The one integer that a value holds, through structures of one member.

    Raises:
        Undefined: there is none, or more than one.
    """
    while isinstance(value, Struct) and len(value.members) == 1:
        value = next(iter(value.members.values()))
    if isinstance(value, Word):
        return value
    if isinstance(value, Union):
        return Word(IntType(value.type.bits, False), value.term)
    if isinstance(value, Unset):
        raise Undefined("a value that was never set")
    raise Undefined("a value that is not one integer")


def wrap(kind: Type, term: Term) -> Value:
    """The value of a type made from a word of 64 bits: an integer, or the members of a structure one after another.

    The first member has the lowest bits, as ``pte_low`` has in every two-word entry, whatever the byte order.

    Raises:
        Undefined: the type does not fit.
    """
    if isinstance(kind, IntType) and kind.bits <= term.width:
        return Word(kind, terms.extract(term, kind.bits - 1, 0))
    if isinstance(kind, StructType):
        members: dict[str, Value] = {}
        for name, member in kind.members:
            members[name] = wrap(member, term)
            term = terms.word_op("lshr", term, min(width_of(member), term.width - 1))
        if width_of(kind) <= term.width:
            return Struct(kind, members)
    if isinstance(kind, UnionType) and kind.bits <= term.width:
        return Union(kind, terms.extract(term, kind.bits - 1, 0))
    raise Undefined("a parameter that does not fit a word")


def joined(value: Value, abi: Abi) -> Term:
    """The opposite of :func:`wrap`: 64 bits.

    Raises:
        Undefined: the value holds something else than integers, or more than 64 bits of them.
    """
    if isinstance(value, Struct) and len(value.members) > 1:
        return _bits(value)
    # an entry is the number that the CPU reads, whatever the order of its bytes in memory
    number_held = scalar(value)
    return as_word(Word(replace(number_held.type, swapped=False), number_held.term), abi)


def _bits(value: Value) -> Term:
    """The integers of a value one after another, as 64 bits."""
    if not isinstance(value, Struct) or len(value.members) < 2:
        return terms.extend(scalar(value).term, WIDTH)
    if width_of(value.type) > WIDTH:
        raise Undefined("a value of more than 64 bits")
    found, place = terms.constant(0, WIDTH), 0
    for name, member in value.type.members:
        found = terms.word_op("bor", found, terms.word_op("shl", _bits(value.members[name]), place))
        place += width_of(member)
    return found


def width_of(kind: Type) -> int:
    """The bits of all integers of a type.

    Raises:
        Undefined: it holds something else.
    """
    if isinstance(kind, IntType):
        return max(kind.bits, 8)
    if isinstance(kind, StructType):
        return sum(width_of(member) for _, member in kind.members)
    if isinstance(kind, UnionType):
        return kind.bits
    raise Undefined("a type that holds no integer")
