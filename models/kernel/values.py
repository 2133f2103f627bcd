"""What a C expression can be here: an integer, a structure or union, a reference to a cell, or a thing known by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from checker import terms
from checker.terms import Term
from models.kernel.errors import Unsupported
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

    @property
    def mask(self) -> int:
        """Its bits in the union."""
        return (1 << width_of(self.type)) - 1 << self.lowest


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
    """A pointer to something with this name.

    Attributes:
        to: what it points to, as written; "" where that has no name.
        target: the type of that, where it has no name.
    """

    to: str
    target: Type | None = None


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
    """A union's value: its bits, and which of them were ever set."""

    type: UnionType
    term: Term
    known: int = -1


@dataclass(frozen=True, slots=True)
class Opaque:
    """A pointer that is only passed on: to a ``vm_area_struct``, or to a ``page`` with its frame number."""

    type: Pointer
    frame: Term | None = None


Hop = str | Type
"""One step from a value to a part of it: to the member of a name, or to itself seen as another type."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A pointer to a variable or an entry, or to a part of it; also what ``*p`` and ``p->member`` stand for.

    Attributes:
        kind: the type that it is read and written as.
        cell: which variable or entry.
        path: the steps that lead to the part.
    """

    kind: Type
    cell: int
    path: tuple[Hop, ...] = ()

    @property
    def type(self) -> Pointer:
        """Its own type."""
        return Pointer("", self.kind)


@dataclass(frozen=True, slots=True)
class Address:
    """An integer that was made a pointer; it can be made an integer again, but what lies there is not known."""

    type: Pointer
    word: Word


@dataclass(frozen=True, slots=True)
class Unset:
    """A variable before its first assignment, or one whose value is not understood.

    Attributes:
        type: its type.
        why: why its value is not understood; it is refused where it is needed.
    """

    type: Type
    why: Unsupported | None = None


Value = Word | Struct | Union | Opaque | Reference | Address | Unset


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
    """A variable of a type that was not assigned yet; the members of a structure or union can be set one by one."""
    if isinstance(kind, StructType):
        return Struct(kind, {name: unset(member) for name, member in kind.members})
    if isinstance(kind, UnionType):
        return Union(kind, terms.constant(0, kind.bits), known=0)
    return Unset(kind)


def choose(condition: Term, then: Value, otherwise: Value) -> Value:
    """The value that a variable has after an ``if``; unset where either branch leaves it so.

    Raises:
        Undefined: the two have different types.
    """
    if then is otherwise:
        return then
    if isinstance(then, Unset) or isinstance(otherwise, Unset):
        return then if isinstance(then, Unset) else otherwise
    if isinstance(then.type, Pointer) and _same_pointer(then, otherwise):
        return then
    if then.type != otherwise.type:
        what = "pointers" if isinstance(then.type, Pointer) else "values of different types"
        raise Undefined(f"two branches with {what}")
    if isinstance(then, Word) and isinstance(otherwise, Word):
        return Word(then.type, terms.choose(condition, then.term, otherwise.term))
    if isinstance(then, Struct) and isinstance(otherwise, Struct):
        members = {name: choose(condition, value, otherwise.members[name]) for name, value in then.members.items()}
        return Struct(then.type, members)
    if isinstance(then, Union) and isinstance(otherwise, Union):
        known = then.known & otherwise.known
        return Union(then.type, terms.choose(condition, then.term, otherwise.term), known)
    if isinstance(then, Address) and isinstance(otherwise, Address):
        return Address(then.type, Word(then.word.type, terms.choose(condition, then.word.term, otherwise.word.term)))
    raise Undefined("a choice between two pointers")


def _same_pointer(left: Value, right: Value) -> bool:
    """Whether two pointers are known to be the same; of things known only by name, nothing is read or written."""
    if isinstance(left, Reference) and isinstance(right, Reference):
        return (left.cell, left.path) == (right.cell, right.path)
    return isinstance(left, Opaque) and isinstance(right, Opaque) and left.frame is right.frame


def member_type(kind: Type, name: str) -> Type | None:
    """The type of a member of a structure or union; None if it has none of that name."""
    if isinstance(kind, UnionType):
        view = kind.view(name)
        return view.type if view else None
    return dict(kind.members).get(name) if isinstance(kind, StructType) else None


def member_of(value: Value, name: str) -> Value | None:
    """A member of a structure or union; None if it has none of that name."""
    if isinstance(value, Struct):
        return value.members.get(name)
    view = value.type.view(name) if isinstance(value, Union) else None
    if view is None:
        return None
    assert isinstance(value, Union)
    if ~value.known & view.mask:
        return unset(view.type)
    return wrap(view.type, terms.extract(value.term, view.lowest + width_of(view.type) - 1, view.lowest))


def scalar(value: Value) -> Word:
    """The one integer that a value holds, through structures of one member.

    Raises:
        Undefined: there is none, or more than one.
    """
    while isinstance(value, Struct) and len(value.members) == 1:
        value = next(iter(value.members.values()))
    if isinstance(value, Word):
        return value
    if isinstance(value, Union) and not ~value.known & (1 << value.type.bits) - 1:
        return Word(IntType(value.type.bits, False), value.term)
    if isinstance(value, Unset | Union):
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
    while isinstance(value, Struct) and len(value.members) == 1:
        value = next(iter(value.members.values()))
    if isinstance(value, Struct):
        return _bits(value)
    # an entry is the number that the CPU reads, whatever the order of its bytes in memory
    held = scalar(value)
    return as_word(Word(replace(held.type, swapped=False), held.term) if held.type.swapped else held, abi)


def _bits(value: Value) -> Term:
    """The integers of a value one after another, as 64 bits."""
    if not isinstance(value, Struct):
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
