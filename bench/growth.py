"""How states, time and memory grow with processes, frames and groups of operations: a table and a picture.

Usage: python -m bench.growth [--quick] [--draw]
Every point is a search in a process of its own, all reachable states without proof or trace, so that seconds and memory
include Python's start. Processor seconds are counted, not seconds on the wall: they hardly depend on what else the
machine does. ``--draw`` puts the picture into docs/growth.svg (pip install 'ptecheck[plot]').
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checker.system import TransitionSystem

DOCS = Path(__file__).resolve().parent.parent / "docs"
LIMIT = 12_000_000
"""States; a larger world is not searched to its end."""


@dataclass(frozen=True)
class World:
    """A world to search.

    Attributes:
        series: the line it belongs to.
        config: a configuration of the mm world; "" for the world of bench.study.
        features: groups of operations besides the core, or ``all``.
        processes: how many there can be.
        frames: of that world; in the mm world there are as many as processes.
        without: reductions that are switched off.
        slow: left out of a quick run.
    """

    series: str
    config: str
    features: tuple[str, ...] = ()
    processes: int = 2
    frames: int = 0
    without: tuple[str, ...] = ()
    slow: bool = False


@dataclass(frozen=True)
class Point:
    """What a search of a world took.

    Attributes:
        world: which.
        states, transitions, diameter: as the search counts them.
        seconds: processor seconds of the whole process.
        megabytes: its peak memory.
        complete: every reachable state was found.
    """

    world: World
    states: int
    transitions: int
    diameter: int
    seconds: float
    megabytes: float
    complete: bool


LOONG, SPARC, X86 = "loongarch/linux-6.12", "sparc64/linux-6.12", "x86-64/linux-6.12"
ORDER = (
    "touch", "protect", "collapse", "numa", "migration", "userfaultfd", "userfaultfd-wp", "soft-dirty", "file", "ksm",
    "swap", "lazyfree", "pin", "force",
)  # fmt: skip
"""Groups of operations in the order in which they are added to the core; those that multiply most come last."""

CORE, KERNEL, SWAP = "mm, core", "mm, whole kernel", "study's world"
GROUPS, WITHOUT = "groups added, x86-64", "reductions, loongarch"


def worlds() -> Iterable[World]:
    """Every world, in the order of the table."""
    yield from (World(CORE, "loongarch/original", (), p) for p in (1, 2, 3))
    yield from (World(KERNEL, SPARC, ("all",), p, slow=p == 3) for p in (1, 2, 3))
    sizes = ((2, 2), (3, 2), (3, 3), (4, 2), (4, 3))
    yield from (World(f"{SWAP}, {f} frames", "", (), p, f, slow=(p, f) == (4, 3)) for p, f in sizes)
    yield from (World(GROUPS, X86, ORDER[:k], slow=k > 10) for k in range(len(ORDER) + 1))
    wide = ("touch", "swap")
    for without in ((), ("dead-bits",), ("views",), ("frames", "views"), ("dead-bits", "frames", "views")):
        yield World(WITHOUT, LOONG, wide, 2, 0, without, slow=len(without) > 2)
    for without in ((), ("dead-bits",), ("frames",), ("dead-bits", "frames")):
        yield World(f"{WITHOUT}, core", "loongarch/original", (), 3, 0, without, slow=len(without) > 1)


def world_of(text: str) -> World:
    """A world from the JSON that a command line is given."""
    return World(**{name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(text).items()})


def system_of(world: World) -> TransitionSystem:
    """The transition system of a world."""
    if not world.config:
        from bench.study import study_system

        return study_system(world.processes, world.frames)
    from models.mm.catalogue import ALL, CORE
    from models.registry import architecture
    from models.worlds import mm_system

    system = mm_system(
        architecture(world.config),
        processes=world.processes,
        renamed="frames" not in world.without,
        features=ALL if world.features == ("all",) else CORE | frozenset(world.features),
    )
    if "views" in world.without:
        system = replace(system, views=())
    return replace(system, every_bit="dead-bits" in world.without)


def search_here(world: World) -> None:
    """Searches a world in this process and prints what it took as JSON."""
    import resource

    from checker.limits import Budget
    from checker.search import search

    found = search(system_of(world).reduced, Budget(states=LIMIT))
    used = resource.getrusage(resource.RUSAGE_SELF)
    point = {
        "states": len(found.states),
        "transitions": found.transitions,
        "diameter": found.diameter,
        "seconds": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20),
        "complete": found.complete,
    }
    print(json.dumps(point))


def measured(world: World) -> Point:
    """Searches a world in a process of its own.

    Raises:
        SystemExit: the search failed.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "bench.growth", "--world", json.dumps(asdict(world))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{world}: {done.stderr.strip() or f'ended with {done.returncode}'}")
    return Point(world, **json.loads(done.stdout))


