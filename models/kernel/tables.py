"""Constant tables of a tree: initialisers whose entries say their place, ``[index] = value``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.kernel.errors import Unsupported
from models.kernel.tokens import Token
from models.kernel.unit import split_parts

Integer = Callable[[list[Token]], int]
"""The value of the tokens of a constant expression."""


def entries(tokens: list[Token]) -> Iterator[tuple[Token, list[Token], list[Token]]]:
    """Where each ``[index] = value`` of an initialiser stands, the tokens of its index, and those of its value.

    Args:
        tokens: what stands in the braces.

    Raises:
        Unsupported: an entry has another form.
    """
    for part in split_parts(tokens):
        if not part:
            continue
        close = next((i for i, token in enumerate(part) if token.text == "]"), len(part))
        if [token.text for token in (part[0], *part[close + 1 : close + 2])] != ["[", "="]:
            raise Unsupported("an entry of a form that is not understood", part[0])
        yield part[0], part[1:close], part[close + 2 :]


def indices(tokens: list[Token], integer: Integer, length: int) -> range:
    """The index of an entry, or GCC's ``first ... last``, as far as it is below a length."""
    dots = [i for i, token in enumerate(tokens) if token.text == "..."]
    first = integer(tokens[: dots[0]] if dots else tokens)
    last = integer(tokens[dots[0] + 1 :]) if dots else first
    return range(first, min(last + 1, length))
