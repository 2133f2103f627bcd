"""Colour on a terminal, and nowhere else."""

from __future__ import annotations

import os
import re
import sys

_BOLD, _RED, _GREEN, _YELLOW, _END = "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"

_RULES = (
    (r"\bVIOLATED\b|\^ breaks .*|\bbroken\b", _RED),
    (r"\bproved\b|(?<= )ok(?= |$)", _GREEN),
    (r"\b(?:UNKNOWN|VACUOUS|COST|NOT DECIDED)\b|\bNot decided:", _YELLOW),
    (r"^\S+/\S+(?=[ ,\n])", _BOLD),
)


def for_terminal(text: str) -> str:
    """The text, coloured if standard output is a terminal that wants it (NO_COLOR and TERM=dumb do not)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return paint(text)


def paint(text: str) -> str:
    """The text with verdicts in colour."""
    for pattern, colour in _RULES:
        text = re.sub(pattern, rf"{colour}\g<0>{_END}", text, flags=re.MULTILINE)
    return text
