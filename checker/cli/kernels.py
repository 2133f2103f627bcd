"""The kernel tree that a user named: a folder, a revision of its repository, patches in front of either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from checker.cli.main import UsageError
from checker.records import dataclass, replace

if TYPE_CHECKING:
    from models.kernel import Patch, Tree
    from models.kernel.architectures import Platform
    from models.machine_file import MachineFile


@dataclass(frozen=True)
class KernelTree:
    """Where helpers are to be read from.

    Attributes:
        folder: the top folder of the tree, or of a repository.
        git: a revision of it; "" for the files that are there.
        patches: applied in memory, in this order.
        reverse: taken back instead, the last one first.
        names: what the patches are called in a report.
        machine: the description of a machine of the user's own.
    """

    folder: str
    git: str = ""
    patches: tuple[Patch, ...] = ()
    reverse: bool = False
    names: tuple[str, ...] = ()
    machine: MachineFile | None = None

    def __str__(self) -> str:
        return self.folder + (f" at {self.git}" if self.git else "")

    @property
    def option(self) -> str:
        """The options that name it on the command line."""
        own = f" --machine {self.machine.path}" if self.machine else ""
        return f"--kernel {self.folder}" + (f" --git {self.git}" if self.git else "") + own

    @property
    def platforms(self) -> Mapping[str, Platform]:
        """The machines that there are for it, by name: the built-in ones, and the user's own."""
        from models.kernel.platforms import PLATFORMS

        if self.machine is None:
            return PLATFORMS
        from models.own_machine import platform

        own = platform(self.machine)
        return {**PLATFORMS, own.name: own}

    @property
    def unpatched(self) -> KernelTree:
        """The tree before its patches."""
        return replace(self, patches=(), reverse=False, names=())


@lru_cache(maxsize=4)
def opened(kernel: KernelTree) -> Tree:
    """The tree to lift from.

    Raises:
        UsageError: it cannot be read, or a patch does not fit.
    """
    from pathlib import Path

    from models.kernel import KernelError, open_tree

    try:
        return open_tree(Path(kernel.folder), kernel.git or None, kernel.patches, kernel.reverse)
    except KernelError as why:
        raise UsageError(str(why)) from None


def kernel_tree(
    folder: str | None, git: str | None, patches: list[str], reverse: bool, machine: str | None = None
) -> KernelTree | None:
    """What the options name, with every patch read; None without a tree.

    Raises:
        UsageError: options that need another one, or a patch that cannot be read.
    """
    if folder is None:
        options = {"--patch": patches, "--git": git, "--reverse": reverse, "--machine": machine}
        lonely = next((option for option, given in options.items() if given), "")
        if lonely:
            raise UsageError(f"{lonely} is about a kernel tree: name it with --kernel")
        return None
    if reverse and not patches:
        raise UsageError("--reverse takes patches back: name them with --patch")
    from models.kernel import KernelError, Patch
    from models.kernel.tokens import printable

    try:
        read = tuple(Patch.read(name) for name in patches)
        own = own_machine(machine)
    except KernelError as why:
        raise UsageError(str(why)) from None
    names = tuple("standard input" if name == "-" else printable(os.path.basename(name)) for name in patches)
    return KernelTree(folder, git or "", read, reverse, names, own)


def own_machine(path: str | None) -> MachineFile | None:
    """The description in a file, if one is named.

    Raises:
        KernelError: it cannot be read, or is no description.
    """
    if path is None:
        return None
    from models.machine_file import read_machine
    from models.own_machine import platform

    found = read_machine(path)
    platform(found)
    return found
