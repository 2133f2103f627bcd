"""Macro definitions with their history, and expansion with bounds.

A name may be defined, undefined and defined again; which definition a token sees depends on where the token
stands. The history is kept, so that function bodies can be expanded late and only where they are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.kernel.errors import MAX_EXPANSION, MAX_MACRO_DEPTH, MAX_WORD, Budget, Unsupported, fault
from models.kernel.tokens import Token, printable, tokenize

LAST = 1 << 60
"""The place after every definition."""

Arguments = list[list[Token]]
Computed = Callable[["Macros", Arguments, Token], list[Token]]


@dataclass
class Macro:
    """One definition.

    Attributes:
        name: what it defines.
        params: parameter names, None for a macro without parentheses.
        variadic: the last parameter takes the rest.
        text: the body as written.
        file, line: where it is.
    """

    name: str
    params: tuple[str, ...] | None
    variadic: bool
    text: str
    file: str
    line: int
    _body: tuple[Token, ...] | None = None

    def body(self) -> tuple[Token, ...]:
        """The body's tokens; split up when they are first needed."""
        if self._body is None:
            self._body = tuple(tokenize(self.text, self.file, self.line, 0))
        return self._body


class Macros:
    """Every macro of one tree.

    Attributes:
        seq: the number of definitions so far.
        asked: configuration options that the headers asked for.
        fixed: names that stay as they are, because their value is taken as given.
    """

    def __init__(self, computed: dict[str, Computed]) -> None:
        self.seq = 0
        self.asked: set[str] = set()
        self.fixed: frozenset[str] = frozenset()
        self._history: dict[str, list[tuple[int, Macro | None]]] = {}
        self._computed = computed
        self._budget = Budget(
            MAX_EXPANSION,
            f"macro expansion took more than {MAX_EXPANSION} steps by here; the header is refused as a macro bomb",
        )

    def define(self, name: str, macro: Macro | None) -> None:
        """Adds a definition, or removes one with None."""
        self.seq += 1
        self._history.setdefault(name, []).append((self.seq, macro))

    def lookup(self, name: str, seq: int = LAST) -> Macro | None:
        """The definition that a token at this place sees."""
        if name.startswith("CONFIG_"):
            self.asked.add(name)
        for since, macro in reversed(self._history.get(name, ())):
            if since <= seq:
                return macro
        return None

    def defined(self, name: str, seq: int = LAST) -> bool:
        """Whether ``defined(name)`` is true."""
        return name in self._computed or self.lookup(name, seq) is not None

    def names(self) -> list[str]:
        """Every name that was ever defined, in order of its first definition."""
        return list(self._history)

    def expand(self, tokens: list[Token], depth: int = 0) -> list[Token]:
        """The tokens with every macro replaced.

        Raises:
            KernelError: a bound is exceeded.
            Unsupported: a malformed macro call.
        """
        out: list[Token] = []
        pending = tokens[::-1]
        while pending:
            token = pending.pop()
            self._budget.spend(1, token)
            if token.kind != "word" or token.text in token.hide or not self._replace(token, pending, depth):
                out.append(token)
        return out

    def _replace(self, token: Token, pending: list[Token], depth: int) -> bool:
        """Puts the expansion of one name onto the pending tokens; False if it is no macro here."""
        if token.text in self.fixed:
            return False
        computed = self._computed.get(token.text)
        macro = None if computed else self.lookup(token.text, token.seq)
        if computed is None and macro is None:
            return False
        if len(token.hide) > MAX_MACRO_DEPTH or depth > MAX_MACRO_DEPTH:
            raise fault(token, f"macros nest deeper than the limit of {MAX_MACRO_DEPTH}")
        if macro is not None and macro.params is None:
            self._budget.spend(len(macro.body()), token)
            hide = token.hide | {macro.name}
            pending.extend(t.moved(token.seq, t.hide | hide) for t in self._join(list(macro.body()))[::-1])
            return True
        if not pending or pending[-1].text != "(":
            return False
        arguments, close = _arguments(token, pending)
        if computed:
            pending.extend(computed(self, arguments, token)[::-1])
        elif macro:
            hide = (token.hide & close.hide) | {macro.name}
            body = self._substitute(macro, arguments, token, depth)
            pending.extend(t.moved(token.seq, t.hide | hide) for t in body[::-1])
        return True

    def _substitute(self, macro: Macro, arguments: Arguments, call: Token, depth: int) -> list[Token]:
        """The body with the parameters replaced by the arguments."""
        bound = _bind(macro, arguments, call)
        expanded: dict[str, list[Token]] = {}
        out: list[Token] = []
        body = macro.body()
        for index, token in enumerate(body):
            argument = bound.get(token.text) if token.kind == "word" else None
            before = body[index - 1].text if index else ""
            after = body[index + 1].text if index + 1 < len(body) else ""
            if argument is None:
                if not (token.text == "#" and after in bound):
                    out.append(token)
            elif before == "#":
                out.append(_string(argument, token))
            elif before == "##" or after == "##":
                out.extend(argument or [_placemarker(token)])
            else:
                if token.text not in expanded:
                    expanded[token.text] = self.expand(list(argument), depth + 1)
                out.extend(expanded[token.text])
        self._budget.spend(len(out), call)
        return self._join(out)

    def _join(self, tokens: list[Token]) -> list[Token]:
        """Carries out ``##``."""
        if not any(token.text == "##" for token in tokens):
            return tokens
        out: list[Token] = []
        index = 0
        while index < len(tokens):
            token = tokens[index]
            if token.text == "##" and out and index + 1 < len(tokens):
                out[-1:] = _paste(out[-1], tokens[index + 1])
                index += 1
            else:
                out.append(token)
            index += 1
        return [token for token in out if token.kind != "none"]


