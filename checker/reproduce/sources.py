"""The C that is the same in every program, from ``checker/reproduce/c``: whole files, and functions that a program may need."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "c"

CALLS = ("memory.c", "pins.c", "reclaim.c", "userfaultfd.c")
"""The files of functions that processes call in a step, each of the form ``static void name(int value)``."""


@cache
def fixed(name: str) -> str:
    """A file of C, without its licence line."""
    return (FOLDER / name).read_text(encoding="utf-8").partition("\n\n")[2]


@cache
def pieces() -> dict[str, str]:
    """Name -> function or variable, in the order of the files; a function with the comment above it."""
    found = {}
    for file in CALLS:
        # In a function every line behind an empty one begins with a tab.
        for piece in re.split(r"\n\n(?=\S)", fixed(file)):
            name = re.search(r"^static [\w ]*?\**(?:(\w+)(?:\(|\[| =|;)|\(\*(\w+)\))", piece, re.M)
            if name:
                found[name[1] or name[2]] = piece.strip("\n") + "\n"
    return found


def needed(functions: set[str]) -> list[str]:
    """These functions with whatever they use, in an order in which C takes them."""
    known = pieces()
    wanted: set[str] = set()
    left = set(functions)
    while left:
        wanted |= left
        code = re.sub(r"/\*.*?\*/|\"[^\"\n]*\"", "", "\n".join(known[name] for name in left), flags=re.S)
        used = set(re.findall(r"\w+", code))
        left = (used & set(known)) - wanted
    return [piece for name, piece in known.items() if name in wanted]
