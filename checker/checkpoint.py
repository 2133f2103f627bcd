"""A search on arrays kept on disk, so that a run which was killed goes on where it was.

A file is written under another name, flushed to the disk and then renamed, so that at any moment there is the old one or
the new one, whole. It says which system it is of, by the key of :mod:`checker.cache`, which covers the checker's own
sources as well, and ends in a digest of all the rest. What does not fit or is damaged is not used: the search starts over.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from checker import cache
from checker.keyset import WORD
from checker.limits import Keeping
from checker.system import TransitionSystem

SUFFIX = ".checkpoint"
SCHEMA = "ptecheck.checkpoint/1"

_MAX_HEADER = 16 << 20
_DIGEST = 32
_AT_ONCE = 1 << 20
_PATIENCE = 10
"""Writing takes at most one part in so many of the time."""

Arrays = list[NDArray[Any]]


@dataclass(frozen=True)
class Saved:
    """A search between two levels.

    Attributes:
        levels: the number of the first state of each level; the last one is still to be expanded.
        fired: the operations that were enabled somewhere, as bits.
        transitions: how many (state, operation) pairs were enabled.
        words: for each word of a state, that word of every state, in as many pieces as there are.
        before: likewise each state's predecessor.
        steps: likewise the operation that led there.
    """

    levels: list[int]
    fired: int
    transitions: int
    words: list[Arrays]
    before: Arrays
    steps: Arrays

    @property
    def states(self) -> int:
        """How many states there are."""
        return sum(len(piece) for piece in self.before)


class Refused(Exception):
    """A file that is no checkpoint to go on from; the message says why."""


class Checkpoint:
    """Where one search is kept.

    Args:
        keeping: folder and pause.
        system: the system as it is searched.
        say: told in one sentence what was read, refused or could not be written.
    """

    def __init__(self, keeping: Keeping, system: TransitionSystem, say: Callable[[str], None]) -> None:
        self._keeping, self._system, self._say = keeping, system, say
        slug = re.sub(r"[^A-Za-z0-9.+]+", "-", system.name)[:100]
        self._start = f"{slug}-"
        self._key = ""
        self._next = time.monotonic() + keeping.seconds

    @property
    def path(self) -> Path:
        """The file of this search."""
        if not self._key:
            self._key = cache.key(self._system)
        return self._keeping.folder / f"{self._start}{self._key[:16]}{SUFFIX}"

    def load(self, words: int, steps: np.dtype[Any]) -> Saved | None:
        """What a run of the same checker on the same system has kept; None if there is nothing to go on from.

        Args:
            words: in a state.
            steps: the type of an operation's number.
        """
        for other in sorted(self._keeping.folder.glob(f"{self._start}*{SUFFIX}")):
            if other != self.path:
                self._say(f"{other} is of another system or of another version of ptecheck, so it is left alone")
        try:
            with self.path.open("rb") as file:
                saved = _read(file, self._key, words, steps)
        except FileNotFoundError:
            return None
        except (OSError, Refused) as why:
            self._say(f"{self.path} cannot be used, so the search starts over: {why}")
            return None
        self._say(f"goes on from {self.path}: {saved.states:,} states, depth {len(saved.levels) - 1}")
        return saved

    def offer(self, saved: Callable[[], Saved]) -> None:
        """Keeps a search, if it is time; a disk that is full is said, and no reason to stop."""
        began = time.monotonic()
        if began < self._next:
            return
        try:
            _write(self.path, self._key, self._system.name, saved())
        except OSError as why:
            self._say(f"{self.path} could not be written: {why.strerror}")
        now = time.monotonic()
        self._next = now + (max(self._keeping.seconds, _PATIENCE * (now - began)) if self._keeping.seconds else 0.0)

    def remove(self) -> None:
        """The search has ended: there is nothing to go on with."""
        if not any(self._keeping.folder.glob(f"{self._start}*")):
            return
        for path in (self.path, _unfinished(self.path)):
            path.unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _write(path: Path, key: str, name: str, saved: Saved) -> None:
    header = {
        "schema": SCHEMA,
        "key": key,
        "system": name,
        "states": saved.states,
        "words": len(saved.words),
        "step_bytes": saved.steps[0].dtype.itemsize,
        "levels": saved.levels,
        "fired": f"{saved.fired:x}",
        "transitions": saved.transitions,
    }
    digest = hashlib.sha256()
    with _unfinished(path).open("wb") as file:
        for piece in (json.dumps(header).encode() + b"\n", *_pieces(saved)):
            file.write(piece)
            digest.update(piece)
        file.write(digest.digest())
        file.flush()
        os.fsync(file.fileno())
    os.replace(_unfinished(path), path)
    _sync_folder(path.parent)


def _pieces(saved: Saved) -> Iterator[bytes]:
    for column in (*saved.words, saved.before, saved.steps):
        for array in column:
            yield from _bytes(array)


def _bytes(array: NDArray[Any]) -> Iterator[bytes]:
    """The bytes of an array, little end first, some megabytes at a time."""
    for begin in range(0, len(array), _AT_ONCE):
        part = array[begin : begin + _AT_ONCE]
        yield part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes()


def _sync_folder(folder: Path) -> None:
    """Makes a renaming last, on systems where a folder can be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _read(file: BinaryIO, key: str, words: int, steps: np.dtype[Any]) -> Saved:
    line = file.readline(_MAX_HEADER)
    try:
        header = json.loads(line)
        if header["schema"] != SCHEMA:
            raise Refused(f"it is not a {SCHEMA} file")
        known, states, levels = header["key"], int(header["states"]), [int(begin) for begin in header["levels"]]
        fired, transitions = int(header["fired"], 16), int(header["transitions"])
        shape = (int(header["words"]), int(header["step_bytes"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("it is damaged: its first line cannot be read") from None
    if known != key:
        raise Refused("it is of another system or of another version of ptecheck")
    size = states * (words * WORD.itemsize + 4 + steps.itemsize)
    if shape != (words, steps.itemsize) or len(line) + size + _DIGEST != os.fstat(file.fileno()).st_size:
        raise Refused("it is damaged: it has not the length that it should have")
    digest = hashlib.sha256(line)
    columns = [_column(file, digest, states, WORD) for _ in range(words)]
    before = _column(file, digest, states, np.dtype("<i4"))
    numbers = _column(file, digest, states, steps.newbyteorder("<"))
    if file.read(_DIGEST) != digest.digest():
        raise Refused("it is damaged: its contents do not match their digest")
    return Saved(levels, fired, transitions, [[column] for column in columns], [before], [numbers])


def _column(file: BinaryIO, digest: Any, count: int, kind: np.dtype[Any]) -> NDArray[Any]:
    column = np.fromfile(file, kind, count)
    for piece in _bytes(column):
        digest.update(piece)
    return column
