"""Files of a kernel tree, read with bounds and never from outside the tree."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from models.kernel.errors import MAX_FILE_BYTES, MAX_TOTAL_BYTES, KernelError
from models.kernel.tokens import printable

_MAKEFILE_FIELD = re.compile(
    r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)[ \t]*=[ \t]*([0-9A-Za-z.+~-]{0,40})[ \t]*$", re.M
)
_RELEASE = re.compile(r'#define[ \t]+UTS_RELEASE[ \t]+"([0-9A-Za-z.+~_-]{1,60})"')
_FOLDER = re.compile(r"\d+\.\d+[0-9A-Za-z.+~-]*")

MAX_LABEL = 150
"""The longest name of a tree in messages."""


class Files(Protocol):
    """Where the files of a tree come from: a folder on disk, or one revision in a git repository."""

    def exists(self, path: str) -> bool:
        """Whether there is something under this path, a link to nowhere included."""
        ...

    def folders(self, path: str) -> list[str]:
        """The names of the folders under a path; empty if there is none."""
        ...

    def real(self, path: str) -> str:
        """The path with every link resolved and without ``..``; what it names need not exist.

        Raises:
            KernelError: it leaves the tree, or its links cannot be followed.
        """
        ...

    def content(self, path: str, limit: int) -> bytes:
        """The first bytes of the file under a path that :meth:`real` gave.

        Raises:
            KernelError: there is no regular file, or it cannot be read.
        """
        ...


@dataclass(frozen=True)
class Folder:
    """The files of an untrusted folder on disk.

    Attributes:
        root: its path with every symbolic link resolved.
        label: its name in messages.
    """

    root: Path
    label: str

    def exists(self, path: str) -> bool:
        """Whether there is something under this path, a link to nowhere included."""
        return os.path.lexists(self.root / path)

    def folders(self, path: str) -> list[str]:
        """The names of the folders under a path; empty if there is none."""
        try:
            with os.scandir(self.root / path) as entries:
                return [entry.name for entry in entries if entry.is_dir()]
        except (OSError, ValueError):
            return []

    def real(self, path: str) -> str:
        """The path with every link resolved; what it names need not exist."""
        try:
            real = os.path.realpath(self.root / path, strict=True)
        except FileNotFoundError:
            real = os.path.realpath(self.root / path)
        except (OSError, ValueError) as error:
            raise KernelError(f"{printable(path, 200)} cannot be opened: {_why(error)}") from None
        if os.path.commonpath((real, self.root)) != str(self.root):
            raise KernelError(f"{path} is a link that leaves the tree {self.label}; it is not followed")
        return os.path.relpath(real, self.root)

    def content(self, path: str, limit: int) -> bytes:
        """The first bytes of a file; a pipe or a device is not opened."""
        try:
            if not stat.S_ISREG(os.stat(self.root / path).st_mode):
                raise KernelError(f"{path} is not a regular file")
            with open(self.root / path, "rb") as file:
                return file.read(limit)
        except FileNotFoundError:
            raise KernelError(f"{path} is missing from the tree {self.label}") from None
        except OSError as error:
            raise KernelError(f"{path} cannot be read: {_why(error)}") from None


@dataclass(frozen=True)
class Patched:
    """What patches make of one file.

    Attributes:
        text: what it then holds; None if it is removed.
        problem: why it cannot be read any more, as a sentence; "" if it can.
        remarks: what its reader should know, as sentences.
    """

    text: str | None
    problem: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether there is such a file."""
        return self.text is not None or bool(self.problem)


