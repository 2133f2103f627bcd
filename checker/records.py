"""Data classes that cost little to declare: the part of ``dataclasses`` that is used here, with its words and rules.

Each command declares some sixty records before it begins. For each of them the standard library writes and compiles six
methods, and loads ``inspect`` for that: a quarter of the time of a short command. Here the constructor is compiled when
the first record of a class is made, and the other methods are shared. To a type checker, to a reader and to the functions
of ``dataclasses`` such a class is a data class. What is not used here (slots, order, methods of one's own in place of the
generated ones) is refused or not there; :mod:`dataclasses` has it.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ("dataclass", "field", "field_names", "is_record", "replace")

_NOTHING: Any = type("_Nothing", (), {"__repr__": lambda _: "a new one"})()
"""Stands for a default that is not there, or that is made anew for each record."""


class _Field:
    """What a class says of one field."""

    __slots__ = ("compare", "default", "factory", "kw_only", "name", "shown")

    def __init__(self, default: Any, factory: Any, shown: bool, compare: bool, kw_only: bool) -> None:
        self.name, self.default, self.factory = "", default, factory
        self.shown, self.compare, self.kw_only = shown, compare, kw_only


class _Record:
    """What is known of a class.

    Attributes:
        fields, names: its fields.
        frozen: its records are.
        plain: the number of fields, where a record is no more than their values; -1 where its constructor does more.
        values: what two records are compared by.
    """

    __slots__ = ("fields", "frozen", "names", "plain", "values")

    def __init__(self, fields: tuple[_Field, ...], frozen: bool, more: bool) -> None:
        self.fields, self.frozen = fields, frozen
        self.names = tuple([item.name for item in fields])
        self.plain = -1 if more else len(fields)
        self.values = _values([item.name for item in fields if item.compare])


def _values(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What two records are compared by, as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple([getattr(record, name) for name in names])


def _field(
    *,
    default: Any = _NOTHING,
    default_factory: Any = _NOTHING,
    repr: bool = True,  # noqa: A002 - the name it has in dataclasses
    compare: bool = True,
    kw_only: bool = False,
) -> Any:
    return _Field(default, default_factory, repr, compare, kw_only)


def _dataclass(kind: Any = None, /, *, frozen: bool = False, eq: bool = True) -> Any:
    if kind is None:
        return lambda kind: _declare(kind, frozen, eq)
    return _declare(kind, frozen, eq)


def _replace(record: Any, /, **changes: Any) -> Any:
    kind = type(record)
    known = getattr(kind, "__record__", None)
    if known is None:
        import dataclasses

        return dataclasses.replace(record, **changes)
    made = object.__new__(kind)
    values = made.__dict__
    values.update(record.__dict__)
    values.update(changes)
    if len(values) == known.plain:
        return made
    # A constructor that does more, an attribute that is no field, or a change of what is none.
    for name in known.names:
        changes.setdefault(name, getattr(record, name))
    return kind(**changes)


def is_record(value: Any) -> bool:
    """Whether a value is a record; a class is none."""
    return hasattr(type(value), "__record__") or hasattr(type(value), "__dataclass_fields__")


def field_names(kind: type) -> tuple[str, ...]:
    """The names of the fields of a data class, declared here or elsewhere, in order; none of any other class."""
    names = _NAMES.get(kind)
    if names is None:
        record = getattr(kind, "__record__", None)
        names = _NAMES[kind] = record.names if record else tuple(getattr(kind, "__dataclass_fields__", ()))
    return names


_NAMES: dict[type, tuple[str, ...]] = {}
"""The answers of :func:`field_names`, which is asked of every part of every state."""


def _declare(kind: Any, frozen: bool, eq: bool) -> Any:
    """Makes a class a data class."""
    own = kind.__dict__
    fields: dict[str, _Field] = {}
    for base in reversed(kind.__mro__[1:-1]):
        known = base.__dict__.get("__record__")
        if known is None and "__dataclass_fields__" in base.__dict__:
            raise TypeError(f"{kind.__name__}: {base.__name__} is a data class that was declared elsewhere")
        if known and known.frozen != frozen:
            raise TypeError(f"{kind.__name__}: {base.__name__} is {'' if known.frozen else 'not '}frozen")
        fields |= {item.name: item for item in known.fields} if known else {}
    for name in kind.__annotations__:  # its own; since 3.10 a class has none of its bases'
        fields[name] = _declared(kind, name)
    replaced = [name for name in ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__") if name in own]
    if replaced:
        raise TypeError(f"{kind.__name__}: has methods of its own: {', '.join(replaced)}")
    record = kind.__record__ = _Record(tuple(fields.values()), frozen, hasattr(kind, "__post_init__"))
    kind.__match_args__ = tuple(item.name for item in record.fields if not item.kw_only)  # type: ignore[misc]
    kind.__init__, kind.__repr__ = _first_init(kind), _repr
    if eq:
        kind.__eq__, kind.__hash__ = _eq, _hash if frozen else None
    if frozen:
        kind.__setattr__, kind.__delattr__ = _set, _delete
    kind.__dataclass_fields__, kind.__dataclass_params__ = _STANDARD_FIELDS, _STANDARD_PARAMS
    return kind


def _declared(kind: Any, name: str) -> _Field:
    """The field of an annotation in a class; there the default takes the place of what :func:`_field` says."""
    said = kind.__dict__.get(name, _NOTHING)
    if type(said) is not _Field:
        said = _Field(said, _NOTHING, True, True, False)
    elif said.default is _NOTHING:
        delattr(kind, name)
    else:
        setattr(kind, name, said.default)
    if isinstance(said.default, (list, dict, set)):
        raise ValueError(f"{kind.__name__}.{name}: all records would share one {type(said.default).__name__}")
    said.name = name
    return said


def _first_init(kind: Any) -> Callable[..., None]:
    """A constructor that makes the real one when it is called first."""

    def __init__(self: Any, /, *args: Any, **values: Any) -> None:  # noqa: N807 - for messages
        if kind.__init__ is __init__:
            kind.__init__ = _init(kind)
        kind.__init__(self, *args, **values)

    return __init__


def _init(kind: Any) -> Callable[..., None]:
    """The constructor as one would write it. It puts values where a frozen record, too, keeps them."""
    scope: dict[str, Any] = {"_nothing": _NOTHING}
    parameters, lines = [], []
    fields = kind.__record__.fields
    for item in fields:
        name = item.name
        default = item.default is not _NOTHING or item.factory is not _NOTHING
        scope[f"_default_{name}"], scope[f"_make_{name}"] = item.default, item.factory
        parameters.append((item.kw_only, f"{name}=_default_{name}" if default else name))
        value = name if item.factory is _NOTHING else f"_make_{name}() if {name} is _nothing else {name}"
        lines.append(f"_to[{name!r}] = {value}")
    positional = [text for kw_only, text in parameters if not kw_only]
    named = [text for kw_only, text in parameters if kw_only]
    head = ", ".join(["_self", *positional, *(["*", *named] if named else [])])
    after = ["_self.__post_init__()"] if hasattr(kind, "__post_init__") else []
    body = "\n    ".join(["_to = _self.__dict__", *lines, *after])
    exec(f"def __init__({head}):\n    {body}", scope)
    made: Callable[..., None] = scope["__init__"]
    made.__qualname__ = f"{kind.__qualname__}.__init__"
    return made


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    values = self.__record__.values
    return values(self) == values(other)


def _hash(self: Any) -> int:
    return hash(self.__record__.values(self))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{item.name}={getattr(self, item.name)!r}" for item in self.__record__.fields if item.shown)
    return f"{type(self).__qualname__}({shown})"


def _set(self: Any, name: str, value: Any) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(self: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


class _Standard:
    """What the functions of ``dataclasses`` look for in a class, made when they do."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, _: Any, kind: Any) -> Any:
        import dataclasses

        fields = [(item.name, Any, _standard_field(item)) for item in kind.__record__.fields]
        twin = dataclasses.make_dataclass(kind.__name__, fields, frozen=kind.__record__.frozen)
        return getattr(twin, self.name)


_STANDARD_FIELDS, _STANDARD_PARAMS = _Standard("__dataclass_fields__"), _Standard("__dataclass_params__")


def _standard_field(item: _Field) -> Any:
    import dataclasses

    missing: Any = dataclasses.MISSING
    default, factory = (missing if value is _NOTHING else value for value in (item.default, item.factory))
    return dataclasses.field(
        default=default, default_factory=factory, repr=item.shown, compare=item.compare, kw_only=item.kw_only
    )


if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    dataclass, field, replace = _dataclass, _field, _replace
