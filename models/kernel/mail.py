"""The text of a patch, out of what lists and tools wrap it in: mails, mailboxes, replies that quote it.

A mail whose body is as it was written is read as it stands, headers and all, so that line numbers are the file's.
Only an encoded body is decoded first.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from models.kernel.errors import MAX_LOGICAL_LINE, KernelError
from models.kernel.tokens import printable

if TYPE_CHECKING:
    from email.message import Message

MAX_PATCH_BYTES = 8_000_000
"""The largest patch file; a kernel's monthly stable update has two to five million bytes."""

MAX_PATCH_LINES = 250_000
MAX_MESSAGES = 1_000
MAX_PARTS = 100
"""The most parts of one mail."""

MAX_NAME = 80
"""The longest name of a patch in messages."""

_START = re.compile(
    r"(?:\A|(?<=\n\n))From \S{1,200} [^\n]{0,60}\d\d:\d\d:\d\d[^\n]{0,30}\n(?=[A-Za-z][A-Za-z0-9-]{0,60}:)"
)
_HEADERS = ("From", "Subject", "Date", "Message-ID", "Content-Type")
_ENCODED = ("base64", "quoted-printable")
_QUOTED = re.compile(r"((?:> ?)+)(?:diff --git |--- \S)")
Content = TypeVar("Content")
_TAG = re.compile(r"\[([^\[\]]{0,100})\]")


@dataclass(frozen=True)
class Patch:
    """A patch as it was handed over.

    Attributes:
        name: its file's name.
        data: what the file holds.
    """

    name: str
    data: bytes

    @classmethod
    def read(cls, path: str | Path) -> Patch:
        """The patch in a file, or on standard input if the name is ``-``.

        Raises:
            KernelError: the file cannot be read, or is too large.
        """
        name = "standard input" if str(path) == "-" else printable(str(path), MAX_NAME)
        try:
            if str(path) == "-":
                data = sys.stdin.buffer.read(MAX_PATCH_BYTES + 1)
            else:
                with open(path, "rb") as file:
                    data = file.read(MAX_PATCH_BYTES + 1)
        except (OSError, ValueError) as error:
            why = (error.strerror or type(error).__name__) if isinstance(error, OSError) else "the name is malformed"
            raise KernelError(f"the patch {name} cannot be read: {why}") from None
        return cls(name, data)


@dataclass(frozen=True)
class Text:
    """Lines in which a patch is looked for.

    Attributes:
        name: the patch's name in messages.
        lines: the lines, without their ends.
        numbers: the number of each line in what the name names.
        subject: the mail's subject; "" if it is none.
    """

    name: str
    lines: Sequence[str]
    numbers: Sequence[int]
    subject: str = ""

    def place(self, index: int) -> str:
        """Name and number of a line."""
        number = self.numbers[min(index, len(self.numbers) - 1)] if self.numbers else 1
        return f"{self.name}:{number}"


def texts(patch: Patch) -> list[Text]:
    """The messages of a patch file; one if it is no mailbox.

    Raises:
        KernelError: it is too large, or no text.
    """
    name = printable(patch.name, MAX_NAME)
    if len(patch.data) > MAX_PATCH_BYTES:
        raise KernelError(f"the patch {name} is larger than the limit of {MAX_PATCH_BYTES} bytes")
    raw = patch.data.decode("latin-1").replace("\r\n", "\n")
    if "\0" in raw:
        raise KernelError(
            f"{name}:{raw.count(chr(10), 0, raw.index(chr(0))) + 1}: a NUL byte: this is no patch in plain text"
        )
    if raw.count("\n") > MAX_PATCH_LINES:
        raise KernelError(f"the patch {name} has more than {MAX_PATCH_LINES} lines")
    starts = [match.start() for match in _START.finditer(raw)]
    if len(starts) > MAX_MESSAGES:
        raise KernelError(f"the mailbox {name} has more than {MAX_MESSAGES} messages")
    bounds = [0, *(start for start in starts if start), len(raw)]
    found: list[Text] = []
    first = 1
    for start, end in pairwise(bounds):
        found += _message(name, raw[start:end], first)
        first += raw.count("\n", start, end)
    return found