# The table.


def _name(world: World) -> str:
    if not world.config:
        return "study's world"
    if world.features == ("all",):
        return f"{world.config}, whole kernel"
    if len(world.features) > 2:
        return f"{world.config}, … + {world.features[-1]}"
    return f"{world.config}, " + " + ".join(("core", *world.features))


def table(points: Sequence[Point]) -> str:
    """The points as Markdown, series by series."""
    head = "| world | processes | frames | without | states | transitions | diameter | seconds | memory |"
    lines = [head, "| --- " * 4 + "| ---: " * 5 + "|"]
    for point in points:
        world = point.world
        limited = "" if point.complete else "more than "
        lines.append(
            f"| {_name(world)} | {world.processes} | {world.frames or world.processes} | {', '.join(world.without)} "
            f"| {limited}{point.states:,} | {point.transitions:,} | {point.diameter} | {point.seconds:.1f} "
            f"| {point.megabytes:.0f} MB |"
        )
    return "\n".join(lines)


# The picture.


def draw(points: Sequence[Point], path: Path) -> None:
    """States by processes, states by groups of operations, and seconds and memory by states, all logarithmic."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "ptecheck", "font.size": 9, "axes.grid": True})
    plt.rcParams.update({"grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False})
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    _by_processes(left, points)
    _by_groups(middle, [p for p in points if p.world.series == GROUPS])
    _costs(right, [p for p in points if p.complete])
    figure.savefig(path, metadata={"Date": None, "Creator": "bench.growth"})
    plt.close(figure)


def _by_processes(axes: Any, points: Sequence[Point]) -> None:
    for series, marker in ((KERNEL, "o"), (CORE, "s"), (f"{SWAP}, 2 frames", "^"), (f"{SWAP}, 3 frames", "v")):
        mine = [p for p in points if p.world.series == series]
        if mine:
            axes.plot([p.world.processes for p in mine], [p.states for p in mine], marker=marker, label=series)
    axes.set(yscale="log", xlabel="processes", ylabel="reachable states", title="One more process")
    axes.set_xticks([1, 2, 3, 4])
    axes.legend(frameon=False)


def _by_groups(axes: Any, points: Sequence[Point]) -> None:
    names = ["core", *(f"+ {p.world.features[-1]}" for p in points[1:])]
    axes.plot([p.states for p in points], range(len(points)), marker="o", color="tab:purple")
    axes.set_yticks(range(len(points)), names)
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="reachable states", title="One more group of operations (x86-64, two processes)")


def _costs(axes: Any, points: Sequence[Point]) -> None:
    points = sorted(points, key=lambda p: p.states)
    axes.plot([p.states for p in points], [p.seconds for p in points], "o", color="tab:red", label="seconds")
    axes.set(xscale="log", yscale="log", xlabel="reachable states", ylabel="processor seconds", title="What they cost")
    memory = axes.twinx()
    memory.plot([p.states for p in points], [p.megabytes for p in points], "x", color="tab:blue", label="memory")
    memory.set(yscale="log", ylabel="peak memory in MB")
    memory.set_yticks([20, 50, 100, 200, 500], labels=["20", "50", "100", "200", "500"])
    memory.minorticks_off()
    memory.grid(visible=False)
    memory.spines["right"].set_visible(True)
    handles = [h for a in (axes, memory) for h in a.get_legend_handles_labels()[0]]
    axes.legend(handles, ["seconds", "memory"], frameon=False, loc="upper left")


def main() -> None:
    """Measures, prints the table and, if asked for, writes table and picture."""
    parser = argparse.ArgumentParser(description="measure how searches grow")
    parser.add_argument("--quick", action="store_true", help="without the largest worlds")
    parser.add_argument("--draw", action="store_true", help="draw docs/growth.svg, where matplotlib is there")
    parser.add_argument("--world", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.world:
        search_here(world_of(args.world))
        return
    points = []
    for world in worlds():
        if not (args.quick and world.slow):
            points.append(measured(world))
            print(f"{_name(world)}: {points[-1].states:,} states, {points[-1].seconds:.1f} s", file=sys.stderr)
    print(table(points))
    if args.draw:
        try:
            draw(points, DOCS / "growth.svg")
        except ModuleNotFoundError as why:
            print(f"no picture: {why}; pip install '.[plot]'", file=sys.stderr)


if __name__ == "__main__":
    main()
