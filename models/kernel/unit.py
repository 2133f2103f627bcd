"""The declarations of what was read: functions, types, enumerators and objects, found without parsing bodies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from models.kernel.errors import MAX_DECLARATION, Unsupported, fault
from models.kernel.jumps import without_jumps
from models.kernel.macros import Macros
from models.kernel.parser import QUALIFIERS
from models.kernel.statements import BodyParser
from models.kernel.syntax import Block, Expression, Literal, Parameter, TypeName
from models.kernel.tokens import Token, printable

KNOWN_TYPES = frozenset(
    "u8 u16 u32 u64 s8 s16 s32 s64 __u8 __u16 __u32 __u64 __s8 __s16 __s32 __s64 uint8_t uint16_t uint32_t uint64_t "
    "int8_t int16_t int32_t int64_t phys_addr_t resource_size_t size_t ssize_t uintptr_t intptr_t vm_flags_t swp_entry_t "
    "__be16 __be32 __be64 __le16 __le32 __le64 atomic_t atomic_long_t atomic64_t cydp_t".split()
)
"""Types of include/linux/types.h and mm_types.h that the lifter knows without reading it."""


@dataclass
class Function:
    """A function definition; head and body are parsed when it is first called.

    Attributes:
        name: where its name stands.
        head: the tokens before the parameters.
        inner: the parameters' tokens, parentheses not included.
        body: the body's tokens with braces, macros not expanded.
    """

    name: Token
    head: list[Token]
    inner: list[Token]
    body: list[Token]
    _parsed: tuple[TypeName, tuple[Parameter, ...]] | None = None
    _block: Block | None = None


@dataclass
class Unit:
    """Every declaration of the files that were read.

    Attributes:
        macros: the macros, for expansion.
        functions: name -> its last definition.
        declared: functions declared without a body, name -> place.
        typedefs: name -> the tokens of its type; of an array, those of one element.
        arrays: name of such an array type -> the tokens between its brackets.
        groups: ``struct tag`` or ``union tag`` -> the tokens between its braces.
        enums: enumerator -> its enumeration: each name with the tokens of its value, if it has one.
        objects: variables, name -> the tokens of the initialiser (empty without one).
        constants: those that never change, name -> the tokens of the type.
    """

    macros: Macros
    functions: dict[str, Function] = field(default_factory=dict)
    declared: dict[str, Token] = field(default_factory=dict)
    typedefs: dict[str, list[Token]] = field(default_factory=dict)
    arrays: dict[str, list[Token]] = field(default_factory=dict)
    groups: dict[str, list[Token]] = field(default_factory=dict)
    enums: dict[str, list[tuple[str, list[Token]]]] = field(default_factory=dict)
    objects: dict[str, list[Token]] = field(default_factory=dict)
    constants: dict[str, list[Token]] = field(default_factory=dict)

    def is_type(self, name: str) -> bool:
        """Whether the name is a type's."""
        return name in self.typedefs or name in KNOWN_TYPES

    def parser(self, tokens: list[Token], place: Token) -> BodyParser:
        """A parser over the expansion of some tokens."""
        return BodyParser(self.macros.expand(tokens), self.is_type, place.file, place.line)

    def expression(self, tokens: list[Token], place: Token) -> Expression:
        """The tokens as one expression, or as an initialiser in braces.

        Raises:
            KernelError: they are none.
        """
        parser = self.parser(tokens, place)
        value = parser.literal(None) if parser.peek().text == "{" else parser.expression()
        if parser.peek().kind != "end":
            raise parser.error(parser.peek(), "nothing more expected")
        return value

    def type_name(self, tokens: list[Token], place: Token) -> TypeName:
        """The tokens as the name of a type."""
        parser = self.parser(tokens, place)
        parser.skip_qualifiers()
        if not parser.starts_type():
            raise Unsupported("the type of this object is not known", place)
        return parser.type_name()

    def signature(self, function: Function) -> tuple[TypeName, tuple[Parameter, ...]]:
        """Return type and parameters."""
        if function._parsed is None:
            parser = self.parser(_declaration_words(function.head), function.name)
            parser.skip_qualifiers()
            if not parser.starts_type():
                raise Unsupported(f"the return type of {printable(function.name.text)}() is not known", function.name)
            result = parser.type_name()
            function._parsed = (result, self.parser(function.inner, function.name).parameters())
        return function._parsed

    def block(self, function: Function) -> Block:
        """The body."""
        if function._block is None:
            function._block = without_jumps(self.parser(function.body, function.name).body())
        return function._block

    def initialiser(self, name: str) -> Literal | None:
        """The list of values that an object is defined with, if it is."""
        tokens = self.objects.get(name)
        if not tokens:
            return None
        value = self.expression(tokens, tokens[0])
        return value if isinstance(value, Literal) else None

    def add(self, tokens: list[Token]) -> None:
        """Takes in the declarations of one file's tokens.

        Raises:
            KernelError: braces or parentheses do not match.
        """
        for head, group in _declarations(tokens, self.macros):
            self._declare(head, group)

    def _declare(self, head: list[Token], body: list[Token] | None) -> None:
        """One declaration: with the body of a function, or without."""
        if body is not None:
            self._define_function(head, body)
        elif head and head[0].text == "typedef":
            self._typedef(head)
        elif head:
            self._remember_groups(head)
            self._declare_name(head)

    def _define_function(self, head: list[Token], body: list[Token]) -> None:
        position = _parameters_at(head)
        if position is None:
            return
        start, end = position
        name = head[start - 1]
        if name.kind == "word":
            self.functions[name.text] = Function(name, head[: start - 1], head[start + 1 : end], body)

    def _typedef(self, head: list[Token]) -> None:
        self._remember_groups(head)
        words = [token for token in _outside_groups(head[1:]) if token.kind == "word"]
        if words:
            name = words[-1].text
            end = max(index for index, token in enumerate(head) if token is words[-1])
            if end == 1:
                return
            self.typedefs[name] = head[1:end]
            self.arrays.pop(name, None)
            if end + 1 < len(head) and head[end + 1].text == "[":
                self.arrays[name] = head[end + 2 : -1]

    def _remember_groups(self, head: list[Token]) -> None:
        """Remembers structures and enumerations that a declaration defines."""
        for index, token in enumerate(head):
            if token.text in ("struct", "union", "enum"):
                brace = index + 2 if index + 1 < len(head) and head[index + 1].kind == "word" else index + 1
                if brace < len(head) and head[brace].text == "{":
                    inner = head[brace + 1 : _closing(head, brace)]
                    if token.text == "enum":
                        self._enumerators(inner)
                    elif brace == index + 2:
                        self.groups[f"{token.text} {head[index + 1].text}"] = inner

    def _enumerators(self, inner: list[Token]) -> None:
        group = [(part[0].text, part[2:]) for part in split_parts(inner) if part and part[0].kind == "word"]
        for name, _ in group:
            self.enums[name] = group

    def _declare_name(self, head: list[Token]) -> None:
        """A function declared without a body, or a variable."""
        equals = next((i for i, token in enumerate(_flat(head)) if token is not None and token.text == "="), None)
        left = head[:equals]
        position = _parameters_at(left) if equals is None else None
        if position is not None:
            name = left[position[0] - 1]
            if name.kind == "word":
                self.declared.setdefault(name.text, name)
            return
        for part in split_parts(left):
            words = [t for t in _outside_groups(part) if t.kind == "word" and t.text not in QUALIFIERS]
            for word in reversed(words):
                if not word.text.startswith("__") or word is words[0] or equals is None:
                    self._define_object(word, left, None if equals is None else head[equals + 1 :])
                    break

    def _define_object(self, name: Token, left: list[Token], value: list[Token] | None) -> None:
        """A variable, with what stands before its initialiser, and that if there is one."""
        self.objects.setdefault(name.text, [])
        if value is not None:
            self.objects[name.text] = value
            if {"static", "const"} <= {token.text for token in left} and left[-1] is name:
                self.constants[name.text] = left[:-1]


