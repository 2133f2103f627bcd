"""Compiles the engine's C source with the machine's own compiler, in a folder that nobody else can write."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).with_name("engine.c")
COMPILER_VARIABLE = "CC"

PATIENCE = 60.0
"""Seconds that a compiler may take."""

FLAGS = ("-std=gnu11", "-O1", "-shared", "-fPIC")
"""More optimization, or code for this very processor, gains less than a tenth of the search and compiles longer."""


class NoCompiler(Exception):
    """There is no engine to load; the message says why."""


def compiler() -> list[str]:
    """The compiler's command, as words: what $CC says, otherwise cc.

    Raises:
        NoCompiler: there is none.
    """
    named = os.environ.get(COMPILER_VARIABLE) or "cc"
    try:
        words = shlex.split(named)
    except ValueError:
        raise NoCompiler(f"${COMPILER_VARIABLE} is no command: {named!r}") from None
    if not words or shutil.which(words[0]) is None:
        raise NoCompiler(f"there is no C compiler {named!r}; ${COMPILER_VARIABLE} can name another one")
    return words


class Compiling:
    """A compiler at work in the background; :meth:`end` must be called in the end.

    Args:
        source: what to compile.
        patience: seconds it may take.

    Raises:
        NoCompiler: there is none, or it cannot be started.
    """

    def __init__(self, source: Path = SOURCE, patience: float = PATIENCE) -> None:
        self._command = compiler()
        self._until = time.monotonic() + patience
        self._folder = _private_folder()
        command = [*self._command, *FLAGS, "-o", str(self._object), str(source)]
        try:
            self._process = _in_background(command, self._folder.name)
        except OSError as why:
            self._folder.cleanup()
            raise NoCompiler(f"{command[0]!r} cannot be started: {why.strerror}") from None

    @property
    def _object(self) -> Path:
        return Path(self._folder.name) / "engine.so"

    def result(self, wait: bool = False) -> Path | None:
        """The shared object; None while the compiler is still at work.

        Args:
            wait: until it is done.

        Raises:
            NoCompiler: it failed, or took too long.
        """
        status = self._status(wait)
        if status is None:
            return None
        if status or not self._object.is_file():
            raise NoCompiler(f"{shlex.join(self._command)!r} could not compile the engine (exit status {status})")
        return self._object

    def _status(self, wait: bool) -> int | None:
        left = self._until - time.monotonic()
        try:
            if wait and left > 0:
                return self._process.wait(left)
        except subprocess.TimeoutExpired:
            left = 0
        status = self._process.poll()
        if status is None and left <= 0:
            raise NoCompiler(f"{shlex.join(self._command)!r} took too long")
        return status

    def end(self) -> None:
        """Ends the compiler, if it is at work, and removes its folder."""
        if self._process.poll() is None:
            _kill_group(self._process)
        self._folder.cleanup()


def _private_folder() -> tempfile.TemporaryDirectory[str]:
    """A fresh folder with mode 0700."""
    try:
        return tempfile.TemporaryDirectory(prefix="ptecheck-", ignore_cleanup_errors=True)
    except OSError as why:
        raise NoCompiler(f"there is no folder for temporary files: {why.strerror}") from None


def _in_background(command: list[str], folder: str) -> subprocess.Popen[bytes]:
    """A process with a group of its own, which leaves nothing outside a folder and is not heard."""
    quiet, surroundings = subprocess.DEVNULL, {**os.environ, "TMPDIR": folder}
    return subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, cwd=folder, env=surroundings, start_new_session=True
    )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a process with those that it has started: a compiler is several programs."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:  # no Unix
        process.kill()
    process.wait()
