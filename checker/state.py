"""State as a model author writes it (nested frozen dataclasses and tuples) and as engines need it (flat leaves)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any

from checker.records import dataclass, field_names, is_record
from checker.terms import BOOL, Term
from checker.words import Word


@dataclass(frozen=True)
class Sort:
    """The type of one leaf of a state.

    Attributes:
        width: number of bits, :data:`checker.terms.BOOL` for a Boolean.
        names: for an enumeration, the name of each value; otherwise empty.
    """

    width: int
    names: tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        """An enumeration that names fewer values than its width can hold."""
        return bool(self.names) and len(self.names) < 1 << self.width

    def show(self, value: int | bool) -> str:
        """The value for a reader: yes/no, an enumeration's name, or hexadecimal."""
        if self.width == BOOL:
            return "yes" if value else "no"
        return self.names[value] if self.names and value < len(self.names) else f"{value:#x}"


Bool = Sort(BOOL)


def Bits(width: int) -> Sort:  # noqa: N802 - reads as a type in a state's declaration
    """A word of that many bits, 1 to 64 and beyond."""
    if width < 1:
        raise ValueError(f"a word of {width} bits")
    return Sort(width)


def Enum(*names: str) -> Sort:  # noqa: N802 - reads as a type in a state's declaration
    """One of the named values; in a model the first is 0, the second 1, and so on."""
    return Sort(max(1, (len(names) - 1).bit_length()), names)


@dataclass(frozen=True)
class Fixed:
    """A part of a state that has one value in the system at hand and therefore is no variable.

    Attributes:
        value: that value; a state that has another one is an error of the model.
    """

    value: int | bool

    def check(self, found: Any) -> None:
        """Refuses a state in which this part has, or may have, another value.

        Raises:
            ValueError: it has.
        """
        known = _constant(found)
        if known is None or known != int(self.value):
            raise ValueError(f"a part of the state that is fixed to {self.value!r} was set to something else")


def _constant(value: Any) -> int | None:
    """A plain value, or a symbolic one that is a constant, as an integer; None for any other."""
    if isinstance(value, Term):
        return int(value.data) if value.op == "const" else None
    if not type(value).__module__.startswith("z3"):
        return int(value)
    import z3

    simple = z3.simplify(value)
    if z3.is_bv_value(simple):
        return int(simple.as_long())
    return int(z3.is_true(simple)) if z3.is_true(simple) or z3.is_false(simple) else None


@dataclass(frozen=True)
class Leaf:
    """One flat variable of a state: its path (``procs[0].entry``) and its sort."""

    path: str
    sort: Sort


@dataclass(frozen=True)
class Shape:
    """How to take a nested state apart into leaves and put it together again.

    Attributes:
        template: the state with a :class:`Sort` in every leaf.
        leaves: every leaf, in the order of declaration.
    """

    template: Any
    leaves: tuple[Leaf, ...]

    @classmethod
    def of(cls, template: Any) -> Shape:
        """The shape of a state whose leaves are sorts.

        Raises:
            TypeError: something in it is neither a sort, a fixed value, a tuple nor a dataclass.
        """
        return cls(template, tuple(_leaves(template, "")))

    def flatten(self, state: Any) -> tuple[Any, ...]:
        """The leaf values of a state, in the order of :attr:`leaves`.

        Raises:
            ValueError: a fixed part has another value.
        """
        values: list[Any] = []
        _collect(self._parts, (state,), values)
        return tuple(values)

    @cached_property
    def _parts(self) -> _Parts:
        return (_part(self.template),)

    @cached_property
    def _widths(self) -> tuple[int, ...]:
        return tuple(leaf.sort.width for leaf in self.leaves)

    def build(self, values: Sequence[Any]) -> Any:
        """The state with these leaf values; inverse of :meth:`flatten`."""
        (state,) = _build(self._parts, iter(values))
        return state

    def concrete(self, state: Any) -> tuple[int, ...]:
        """The leaf values of a state on plain integers, words cut to their width, Booleans as 0 and 1."""
        pairs = zip(self._widths, self.flatten(state), strict=True)
        return tuple([int(bool(v)) if width == BOOL else int(v) & ((1 << width) - 1) for width, v in pairs])

    def state(self, values: Sequence[int]) -> Any:
        """The state of plain integers with these leaf values: words wrap at their width, Booleans are real ones."""
        pairs = zip(self._widths, values, strict=True)
        return self.build([bool(v) if width == BOOL else Word(v, width) for width, v in pairs])

    def named(self, values: Sequence[int]) -> dict[str, int | bool]:
        """Leaf path -> value, for traces and JSON."""
        return {
            leaf.path: bool(v) if leaf.sort.width == BOOL else int(v)
            for leaf, v in zip(self.leaves, values, strict=True)
        }


def _children(template: Any, path: str) -> list[tuple[str, Any]]:
    if is_record(template):
        dot = "." if path else ""
        return [(f"{path}{dot}{name}", getattr(template, name)) for name in field_names(type(template))]
    if isinstance(template, tuple):
        return [(f"{path}[{i}]", item) for i, item in enumerate(template)]
    raise TypeError(f"{path or 'the state'}: {template!r} is neither Bool, Bits(n), Enum(...), a tuple nor a dataclass")


def _leaves(template: Any, path: str) -> list[Leaf]:
    if isinstance(template, Sort):
        return [Leaf(path, template)]
    if isinstance(template, Fixed):
        return []
    return [leaf for name, child in _children(template, path) for leaf in _leaves(child, name)]


_Parts = tuple[Any, ...]
"""What :func:`_part` says of each part of a record or a tuple."""


def _part(template: Any) -> Any:
    """A sort or a fixed value as it is; for a record or a tuple: how to take one apart, how to make one, and its parts."""
    if isinstance(template, (Sort, Fixed)):
        return template
    if isinstance(template, tuple):
        return (tuple, tuple, tuple(map(_part, template)))
    kind = type(template)
    names = field_names(kind)
    parts = tuple(_part(getattr(template, name)) for name in names)
    return (_getter(names), lambda values: kind(**dict(zip(names, values, strict=True))), parts)


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """The attributes of these names, as a tuple however many there are."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda state: tuple([getattr(state, name) for name in names])


def _collect(parts: _Parts, values: Sequence[Any], into: list[Any]) -> None:
    """Appends the leaf values, and checks the fixed ones; this is done for every step of a replay."""
    for part, value in zip(parts, values, strict=True):
        if type(part) is Sort:
            into.append(value)
        elif type(part) is Fixed:
            if value is not part.value:
                part.check(value)
        else:
            take, _, inner = part
            _collect(inner, take(value), into)


def _build(parts: _Parts, values: Iterator[Any]) -> list[Any]:
    """The other way round: the parts made of their leaves, which come from ``values``."""
    made: list[Any] = []
    for part in parts:
        if type(part) is Sort:
            made.append(next(values))
        elif type(part) is Fixed:
            made.append(part.value)
        else:
            _, make, inner = part
            made.append(make(_build(inner, values)))
    return made
