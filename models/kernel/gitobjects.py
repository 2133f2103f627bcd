"""The objects of a git repository, read with bounds by dulwich.

The repository is as untrusted as the tree. Its configuration is never read, nothing of it is run, and no object is
inflated beyond the bounds, whatever it says about itself.
"""

from __future__ import annotations

import os
import stat
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from dulwich.object_format import SHA1
from dulwich.objects import Commit, ObjectID, ShaFile, Tag, Tree
from dulwich.pack import Pack, PackData, PackIndex, UnpackedObject, load_pack_index

from models.kernel.errors import KernelError
from models.kernel.tokens import printable

MAX_OBJECT = 16_000_000
"""The largest object that is inflated."""

MAX_INFLATED = 256_000_000
"""The bytes that may be inflated for one object, everything that it is a difference to included."""

MAX_DELTAS = 5_000
"""The differences that one object may be made of; git makes at most 4,095."""

MAX_PACKS = 400
"""The most packs; each keeps files open, and git gc leaves one."""

MAX_FOLDERS = 32
"""The most object folders, alternates included."""

MAX_ALTERNATES_DEPTH = 5
MAX_LOOSE = 100_000
"""The most loose objects that are looked at for an abbreviated hash."""

_HEADER = 12


@dataclass
class _Meter:
    """What the present object has taken so far."""

    inflated: int = 0
    objects: int = 0

    def spend(self, size: int) -> None:
        """Counts what is about to be inflated or built."""
        self.inflated += size
        if size > MAX_OBJECT or self.inflated > MAX_INFLATED or self.objects > MAX_DELTAS:
            raise KernelError("an object is larger than any source of a kernel")


class _BoundedData(PackData):
    """A pack whose objects say how large they are before they are inflated, and are refused if that is too much."""

    def __init__(self, path: str, meter: _Meter) -> None:
        self.meter = meter
        self.length = os.stat(path).st_size
        super().__init__(path, SHA1, delta_base_cache_limit=MAX_OBJECT)

    def get_unpacked_object_at(self, offset: int, *, include_comp: bool = False) -> UnpackedObject:
        """The object at a place of the pack, not yet put together from what it is a difference to."""
        if not _HEADER <= offset < self.length:
            raise KernelError("an object lies outside its pack")
        self.meter.objects += 1
        self.meter.spend(_number(os.pread(self._file.fileno(), 12, offset), first=4)[0])
        found = super().get_unpacked_object_at(offset, include_comp=include_comp)
        if found.delta_base is not None:
            delta = b"".join(found.decomp_chunks)[:24]
            self.meter.spend(_number(delta[_number(delta)[1] :])[0])
        return found


def _number(data: bytes, first: int = 7) -> tuple[int, int]:
    """A number of git's, seven bits a byte but the first, and how many bytes it takes."""
    value = shift = 0
    for index, byte in enumerate(data):
        bits = first if index == 0 else 7
        value |= (byte & ((1 << bits) - 1)) << shift
        shift += bits
        if byte < 0x80:
            return value, index + 1
    raise KernelError("an object has no length")


@dataclass(frozen=True)
class Object:
    """What an object says.

    Attributes:
        kind: ``commit``, ``tree``, ``blob`` or ``tag``.
        target: hash of a commit's tree, or of what a tag names.
        parents: hashes of a commit's parents.
        entries: what a tree holds, name -> mode and hash.
        data: what a blob holds.
    """

    kind: str
    target: str = ""
    parents: tuple[str, ...] = ()
    entries: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    data: bytes = b""


