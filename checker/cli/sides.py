"""The two sides of ``ptecheck diff``: a configuration each, built in or read from a kernel tree."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from checker.cli.jobs import NotModelled, find_architecture
from checker.cli.kernels import KernelTree, kernel_tree
from checker.cli.main import UsageError
from checker.cli.trees import MM_MACHINES, short, tree_configs


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        config: the configuration's full name.
        kernel: the tree its helpers come from; None for built-in ones.
    """

    config: str
    kernel: KernelTree | None = None

    @property
    def machine(self) -> str:
        """The architecture alone."""
        return self.config.partition("/")[0].partition("+")[0]

    @property
    def title(self) -> str:
        """The configuration, the tree and the patches for a reader."""
        if self.kernel is None:
            return self.config
        patches = f" with {', '.join(self.kernel.names)}" if self.kernel.names else ""
        back = " taken back" if self.kernel.reverse else ""
        return f"{short(self.config)} of {self.kernel}{patches}{back}"


def two_sides(args: argparse.Namespace) -> tuple[Side, Side]:
    """Both sides as the arguments name them.

    Raises:
        UsageError: one is not there, or both are the same because nothing tells them apart.
    """
    first, second = _trees(args)
    if args.b is None and first == second:
        raise UsageError("one configuration is no pair: name a second, another tree (--kernel-b) or a --patch")
    return _side(args.a, first), _side(args.b or args.a, second)


def _trees(args: argparse.Namespace) -> tuple[KernelTree | None, KernelTree | None]:
    folder_a, folder_b = args.kernel_a or args.kernel, args.kernel_b or args.kernel
    if args.kernel and args.kernel_a and args.kernel_b:
        raise UsageError("--kernel names the tree of both: leave it out beside --kernel-a and --kernel-b")
    if args.git and args.git_a and args.git_b:
        raise UsageError("--git names the revision of both: leave it out beside --git-a and --git-b")
    if args.patch and folder_b is None:
        raise UsageError("--patch is about a kernel tree: name it with --kernel")
    revisions = [args.git_a or (args.git if folder_a else None), args.git_b or (args.git if folder_b else None)]
    if args.git and not (folder_a or folder_b):
        raise UsageError("--git is about a kernel tree: name it with --kernel")
    before = kernel_tree(folder_a, revisions[0], [], False)
    return before, kernel_tree(folder_b, revisions[1], args.patch, args.reverse)


def _side(config: str, kernel: KernelTree | None) -> Side:
    if kernel is None:
        return Side(find_architecture(config).config)
    (found, *more) = tree_configs([config], kernel)
    if more:
        raise UsageError(f"{config} is several machines: name one, such as {short(found)}")
    return Side(found, kernel)


def unread(side: Side) -> str:
    """Why a side's helpers could not be read; "" if they could."""
    try:
        find_architecture(side.config, side.kernel)
    except NotModelled as why:
        return str(why)
    return ""


def has_mm(side: Side) -> bool:
    """The model knows the machine's choices in generic mm."""
    return side.machine in MM_MACHINES