def _message(name: str, raw: str, first: int) -> list[Text]:
    """The text of one mail, or of a file that is none: as it stands, or each encoded part of it."""
    from email import message_from_string
    from email.errors import MessageError

    try:
        mail = message_from_string(raw)
        if not any(header in mail for header in _HEADERS):
            return [_text(name, raw, first)]
        subject = " ".join(printable(str(mail.get("Subject", "")), 1_000).split())
        encoded = str(mail.get("Content-Transfer-Encoding", "")).strip().lower() in _ENCODED
        if not (mail.is_multipart() or encoded):
            return [_text(name, _utf8(raw.encode("latin-1"), mail), first, subject)]
        parts = [part for part in mail.walk() if not part.is_multipart()]
        if len(parts) > MAX_PARTS:
            raise KernelError(f"a mail of {name} has more than {MAX_PARTS} parts")
        return [_text(f"{name} (decoded)", _decoded(part), 1, subject) for part in parts if _may_hold_a_patch(part)]
    except (MessageError, RecursionError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise KernelError(f"{name}:{first}: this mail cannot be read: {type(error).__name__}") from None


def _text(name: str, raw: str, first: int, subject: str = "") -> Text:
    lines = raw.removesuffix("\n").split("\n")
    longest = max(range(len(lines)), key=lambda index: len(lines[index]))
    if len(lines[longest]) > MAX_LOGICAL_LINE:
        raise KernelError(f"{name}:{first + longest}: a line is longer than the limit of {MAX_LOGICAL_LINE} characters")
    return Text(name, lines, range(first, first + len(lines)), subject)


def _may_hold_a_patch(part: Message) -> bool:
    plain = part.get_content_maintype() == "text" and part.get_content_subtype() != "html"
    return plain or str(part.get_filename("")).endswith((".patch", ".diff"))


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return _utf8(payload if isinstance(payload, bytes) else b"", part).replace("\r\n", "\n").replace("\0", "?")


def _utf8(data: bytes, part: Message) -> str:
    """The text as the kernel's own files have it: UTF-8, one character a byte."""
    charset = part.get_content_charset("utf-8")
    try:
        return (data if charset in ("utf-8", "us-ascii") else data.decode(charset).encode()).decode("latin-1")
    except (LookupError, UnicodeError):
        return data.decode("latin-1")


def is_reply(text: Text) -> bool:
    """Whether the mail answers another one."""
    return text.subject.lower().startswith("re:")


def unquoted(text: Text) -> Text | None:
    """What a reply quotes from the mail with the patch; None if it quotes none.

    The lines of that mail are those with the same quote marks as the patch's first line.
    """
    for line in text.lines:
        found = _QUOTED.match(line)
        if found:
            mark = found.group(1)
            kept = [
                (number, quoted[len(mark) :])
                for number, quoted in zip(text.numbers, text.lines, strict=True)
                if quoted.startswith(mark) or quoted == mark.rstrip()
            ]
            return Text(text.name, [quoted for _, quoted in kept], [number for number, _ in kept], text.subject)
    return None


def in_order(mails: Sequence[tuple[Text, Content]]) -> list[Content]:
    """What the mails of one series hold, by their numbers if they have any.

    Raises:
        KernelError: they belong to more than one series.
    """
    tags = [_series(mail.subject) for mail, _ in mails]
    known = [tag for tag in tags if tag is not None]
    if len(known) < max(len(tags), 2):
        return [content for _, content in mails]
    if len({(version, total) for version, _, total in known}) > 1 or len(set(known)) < len(known):
        raise KernelError(f"{mails[0][0].name} holds more than one series or version of it: keep one, as b4 am does")
    order = sorted(range(len(mails)), key=lambda index: known[index])
    return [mails[index][1] for index in order]


def _series(subject: str) -> tuple[int, int, int] | None:
    """Version, number and total of ``[PATCH v2 3/7]``."""
    for tag in _TAG.findall(subject):
        number = re.search(r"\b(\d{1,4})/(\d{1,4})\b", tag)
        if "PATCH" in tag and number:
            version = re.search(r"\bv(\d{1,3})\b", tag)
            return int(version.group(1)) if version else 1, int(number.group(1)), int(number.group(2))
    return None
