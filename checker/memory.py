"""How much memory this process uses and how much there is to use, without a further package."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

SHARE = 0.8
"""Of what is free, how much the processes of a run may take together."""

_STATM = "/proc/self/statm"
_MEMINFO = "/proc/meminfo"
_OWN_GROUPS = "/proc/self/cgroup"
_GROUPS = "/sys/fs/cgroup"
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def resident() -> int:
    """Bytes of memory this process has in use; where only the peak is known, the peak; 0 if neither is."""
    try:
        with open(_STATM, "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return _peak()


def _peak() -> int:
    try:
        import resource
    except ImportError:  # no Unix
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def free() -> int | None:
    """Bytes the machine can give without swapping, or what is left to this process's control group if that is less.

    None if nothing says so.
    """
    known = [amount for amount in (_free_of_machine(), *_free_of_groups()) if amount is not None]
    return min(known, default=None)


def _text(path: str) -> str:
    """A file's text: every start asks for memory, and ``pathlib`` would be loaded for this alone."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _free_of_machine() -> int | None:
    try:
        lines = (line.split() for line in _text(_MEMINFO).splitlines())
        return next(int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:")
    except (OSError, ValueError, IndexError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (OSError, ValueError, AttributeError):
        return None


def _free_of_groups() -> Iterator[int]:
    """What is left in the control group of this process and in those around it, of either version."""
    try:
        lines = [line.split(":", 2) for line in _text(_OWN_GROUPS).splitlines()]
    except OSError:
        return
    for _, controllers, path in (line for line in lines if len(line) == 3):
        if controllers == "":
            yield from _left(_GROUPS, path, "memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            yield from _left(f"{_GROUPS}/memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes")


def _left(root: str, path: str, most: str, used: str) -> Iterator[int]:
    names = [name for name in path.split("/") if name] if path.startswith("/") else []
    for count in range(len(names), -1, -1):
        folder = "/".join([root, *names[:count]])
        try:
            yield max(0, int(_text(f"{folder}/{most}")) - int(_text(f"{folder}/{used}")))
        except (OSError, ValueError):  # no such file, or "max": no limit
            continue


def fair_share(processes: int) -> int | None:
    """Bytes that each of some processes may use so that together they leave the machine some; None if unknown."""
    there_is = free()
    return None if there_is is None else int(there_is * SHARE) // processes + resident()


def parse_size(text: str) -> int:
    """Bytes from a size such as ``500M`` or ``2G``; units are powers of 1000.

    Raises:
        ValueError: it is not a size of at least one byte.
    """
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    if unit not in _UNITS or len(number) > 15:
        raise ValueError(text)
    size = float(number) * _UNITS[unit]
    if not 1 <= size < 1e18:
        raise ValueError(text)
    return int(size)


def size_text(size: int) -> str:
    """A number of bytes for a reader, such as ``500 MB``."""
    for unit in ("T", "G", "M", "K"):
        if size >= _UNITS[unit]:
            return f"{size / _UNITS[unit]:.4g} {unit.replace('K', 'k')}B"
    return f"{size} bytes"
