"""One revision of a git repository as a tree: found by its name, read from the objects, the work tree not looked at.

Neither git nor anything in the repository is run, and its configuration is not read. Replacements (refs/replace) and
grafts have no effect either.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from models.kernel.errors import KernelError
from models.kernel.source import MAX_LABEL, Tree, existing_folder
from models.kernel.tokens import printable

if TYPE_CHECKING:
    from models.kernel.gitobjects import Objects

MAX_STEPS = 10_000
"""The commits that a revision may lead over."""

MAX_ALIASES = 10
"""The symbolic references or tags that may stand in a row."""

MAX_LINKS = 40
MAX_LINK = 4_096
MAX_REF = 4_096
MAX_PACKED_REFS = 64_000_000
MAX_ENTRIES = 400_000
"""The entries of folders that are kept in memory."""

_FOLDER, _LINK, _FILE = 0o040000, 0o120000, 0o100000
_KIND = 0o170000
_REVISION = re.compile(r"([^~^:\s\\?*\[]+)((?:~\d{0,5}|\^\d{0,5}|\^\{(?:commit)?\})*)")
_STEP = re.compile(r"([~^])(?:(\d{1,5})|(\{\w*\}))?")
_REF = re.compile(r"(?!.*(?:\.\.|@\{|//))[^\x00-\x20\x7f~^:?*\[\\/.][^\x00-\x20\x7f~^:?*\[\\]*")
_HASH = re.compile(r"[0-9a-f]{40}")
_SHORT = re.compile(r"(?:.+-g)?([0-9a-f]{4,40})")
_OWN = ("refs/bisect/", "refs/worktree/", "refs/rewritten/")
"""References that each work tree has for itself."""

UNDERSTOOD = "understood are branches, tags, remote branches, hashes, ~N, ^N and ^{commit}"


def git_tree(folder: Path, revision: str) -> Tree:
    """A revision of the repository in a folder.

    Args:
        folder: the top folder of a work tree, or a bare repository.
        revision: a branch, a tag, a hash or its beginning, each with ``~N`` and ``^N`` behind it.

    Raises:
        KernelError: there is no repository or no such revision, objects are missing, or dulwich is not installed.
    """
    root = existing_folder(folder)
    repository = _Repository.open(root)
    commit = repository.find(revision)
    shown = f"commit {commit[:12]}" if commit.startswith(revision) else f"{printable(revision, 40)} ({commit[:12]})"
    label = f"{printable(str(root), MAX_LABEL - 60)} at {shown}"
    return Tree(root, GitFiles(repository.objects, repository.tree(commit), label), label)


@dataclass(frozen=True)
class _Repository:
    """A repository.

    Attributes:
        own: the folder with the work tree's HEAD.
        common: the folder with the references of all its work trees.
        objects: its objects.
    """

    own: Path
    common: Path
    objects: Objects

    @classmethod
    def open(cls, root: Path) -> _Repository:
        """The repository of a work tree, or a bare one."""
        try:
            from models.kernel.gitobjects import Objects, small_file
        except ImportError:
            raise KernelError("revisions need the package dulwich: pip install 'ptecheck[git]'") from None

        own = root / ".git"
        if own.is_file():
            text = small_file(own, MAX_REF) or ""
            own = root / text.removeprefix("gitdir:").strip("\n\r ")
        elif not own.exists() and (root / "objects").is_dir() and (root / "refs").is_dir():
            own = root
        if not (own / "HEAD").is_file():
            raise KernelError(
                f"{printable(str(root), MAX_LABEL)} is not the top folder of a git repository: it has no .git"
            )
        common = small_file(own / "commondir", MAX_REF)
        shared = own / common.strip("\n\r ") if common else own
        shallow = " in this shallow clone" if (shared / "shallow").is_file() else ""
        return cls(own, shared, Objects.open(Path(os.path.realpath(shared / "objects")), shallow))

    def find(self, revision: str) -> str:
        """The full hash of the commit (or tree) that a revision names.

        Raises:
            KernelError: it names none.
        """
        shown = printable(revision, 40)
        found = _REVISION.fullmatch(revision)
        if found is None or len(revision) > MAX_REF:
            raise KernelError(f"the revision {shown!r} is not understood: {UNDERSTOOD}")
        try:
            return self._walked(self._peeled(self._named(found[1])), found[2])
        except KernelError as error:
            raise KernelError(printable(f"the revision {shown!r} cannot be read: {error}", 390)) from None

    def _walked(self, name: str, steps: str) -> str:
        """The commit that ``~2^3`` leads to."""
        left = MAX_STEPS
        for sign, number, braces in _STEP.findall(steps):
            count = 0 if braces else int(number or 1)
            which = 1 if sign == "~" else count
            for _ in range(count if sign == "~" else min(count, 1)):
                left -= 1
                if left < 0:
                    raise KernelError(f"it leads over more than {MAX_STEPS} commits")
                parents = self.objects.look(name).parents
                if len(parents) < which:
                    raise KernelError(f"commit {name[:12]} has no parent {which}{self.objects.partial}")
                name = self._peeled(parents[which - 1])
        return name

    def _named(self, base: str) -> str:
        """The hash that a name without anything behind it stands for."""
        base = "HEAD" if base == "@" else base
        if _HASH.fullmatch(base):
            return base
        direct = [base] if base.startswith("refs/") or re.fullmatch(r"[A-Z_]+", base) else []
        others = (f"refs/{base}", f"refs/tags/{base}", f"refs/heads/{base}", f"refs/remotes/{base}")
        for reference in (*direct, *others, f"refs/remotes/{base}/HEAD"):
            found = self._reference(reference, 0)
            if found:
                return found
        short = _SHORT.fullmatch(base)
        names = (
            [name for name in self.objects.abbreviated(short[1]) if self.objects.look(name).kind in ("commit", "tag")]
            if short
            else []
        )
        if len(names) == 1:
            return names[0]
        if names:
            raise KernelError("more than one commit begins so")
        if (self.common / "reftable").is_dir():
            raise KernelError("references in a reftable are not understood: give the full hash of the commit")
        raise KernelError(f"the repository has no such branch, tag or commit ({UNDERSTOOD})")

    def _reference(self, name: str, depth: int) -> str | None:
        """The hash that a reference holds, followed through symbolic ones."""
        from models.kernel.gitobjects import small_file

        if not _REF.fullmatch(name):
            return None
        own = not name.startswith("refs/") or name.startswith(_OWN)
        text = small_file((self.own if own else self.common) / name, MAX_REF)
        if text is None:
            return self._packed_reference(name)
        if text.startswith("ref:"):
            if depth == MAX_ALIASES:
                raise KernelError("its references lead to each other")
            return self._reference(text[4:].strip(), depth + 1)
        value = text.split()[0] if text.split() else ""
        if re.fullmatch("[0-9a-f]{64}", value):
            raise KernelError("repositories with SHA-256 hashes are not understood")
        if not _HASH.fullmatch(value):
            raise KernelError(f"the reference {printable(name)} is damaged")
        return value

    def _packed_reference(self, name: str) -> str | None:
        from models.kernel.gitobjects import small_file

        text = "\n" + (small_file(self.common / "packed-refs", MAX_PACKED_REFS) or "")
        at = text.find(f" {name}\n")
        value = text[at - 40 : at] if at > 40 and text[at - 41] == "\n" else ""
        return value if _HASH.fullmatch(value) else None

    def _peeled(self, name: str) -> str:
        """The commit (or tree) that a tag leads to."""
        for _ in range(MAX_ALIASES):
            found = self.objects.look(name)
            if found.kind != "tag":
                if found.kind == "blob":
                    raise KernelError(f"object {name[:12]} is a file")
                return name
            name = found.target
        raise KernelError("its tags lead to each other")

    def tree(self, name: str) -> str:
        """The top folder of a commit, or of a tree that is named itself."""
        found = self.objects.look(name)
        return found.target if found.kind == "commit" else name


@dataclass
class GitFiles:
    """The files of one revision.

    Attributes:
        objects: the repository's objects.
        top: the hash of the top folder.
        label: the revision's name in messages.
    """

    objects: Objects
    top: str
    label: str
    _known: dict[str, Mapping[str, tuple[int, str]]] = field(default_factory=dict, repr=False)
    _entries: int = 0

    def exists(self, path: str) -> bool:
        """Whether there is something under this path, a link to nowhere included."""
        return self._walk(path, follow=False)[1] is not None

    def folders(self, path: str) -> list[str]:
        """The names of the folders under a path; empty if there is none."""
        found = self._walk(path)[1]
        if found is None or found[0] & _KIND != _FOLDER:
            return []
        return [name for name, (mode, _) in self._folder(found[1]).items() if mode & _KIND == _FOLDER]

    def real(self, path: str) -> str:
        """The path with every link resolved; what it names need not exist."""
        return self._walk(path)[0]

    def content(self, path: str, limit: int) -> bytes:
        """The first bytes of a file."""
        found = self._walk(path)[1]
        if found is None:
            raise KernelError(f"{path} is missing from the tree {self.label}")
        if found[0] & _KIND != _FILE:
            raise KernelError(f"{path} is not a regular file")
        return self.objects.look(found[1]).data[:limit]

    def _folder(self, name: str) -> Mapping[str, tuple[int, str]]:
        """What a folder holds: name -> mode and hash."""
        known = self._known.get(name)
        if known is None:
            found = self.objects.look(name)
            if found.kind != "tree":
                raise KernelError(f"object {name[:12]} of the repository is no folder")
            if self._entries > MAX_ENTRIES:
                self._known.clear()
                self._entries = 0
            known = self._known[name] = found.entries
            self._entries += len(known)
        return known

    def _walk(self, path: str, follow: bool = True) -> tuple[str, tuple[int, str] | None]:
        """The real path, and mode and hash of what is there: None if nothing is.

        Args:
            path: inside the tree.
            follow: whether a link at its end is followed as well.
        """
        pending = path.split("/")[::-1]
        trail: list[tuple[str, tuple[int, str] | None]] = [("", (_FOLDER, self.top))]
        links = 0
        while pending:
            part = pending.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if len(trail) == 1:
                    raise KernelError(f"{path} is a link that leaves the tree {self.label}; it is not followed")
                trail.pop()
                continue
            above = trail[-1][1]
            entry = self._folder(above[1]).get(part) if above and above[0] & _KIND == _FOLDER else None
            if entry and entry[0] & _KIND == _LINK and (follow or any(pending)):
                links += 1
                pending += self._target(path, entry[1], links).split("/")[::-1]
            else:
                trail.append((part, entry))
        return "/".join(part for part, _ in trail[1:]), trail[-1][1]

    def _target(self, path: str, name: str, links: int) -> str:
        """Where a link leads, from the folder that it is in."""
        target = self.objects.look(name).data.decode("latin-1")
        if links > MAX_LINKS or len(target) > MAX_LINK:
            raise KernelError(f"{path} cannot be opened: too many links, or too long ones")
        if target.startswith("/"):
            raise KernelError(f"{path} is a link that leaves the tree {self.label}; it is not followed")
        return target
