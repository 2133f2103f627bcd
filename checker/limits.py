"""Limits on time and size, asked for in one place and reported as a reason, never as a verdict."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from checker.memory import resident, size_text
from checker.progress import Progress
from checker.records import dataclass, field

if TYPE_CHECKING:
    from pathlib import Path


class OutOfBudget(Exception):
    """A limit was reached; the message is the reason to report."""


class OutOfMemory(OutOfBudget):
    """The limit on memory was reached, or there is no more: whatever needs as much again need not be tried."""

    @classmethod
    def limit(cls, size: int) -> OutOfMemory:
        """The reason where a limit of so many bytes was reached."""
        return cls(f"memory limit of {size_text(size)} reached")

    @classmethod
    def really(cls) -> OutOfMemory:
        """The reason for a MemoryError: the machine, or the system's own limits, gave no more."""
        return cls("there was no more memory")


ENGINES = ("plain", "arrays", "native")
"""The explicit engines: generated Python, NumPy arrays, and arrays that hand over to C from the first state on."""

_interrupts: list[int] = []


def watch_interrupts() -> None:
    """Remembers Ctrl-C until it is acted upon.

    Python drops an exception that arrives while an object is being deleted, which happens all the time between
    calls to the solver; a Ctrl-C at such a moment would be lost.
    """

    def remember(number: int, frame: object) -> None:
        _interrupts.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, remember)


def stop_if_interrupted() -> None:
    """Raises KeyboardInterrupt if there was a Ctrl-C since :func:`watch_interrupts`."""
    if _interrupts:
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Keeping:
    """That long searches are kept on disk (:mod:`checker.checkpoint`).

    Attributes:
        folder: where; it exists.
        seconds: the least time between two times.
    """

    folder: Path
    seconds: float = 60.0


@dataclass(frozen=True)
class Budget:
    """How long and how large a job may become, and who hears of it on the way.

    Attributes:
        seconds: wall-clock limit, or None.
        states: limit on the states of an explicit search.
        memory: limit on what this process may use, in bytes, or None.
        began: when the clock started, in seconds of ``time.monotonic()``.
        keeping: where a long search is kept, or None.
        progress: told how far a search has come, or None.
        engine: of :data:`ENGINES`, the one that searches; "" for whichever suits.
    """

    seconds: float | None = None
    states: int = 20_000_000
    memory: int | None = None
    began: float = field(default_factory=time.monotonic)
    keeping: Keeping | None = None
    progress: Progress | None = None
    engine: str = ""

    def left(self) -> float | None:
        """Seconds that remain, never below 0; None without a limit."""
        return None if self.seconds is None else max(0.0, self.began + self.seconds - time.monotonic())

    def note(self, states: int, depth: int) -> None:
        """Tells whoever wants to know how far a search has come."""
        if self.progress is not None:
            self.progress.note(states, depth)

    def say(self, text: str) -> None:
        """Tells whoever wants to know something about the search."""
        if self.progress is not None:
            self.progress.say(text)

    def check(self, states: int = 0, more: int = 0) -> None:
        """Raises :class:`OutOfBudget` when a limit is reached, and KeyboardInterrupt after Ctrl-C.

        Args:
            states: how many states there are.
            more: bytes that are about to be asked for.
        """
        stop_if_interrupted()
        if self.left() == 0.0:
            raise OutOfBudget(f"time limit of {self.seconds:g} s reached")
        if states > self.states:
            raise OutOfBudget(f"limit of {self.states} states reached")
        if self.memory is not None and resident() + more > self.memory:
            raise OutOfMemory.limit(self.memory)
