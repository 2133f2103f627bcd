"""The state of the mm world: processes with one page slot each, and the frames they map.

One sub-page is followed. A process maps it by a huge PMD or by a PTE; what only the rest of the huge page could
show (its other sub-pages) behaves like the one that is followed, except that references from the rest can only
forbid a reuse, which the model covers by letting every copy happen that the kernel may choose.

Contents are not numbered: for each process and frame the state keeps whether the frame holds what the process must
read. That is all a comparison of contents can ask for, and it stays exact under every operation: a store makes its
frame right for the writer and wrong for everybody else, a copy carries each process's answer over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.logic import both, either, ite, no, same, select, word_like
from checker.state import Bits, Bool, Enum
from models.pte import Architecture

NONE, PTE, PMD = 0, 1, 2
"""Values of :attr:`Process.level`."""

PROCESSES = ("parent", "child", "grandchild")


@dataclass(frozen=True)
class Process:
    """One process's view of the page.

    Attributes:
        level: NONE, PTE or PMD: how the page is mapped.
        entry: the PTE or PMD, frame number left out.
        frame: the number of the frame it maps.
        vm_write: the VMA allows writing (VM_WRITE).
        data: for each frame, whether it holds what this process must read.
    """

    level: Any
    entry: Any
    frame: Any
    vm_write: Any
    data: tuple[Any, ...]


@dataclass(frozen=True)
class Frame:
    """One page frame.

    Attributes:
        exclusive: PageAnonExclusive.
        dirty: PG_dirty of its folio.
    """

    exclusive: Any
    dirty: Any


@dataclass(frozen=True)
class World:
    """All processes and all frames."""

    processes: tuple[Process, ...]
    frames: tuple[Frame, ...]


def shape(processes: int, frames: int) -> World:
    """The world's sorts for that many processes and frames."""
    numbers = Enum(*(f"frame {k}" for k in range(frames)))
    process = Process(Enum("none", "pte", "pmd"), Bits(64), numbers, Bool, (Bool,) * frames)
    return World((process,) * processes, (Frame(Bool, Bool),) * frames)


def empty_process(frames: int) -> Process:
    """A process that maps nothing and expects nothing."""
    return Process(NONE, 0, 0, False, (False,) * frames)


def put(items: tuple[Any, ...], index: int, item: Any) -> tuple[Any, ...]:
    """The tuple with one item replaced at a known place."""
    return (*items[:index], item, *items[index + 1 :])


def with_process(s: World, p: int, **changes: Any) -> World:
    """The world with some attributes of process ``p`` replaced."""
    return replace(s, processes=put(s.processes, p, replace(s.processes[p], **changes)))


def with_frame(s: World, frame: Any, **changes: Any) -> World:
    """The world with some attributes of the frame of this (possibly symbolic) number replaced."""
    return replace(
        s,
        frames=tuple(
            replace(f, **{name: ite(same(frame, k), value, getattr(f, name)) for name, value in changes.items()})
            for k, f in enumerate(s.frames)
        ),
    )


def mapped(process: Process) -> Any:
    """The process has a present entry."""
    return no(same(process.level, NONE))


def maps(process: Process, frame: Any) -> Any:
    """The process has a present entry for this frame."""
    return both(mapped(process), same(process.frame, frame))


def shared(s: World, p: int) -> Any:
    """Another process maps the frame that process ``p`` maps."""
    mine = s.processes[p]
    others = [q for k, q in enumerate(s.processes) if k != p]
    return both(mapped(mine), either(*(maps(q, mine.frame) for q in others)))


def exclusive(s: World, p: int) -> Any:
    """PageAnonExclusive of the frame process ``p`` maps."""
    return select([f.exclusive for f in s.frames], s.processes[p].frame)


def reads_right(s: World, p: int) -> Any:
    """The frame process ``p`` maps holds what the process must read."""
    return select(s.processes[p].data, s.processes[p].frame)


def by_level(process: Process, pte: Any, pmd: Any) -> Any:
    """One of two values, by the level of the process's mapping."""
    return ite(same(process.level, PMD), pmd, pte)


def entry_test(arch: Architecture, process: Process, name: str) -> Any:
    """A mapped entry's ``write``, ``dirty`` or ``young`` test of its own level."""
    value = by_level(process, arch.helper("pte", name)(process.entry), arch.helper("pmd", name)(process.entry))
    return both(mapped(process), value)


def hardware_writable(arch: Architecture, process: Process) -> Any:
    """A user store by this process succeeds without generic mm."""
    return both(mapped(process), arch.hardware.writable(process.entry))


def free_frame(s: World) -> tuple[Any, Any]:
    """Whether some frame is mapped by nobody, and the lowest such frame."""
    free = [no(either(*(maps(q, k) for q in s.processes))) for k in range(len(s.frames))]
    number: Any = len(free) - 1
    for k in range(len(free) - 2, -1, -1):
        number = ite(free[k], word_like(s.processes[0].frame, k), number)
    return either(*free), number


def release_unmapped(s: World) -> World:
    """Frames that nobody maps go back to the allocator and lose their history.

    The next user of a frame writes all of it (a copy or a zeroed page) and marks it exclusive, so nothing of the
    old content or flags can be seen again.
    """
    used = [either(*(maps(q, k) for q in s.processes)) for k in range(len(s.frames))]
    frames = tuple(Frame(both(u, f.exclusive), both(u, f.dirty)) for u, f in zip(used, s.frames, strict=True))
    processes = tuple(
        replace(q, data=tuple(both(u, d) for u, d in zip(used, q.data, strict=True))) for q in s.processes
    )
    return World(processes, frames)


def names(count: int) -> Sequence[str]:
    """The processes' names in traces."""
    return PROCESSES[:count] if count <= len(PROCESSES) else [f"p{k}" for k in range(count)]
