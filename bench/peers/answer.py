"""What a peer answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a peer says of one property of one system, and how long it took.

    Attributes:
        peer: its name.
        verdict: ``holds``, ``violated`` or ``unknown``; where a bound on the depth was given, ``holds`` is up to it.
        depth: of ``violated``, the number of operations in the counterexample; None where the peer does not tell.
        states: how many reachable states it counted, as ours are counted; None where it counts none.
        translate: seconds to write the system in its language, and to translate it to its own form.
        compile: seconds of a C compiler; 0 where none is needed.
        run: seconds of the search itself.
        note: why it is ``unknown``, or whatever else a reader must know.
    """

    peer: str
    verdict: str
    depth: int | None
    states: int | None
    translate: float
    compile: float
    run: float
    note: str = ""

    @property
    def seconds(self) -> float:
        """All of it, end to end."""
        return self.translate + self.compile + self.run
