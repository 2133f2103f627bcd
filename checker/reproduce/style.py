"""The kernel's coding style for what is written here: tabs of eight, 80 columns, block comments."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from checker.export.ctext import comment

LICENCE = "// SPDX-License-Identifier: GPL-2.0 OR MIT"
"""The first line of everything written here; GPL-2.0 for the kernel, MIT as the rest of this project."""

COLUMNS, TAB = 80, 8


def safe(text: str) -> str:
    """A text from a trace or a tree that can stand inside a comment."""
    return comment("".join(letter if letter.isprintable() else " " for letter in text))


def block(paragraphs: Iterable[str], depth: int = 0) -> list[str]:
    """A comment of these paragraphs; one line if it fits. An empty paragraph is an empty line; blanks in front are kept."""
    found = [safe_line for text in paragraphs for safe_line in [_indented(text)]]
    room = COLUMNS - TAB * depth
    tabs = "\t" * depth
    if len(found) == 1 and len(found[0]) + 6 <= room:
        return [f"{tabs}/* {found[0]} */"]
    lines = [line for text in found for line in _wrapped(text, room - 3)]
    return [f"{tabs}/*", *(f"{tabs} * {line}".rstrip() for line in lines), f"{tabs} */"]


def _indented(text: str) -> str:
    return " " * (len(text) - len(text.lstrip(" "))) + safe(text)


def _wrapped(text: str, room: int) -> list[str]:
    start = " " * (len(text) - len(text.lstrip(" ")))
    return textwrap.wrap(text, room, subsequent_indent=start, break_on_hyphens=False) or [""]


def width(line: str) -> int:
    """How many columns a line takes."""
    return len(line.expandtabs(TAB))


def code(text: str, depth: int = 1) -> list[str]:
    """A statement or expression, broken at its outermost operators and commas where it is too long."""
    lines: list[str] = []
    words = _words(text)
    while words:
        start = _continuation(lines, depth) if lines else "\t" * depth
        count = _fitting(words, COLUMNS - width(start))
        lines.append((start + "".join(words[:count])).rstrip())
        words = words[count:]
    return lines


def _fitting(words: Sequence[str], room: int) -> int:
    """How many words go on a line: all that fit, cut back to where the fewest parentheses are open, if that is not too far."""
    used, depth = 0, 0
    places: list[tuple[int, int, int]] = []
    for count, word in enumerate(words, 1):
        used += len(word)
        if used - (len(word) - len(word.rstrip())) > room and places:
            good = [place for place in places if place[2] * 2 >= room] or places
            least = min(place[1] for place in good)
            return max(place[0] for place in good if place[1] == least)
        depth += word.count("(") - word.count(")")
        places.append((count, depth, used))
    return len(words)


def _words(text: str) -> list[str]:
    """The text cut where a line may be broken: behind a blank, outside strings."""
    parts = re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^\s"])+\s*', text)
    joined: list[str] = []
    for part in parts:
        # An operator and what closes stay at the end of the line they follow.
        if joined and re.fullmatch(r"(?:[|&=<>!?:+*/^-]{1,3}|[})\];,]+)\s*", part):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _continuation(lines: Sequence[str], depth: int) -> str:
    """The beginning of the next line: below the innermost open parenthesis, or two tabs further in."""
    columns: list[int] = []
    for line in lines:
        shown = line.expandtabs(TAB)
        for place, letter in enumerate(shown):
            if letter in "({":
                columns.append(place + 1)
            elif letter in ")}" and columns:
                columns.pop()
    column = columns[-1] if columns else TAB * (depth + 1)
    column = column if column <= COLUMNS * 5 // 8 else TAB * (depth + 2)
    return "\t" * (column // TAB) + " " * (column % TAB)


def string(text: str, newline: bool = False) -> str:
    """A string literal of C, with a newline at its end if that is wanted."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text).encode("ascii", "replace").decode()
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    return f'"{escaped}' + ("\\n" if newline else "") + '"'
