"""Limits on time and size, asked for in one place and reported as a reason, never as a verdict."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field

from checker.memory import resident, size_text


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
class Budget:
    """How long and how large a job may become.

    Attributes:
        seconds: wall-clock limit, or None.
        states: limit on the states of an explicit search.
        memory: limit on what this process may use, in bytes, or None.
        began: when the clock started, in seconds of ``time.monotonic()``.
    """

    seconds: float | None = None
    states: int = 20_000_000
    memory: int | None = None
    began: float = field(default_factory=time.monotonic)

    def left(self) -> float | None:
        """Seconds that remain, never below 0; None without a limit."""
        return None if self.seconds is None else max(0.0, self.began + self.seconds - time.monotonic())

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