class Objects:
    """Every object of a repository, alternates included.

    Attributes:
        folders: where the objects lie.
        partial: what kind of clone may lack objects, for messages; "" if it is none.
    """

    def __init__(self, folders: Sequence[Path], partial: str = "") -> None:
        self.folders = tuple(folders)
        self.partial = partial
        self._meter = _Meter()
        self._packs: list[Pack] | None = None

    def __reduce__(self) -> tuple[type[Objects], tuple[tuple[Path, ...], str]]:
        return Objects, (self.folders, self.partial)

    @classmethod
    def open(cls, folder: Path, partial: str = "") -> Objects:
        """The objects in ``.git/objects`` and in what its info/alternates names.

        Raises:
            KernelError: there is no such folder, or the alternates are no sane list.
        """
        found: list[Path] = []
        pending = [(folder, 0)]
        while pending:
            path, depth = pending.pop(0)
            if not path.is_dir():
                raise KernelError(f"the repository keeps objects in {printable(str(path), 200)}, which is no folder")
            if path in found:
                continue
            found.append(path)
            if depth > MAX_ALTERNATES_DEPTH or len(found) > MAX_FOLDERS:
                raise KernelError("the repository's alternates lead too far")
            pending += [(line, depth + 1) for line in _alternates(path)]
        promised = any(name.endswith(".promisor") for path in found for name in _names(path / "pack", 10 * MAX_PACKS))
        return cls(found, partial or (" in this partial clone" if promised else ""))

    def look(self, name: str) -> Object:
        """The object with a full hash.

        Raises:
            KernelError: it is missing, damaged or too large.
        """
        self._meter.inflated = self._meter.objects = 0
        try:
            found = self._loose(name) or self._packed(name)
            if found is None:
                raise KernelError(f"it is missing{self.partial}")
            return _said(ShaFile.from_raw_string(*found, verify_sha=ObjectID(name.encode())))
        except KernelError as error:
            raise KernelError(f"object {printable(name[:12])} of the repository cannot be read: {error}") from None
        except Exception as error:
            # a hostile repository can bring anything out of the library
            why = type(error).__name__
            raise KernelError(f"object {printable(name[:12])} of the repository is damaged ({why})") from None

    def _loose(self, name: str) -> tuple[int, bytes] | None:
        for folder in self.folders:
            path = folder / name[:2] / name[2:]
            if regular_size(path, MAX_OBJECT) is not None:
                found = ShaFile.from_path(str(path), max_size=MAX_OBJECT)
                return found.type_num, found.as_raw_string()
        return None

    def _packed(self, name: str) -> tuple[int, bytes] | None:
        packs = self.packs()
        for pack in packs:
            with suppress(KeyError):
                pack.index.object_offset(ObjectID(name.encode()))
                packs.remove(pack)
                packs.insert(0, pack)
                return pack.get_raw(ObjectID(name.encode()))
        return None

    def packs(self) -> list[Pack]:
        """Every pack, opened."""
        if self._packs is None:
            opened: list[Pack] = []
            weakref.finalize(self, _close, opened)
            for path in [path for folder in self.folders for path in _pack_names(folder / "pack")]:
                opened.append(_opened(path, self._meter))
            self._packs = opened
        return self._packs

    def abbreviated(self, prefix: str) -> list[str]:
        """The full hashes that begin with at least four digits; no more than a few of them."""
        found: dict[str, None] = {}
        try:
            for folder in self.folders:
                for rest in _names(folder / prefix[:2], MAX_LOOSE):
                    if rest.startswith(prefix[2:]) and len(rest) == 38:
                        found[prefix[:2] + rest] = None
            for pack in self.packs():
                found.update(dict.fromkeys(islice(_with_prefix(pack.index, prefix), 20)))
        except KernelError:
            raise
        except Exception as error:
            raise KernelError(f"the index of a pack is damaged ({type(error).__name__})") from None
        return list(found)


def _said(found: ShaFile) -> Object:
    if isinstance(found, Commit):
        return Object("commit", found.tree.decode(), tuple(parent.decode() for parent in found.parents))
    if isinstance(found, Tag):
        return Object("tag", found.object[1].decode())
    if isinstance(found, Tree):
        return Object(
            "tree", entries={entry.path.decode("latin-1"): (entry.mode, entry.sha.decode()) for entry in found.items()}
        )
    return Object("blob", data=found.as_raw_string())


def _close(packs: list[Pack]) -> None:
    for pack in packs:
        with suppress(Exception):
            pack.close()


def _opened(path: str, meter: _Meter) -> Pack:
    index = load_pack_index(path + ".idx", SHA1)
    # no entry takes less than 24 bytes
    if len(index) * 24 > os.stat(path + ".idx").st_size:
        index.close()
        raise KernelError("the index of a pack says that it has more entries than it has")
    return Pack.from_lazy_objects(lambda: _BoundedData(path + ".pack", meter), lambda: index)


def _with_prefix(index: PackIndex, prefix: str) -> Iterator[str]:
    """The hashes of a pack that begin with some digits."""
    low, high = 0, len(index)
    while low < high:
        middle = (low + high) // 2
        if index.object_sha_at_position(middle).hex() < prefix:
            low = middle + 1
        else:
            high = middle
    while low < len(index) and (name := index.object_sha_at_position(low).hex()).startswith(prefix):
        yield name
        low += 1


def _pack_names(folder: Path) -> list[str]:
    names = set(_names(folder, 10 * MAX_PACKS))
    found = sorted(
        name.removesuffix(".pack") for name in names if name.endswith(".pack") and name[:-4] + "idx" in names
    )
    if len(found) > MAX_PACKS:
        raise KernelError(f"the repository has more than {MAX_PACKS} packs: git gc makes one of them")
    for name in found:
        for end in (".pack", ".idx"):
            if regular_size(folder / (name + end), None) is None:
                raise KernelError("a pack of the repository is no regular file")
    return [str(folder / name) for name in found]


def _names(folder: Path, most: int) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, most)]
    except OSError:
        return []


def _alternates(folder: Path) -> list[Path]:
    text = small_file(folder / "info" / "alternates", 100_000)
    lines = [line for line in (text or "").split("\n") if line and not line.startswith("#")]
    return [Path(os.path.realpath(folder / line)) for line in lines[: MAX_FOLDERS + 1]]


def regular_size(path: Path, limit: int | None) -> int | None:
    """The size of a regular file, None if there is none; pipes and devices are never opened.

    Raises:
        KernelError: it is something else, or larger than the limit.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise KernelError("a file of the repository is no regular file")
    if limit is not None and found.st_size > limit:
        raise KernelError("a file of the repository is larger than any of git's")
    return found.st_size


def small_file(path: Path, limit: int) -> str | None:
    """The text of a regular file, None if there is none.

    Raises:
        KernelError: it is something else, too large, or no text.
    """
    try:
        text = "" if path.is_dir() or regular_size(path, limit) is None else path.read_bytes().decode("latin-1")
    except OSError:
        return None
    if "\0" in text:
        raise KernelError(f"{printable(path.name)} of the repository holds a NUL byte")
    return text or None
