"""Type names of the C subset, resolved against the declarations of a tree."""

from __future__ import annotations

from collections.abc import Callable

from models.kernel.errors import MAX_MEMBERS, Unsupported
from models.kernel.statements import BodyParser
from models.kernel.syntax import Expression, TypeName
from models.kernel.tokens import Token, printable
from models.kernel.unit import KNOWN_TYPES, Unit
from models.kernel.values import WIDTH, Pointer, StructType, Type, UnionType, View, Void, width_of
from models.kernel.words import BOOL, CHAR, INT, LONG, UINT, ULONG, Abi, IntType

_MAX_CHAIN = 20
"""How many typedefs may stand for each other."""

_LENGTHS = frozenset(str(length) for length in range(1, MAX_MEMBERS + 1))
"""The lengths of arrays that are understood, as they are written."""

_UNSIGNED_LONGS = frozenset("size_t uintptr_t vm_flags_t".split())
_LONGS = frozenset("ssize_t intptr_t".split())
_ATOMICS = frozenset("atomic_t atomic_long_t atomic64_t".split())
_NOISE = frozenset({"const", "volatile", "int"})
_SIGNED = frozenset({"signed", "__signed__"})


BYTE_ORDERS = frozenset(f"__{order}{bits}" for order in ("be", "le") for bits in (16, 32, 64))
"""Types whose bytes are in one order, whatever the CPU's."""


def byte_ordered(name: str, abi: Abi) -> IntType:
    """``__be64`` and its like."""
    return IntType(int(name[4:]), False, swapped=abi.big_endian != name.startswith("__be"))


def array(name: str, element: Type, count: int) -> StructType:
    """An array type: a structure whose members are called ``[0]`` and so on."""
    return StructType(name, tuple((f"[{index}]", element) for index in range(count)))


def is_array(kind: Type) -> bool:
    """Whether it is one."""
    return isinstance(kind, StructType) and bool(kind.members) and kind.members[0][0].startswith("[")