@dataclass(eq=False)
class Tree:
    """An untrusted kernel tree, with patches in front of it if there are any.

    Attributes:
        root: the folder's path with every symbolic link resolved.
        files: where its files come from.
        label: its name in messages: the folder, and the revision if it is one of git's.
        overlay: the files that patches change, by their real paths; in memory only.
        notes: what was done with patches and should be told, as sentences.
        total: bytes read so far.
    """

    root: Path
    files: Files
    label: str
    overlay: Mapping[str, Patched] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    total: int = 0

    @classmethod
    def open(cls, folder: Path) -> Tree:
        """The tree in a folder.

        Raises:
            KernelError: there is no such folder.
        """
        root = existing_folder(folder)
        label = printable(str(root), MAX_LABEL)
        return cls(root, Folder(root, label), label)

    def fresh(self) -> Tree:
        """The same tree with nothing read from it so far."""
        return replace(self, total=0)

    def has(self, path: str) -> bool:
        """Whether there is something under this path of the tree."""
        changed = self.overlay.get(self._overlaid(path))
        if changed:
            return changed.exists
        return self.files.exists(path) or self._has_new_folder(path)

    def _has_new_folder(self, path: str) -> bool:
        inside = path.rstrip("/") + "/"
        return any(name.startswith(inside) and changed.exists for name, changed in self.overlay.items())

    def folders(self, path: str) -> list[str]:
        """The names of the folders under a path, in order; empty if there is none."""
        inside = path.rstrip("/") + "/"
        new = (
            name[len(inside) :] for name, changed in self.overlay.items() if name.startswith(inside) and changed.exists
        )
        found = {*self.files.folders(path), *(name.partition("/")[0] for name in new if "/" in name)}
        return sorted(printable(name) for name in found)

    def read(self, path: str) -> str:
        """The text of a file, one character a byte.

        Raises:
            KernelError: it is missing, outside the tree, no regular file, or too large.
        """
        real = self.files.real(path)
        changed = self.overlay.get(real)
        if changed is None:
            content = self.files.content(real, MAX_FILE_BYTES + 1).decode("latin-1")
        elif changed.problem:
            raise KernelError(changed.problem)
        elif changed.text is None:
            raise KernelError(f"{path} is missing from the tree {self.label}: the patches remove it")
        else:
            content = changed.text
        self.total += len(content)
        if len(content) > MAX_FILE_BYTES:
            raise KernelError(f"{path} is larger than the limit of {MAX_FILE_BYTES} bytes for a source file")
        if self.total > MAX_TOTAL_BYTES:
            raise KernelError(f"{path}: the sources read so far are larger than the limit of {MAX_TOTAL_BYTES} bytes")
        return content.replace("\r\n", "\n")

    def remarks(self, paths: Iterable[str]) -> tuple[str, ...]:
        """What readers of these files should know about how patches changed them."""
        changed = (self.overlay.get(self._overlaid(path)) for path in paths)
        return tuple(dict.fromkeys(remark for entry in changed if entry for remark in entry.remarks))

    def _overlaid(self, path: str) -> str:
        """The path under which the overlay would have a file."""
        if not self.overlay:
            return path
        try:
            return self.files.real(path)
        except KernelError:
            return path

    def version(self) -> str:
        """The kernel's release, from the Makefile, generated headers or the folder's name; else ``unknown``."""
        return self._makefile_version() or self._generated_version() or self._folder_version() or "unknown"

    def _makefile_version(self) -> str:
        if not self.has("Makefile"):
            return ""
        found: dict[str, str] = {}
        for name, value in _MAKEFILE_FIELD.findall(self.read("Makefile")):
            found.setdefault(name, value)
        numbers = [found.get(name, "") for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL")]
        if not (numbers[0] and numbers[1]):
            return ""
        return ".".join(number for number in numbers if number) + found.get("EXTRAVERSION", "")

    def _generated_version(self) -> str:
        path = "include/generated/utsrelease.h"
        found = _RELEASE.search(self.read(path)) if self.has(path) else None
        return found.group(1) if found else ""

    def _folder_version(self) -> str:
        """Debian's headers packages carry the release in their folder's name only."""
        found = _FOLDER.search(self.root.name) if self.root.name.startswith("linux-headers-") else None
        return found.group()[:60] if found else ""


def _why(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "the path is malformed"


def existing_folder(folder: Path) -> Path:
    """The folder's path with every symbolic link resolved.

    Raises:
        KernelError: there is no such folder.
    """
    try:
        root = Path(os.path.realpath(folder, strict=True))
        if not root.is_dir():
            raise KernelError(f"{printable(str(folder), 200)} is not a folder: name the top folder of a kernel tree")
    except (OSError, ValueError) as error:
        raise KernelError(f"{printable(str(folder), 200)} cannot be opened: {_why(error)}") from None
    return root
