"""When a search is handed over to the compiled engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checker.native.compiling import Compiling
    from checker.native.library import Library

PAUSE = 0.1
"""Seconds on arrays before the compiler starts, which takes about as long: most searches have ended by then."""

MANY = 30_000
"""States that a search must have to be worth handing over."""


class _Engine:
    """The engine of this process: compiled at most once.

    Attributes:
        library: once it is there.
        refused: why there will be none, or "".
    """

    library: Library | None = None
    refused: str = ""


class Relay:
    """Compiles the engine in the background of a search that has become long, once in a process.

    Args:
        say: told in one sentence why there is no compiled engine.
        at_once: hand over from the first state, even if that means waiting for the compiler.
    """

    def __init__(self, say: Callable[[str], None] = lambda text: None, at_once: bool = False) -> None:
        self._say, self._at_once = say, at_once
        self._began = time.monotonic()
        self._compiling: Compiling | None = None

    def ready(self, states: int) -> Library | None:
        """The compiled engine, if there is one and this is the time to hand over to it.

        Args:
            states: how many there are.
        """
        if not self._at_once and states < MANY:
            return None
        if _Engine.library is None and not _Engine.refused and self._is_time():
            self._compile()
        return _Engine.library

    def _is_time(self) -> bool:
        return self._at_once or self._compiling is not None or time.monotonic() >= self._began + PAUSE

    def _compile(self) -> None:
        from checker.native.compiling import Compiling, NoCompiler

        try:
            self._compiling = self._compiling or Compiling()
            path = self._compiling.result(wait=self._at_once)
            if path is not None:
                from checker.native.library import Library

                _Engine.library = Library(path)
                self.end()
        except NoCompiler as why:
            _Engine.refused = str(why)
            self._say(f"goes on without the compiled engine: {why}")

    def end(self) -> None:
        """Ends what is still going on."""
        if self._compiling is not None:
            self._compiling.end()
            self._compiling = None
