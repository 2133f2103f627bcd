"""Unified diffs, read without a tree: which files they change, by which hunks.

unidiff reads the hunks and holds them against the numbers in their heads. The heads of files are read here: names that
git quotes, renames, modes, and what stands between the files of a mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from models.kernel.errors import KernelError
from models.kernel.mail import MAX_NAME, Patch, Text, in_order, is_reply, texts, unquoted
from models.kernel.tokens import printable

if TYPE_CHECKING:
    from unidiff.patch import Hunk as ParsedHunk

MAX_FILES = 2_000
"""The most files that one patch file may change."""

MAX_HUNKS = 20_000
MAX_PATH = 400
"""The longest name of a file."""

_HUNK = re.compile(r"@@ -\d{1,7}(?:,(\d{1,7}))? \+\d{1,7}(?:,(\d{1,7}))? @@(?: |$)")
_EXTENDED = re.compile(
    r"(old mode|new mode|deleted file mode|new file mode|copy from|copy to|rename from|rename to|similarity index"
    r"|dissimilarity index|index|GIT binary patch|Binary files)(?: (.*))?$"
)
_STAT = re.compile(r"\s*\d+ files? changed(?:, (\d{1,7}) insertions?\(\+\))?(?:, (\d{1,7}) deletions?\(-\))?\s*$")
_ESCAPE = re.compile(r"\\([0-3][0-7]{2}|.)")
_ESCAPES = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_PREFIXES = ("a", "b", "c", "i", "o", "w", "1", "2")
"""The folders that git puts in front of a file's two versions."""

NOTHING = "/dev/null"
TOP = frozenset(
    "arch block certs crypto Documentation drivers fs include init io_uring ipc kernel lib LICENSES mm net rust samples scripts "
    "security sound tools usr virt".split()
)
"""The folders at the top of a kernel: tools/include is not include, even in a tree that lacks tools."""


