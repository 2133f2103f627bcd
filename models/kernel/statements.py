"""Statements and function bodies of the C subset."""

from __future__ import annotations

from models.kernel.errors import MAX_CASES, Unsupported
from models.kernel.parser import ASM, ASM_QUALIFIERS, Parser
from models.kernel.syntax import (
    Assembly,
    Block,
    BlockValue,
    Declare,
    Evaluate,
    Expression,
    If,
    Jump,
    Label,
    Leave,
    Loop,
    Parameter,
    Refused,
    Return,
    Statement,
    Switch,
    TypeName,
)
from models.kernel.tokens import Token, printable

JUMPS = frozenset({"goto", "case", "default"})
LABELS = frozenset({"case", "default"})


class BodyParser(Parser):
    """A parser that knows statements as well."""

    def body(self) -> Block:
        """A whole function body, braces included."""
        block = self._block()
        token = self.peek()
        if token.kind != "end":
            raise self.error(token, "nothing more expected")
        return block

    def block_value(self, token: Token) -> Expression:
        """GCC's ``({ ... })``."""
        block = self._block()
        self.expect(")")
        return BlockValue(token, block)

    def _block(self) -> Block:
        token = self.expect("{")
        self.enter()
        statements: list[Statement] = []
        while self.peek().text != "}":
            if self.peek().kind == "end":
                raise self.error(self.peek(), "'}' expected")
            statements.extend(self._statement())
        self.take()
        self.leave()
        return Block(token, tuple(statements))

    def _single(self) -> Statement:
        """The one statement that an ``if`` governs."""
        token = self.peek()
        self.enter()
        found = self._statement()
        self.leave()
        return found[0] if len(found) == 1 else Block(token, tuple(found))

    def _statement(self) -> list[Statement]:
        token = self.peek()
        if token.text == "{":
            return [self._block()]
        if self.accept(";"):
            return []
        if token.kind == "word":
            special = self._keyword(token)
            if special is not None:
                return [special]
            if self.starts_type() or token.text in ("static", "register", "extern", "__maybe_unused"):
                return self._declaration()
            self._refuse_unknown_type(token)
        value = self.expression()
        self.expect(";")
        return [Evaluate(token, value)]

    def _keyword(self, token: Token) -> Statement | None:
        """A statement that starts with a keyword, if this is one."""
        known = {
            "if": self._if, "return": self._return, "do": self._do, "for": self._for, "while": self._while,
            "switch": self._switch, "break": self._leave, "continue": self._leave,
        }.get(token.text)  # fmt: skip
        if known is not None:
            return known()
        if token.text == "else":
            raise self.error(token, "a statement expected")
        if token.text in ASM:
            return self._assembly()
        if token.text == "goto" and self.peek(1).kind == "word" and self.peek(2).text == ";":
            return self._jump()
        if token.text not in JUMPS and self.peek(1).text == ":" and self.peek(2).text != ":":
            self.index += 2
            return Label(token)
        if token.text in JUMPS:
            return self._skip_to_semicolon(f"a jump or label ({printable(token.text)}) is not understood")
        return None

    def _jump(self) -> Statement:
        token = self.take()
        label = self.word()
        self.expect(";")
        return Jump(token, label)

    def _assembly(self) -> Statement:
        token = self.peek()
        ahead = 1
        while self.peek(ahead).text in ASM_QUALIFIERS:
            ahead += 1
        if self.peek(ahead).text != "(":
            return self._skip_to_semicolon("inline assembly of this form is not understood")
        self.index += ahead
        inner = self.group()
        self.expect(";")
        return Assembly(token, tuple(inner))

    def _refuse_unknown_type(self, token: Token) -> None:
        following = self.peek(1)
        if following.kind == "word" or (
            following.text == "*" and self.peek(2).kind == "word" and self.peek(3).text in "=;,"
        ):
            raise Unsupported(f"the type {printable(token.text)} is not known", token)

    def _if(self) -> Statement:
        token = self.take()
        self.expect("(")
        test = self.expression()
        self.expect(")")
        then = self._single()
        otherwise = self._single() if self.accept("else") else None
        return If(token, test, then, otherwise)

    def _return(self) -> Statement:
        token = self.take()
        value = None if self.peek().text == ";" else self.expression()
        self.expect(";")
        return Return(token, value)

    def _do(self) -> Statement:
        token = self.take()
        body = self._single()
        self.expect("while")
        self.expect("(")
        test = self.expression()
        self.expect(")")
        self.accept(";")
        return Loop(token, (), test, None, body, after=True)

    def _while(self) -> Statement:
        token = self.take()
        self.expect("(")
        test = self.expression()
        self.expect(")")
        return Loop(token, (), test, None, self._single())

    def _for(self) -> Statement:
        token = self.take()
        self.expect("(")
        first = self._statement()
        test = None if self.peek().text == ";" else self.expression()
        self.expect(";")
        step = None if self.peek().text == ")" else self.expression()
        self.expect(")")
        return Loop(token, tuple(first), test, step, self._single())

    def _leave(self) -> Statement:
        token = self.take()
        self.expect(";")
        return Leave(token)

    def _switch(self) -> Statement:
        token = self.take()
        self.expect("(")
        test = self.expression()
        self.expect(")")
        self.expect("{")
        self.enter()
        cases: list[tuple[tuple[Expression | None, ...], Block]] = []
        labels = 0
        while not self.accept("}"):
            place = self.peek()
            found = self._labels()
            labels += len(found)
            if not found or labels > MAX_CASES:
                what = f"with more than {MAX_CASES} cases" if found else "that starts without a case"
                raise Unsupported(f"a switch {what} is not understood", place)
            statements: list[Statement] = []
            while self.peek().text not in LABELS and self.peek().text != "}":
                if self.peek().kind == "end":
                    raise self.error(self.peek(), "'}' expected")
                statements += self._statement()
            cases.append((tuple(found), Block(place, tuple(statements))))
        self.leave()
        return Switch(token, test, tuple(cases))

    def _labels(self) -> list[Expression | None]:
        """The ``case`` and ``default`` labels that stand here."""
        found: list[Expression | None] = []
        while self.peek().text in LABELS and len(found) <= MAX_CASES:
            token = self.take()
            found.append(self.assignment() if token.text == "case" else None)
            if self.peek().text == "...":
                raise Unsupported("a range of cases is not understood", self.peek())
            self.expect(":")
        return found

    def _skip_to_semicolon(self, reason: str) -> Statement:
        token = self.take()
        while self.peek().text not in (";", "}", ":"):
            if self.take().kind == "end":
                raise self.error(token, "';' expected")
            if self.tokens[self.index - 1].text == "(":
                self.index -= 1
                self.skip_group()
        if self.peek().text != "}":
            self.take()
        return Refused(token, reason)

    def _declaration(self) -> list[Statement]:
        token = self.peek()
        if token.text in ("static", "extern"):
            raise Unsupported(f"a {token.text} local variable is not understood", token)
        named = self.type_name()
        if self.accept(";"):
            return []
        found = [self._declarator(named)]
        while self.accept(","):
            found.append(self._declarator(TypeName(named.token, named.words, self._pointer(), named.like)))
        self.expect(";")
        return found

    def _declarator(self, named: TypeName) -> Statement:
        self.skip_qualifiers()
        token = self.peek()
        if token.text in ("(", "["):
            raise Unsupported("a declaration of this form is not understood", token)
        name = self.word()
        self.skip_qualifiers()
        if self.peek().text in ("[", "("):
            raise Unsupported(f"the array or function {printable(name)} is not understood", token)
        value: Expression | None = None
        if self.accept("="):
            value = self.literal(named) if self.peek().text == "{" else self.assignment()
        return Declare(token, named, name, value)

    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of a function, parentheses not included."""
        if self.peek().kind == "end" or (self.peek().text == "void" and self.peek(1).kind == "end"):
            return ()
        found = [self._parameter()]
        while self.accept(","):
            found.append(self._parameter())
        if self.peek().kind != "end":
            raise self.error(self.peek(), "',' expected")
        return tuple(found)

    def _parameter(self) -> Parameter:
        self.skip_qualifiers()
        token = self.peek()
        if not self.starts_type():
            raise Unsupported(f"the type {printable(token.text)} of a parameter is not known", token)
        named = self.type_name()
        self.skip_qualifiers()
        name = self.word() if self.peek().kind == "word" else ""
        self.skip_qualifiers()
        if self.peek().text in ("[", "("):
            raise Unsupported("a parameter of this form is not understood", token)
        return Parameter(named, name)