def _declaration_words(head: list[Token]) -> list[Token]:
    """The declaration proper, without what an unknown macro call left in front of it."""
    start = 0
    for index, token in enumerate(head):
        if token.text in (")", ";", "}"):
            start = index + 1
    return head[start:]


def _declarations(tokens: list[Token], macros: Macros) -> Iterator[tuple[list[Token], list[Token] | None]]:
    """Head and body of each declaration; the body is None unless it is a function's."""
    collector = _Collector()
    index = 0
    while index < len(tokens):
        end = _run_end(tokens, index)
        for token in _expanded(tokens[index:end], macros):
            yield from collector.push(token)
        index = end
        if index < len(tokens) and tokens[index].text == "{":
            close = _closing(tokens, index) + 1
            for token in tokens[index:close]:
                yield from collector.push(token)
            index = close
    collector.finish()


@dataclass
class _Collector:
    """Cuts a stream of tokens into declarations."""

    head: list[Token] = field(default_factory=list)
    body: list[Token] | None = None
    open: list[Token] = field(default_factory=list)

    def push(self, token: Token) -> Iterator[tuple[list[Token], list[Token] | None]]:
        """Takes one token; yields the declaration that it completes."""
        outermost = not self.open
        if token.kind == "punct":
            if outermost and token.text == ";":
                yield self._done()
                return
            _match(self.open, token)
        if outermost and token.text == "{" and _is_function_head(self.head):
            self.body = []
        (self.head if self.body is None else self.body).append(token)
        if len(self.head) > MAX_DECLARATION:
            raise fault(token, f"a declaration has more than {MAX_DECLARATION} tokens by here")
        if self.body is not None and not self.open:
            yield self._done()

    def _done(self) -> tuple[list[Token], list[Token] | None]:
        found = (self.head, self.body)
        self.head, self.body = [], None
        return found

    def finish(self) -> None:
        """The tokens are at their end.

        Raises:
            KernelError: a bracket is still open.
        """
        if self.open:
            place = self.open[-1]
            raise fault(place, f"syntax error: {place.text!r} is never closed")


