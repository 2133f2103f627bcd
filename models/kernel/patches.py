"""A tree seen through patches: what they change lies in memory in front of the tree, which is never written."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from models.kernel.architectures import COMMON_SOURCES, Platform
from models.kernel.difftext import FileChange, Name, changes
from models.kernel.errors import MAX_FILE_BYTES, KernelError
from models.kernel.hunks import Lines, applied
from models.kernel.lift import MAIN_HEADER
from models.kernel.mail import Patch
from models.kernel.source import Patched, Tree
from models.kernel.tokens import printable

MAX_PATCHES = 1_000
MAX_PATCHED_BYTES = 64_000_000
"""The most text that the files may have that all patches together change."""


def patched(tree: Tree, patches: Sequence[Patch], reverse: bool = False) -> Tree:
    """The tree with patches applied to it, one after the other, or taken back from it, the last one first.

    Raises:
        KernelError: a patch cannot be read, does not fit, or reaches outside the tree.
    """
    if len(patches) > MAX_PATCHES:
        raise KernelError(f"more than the limit of {MAX_PATCHES} patches")
    series = [changes(patch) for patch in patches]
    work = _Work(tree, reverse)
    for one in series[::-1] if reverse else series:
        for change in one.changes[::-1] if reverse else one.changes:
            work.apply(change.reversed() if reverse else change)
        work.notes += one.notes
    if series and not work.overlay:
        raise KernelError(f"the patches change no file of {tree.label}: is it the tree they are for?")
    return replace(tree, overlay=work.overlay, notes=(*tree.notes, *work.notes))


def touched(tree: Tree) -> frozenset[str]:
    """The files of a tree that its patches change, add or remove."""
    return frozenset(tree.overlay)


def affects(tree: Tree, platform: Platform) -> bool:
    """Whether the tree's patches may make a difference to what is lifted for an architecture.

    True for every file that the lifter could come to read, whether it does or not.
    """
    return any(_may_be_read(path, platform) for path in tree.overlay)


def _may_be_read(path: str, platform: Platform) -> bool:
    told = (*(drift.path for drift in platform.drifts), *platform.needs)
    known = {
        "Makefile",
        MAIN_HEADER,
        platform.protection_map,
        *platform.first,
        *platform.sources,
        *COMMON_SOURCES,
        *told,
    }
    own = (f"arch/{platform.folder}/", *(f"{folder}/" for folder in platform.folders))
    if path in known or not (path.startswith(own) or not path.startswith("arch/")):
        return path in known
    generic = {f"include/asm-generic/{name[4:]}" for name in platform.headers if name.startswith("asm/")}
    return path in generic or path.endswith(tuple(f"/{name}" for name in platform.headers))


@dataclass
class _Work:
    """The files as they are after the changes so far."""

    tree: Tree
    reverse: bool
    overlay: dict[str, Patched] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _bytes: int = 0

    def __post_init__(self) -> None:
        self.overlay.update(self.tree.overlay)

    def apply(self, change: FileChange) -> None:
        """Makes one change to one file."""
        if change.old is None or (change.new and not change.moves and self._creates(change)):
            self._create(change)
        elif change.new is None:
            self._remove(change)
        elif change.moves:
            self._move(change, change.old, change.new)
        else:
            self._edit(change, change.old, change.new)

    def _exists(self, path: str) -> bool:
        changed = self.overlay.get(path)
        return changed.exists if changed else self.tree.files.exists(path)

    def _find(self, *names: Name) -> str | None:
        """The file of the tree that one of the names means."""
        return next((path for name in names for path in name.paths() if self._exists(path)), None)

    def _creates(self, change: FileChange) -> bool:
        """Whether a plain diff, which has no other mark for it, adds a file: all of it is new and there is none."""
        names = [name for name in (change.new, change.old) if name]
        return bool(change.hunks) and not change.hunks[0].old and self._find(*names) is None

    def _lacking(self, change: FileChange, name: Name) -> None:
        """A file that is not there is an error, unless the tree is without the whole folder, as a partial one is."""
        path = name.paths()[0]
        if self.tree.files.exists(posixpath.dirname(path)):
            raise KernelError(f"{change.place}: {self.tree.label} has no {printable(path, 90)} to be patched")
        self.notes.append(f"{change.place}: {printable(path, 90)} is not changed: the tree has no such folder")

    def _refuse_links(self, change: FileChange, path: str) -> None:
        if self.tree.files.real(path) != path:
            raise KernelError(f"{change.place}: {printable(path, 90)} is or lies behind a symbolic link: left alone")

    def _text(self, change: FileChange, path: str) -> Patched:
        """A file as it is so far; with a problem if it cannot be patched."""
        if path in self.overlay:
            return self.overlay[path]
        self._refuse_links(change, path)
        content = self.tree.files.content(path, MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            what = f"{path} is larger than the limit of {MAX_FILE_BYTES} bytes for a source file"
            return Patched(None, f"{change.place}: {what}")
        return Patched(content.decode("latin-1").replace("\r\n", "\n"))

    def _put(self, change: FileChange, path: str, now: Patched) -> None:
        self._refuse_links(change, path)
        self._bytes += len(now.text or "")
        if self._bytes > MAX_PATCHED_BYTES:
            raise KernelError(
                f"{change.place}: the patched files are larger than the limit of {MAX_PATCHED_BYTES} bytes"
            )
        if change.unreadable and now.exists:
            now = Patched(
                None, f"{path} cannot be read: {change.place} makes it {change.unreadable}, which is not applied"
            )
        self.overlay[path] = now

    def _hunks(self, change: FileChange, path: str, before: Patched) -> Patched:
        """A file's text with the hunks of a change."""
        if before.text is None or not change.hunks:
            return before
        lines = before.text.removesuffix("\n").split("\n") if before.text else []
        after, remarks = applied(Lines(lines), change.hunks, path, self.reverse)
        return Patched("\n".join([*after, ""]) if after else "", "", (*before.remarks, *remarks))

    def _edit(self, change: FileChange, old: Name, new: Name) -> None:
        path = self._find(new, old)
        if path is None:
            self._lacking(change, old)
        else:
            self._put(change, path, self._hunks(change, path, self._text(change, path)))

    def _target(self, name: Name) -> str:
        """The path of a file that is not there yet: in a folder that is."""
        paths = name.paths()
        return next((path for path in paths if self.tree.files.exists(path.partition("/")[0])), paths[0])

    def _create(self, change: FileChange) -> None:
        name = change.new or change.old
        if name is None:
            return
        path = self._find(name) or self._target(name)
        before = self._text(change, path) if self._exists(path) else Patched("")
        if before.text != "":
            after = "".join(line + "\n" for hunk in change.hunks for line in hunk.new)
            same = before.text == after and not self.reverse
            why = "has this change already: --reverse takes it back" if same else "is there already"
            raise KernelError(f"{change.place}: {printable(path, 90)} is to be created and {why}")
        self._put(change, path, self._hunks(change, path, before))

    def _remove(self, change: FileChange) -> None:
        name = change.old
        path = self._find(name) if name else None
        if name is None or path is None:
            if name:
                self._lacking(change, name)
            return
        left = self._hunks(change, path, self._text(change, path)).text
        if left and change.hunks:
            raise KernelError(f"{change.place}: {printable(path, 90)} is to be removed, but it has other lines as well")
        self._put(change, path, Patched(None))

    def _move(self, change: FileChange, old: Name, new: Name) -> None:
        source, target = self._find(old), new.paths()[0]
        if source is None:
            self._lacking(change, old)
            return
        if self._exists(target) and target != source:
            raise KernelError(f"{change.place}: {printable(target, 90)} is to be created and is there already")
        before = self._text(change, source)
        if not change.copies:
            self._put(change, source, Patched(None))
        self._put(change, target, self._hunks(change, target, before))