def _placemarker(token: Token) -> Token:
    return Token("none", "", token.file, token.line, token.seq)


def _paste(left: Token, right: Token) -> list[Token]:
    """One token made of two; a comma before an empty or variable rest is GCC's ``, ## __VA_ARGS__``."""
    if left.kind == "none" or right.kind == "none":
        return [right if left.kind == "none" else left] if left.text != "," else []
    if left.text == ",":
        return [left, right]
    text = left.text + right.text
    if len(text) > MAX_WORD:
        raise fault(left, f"## builds a word longer than the limit of {MAX_WORD} characters")
    made = tokenize(text, left.file, left.line, left.seq)
    if len(made) != 1:
        raise Unsupported(f"## does not make one token of {printable(text)!r}", left)
    return [made[0].moved(left.seq, left.hide & right.hide)]


def _string(argument: list[Token], token: Token) -> Token:
    """The string literal that ``#`` makes of an argument."""
    text = "".join((" " if t.space and index else "") + t.text for index, t in enumerate(argument))
    if len(text) > MAX_WORD:
        raise fault(token, f"# builds a string longer than the limit of {MAX_WORD} characters")
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return Token("string", f'"{quoted}"', token.file, token.line, token.seq)


def _arguments(call: Token, pending: list[Token]) -> tuple[Arguments, Token]:
    """Takes a macro call's parenthesised arguments off the pending tokens."""
    pending.pop()
    arguments: Arguments = [[]]
    nesting = 0
    while pending:
        token = pending.pop()
        if token.text == ")" and nesting == 0:
            return arguments, token
        nesting += (token.text in "([{") - (token.text in ")]}") if token.kind == "punct" else 0
        if token.text == "," and nesting == 0:
            arguments.append([])
        else:
            arguments[-1].append(token)
    raise Unsupported(f"the arguments of the macro {printable(call.text)} are never closed", call)


def _bind(macro: Macro, arguments: Arguments, call: Token) -> dict[str, list[Token]]:
    """Parameter name -> argument."""
    params = macro.params or ()
    if not params and arguments == [[]]:
        return {}
    if macro.variadic:
        fixed = len(params) - 1
        rest: list[Token] = []
        for index, argument in enumerate(arguments[fixed:]):
            rest += ([Token("punct", ",", call.file, call.line, call.seq)] if index else []) + argument
        arguments = [*arguments[:fixed], rest]
    if len(arguments) != len(params):
        raise Unsupported(
            f"the macro {printable(macro.name)} takes {len(params)} arguments, not {len(arguments)}", call
        )
    return dict(zip(params, arguments, strict=True))