_PAIRS = {"(": ")", "{": "}", "[": "]"}


def _expanded(tokens: list[Token], macros: Macros) -> list[Token]:
    """Expands what stands outside function bodies; a macro call that is malformed is left as it is."""
    try:
        return macros.expand(tokens)
    except Unsupported:
        return tokens


def _run_end(tokens: list[Token], index: int) -> int:
    """Where the next group in braces opens, or the end; parentheses may hold braces."""
    depth = 0
    for position in range(index, len(tokens)):
        text = tokens[position].text
        depth += (text == "(") - (text == ")")
        if depth <= 0 and text in ("{", ";"):
            return position + (text == ";")
    return len(tokens)


def _closing(tokens: list[Token], start: int) -> int:
    """The index of the bracket that closes the one at ``start``."""
    stack: list[Token] = []
    for index in range(start, len(tokens)):
        _match(stack, tokens[index])
        if not stack:
            return index
    raise fault(stack[-1], f"syntax error: {stack[-1].text!r} is never closed")


def _match(stack: list[Token], token: Token) -> None:
    """Keeps the brackets that are open."""
    if token.kind != "punct":
        return
    if token.text in _PAIRS:
        stack.append(token)
    elif token.text in (")", "}", "]"):
        if not stack:
            raise fault(token, f"syntax error: {token.text!r} without its counterpart")
        opened = stack.pop()
        if _PAIRS[opened.text] != token.text:
            raise fault(token, f"syntax error: {token.text!r} where {opened.text!r} of line {opened.line} is open")


def _flat(tokens: list[Token]) -> list[Token | None]:
    """The tokens with those inside brackets blanked, positions kept."""
    out: list[Token | None] = []
    depth = 0
    for token in tokens:
        opens, closes = token.text in ("(", "{", "["), token.text in (")", "}", "]")
        out.append(None if depth and not (closes and depth == 1) else token)
        depth += opens - closes
    return out


def _outside_groups(tokens: list[Token]) -> list[Token]:
    return [token for token in _flat(tokens) if token is not None]


def split_parts(tokens: list[Token]) -> list[list[Token]]:
    """The parts between commas that stand outside brackets."""
    parts: list[list[Token]] = [[]]
    for token, outside in zip(tokens, _flat(tokens), strict=True):
        if outside is not None and token.text == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _parameters_at(head: list[Token]) -> tuple[int, int] | None:
    """The brackets of a function head's parameters: its last group in parentheses, attributes aside."""
    end = len(head) - 1
    while end > 0:
        if head[end].kind == "word" and head[end].text.startswith("__"):
            end -= 1
            continue
        if head[end].text != ")":
            return None
        start = _opening(head, end)
        if start < 1:
            return None
        if head[start - 1].text != "__attribute__":
            return start, end
        end = start - 2
    return None


def _opening(tokens: list[Token], end: int) -> int:
    depth = 0
    for index in range(end, -1, -1):
        depth += (tokens[index].text == ")") - (tokens[index].text == "(")
        if depth == 0:
            return index
    return -1


def _is_function_head(head: list[Token]) -> bool:
    """Parameters stand right before the body; an initialiser's or a type's braces follow something else."""
    position = _parameters_at(head)
    return position is not None and head[0].text != "typedef" and head[position[0] - 1].kind == "word"
