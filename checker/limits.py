"""Limits on time and size, asked for in one place and reported as a reason, never as a verdict."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field


class OutOfBudget(Exception):
    """A limit was reached; the message is the reason to report."""


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
        began: when the clock started, in seconds of ``time.monotonic()``.
    """

    seconds: float | None = None
    states: int = 20_000_000
    began: float = field(default_factory=time.monotonic)

    def left(self) -> float | None:
        """Seconds that remain, never below 0; None without a limit."""
        return None if self.seconds is None else max(0.0, self.began + self.seconds - time.monotonic())

    def check(self, states: int = 0) -> None:
        """Raises :class:`OutOfBudget` when a limit is reached, and KeyboardInterrupt after Ctrl-C."""
        stop_if_interrupted()
        if self.left() == 0.0:
            raise OutOfBudget(f"time limit of {self.seconds:g} s reached")
        if states > self.states:
            raise OutOfBudget(f"limit of {self.states} states reached")
