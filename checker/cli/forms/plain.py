"""Text that others may have written, made fit for a line of ours: nothing in it can end the line or steer a terminal."""

from __future__ import annotations


def one_line(text: str) -> str:
    """The text in one line; what cannot be printed, line ends among it, is shown as Python would write it."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def ascii_line(text: str) -> str:
    """The text in one line of printable ASCII."""
    return "".join(c if c.isprintable() and c.isascii() else _escaped(c) for c in text)


def lines(text: str) -> str:
    """The text with every line made fit by itself."""
    return "\n".join(map(one_line, text.split("\n")))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
