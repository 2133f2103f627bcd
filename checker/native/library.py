"""The compiled engine as Python sees it."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from checker.native.compiling import NoCompiler
from checker.native.program import GROUP, INSTRUCTION, MOVE

LANES = 16
BLOCK = 64 * LANES
"""States that the compiled engine looks at together."""

BATCH = 256
"""Successors that it looks up together."""

_NUMBER, _POINTER = ctypes.c_uint64, ctypes.c_void_p


class State(ctypes.Structure):
    """``struct search`` of the C source: a search under way."""

    _fields_ = (
        *((name, _POINTER) for name in ("code", "moves", "groups", "keep", "put", "rows")),
        *((name, _NUMBER) for name in ("words", "inputs", "width", "move_count", "step_bytes")),
        *((name, _POINTER) for name in ("states", "before", "steps")),
        *((name, _NUMBER) for name in ("count", "room", "next", "transitions")),
        ("fired", _POINTER),
        ("table", _POINTER),
        *((name, _NUMBER) for name in ("bits", "most")),
        *((name, _POINTER) for name in ("waiting", "hashes", "origins", "operations", "order")),
        *((name, _NUMBER) for name in ("pending", "looked_up")),
    )


_LAYOUT = ctypes.sizeof(State) << 32 | MOVE.itemsize << 16 | GROUP.itemsize << 8 | LANES


class Library:
    """The functions of a compiled engine; see the C source for what they do.

    Args:
        path: of the shared object, which is not needed any more afterwards.

    Raises:
        NoCompiler: it cannot be loaded here.
    """

    def __init__(self, path: Path) -> None:
        try:
            loaded = ctypes.CDLL(str(path))
            loaded.layout.restype = _NUMBER
            found = loaded.layout()
        except (OSError, AttributeError) as why:
            raise NoCompiler(f"the compiled engine cannot be loaded: {why}") from None
        if found != _LAYOUT or INSTRUCTION.itemsize != 8:
            raise NoCompiler("the compiled engine lays out its structures in another way")
        state = ctypes.POINTER(State)
        self.expand = _declared(loaded.expand, _NUMBER, state, _NUMBER, _POINTER, _NUMBER)
        self.enter = _declared(loaded.enter, None, state, _NUMBER, _NUMBER)


def _declared(function: Any, result: Any, *arguments: Any) -> Any:
    function.restype, function.argtypes = result, arguments
    return function


def address(array: NDArray[Any]) -> int:
    """Where an array begins; the caller keeps it."""
    return array.ctypes.data
