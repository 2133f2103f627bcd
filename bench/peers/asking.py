"""Asks a peer in a process of its own, with a limit on time and memory for it and all that it starts."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from bench.peers.answer import Answer
from checker.export.model import Exported

MEMORY = 6 << 30
"""Bytes of address space that a peer's process may have; a peer that wants more is ``unknown``."""

Peer = Callable[[Exported, str, Path, int | None], Answer]


def ask(name: str, peer: Peer, model: Exported, prop: str, depth: int | None, seconds: float) -> Answer:
    """A peer's answer; ``unknown`` with the reason where it does not come.

    Args:
        name: the peer's, for an answer that it does not give itself.
        peer: its ``run``.
        model: the system.
        prop: the property's name.
        depth: a bound on the operations of a run, or None.
        seconds: the time limit.
    """
    context = multiprocessing.get_context("fork")  # the terms of a system cannot be sent, only inherited
    mine, theirs = context.Pipe(duplex=False)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        child = context.Process(target=_answer, args=(theirs, peer, model, prop, Path(folder), depth))
        child.start()
        theirs.close()
        try:
            said = mine.recv() if mine.poll(seconds) else f"no answer in {seconds:g} s"
        except EOFError:
            said = "it died"
        finally:
            _end(child.pid)
            child.join()
    if isinstance(said, Answer):
        return said
    return Answer(name, "unknown", None, None, 0.0, 0.0, time.monotonic() - began, said)


def _answer(to: Connection, peer: Peer, model: Exported, prop: str, folder: Path, depth: int | None) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        said: Answer | str = peer(model, prop, folder, depth)
    except MemoryError:
        said = "out of memory"
    except (ValueError, OSError) as why:  # a language that cannot express the system, a program that does not start
        said = str(why)
    to.send(said)
    to.close()


def _end(leader: int | None) -> None:
    """Ends whatever a child has started."""
    if leader is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
