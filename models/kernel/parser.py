"""Expressions of the C subset: from expanded tokens to the syntax tree."""

from __future__ import annotations

from collections.abc import Callable

from models.kernel.errors import MAX_NESTING, KernelError, Unsupported, fault
from models.kernel.syntax import (
    Assign,
    Binary,
    Call,
    Cast,
    Conditional,
    Element,
    Expression,
    Literal,
    Member,
    Name,
    Number,
    Refused,
    SizeOf,
    Step,
    TypeName,
    Unary,
)
from models.kernel.tokens import Token, printable

PRECEDENCE = {
    "*": 10, "/": 10, "%": 10, "+": 9, "-": 9, "<<": 8, ">>": 8, "<": 7, "<=": 7, ">": 7, ">=": 7, "==": 6, "!=": 6,
    "&": 5, "^": 4, "|": 3, "&&": 2, "||": 1,
}  # fmt: skip
ASSIGNMENTS = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="})
TYPE_WORDS = frozenset(
    "void char short int long signed unsigned __signed__ _Bool bool float double struct union enum typeof "
    "__typeof__".split()
)
QUALIFIERS = frozenset(
    "const volatile register __maybe_unused __always_unused __force __user inline __inline __inline__ __always_inline "
    "static extern __init __ro_after_init __read_mostly notrace noinline __attribute_const__ __pure __attribute__ "
    "__must_check __no_kasan_or_inline nokprobe_inline __flatten __visible __weak asmlinkage __refdata "
    "__meminit".split()
)
ASM = frozenset({"asm", "__asm__", "__asm"})
ASM_QUALIFIERS = frozenset({"volatile", "__volatile__", "__volatile", "inline", "__inline__", "__inline"})


