"""How far the search of one system has come, said on standard error."""

from __future__ import annotations

import sys
import time

PAUSE = 1.0
"""Seconds before the first line, and between two."""


class Progress:
    """Says how far a search of more than a second has come, at most once a second.

    Args:
        name: of the system.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._then, self._states = time.monotonic(), 0

    def begin(self, states: int) -> None:
        """Takes so many states as known from before."""
        self._then, self._states = time.monotonic(), states

    def note(self, states: int, depth: int) -> None:
        """Says so if it is time.

        Args:
            states: how many there are.
            depth: of the level whose successors are being looked for.
        """
        now = time.monotonic()
        if now < self._then + PAUSE:
            return
        rate = max(0, states - self._states) / (now - self._then)
        self.say(f"{states:,} states, depth {depth}, {rate:,.0f} states/s")
        self._then, self._states = now, states

    def say(self, text: str) -> None:
        """Says something about this system at once."""
        print(f"ptecheck: {self.name}: {text}", file=sys.stderr, flush=True)