class Types:
    """Resolves type names.

    Args:
        unit: the declarations.
        type_of: the type of an expression, for ``typeof``.
        abi: how wide ``long`` is.
    """

    def __init__(self, unit: Unit, type_of: Callable[[Expression], Type], abi: Abi) -> None:
        self._unit = unit
        self._abi = abi
        self._type_of = type_of
        self._known: dict[str, Type] = {}

    def resolve(self, name: TypeName, chain: int = 0) -> Type:
        """What a type name stands for.

        Raises:
            Unsupported: a type outside the subset.
        """
        if name.like is not None:
            kind = self._type_of(name.like)
            for _ in range(name.pointer):
                kind = Pointer("", kind)
            return kind
        words = [word for word in name.words if word not in ("const", "volatile")]
        if name.pointer:
            return Pointer(" ".join(words + ["*"] * (name.pointer - 1)))
        if chain > _MAX_CHAIN:
            raise self._refuse(name.token, f"the type {name} is defined by itself")
        if words[0] in ("struct", "union") and len(words) == 2:
            return self._tagged(words[0], words[1], name.token, chain)
        if len(words) == 1 and self._unit.is_type(words[0]):
            return self._named(words[0], name.token, chain)
        return self._integer(words, name.token)

    def target(self, pointer: Pointer, token: Token) -> Type:
        """What a pointer points to.

        Raises:
            Unsupported: a type outside the subset.
        """
        if pointer.target is not None:
            return pointer.target
        words = pointer.to.split()
        named = [word for word in words if word != "*"]
        return self.resolve(TypeName(token, tuple(named), len(words) - len(named)))

    def _refuse(self, token: Token, reason: str) -> Unsupported:
        return Unsupported(reason, token)

    def _integer(self, words: list[str], token: Token) -> Type:
        if words == ["void"]:
            return Void()
        if words in (["bool"], ["_Bool"]):
            return BOOL
        signed = "unsigned" not in words
        core = [word for word in words if word not in _NOISE and word not in _SIGNED and word != "unsigned"]
        if not core:
            return INT if signed else UINT
        if core == ["long"]:
            return self._abi.long if signed else self._abi.ulong
        if core == ["long", "long"]:
            return LONG if signed else ULONG
        if core == ["short"]:
            return IntType(16, signed)
        if core == ["char"]:
            return IntType(8, CHAR.signed if signed else False)
        raise self._refuse(token, f"the type {printable(' '.join(words))} is not understood")

    def _named(self, name: str, token: Token, chain: int) -> Type:
        if name not in self._known:
            tokens = self._unit.typedefs.get(name)
            kind = self._defined(tokens, token, chain) if tokens else _builtin(name, self._abi)
            length = self._unit.arrays.get(name)
            self._known[name] = kind if length is None else self._array(name, kind, length, token)
        return self._known[name]

    def _array(self, name: str, element: Type, length: list[Token], token: Token) -> Type:
        if len(length) != 1 or length[0].text not in _LENGTHS:
            raise self._refuse(token, f"the array type {printable(name)} is not understood")
        count = int(length[0].text)
        if count * _integers(element) > MAX_MEMBERS:
            raise self._refuse(token, f"an array of more than {MAX_MEMBERS} integers is not understood")
        return array(name, element, count)

    def parameter(self, name: TypeName) -> Type:
        """What the type of a parameter stands for; an array would be a pointer there.

        Raises:
            Unsupported: it is an array, or outside the subset.
        """
        kind = self.resolve(name)
        if is_array(kind):
            raise self._refuse(name.token, "an array as a parameter is not understood")
        return kind

    def _defined(self, tokens: list[Token], token: Token, chain: int) -> Type:
        brace = next((index for index, found in enumerate(tokens) if found.text == "{"), None)
        if brace is not None:
            if tokens[0].text not in ("struct", "union"):
                raise self._refuse(tokens[0], f"a {printable(tokens[0].text)} as a type is not understood")
            close = max(index for index, found in enumerate(tokens) if found.text == "}")
            place = f"{tokens[0].file}:{tokens[0].line}"
            return self._group(tokens[0].text, place, tokens[0], tokens[brace + 1 : close], chain)
        parser = self._unit.parser(tokens, token)
        named = parser.type_name()
        if parser.peek().kind != "end":
            raise self._refuse(parser.peek(), "a type of this form is not understood")
        return self.resolve(named, chain + 1)

    def _tagged(self, keyword: str, tag: str, token: Token, chain: int) -> Type:
        name = f"{keyword} {tag}"
        if name not in self._known:
            inner = self._unit.groups.get(name)
            if inner is None:
                raise self._refuse(token, f"{printable(name)} is not known")
            self._known[name] = self._group(keyword, name, token, inner, chain)
        return self._known[name]

    def _group(self, keyword: str, name: str, token: Token, inner: list[Token], chain: int) -> StructType | UnionType:
        """The structure or union with these tokens between its braces."""
        if chain > _MAX_CHAIN:
            raise self._refuse(token, "structures nest too deep")
        members = self._members(inner, token, chain)
        if keyword == "union":
            return self._union(name, members, token)
        if any(not member for member, _ in members):
            raise self._refuse(token, "a structure with a member without a name is not understood")
        return StructType(name, tuple(members))

    def _members(self, inner: list[Token], token: Token, chain: int) -> list[tuple[str, Type]]:
        """Names and types, in order; a structure inside without a name has the name ""."""
        parser = self._unit.parser(inner, token)
        members: list[tuple[str, Type]] = []
        while parser.peek().kind != "end":
            parser.skip_qualifiers()
            if parser.peek().text in ("struct", "union") and parser.peek(1).text == "{":
                first = parser.take()
                place = f"{first.file}:{first.line}"
                kind: Type = self._group(first.text, place, first, parser.group("{", "}"), chain + 1)
            elif parser.starts_type():
                kind = self.resolve(parser.type_name(), chain + 1)
            else:
                raise self._refuse(parser.peek(), f"the member type {printable(parser.peek().text)} is not known")
            members += [(name, kind) for name in self._member_names(parser)]
            if sum(_integers(kind) for _, kind in members) > MAX_MEMBERS:
                raise self._refuse(token, f"a structure of more than {MAX_MEMBERS} integers is not understood")
        return members

    def _member_names(self, parser: BodyParser) -> list[str]:
        if parser.accept(";"):
            return [""]
        names = [parser.word()]
        while parser.accept(","):
            names.append(parser.word())
        if parser.peek().text != ";":
            raise self._refuse(parser.peek(), "a member of this form is not understood")
        parser.expect(";")
        return names

    def _union(self, name: str, members: list[tuple[str, Type]], token: Token) -> UnionType:
        """The union of these members; those of a structure without a name count as its own."""
        views: list[View] = []
        seen = [
            kind.members if not name and isinstance(kind, StructType) else ((name, kind),) for name, kind in members
        ]
        for parts in seen:
            widths = {_width_of_one(part) for _, part in parts}
            if len(widths) != 1 or None in widths:
                raise self._refuse(token, "a union of something else than integers of one width is not understood")
        bits = max((width_of(kind) for _, kind in members), default=0)
        if not 0 < bits <= WIDTH:
            raise self._refuse(token, f"a union of {bits} bits is not understood")
        for parts in seen:
            place = 0
            for part, inner in parts:
                width = width_of(inner)
                # the first byte in memory is the most significant one where the machine says so
                views.append(View(part, inner, bits - place - width if self._abi.big_endian else place))
                place += width
        return UnionType(name, bits, tuple(views))


def _width_of_one(kind: Type) -> int | None:
    """The bits of the one integer that a type holds; None if it holds something else, or not as memory has it."""
    while isinstance(kind, StructType) and len(kind.members) == 1:
        kind = kind.members[0][1]
    if isinstance(kind, UnionType):
        return kind.bits
    return kind.bits if isinstance(kind, IntType) and kind.bits >= 8 and not kind.swapped else None


def _integers(kind: Type) -> int:
    """How many integers a value of a type holds."""
    return sum(_integers(member) for _, member in kind.members) if isinstance(kind, StructType) else 1


def _builtin(name: str, abi: Abi) -> Type:
    """A type of include/linux/types.h, or of include/linux/mm_types.h."""
    assert name in KNOWN_TYPES
    if name in _UNSIGNED_LONGS:
        return abi.ulong
    if name in ("phys_addr_t", "resource_size_t"):
        return IntType(abi.physical, False)
    if name in _LONGS:
        return abi.long
    if name == "swp_entry_t":
        return StructType(name, (("val", abi.ulong),))
    if name in BYTE_ORDERS:
        return byte_ordered(name, abi)
    if name == "cydp_t":
        return INT
    if name in _ATOMICS:
        return StructType(name, (("counter", {"atomic_t": INT, "atomic_long_t": abi.long}.get(name, LONG)),))
    plain = name.removeprefix("__")
    signed = not plain.startswith("u")
    return IntType(int("".join(c for c in plain if c.isdigit())), signed)