@dataclass(frozen=True)
class Name:
    """A file's name in a patch.

    Attributes:
        parts: its folders and itself.
        strip: how many of them do not belong to the tree; None if the tree must tell.
    """

    parts: tuple[str, ...]
    strip: int | None = None

    def __str__(self) -> str:
        return printable("/".join(self.parts), MAX_PATH // 4)

    def paths(self) -> list[str]:
        """The paths that it may mean, the most likely first; what belongs to a kernel is not stripped."""
        if self.strip is not None:
            return ["/".join(self.parts[self.strip :])]
        top = next((index for index, part in enumerate(self.parts) if part in TOP), None)
        strips = range(top, -1, -1) if top is not None else (1, 0, *range(2, len(self.parts)))
        return ["/".join(self.parts[strip:]) for strip in strips if strip < len(self.parts)]


@dataclass(frozen=True)
class Hunk:
    """One place of a file that a patch changes.

    Attributes:
        place: file and line of its head.
        starts: where it stands in the file before and after, counted from 0.
        old: the lines before, context included.
        new: the lines after, context included.
        lead, trail: how many of them are context, at the start and at the end.
        changed: the number of lines that are added, and removed.
    """

    place: str
    starts: tuple[int, int]
    old: tuple[str, ...]
    new: tuple[str, ...]
    lead: int
    trail: int
    changed: tuple[int, int] = (0, 0)

    def reversed(self) -> Hunk:
        """The hunk that takes this one back."""
        return replace(self, starts=self.starts[::-1], old=self.new, new=self.old, changed=self.changed[::-1])


@dataclass(frozen=True)
class FileChange:
    """What a patch does to one file.

    Attributes:
        place: file and line of its head.
        old, new: its names before and after; None if it is not there.
        hunks: the places that change.
        moves: the names are those of two files: a rename or a copy.
        copies: the old one stays.
        unreadable: what the file becomes if that is no text, ``a binary file``; "" if it is text.
    """

    place: str
    old: Name | None
    new: Name | None
    hunks: tuple[Hunk, ...] = ()
    moves: bool = False
    copies: bool = False
    unreadable: str = ""

    def reversed(self) -> FileChange:
        """The change that takes this one back; a copy that was made goes away."""
        hunks = tuple(hunk.reversed() for hunk in self.hunks)
        if self.copies:
            return replace(self, old=self.new, new=None, hunks=(), moves=False, copies=False)
        return replace(self, old=self.new, new=self.old, hunks=hunks)


@dataclass(frozen=True)
class Series:
    """The changes of one patch file.

    Attributes:
        changes: file by file, in order.
        notes: what was left out, as sentences.
    """

    changes: tuple[FileChange, ...]
    notes: tuple[str, ...] = ()


def changes(patch: Patch) -> Series:
    """What a patch file changes: a diff, a mail with one, a mailbox, or a reply that quotes a patch in full.

    Raises:
        KernelError: there is no diff in it, or it is damaged.
    """
    mails = texts(patch)
    read = [(mail, _Reader(mail).changes()) for mail in mails if len(mails) == 1 or not is_reply(mail)]
    result = [change for found in in_order([entry for entry in read if entry[1]]) for change in found]
    if not result and len(mails) == 1:
        result = _of_reply(mails[0])
    if not result:
        name = printable(patch.name, MAX_NAME)
        raise KernelError(f"{name} holds no unified diff: no lines with ---, +++ and @@ as diff -u and git write them")
    if len(result) > MAX_FILES or sum(len(change.hunks) for change in result) > MAX_HUNKS:
        raise KernelError(
            f"{result[0].place}: more than {MAX_FILES} files or {MAX_HUNKS} hunks are changed from here on"
        )
    replies = len(mails) - len(read)
    notes = (f"{printable(patch.name, MAX_NAME)}: {replies} replies in the mailbox were left out",) if replies else ()
    return Series(tuple(result), notes)


def _of_reply(mail: Text) -> list[FileChange]:
    """The patch that a reply quotes, if its own diffstat accounts for every line that is left of it."""
    quoted = unquoted(mail)
    if quoted is None:
        return []
    try:
        found = _Reader(quoted).changes()
    except KernelError as error:
        raise KernelError(printable(f"{error} (the patch is quoted in a reply and damaged there)", 390)) from None
    stats = [match for match in map(_STAT.match, quoted.lines) if match]
    changed = [sum(hunk.changed[side] for change in found for hunk in change.hunks) for side in (0, 1)]
    if len(stats) != 1 or [int(stats[0][1] or 0), int(stats[0][2] or 0)] != changed or not any(changed):
        raise KernelError(
            f"{quoted.place(0)}: a patch is quoted here, but no diffstat beside it shows that all of it is: "
            "take the patch from its own mail"
        )
    return found


class _Reader:
    """Reads one text from the start."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.lines = text.lines
        self.at = 0

    def changes(self) -> list[FileChange]:
        """Every file that the text changes; what is no diff is passed over."""
        found: list[FileChange] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.startswith("diff --git ") and self._extended(self.at + 1):
                found.append(self._git())
            elif self._plain_head(self.at) and self._line(self.at + 2).startswith("@@ "):
                found.append(self._plain())
            elif line.startswith("@@ -"):
                self._refuse("a hunk without the name of a file")
            elif line.startswith(("diff --cc ", "diff --combined ")):
                self._refuse("the diff of a merge cannot be applied: take that against one parent")
            else:
                self.at += 1
            if len(found) > MAX_FILES:
                self._refuse(f"more than the limit of {MAX_FILES} files are changed")
        return found

    def _line(self, index: int) -> str:
        return self.lines[index] if index < len(self.lines) else ""

    def _plain_head(self, index: int) -> bool:
        return self._line(index).startswith("--- ") and self._line(index + 1).startswith("+++ ")

    def _extended(self, index: int) -> bool:
        """Whether what follows ``diff --git`` is what git writes there."""
        return _EXTENDED.match(self._line(index)) is not None or self._plain_head(index)

    def _refuse(self, why: str, index: int | None = None) -> NoReturn:
        raise KernelError(f"{self.text.place(self.at if index is None else index)}: {why}")

    def _plain(self) -> FileChange:
        """A file of ``diff -u``."""
        place = self.text.place(self.at)
        old, new = self._head(plain=True)
        return FileChange(place, old, new, self._hunks())

    def _head(self, plain: bool) -> tuple[Name | None, Name | None]:
        """The names behind --- and +++."""
        names = [self._name(self.lines[self.at + i][4:], self.at + i, cut=True) for i in (0, 1)]
        known = [name for name in names if name is not None]
        prefixed = not plain and all(name.parts[0] in _PREFIXES and len(name.parts) > 1 for name in known)
        self.at += 2
        if not known:
            self._refuse("both names are /dev/null", self.at - 1)
        old, new = (replace(name, strip=1) if name and prefixed else name for name in names)
        return old, new

    def _git(self) -> FileChange:
        """A file of ``git diff``: its extended head, and hunks if its text changes."""
        start = self.at
        self.at += 1
        seen: dict[str, str] = {}
        while found := _EXTENDED.match(self._line(self.at)):
            seen.setdefault(found[1], found[2] or "")
            self.at += 1
        copies = "copy from" in seen
        moves = copies or "rename from" in seen
        hunks: tuple[Hunk, ...] = ()
        old: Name | None = None
        new: Name | None = None
        if self._plain_head(self.at):
            old, new = self._head(plain=False)
            hunks = self._hunks()
        if moves:
            kind = "copy" if copies else "rename"
            old, new = (self._exact(seen.get(f"{kind} {which}", ""), start) for which in ("from", "to"))
        elif old is None and new is None:
            old = new = self._git_name(start)
        old = None if "new file mode" in seen else old
        new = None if "deleted file mode" in seen else new
        if old is None and new is None:
            self._refuse("a file that is neither there before nor after", start)
        return FileChange(self.text.place(start), old, new, hunks, moves, copies, _unreadable(seen))

    def _exact(self, text: str, index: int) -> Name:
        name = self._name(text, index, cut=False)
        if name is None:
            self._refuse("a rename or copy without both names", index)
        return replace(name, strip=0)

    def _git_name(self, index: int) -> Name:
        """The name in ``diff --git a/NAME b/NAME``, where it stands twice."""
        both = self.lines[index].removeprefix("diff --git ").rstrip()
        middle = len(both) // 2
        name = self._name(both[:middle], index, cut=False)
        other = self._name(both[middle + 1 :], index, cut=False)
        same = name is not None and other is not None and both[middle : middle + 1] == " "
        if name is None or other is None or not same or name.parts[1:] != other.parts[1:]:
            self._refuse("the name of the file cannot be told from this line", index)
        if name.parts == other.parts:
            return name
        if len(name.parts) == 1:
            self._refuse("the name of the file cannot be told from this line", index)
        return replace(name, strip=1)

    def _name(self, text: str, index: int, cut: bool) -> Name | None:
        """A file's name, None for /dev/null; checked before anybody looks for it."""
        text = (text.partition("\t")[0] if cut else text).rstrip()
        quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
        plain = _ESCAPE.sub(_unescaped, text[1:-1]) if quoted else text
        if plain == NOTHING:
            return None
        parts = tuple(part for part in plain.split("/") if part not in ("", "."))
        shown = printable(plain)
        if not parts or len(plain) > MAX_PATH:
            self._refuse(f"the name of the file {shown!r} is empty or too long", index)
        if plain.startswith("/") or ".." in parts:
            self._refuse(f"{shown} leaves the tree; nothing outside it is changed", index)
        if not all(part.isprintable() for part in parts):
            self._refuse(f"the name of the file {shown!r} holds control characters", index)
        return Name(parts)

    def _hunks(self) -> tuple[Hunk, ...]:
        """The hunks from here on."""
        from unidiff.errors import UnidiffParseError
        from unidiff.patch import PatchSet

        numbers: list[int] = []
        block = self._block(numbers)
        try:
            files = PatchSet(block)
            hunks = tuple(self._hunk(hunk, numbers) for file in files for hunk in file)
        except UnidiffParseError as error:
            short = "shorter" in str(error) or "longer" in str(error)
            why = "has not as many lines as its head says" if short else "is damaged: this is no line of a diff"
            self._refuse(f"the hunk {why}", numbers[-1])
        left = self._line(self.at)
        if left.startswith(("+", "-", " ")) and not self._ends_patch(left):
            self._refuse("this line stands behind the end of its hunk: the numbers in the hunk's head are too small")
        return hunks

    def _ends_patch(self, line: str) -> bool:
        """Whether a line with a minus in front is a signature's or a file's."""
        return line.rstrip() in ("--", "---") or self._plain_head(self.at)

    def _block(self, numbers: list[int]) -> Iterator[str]:
        """A file's hunks as unidiff wants them; it sees them through to where their numbers end, and nothing else."""
        yield "--- a\n"
        yield "+++ b\n"
        numbers += [self.at, self.at]
        while self._line(self.at).startswith("@@ -"):
            head = _HUNK.match(self.lines[self.at])
            if head is None:
                self._refuse("the head of this hunk cannot be read")
            numbers.append(self.at)
            yield head.group().rstrip() + "\n"
            self.at += 1
            left = [int(count) if count else 1 for count in head.groups()]
            while self.at < len(self.lines) and (max(left) > 0 or self.lines[self.at].startswith("\\ ")):
                line = self.lines[self.at]
                numbers.append(self.at)
                yield "\\ No newline at end of file\n" if line.startswith("\\ ") else line + "\n"
                self.at += 1
                left = [left[0] - (line[:1] in " -"), left[1] - (line[:1] in " +")]

    def _hunk(self, hunk: ParsedHunk, numbers: list[int]) -> Hunk:
        first = hunk[0].diff_line_no if len(hunk) else None
        place = self.text.place(numbers[first - 2] if first else numbers[-1])
        kinds = [line.line_type for line in hunk if line.line_type != "\\"]
        lines = [line.value.removesuffix("\n") for line in hunk if line.line_type != "\\"]
        context = [kind == " " for kind in kinds]
        lead = context.index(False) if False in context else len(context)
        trail = context[::-1].index(False) if False in context else 0
        starts = (
            hunk.source_start - (hunk.source_length > 0),
            hunk.target_start - (hunk.target_length > 0),
        )
        return Hunk(
            place,
            starts,
            tuple(line for kind, line in zip(kinds, lines, strict=True) if kind != "+"),
            tuple(line for kind, line in zip(kinds, lines, strict=True) if kind != "-"),
            lead,
            trail,
            (kinds.count("+"), kinds.count("-")),
        )


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code, 8)) if code.isdigit() else _ESCAPES.get(code, code)


def _unreadable(seen: dict[str, str]) -> str:
    """What a file becomes that has no text to patch."""
    modes = [seen.get(key, "") for key in ("new mode", "new file mode", "old mode", "deleted file mode")]
    modes.append(seen.get("index", "").partition(" ")[2])
    if any(mode.startswith("12") for mode in modes):
        return "a symbolic link"
    if any(mode.startswith("16") for mode in modes):
        return "a submodule"
    return "a binary file" if "GIT binary patch" in seen or "Binary files" in seen else ""
