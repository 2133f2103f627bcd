"""What options take: each function turns the text of one option into its value, or says what is wrong with it."""

from __future__ import annotations

import argparse


def natural(text: str) -> int:
    """A number of transitions."""
    if not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of transitions")
    return int(text)


def positive(text: str) -> int:
    """A number of processes to use."""
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes")
    return int(text)


def states(text: str) -> int:
    """A number of states."""
    if not text.isdecimal() or not 1 <= len(text) <= 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of states")
    return int(text)


def processes(text: str) -> int:
    """A number of processes that a world has."""
    if text not in ("1", "2", "3"):
        raise argparse.ArgumentTypeError(f"{text!r} is not 1, 2 or 3")
    return int(text)


def seconds(text: str) -> float:
    """A time limit in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds")
    return value


def size(text: str) -> int:
    """A size of memory in bytes."""
    from checker.memory import parse_size

    try:
        return parse_size(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 500M or 2G") from None
