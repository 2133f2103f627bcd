"""The value of ``#if``: integer arithmetic on 64 bits over macros."""

from __future__ import annotations

import operator
from collections.abc import Callable

from models.kernel.errors import MAX_CONDITION, KernelError, Unsupported
from models.kernel.macros import Macros
from models.kernel.parser import Parser
from models.kernel.syntax import Binary, Conditional, Expression, Name, Number, Unary
from models.kernel.tokens import Token, printable
from models.kernel.words import Undefined, literal

_BITS = 64
_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def holds(tokens: list[Token], macros: Macros, file: str, line: int) -> bool:
    """Whether the condition is true.

    Raises:
        KernelError: it cannot be evaluated.
    """
    try:
        expanded = macros.expand(_without_defined(tokens, macros, file, line))
        if len(expanded) > MAX_CONDITION:
            raise KernelError(f"{file}:{line}: this condition has more than {MAX_CONDITION} tokens")
        parser = Parser(expanded, lambda _name: False, file, line)
        expression = parser.expression()
        if parser.peek().kind != "end":
            raise parser.error(parser.peek(), "nothing more expected")
        return _value(expression)[0] != 0
    except (Unsupported, Undefined) as refusal:
        raise KernelError(f"{file}:{line}: this condition cannot be evaluated: {refusal}") from None


def _without_defined(tokens: list[Token], macros: Macros, file: str, line: int) -> list[Token]:
    """``defined NAME`` replaced by 0 or 1."""
    out: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        index += 1
        if token.text != "defined":
            out.append(token)
            continue
        bracketed = index < len(tokens) and tokens[index].text == "("
        place = index + bracketed
        if place >= len(tokens) or tokens[place].kind != "word":
            raise KernelError(f"{file}:{line}: defined needs a name")
        index = place + 1 + bracketed
        if bracketed and (index > len(tokens) or tokens[index - 1].text != ")"):
            raise KernelError(f"{file}:{line}: the parenthesis after defined is not closed")
        truth = macros.defined(tokens[place].text)
        out.append(Token("number", "1" if truth else "0", file, line, token.seq))
    return out


def _value(node: Expression) -> tuple[int, bool]:
    """Value and signedness of a preprocessor expression; an unknown name is 0, as in C."""
    if isinstance(node, Number):
        value, _ = literal(node.token)
        unsigned = node.token.kind == "number" and "u" in node.token.text.lower()
        return value, not unsigned and value < 1 << (_BITS - 1)
    if isinstance(node, Name):
        return 0, True
    if isinstance(node, Unary):
        return _unary(node)
    if isinstance(node, Conditional):
        test = _value(node.test)
        chosen = node.then if node.then is not None else node.test
        return _value(chosen if test[0] else node.otherwise)
    if isinstance(node, Binary):
        return _binary(node)
    raise Unsupported(f"{printable(node.token.text)} is not understood here", node.token)


def _unary(node: Unary) -> tuple[int, bool]:
    value, signed = _value(node.operand)
    if node.op == "!":
        return int(not value), True
    if node.op not in "-~+":
        raise Unsupported(f"the pointer operation {node.op} is not understood here", node.token)
    return _wrap({"-": -value, "~": ~value, "+": value}[node.op], signed), signed


def _binary(node: Binary) -> tuple[int, bool]:
    left, left_signed = _value(node.left)
    if node.op in ("&&", "||"):
        if bool(left) != (node.op == "&&"):
            return int(node.op == "||"), True
        return int(_value(node.right)[0] != 0), True
    right, right_signed = _value(node.right)
    if node.op == ",":
        return right, right_signed
    signed = left_signed and right_signed
    if node.op in ("<<", ">>"):
        return _shift(node, left, right, left_signed), left_signed
    left, right = _wrap(left, signed), _wrap(right, signed)
    if node.op in ("/", "%"):
        return _wrap(_divide(node, left, right), signed), signed
    result = _ARITHMETIC[node.op](left, right)
    return _wrap(int(result), signed), signed or isinstance(result, bool)


def _shift(node: Binary, value: int, amount: int, signed: bool) -> int:
    if not 0 <= amount < _BITS:
        raise Unsupported(f"a shift by {amount} bits is undefined", node.token)
    return _wrap(value << amount if node.op == "<<" else value >> amount, signed)


def _divide(node: Binary, left: int, right: int) -> int:
    if right == 0:
        raise Unsupported("a division by zero is undefined", node.token)
    quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    return quotient if node.op == "/" else left - quotient * right


def _wrap(value: int, signed: bool) -> int:
    value &= (1 << _BITS) - 1
    return value - (1 << _BITS) if signed and value >> (_BITS - 1) else value
