"""C tokens and logical lines: comments removed, continued lines joined, every token with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.kernel.errors import MAX_LOGICAL_LINE, KernelError

JOIN = "\x02"
"""Stands for a line break inside a logical line, so that line numbers stay right."""

_TOKEN = re.compile(
    r"""(?P<space>[ \t\f\v\r\x02]+)
    |(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    |(?P<number>\.?[0-9](?:[eEpP][+-]|[A-Za-z0-9_.])*)
    |(?P<string>"(?:[^"\\]|\\.)*+"?)
    |(?P<char>'(?:[^'\\]|\\.){1,8}')
    |(?P<punct><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||\#\#|[-+*/%&|^]=|[-+*/%&|^~!<>=?:;,.(){}\[\]\#])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*+"?|\'(?:[^\'\\\n]|\\.){1,8}\'|//[^\n]*|/\*')
_SPLICE = re.compile(r"\\[ \t]*\n")
_SPLIT_WORD = re.compile(r"(?<!\\)[A-Za-z0-9_]\\[ \t]*\n[A-Za-z0-9_]")
"""After an escape such as ``\\n`` the line ends inside a string."""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


class Token:
    """One token of C.

    Attributes:
        kind: ``word``, ``number``, ``string``, ``char``, ``punct`` or ``other``.
        text: its spelling.
        file: path inside the tree.
        line: where its physical line starts, from 1.
        seq: how many macro definitions preceded it; decides which definition of a name it sees.
        hide: macros that must not be expanded here any more.
        space: white space precedes it.
    """

    __slots__ = ("file", "hide", "kind", "line", "seq", "space", "text")

    def __init__(
        self,
        kind: str,
        text: str,
        file: str,
        line: int,
        seq: int,
        space: bool = False,
        hide: frozenset[str] = frozenset(),
    ) -> None:
        self.kind, self.text, self.file, self.line = kind, text, file, line
        self.seq, self.space, self.hide = seq, space, hide

    def moved(self, seq: int, hide: frozenset[str]) -> Token:
        """The same token as a macro's body brings it to the place of use."""
        return Token(self.kind, self.text, self.file, self.line, seq, self.space, hide)

    def __repr__(self) -> str:
        return f"{self.text}@{self.file}:{self.line}"


def printable(text: str, limit: int = 60) -> str:
    """Text of a tree made fit for a message: one line, no control characters, not long."""
    plain = "".join(c if c.isprintable() and c.isascii() else "?" for c in text)
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


def tokenize(text: str, file: str, line: int, seq: int) -> list[Token]:
    """The tokens of one logical line."""
    tokens: list[Token] = []
    space = False
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        spelling = match.group()
        if kind == "space":
            space = True
            line += spelling.count(JOIN)
        else:
            tokens.append(Token(kind, spelling, file, line, seq, space))
            space = False
    return tokens


def logical_lines(text: str, file: str) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not blank, comments removed and continuations joined, with their numbers.

    Raises:
        KernelError: a control character, an open comment, or a line that is too long.
    """
    _refuse_odd_bytes(text, file)
    line = 1
    for logical in _without_comments(_SPLICE.sub(JOIN, text), file).split("\n"):
        if len(logical) > MAX_LOGICAL_LINE:
            raise KernelError(
                f"{file}:{line}: a line of {len(logical)} characters is longer than the limit of {MAX_LOGICAL_LINE}"
            )
        if logical and not logical.isspace():
            yield line, logical
        line += 1 + logical.count(JOIN)


def _refuse_odd_bytes(text: str, file: str) -> None:
    odd = _CONTROL.search(text)
    if odd:
        what = "a NUL byte" if odd.group() == "\0" else f"the control character 0x{ord(odd.group()):02x}"
        raise KernelError(f"{file}:{_line_at(text, odd.start())}: {what}: this is no C source")
    split = _SPLIT_WORD.search(text)
    if split:
        raise KernelError(
            f"{file}:{_line_at(text, split.start())}: a word is split by a backslash at the end of the line"
        )


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _without_comments(text: str, file: str) -> str:
    """Each comment becomes a space and as many joined line breaks as it spans."""
    pieces: list[str] = []
    done = 0
    match = _COMMENT.search(text)
    while match:
        end = match.end()
        if match.group() == "/*":
            close = text.find("*/", end)
            if close < 0:
                line = text.count("\n", 0, match.start()) + text.count(JOIN, 0, match.start()) + 1
                raise KernelError(f"{file}:{line}: the comment that starts here is never closed")
            end = close + 2
        if match.group().startswith("/"):
            comment = text[match.start() : end]
            breaks = comment.count("\n") + comment.count(JOIN)
            pieces += (text[done : match.start()], " " + JOIN * breaks)
            done = end
        match = _COMMENT.search(text, end)
    pieces.append(text[done:])
    return "".join(pieces)
