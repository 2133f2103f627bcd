"""A kernel tree as a user names it: a folder, a revision of its git repository, patches in front of either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.kernel.mail import Patch
from models.kernel.patches import patched
from models.kernel.source import Tree


def open_tree(
    folder: Path, git: str | None = None, patches: Sequence[Patch | Path | str] = (), reverse: bool = False
) -> Tree:
    """The tree to lift from; nothing of it is run, and nothing is written.

    Args:
        folder: the top folder of a kernel tree; with ``git`` that of a repository, which may be bare.
        git: a revision, ``v6.1``, ``HEAD~2`` or an abbreviated hash; None: the files in the folder.
        patches: patches or the names of their files, ``-`` for standard input, in the order to apply them.
        reverse: take the patches back instead, the last one first.

    Raises:
        KernelError: the folder, the revision or a patch cannot be read, or a patch does not fit.
    """
    if git is None:
        tree = Tree.open(folder)
    else:
        from models.kernel.gittree import git_tree

        tree = git_tree(folder, git)
    read = [patch if isinstance(patch, Patch) else Patch.read(patch) for patch in patches]
    return patched(tree, read, reverse) if read else tree
