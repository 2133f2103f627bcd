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

_UNSIGNED_LONGS = frozenset("size_t uintptr_t vm_flags_t".split())
_LONGS = frozenset("ssize_t intptr_t".split())
_NOISE = frozenset({"const", "volatile", "int"})
_SIGNED = frozenset({"signed", "__signed__"})


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
            return self._type_of(name.like)
        words = [word for word in name.words if word not in ("const", "volatile")]
        if name.pointer:
            return Pointer(" ".join(words))
        if chain > _MAX_CHAIN:
            raise self._refuse(name.token, f"the type {name} is defined by itself")
        if words[0] == "struct" and len(words) == 2:
            return self._struct(words[1], name.token, chain)
        if len(words) == 1 and self._unit.is_type(words[0]):
            return self._named(words[0], name.token, chain)
        return self._integer(words, name.token)

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
            self._known[name] = self._defined(tokens, token, chain) if tokens else _builtin(name, self._abi)
        return self._known[name]

    def _defined(self, tokens: list[Token], token: Token, chain: int) -> Type:
        brace = next((index for index, found in enumerate(tokens) if found.text == "{"), None)
        if brace is not None:
            if tokens[0].text not in ("struct", "union"):
                raise self._refuse(tokens[0], f"a {printable(tokens[0].text)} as a type is not understood")
            close = max(index for index, found in enumerate(tokens) if found.text == "}")
            return self._group(tokens[0], tokens[brace + 1 : close], chain)
        parser = self._unit.parser(tokens, token)
        named = parser.type_name()
        if parser.peek().kind != "end":
            raise self._refuse(parser.peek(), "a type of this form is not understood")
        return self.resolve(named, chain + 1)

    def _struct(self, tag: str, token: Token, chain: int) -> Type:
        inner = self._unit.structs.get(tag)
        if inner is None:
            raise self._refuse(token, f"struct {printable(tag)} is not known")
        return self._group(token, inner, chain)

    def _group(self, token: Token, inner: list[Token], chain: int) -> StructType | UnionType:
        """The structure or union that starts at a token, with these tokens between its braces."""
        if chain > _MAX_CHAIN:
            raise self._refuse(token, "structures nest too deep")
        members = self._members(inner, token, chain)
        name = f"{token.file}:{token.line}"
        if token.text == "union":
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
                kind: Type = self._group(parser.take(), parser.group("{", "}"), chain + 1)
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
        if not all(_plain(kind) for _, kind in members):
            raise self._refuse(token, "a union of something else than integers of one width is not understood")
        bits = max((width_of(kind) for _, kind in members), default=0)
        if not 0 < bits <= WIDTH:
            raise self._refuse(token, f"a union of {bits} bits is not understood")
        views: list[View] = []
        for member, kind in members:
            parts = kind.members if not member and isinstance(kind, StructType) else ((member, kind),)
            place = 0
            for part, inner in parts:
                width = width_of(inner)
                # the first byte in memory is the most significant one where the machine says so
                views.append(View(part, inner, bits - place - width if self._abi.big_endian else place))
                place += width
        return UnionType(name, bits, tuple(views))


def _plain(kind: Type) -> bool:
    """An integer, or a structure that memory holds without gaps: of integers that are all equally wide."""
    if isinstance(kind, StructType):
        return len({member for _, member in kind.members if isinstance(member, IntType)}) == 1 and all(
            isinstance(member, IntType) for _, member in kind.members
        )
    return isinstance(kind, IntType)


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
    plain = name.removeprefix("__")
    signed = not plain.startswith("u")
    return IntType(int("".join(c for c in plain if c.isdigit())), signed)
