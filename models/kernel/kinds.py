"""Type names of the C subset, resolved against the declarations of a tree."""

from __future__ import annotations

from collections.abc import Callable

from models.kernel.errors import MAX_MEMBERS, Unsupported
from models.kernel.statements import BodyParser
from models.kernel.syntax import Expression, TypeName
from models.kernel.tokens import Token, printable
from models.kernel.unit import KNOWN_TYPES, Unit
from models.kernel.values import Pointer, StructType, Type, Void
from models.kernel.words import BOOL, CHAR, INT, LONG, UINT, ULONG, Abi, IntType

_MAX_CHAIN = 20
"""How many typedefs may stand for each other."""

_UNSIGNED_LONGS = frozenset("size_t uintptr_t vm_flags_t".split())
_LONGS = frozenset("ssize_t intptr_t".split())
_ATOMICS = frozenset("atomic_t atomic_long_t atomic64_t".split())
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
            kind = self._type_of(name.like)
            for _ in range(name.pointer):
                kind = Pointer("", kind)
            return kind
        words = [word for word in name.words if word not in ("const", "volatile")]
        if name.pointer:
            return Pointer(" ".join(words + ["*"] * (name.pointer - 1)))
        if chain > _MAX_CHAIN:
            raise self._refuse(name.token, f"the type {name} is defined by itself")
        if words[0] == "struct" and len(words) == 2:
            return self._struct(words[1], name.token, chain)
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
            self._known[name] = self._defined(tokens, token, chain) if tokens else _builtin(name, self._abi)
        return self._known[name]

    def _defined(self, tokens: list[Token], token: Token, chain: int) -> Type:
        brace = next((index for index, found in enumerate(tokens) if found.text == "{"), None)
        if brace is not None:
            if tokens[0].text != "struct":
                raise self._refuse(tokens[0], f"a {printable(tokens[0].text)} as a type is not understood")
            close = max(index for index, found in enumerate(tokens) if found.text == "}")
            return self._members(tokens[brace + 1 : close], tokens[0], chain)
        parser = self._unit.parser(tokens, token)
        named = parser.type_name()
        if parser.peek().kind != "end":
            raise self._refuse(parser.peek(), "a type of this form is not understood")
        return self.resolve(named, chain + 1)

    def _struct(self, tag: str, token: Token, chain: int) -> Type:
        inner = self._unit.structs.get(tag)
        if inner is None:
            raise self._refuse(token, f"struct {printable(tag)} is not known")
        return self._members(inner, token, chain)

    def _members(self, inner: list[Token], token: Token, chain: int) -> Type:
        parser = self._unit.parser(inner, token)
        members: list[tuple[str, Type]] = []
        while parser.peek().kind != "end":
            parser.skip_qualifiers()
            if not parser.starts_type():
                raise self._refuse(parser.peek(), f"the member type {printable(parser.peek().text)} is not known")
            kind = self.resolve(parser.type_name(), chain + 1)
            members += [(name, kind) for name in self._member_names(parser)]
            if sum(_integers(kind) for _, kind in members) > MAX_MEMBERS:
                raise self._refuse(token, f"a structure of more than {MAX_MEMBERS} integers is not understood")
        return StructType(f"{token.file}:{token.line}", tuple(members))

    def _member_names(self, parser: BodyParser) -> list[str]:
        names = [parser.word()]
        while parser.accept(","):
            names.append(parser.word())
        if parser.peek().text != ";":
            raise self._refuse(parser.peek(), "a member of this form is not understood")
        parser.expect(";")
        return names


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
    if name == "cydp_t":
        return INT
    if name in _ATOMICS:
        return StructType(name, (("counter", {"atomic_t": INT, "atomic_long_t": abi.long}.get(name, LONG)),))
    plain = name.removeprefix("__")
    signed = not plain.startswith("u")
    return IntType(int("".join(c for c in plain if c.isdigit())), signed)