class Parser:
    """A recursive-descent parser over a list of tokens.

    Args:
        tokens: fully expanded tokens.
        is_type: whether a name is a type's.
        file, line: the place to name if the tokens end too early.
    """

    def __init__(self, tokens: list[Token], is_type: Callable[[str], bool], file: str, line: int) -> None:
        self.tokens = tokens
        self.index = 0
        self._is_type = is_type
        self._nesting = 0
        self._end = Token("end", "", file, line, 0)

    def peek(self, ahead: int = 0) -> Token:
        """The next token, or an ``end`` token."""
        position = self.index + ahead
        return self.tokens[position] if position < len(self.tokens) else self._end

    def take(self) -> Token:
        """The next token, consumed."""
        token = self.peek()
        self.index += 1
        return token

    def accept(self, text: str) -> bool:
        """Consumes the next token if it is this one."""
        if self.peek().text == text:
            self.index += 1
            return True
        return False

    def expect(self, text: str) -> Token:
        """Consumes this token.

        Raises:
            KernelError: another one is there.
        """
        token = self.take()
        if token.text != text:
            raise self.error(token, f"{text!r} expected")
        return token

    def error(self, token: Token, what: str) -> KernelError:
        """The syntax error at a token."""
        found = f"before {printable(token.text)!r}" if token.kind != "end" else "before the end"
        return fault(token, f"syntax error: {what} {found}")

    def enter(self) -> None:
        """One level deeper.

        Raises:
            KernelError: too deep.
        """
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            token = self.peek()
            raise fault(token, f"parentheses and operators nest deeper than the limit of {MAX_NESTING}")

    def leave(self) -> None:
        """One level up."""
        self._nesting -= 1

    def expression(self) -> Expression:
        """An expression, commas included."""
        left = self.assignment()
        chain = 0
        while self.peek().text == ",":
            chain = self._longer(chain)
            token = self.take()
            left = Binary(token, ",", left, self.assignment())
        return left

    def assignment(self) -> Expression:
        """An expression without a comma."""
        self.enter()
        left = self._conditional()
        if self.peek().text in ASSIGNMENTS and self.peek().kind == "punct":
            token = self.take()
            left = Assign(token, token.text[:-1], left, self.assignment())
        self.leave()
        return left

    def _conditional(self) -> Expression:
        test = self._binary(1)
        if self.peek().text != "?":
            return test
        token = self.take()
        then = None if self.peek().text == ":" else self.expression()
        self.expect(":")
        self.enter()
        otherwise = self._conditional()
        self.leave()
        return Conditional(token, test, then, otherwise)

    def _binary(self, lowest: int) -> Expression:
        left = self._unary()
        chain = 0
        while self.peek().kind == "punct" and PRECEDENCE.get(self.peek().text, 0) >= lowest:
            chain = self._longer(chain)
            token = self.take()
            self.enter()
            left = Binary(token, token.text, left, self._binary(PRECEDENCE[token.text] + 1))
            self.leave()
        return left

    def _longer(self, chain: int) -> int:
        """A chain of operators nests to the left, one level for each."""
        if chain >= MAX_NESTING:
            raise fault(self.peek(), f"more than {MAX_NESTING} operators in a row")
        return chain + 1

    def _unary(self) -> Expression:
        token = self.peek()
        if token.kind != "punct" or token.text not in ("-", "~", "!", "+", "&", "*", "++", "--"):
            return self._sizeof() if token.text in ("sizeof", "__alignof__") else self._postfix()
        self.take()
        self.enter()
        operand = self._unary()
        self.leave()
        if token.text in ("++", "--"):
            return Step(token, token.text[0], operand, after=False)
        return Unary(token, token.text, operand)

    def _sizeof(self) -> Expression:
        token = self.take()
        self.expect("(")
        named = self.type_name() if self.starts_type() else TypeName(token, (), like=self.expression())
        self.expect(")")
        return SizeOf(token, named)

    def _postfix(self) -> Expression:
        value = self._primary()
        chain = 0
        while self.peek().text in (".", "->", "[", "(", "++", "--") and self.peek().kind == "punct":
            chain = self._longer(chain)
            token = self.take()
            if token.text in (".", "->"):
                value = Member(token, value, self.word(), token.text == "->")
            elif token.text == "(":
                value = self._call(token, value)
            elif token.text == "[":
                value = Element(token, value, self.expression())
                self.expect("]")
            else:
                value = Step(token, token.text[0], value, after=True)
        return value

    def _call(self, token: Token, function: Expression) -> Expression:
        arguments: list[Expression] = []
        while self.peek().text != ")":
            if arguments:
                self.expect(",")
            arguments.append(self._argument())
        self.take()
        if not isinstance(function, Name):
            return Refused(token, "a call through a pointer is not understood")
        return Call(function.token, tuple(arguments))

    def _argument(self) -> Expression:
        """An argument; a type is one in calls such as ``__same_type(x, int)``."""
        if self.starts_type():
            token = self.peek()
            self.type_name()
            return Refused(token, "a type as an argument is not understood")
        return self.assignment()

    def _primary(self) -> Expression:
        token = self.take()
        if token.text == "(" and token.kind == "punct":
            return self._parenthesised(token)
        if token.kind in ("number", "char"):
            return Number(token)
        if token.kind == "string":
            while self.peek().kind == "string":
                self.take()
            return Refused(token, "a string is not understood here")
        if token.kind == "word":
            return Name(token)
        raise self.error(token, "an expression expected")

    def _parenthesised(self, token: Token) -> Expression:
        if self.peek().text == "{":
            return self.block_value(token)
        if not self.starts_type():
            value = self.expression()
            self.expect(")")
            return value
        named = self.type_name()
        self.expect(")")
        if self.peek().text == "{":
            return self.literal(named)
        self.enter()
        operand = self._unary()
        self.leave()
        return Cast(token, named, operand)

    def block_value(self, token: Token) -> Expression:
        """GCC's ``({ ... })``; only where statements are understood."""
        raise Unsupported("statements inside an expression are not understood here", token)

    def literal(self, named: TypeName | None) -> Expression:
        """A list of values in braces."""
        token = self.expect("{")
        self.enter()
        items: list[tuple[str, Expression]] = []
        while self.peek().text != "}":
            if items:
                self.expect(",")
                if self.peek().text == "}":
                    break
            items.append(self._item())
        self.take()
        self.leave()
        return Literal(token, named, tuple(items))

    def _item(self) -> tuple[str, Expression]:
        member = ""
        if self.peek().text == ".":
            self.take()
            member = self.word()
            while self.accept("."):
                member += f".{self.word()}"
            if self.peek().text == "[":
                raise Unsupported("an array element in an initialiser is not understood", self.peek())
            self.expect("=")
        return member, self.literal(None) if self.peek().text == "{" else self.assignment()

    def word(self) -> str:
        """A name."""
        token = self.take()
        if token.kind != "word":
            raise self.error(token, "a name expected")
        return token.text

    def starts_type(self) -> bool:
        """Whether a type name stands here."""
        token = self.peek()
        return token.kind == "word" and (
            token.text in TYPE_WORDS or token.text in ("const", "volatile") or self._is_type(token.text)
        )

    def skip_qualifiers(self) -> None:
        """Passes over words that do not change a value, and over attributes."""
        while self.peek().text in QUALIFIERS:
            token = self.take()
            if token.text == "__attribute__":
                self.skip_group()

    def skip_group(self) -> None:
        """Passes over a group in parentheses."""
        self.group()

    def group(self, opening: str = "(", closing: str = ")") -> list[Token]:
        """The tokens between two brackets, consumed with them."""
        self.expect(opening)
        start, depth = self.index, 1
        while depth:
            token = self.take()
            if token.kind == "end":
                raise self.error(token, f"{closing!r} expected")
            depth += (token.text == opening) - (token.text == closing)
        return self.tokens[start : self.index - 1]

    def type_name(self) -> TypeName:
        """A type without a variable, such as ``unsigned long`` or ``struct page *``."""
        self.skip_qualifiers()
        first = self.peek()
        if first.text in ("typeof", "__typeof__"):
            return self._typeof()
        words: list[str] = []
        while self.starts_type() and not (words and self._complete(words)):
            token = self.take()
            words.append(token.text)
            if token.text in ("struct", "union", "enum"):
                if self.peek().text == "{":
                    raise Unsupported("a type defined here is not understood", token)
                words.append(self.word())
            self.skip_qualifiers()
        if not words:
            raise self.error(first, "a type expected")
        return TypeName(first, tuple(words), self._pointer())

    def _complete(self, words: list[str]) -> bool:
        """A named type ends the list; ``unsigned long`` goes on."""
        return (
            words[0] in ("struct", "union", "enum") or words[0] not in TYPE_WORDS or self.peek().text not in TYPE_WORDS
        )

    def _typeof(self) -> TypeName:
        token = self.take()
        self.expect("(")
        named = self.type_name() if self.starts_type() else TypeName(token, (), like=self.expression())
        self.expect(")")
        return TypeName(named.token, named.words, named.pointer + self._pointer(), named.like)

    def _pointer(self) -> int:
        pointer = 0
        while self.peek().text == "*":
            self.take()
            self.skip_qualifiers()
            pointer += 1
        return pointer
