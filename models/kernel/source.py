"""Files of a kernel tree, read with bounds and never from outside the tree."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from models.kernel.errors import MAX_FILE_BYTES, MAX_TOTAL_BYTES, KernelError
from models.kernel.tokens import printable

_MAKEFILE_FIELD = re.compile(
    r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)[ \t]*=[ \t]*([0-9A-Za-z.+~-]{0,40})[ \t]*$", re.M
)
_RELEASE = re.compile(r'#define[ \t]+UTS_RELEASE[ \t]+"([0-9A-Za-z.+~_-]{1,60})"')
_FOLDER = re.compile(r"\d+\.\d+[0-9A-Za-z.+~-]*")


@dataclass
class Tree:
    """An untrusted folder.

    Attributes:
        root: its path with every symbolic link resolved.
        total: bytes read so far.
    """

    root: Path
    total: int = field(default=0)

    @classmethod
    def open(cls, folder: Path) -> Tree:
        """The tree in a folder.

        Raises:
            KernelError: there is no such folder.
        """
        try:
            root = Path(os.path.realpath(folder, strict=True))
            if not root.is_dir():
                raise KernelError(f"{folder} is not a folder: name the top folder of a kernel tree")
        except (OSError, ValueError) as error:
            raise KernelError(f"{printable(str(folder), 200)} cannot be opened: {_why(error)}") from None
        return cls(root)

    def has(self, path: str) -> bool:
        """Whether there is something under this path of the tree."""
        return os.path.lexists(self.root / path)

    def folders(self, path: str) -> list[str]:
        """The names of the folders under a path, in order; empty if there is none."""
        try:
            with os.scandir(self.root / path) as entries:
                return sorted(printable(entry.name) for entry in entries if entry.is_dir())
        except OSError:
            return []

    def read(self, path: str) -> str:
        """The text of a file, one character a byte.

        Raises:
            KernelError: it is missing, outside the tree, no regular file, or too large.
        """
        real = self._inside(path)
        try:
            if not stat.S_ISREG(os.stat(real).st_mode):
                raise KernelError(f"{path} is not a regular file")
            with open(real, "rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise KernelError(f"{path} cannot be read: {_why(error)}") from None
        self.total += len(content)
        if len(content) > MAX_FILE_BYTES:
            raise KernelError(f"{path} is larger than the limit of {MAX_FILE_BYTES} bytes for a source file")
        if self.total > MAX_TOTAL_BYTES:
            raise KernelError(f"{path}: the sources read so far are larger than the limit of {MAX_TOTAL_BYTES} bytes")
        return content.decode("latin-1").replace("\r\n", "\n")

    def _inside(self, path: str) -> str:
        try:
            real = os.path.realpath(self.root / path, strict=True)
        except FileNotFoundError:
            raise KernelError(f"{path} is missing from the tree {self.root}") from None
        except OSError as error:
            raise KernelError(f"{path} cannot be opened: {_why(error)}") from None
        if os.path.commonpath((real, self.root)) != str(self.root):
            raise KernelError(f"{path} is a link that leaves the tree {self.root}; it is not followed")
        return real

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
