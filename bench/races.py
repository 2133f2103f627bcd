"""The questions of :mod:`bench.speed`: about which system, how we are asked, and how the others are."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.peers.answer import Answer
from bench.peers.asking import Peer
from checker.export.model import Exported, exported

STUDY = "study"
"""The kind of world that :mod:`bench.study` makes."""


@dataclass(frozen=True)
class World:
    """The system of a question.

    Attributes:
        config: a configuration, or the variant of the study's world.
        kind: ``kernel``, a split of the mm world, or ``study``.
        processes: how many there can be.
        frames: of the study's world; elsewhere there are as many as processes.
    """

    config: str
    kind: str
    processes: int = 2
    frames: int = 2

    def exported(self) -> Exported:
        """What peers are given of it."""
        if self.kind == STUDY:
            from bench.study import study_system

            return exported(study_system(self.processes, self.frames, self.config))
        from models.mm.catalogue import ALL
        from models.registry import architecture
        from models.worlds import mm_system

        arch = architecture(self.config)
        if self.kind == "kernel":
            return exported(mm_system(arch, processes=self.processes, generation="linux-6.12", features=ALL))
        return exported(mm_system(arch, self.kind, self.processes))


@dataclass(frozen=True)
class Own:
    """A command of ours, timed as a whole process.

    Attributes:
        name: for the table.
        arguments: after ``python``.
    """

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Rival:
    """A peer and how it is asked.

    Attributes:
        name: for the table.
        module: of :mod:`bench.peers`; its function ``run`` is asked.
        options: further arguments of the function.
        depth: the bound, or None.
        properties: which are asked, one after the other; "" is all at once, where the peer can do that.
    """

    name: str
    module: str
    options: tuple[tuple[str, Any], ...] = ()
    depth: int | None = None
    properties: tuple[str, ...] = ("",)

    def run(self) -> Peer:
        """The peer's function with its options.

        Raises:
            ModuleNotFoundError: a module that it needs is not there.
        """
        function: Callable[..., Answer] = importlib.import_module(f"bench.peers.{self.module}").run
        return partial(function, **dict(self.options))


@dataclass(frozen=True)
class Race:
    """A question that all are asked.

    Attributes:
        name: for the table and for ``--only``.
        world: the system.
        ours: our ways to the answer, the usual one first.
        statuses: exit statuses of ours that mean that the job was done.
        rivals: the peers.
        seconds: a peer's time limit.
        rounds: no more than so many.
        slow: left out of a quick run.
    """

    name: str
    world: World
    ours: tuple[Own, ...]
    statuses: tuple[int, ...]
    rivals: tuple[Rival, ...]
    seconds: float = 60.0
    rounds: int = 100
    slow: bool = False


PTECHECK = ("-m", "checker.cli", "check", "--no-cache")
OURS, BY_STATES = "ptecheck", "ptecheck, proof by states"
DATA = ("cow-isolation",)
STUDY_DATA, STUDY_EVERY = ("data",), ("hw", "data")
COUNT = (("count", False),)
SPIN = Rival("SPIN -O2, depth first", "spin", (("breadth_first", False), *COUNT))


def _mm(*options: str, config: str = "loongarch/huacai") -> tuple[str, ...]:
    """Our command for the mm world of a configuration of LoongArch."""
    return (*PTECHECK, config, "--split", "carry-dirty", *options)


def _study(variant: str, wanted: tuple[str, ...], *options: str) -> tuple[str, ...]:
    """Our command for the study's world."""
    return ("-m", "bench.study", "2", "2", "--variant", variant, "--decide", ",".join(wanted), *options)


def _shortest(properties: tuple[str, ...]) -> tuple[Rival, ...]:
    """Who finds a shortest counterexample."""
    slow = Rival("SPIN -O0, breadth first", "spin", (("optimise", "-O0"), *COUNT), properties=properties)
    return (
        Rival("SPIN -O2, breadth first", "spin", COUNT, properties=properties),
        *((slow,) if properties == DATA else ()),
        Rival("ESBMC incremental", "esbmc", properties=properties),
        Rival("ABC bmc3", "abc", depth=20, properties=properties),
    )


def _proof(one: tuple[str, ...]) -> tuple[Rival, ...]:
    """Who proves all properties at once, and Spacer, which is given one of them."""
    return (
        SPIN,
        Rival("ABC pdr", "abc"),
        Rival("Yosys, from Verilog, and ABC pdr", "yosys"),
        Rival(f"Z3 Spacer, {one[0]} only", "smt", properties=one),
    )


def _up_to_20(properties: tuple[str, ...]) -> tuple[Rival, ...]:
    """Who looks at all runs of 20 operations."""
    return (
        Rival("ABC bmc3", "abc", depth=20, properties=properties),
        Rival("Bitwuzla, unrolled naively", "smt", depth=20, properties=properties),
    )


def _kernel(config: str, processes: int, seconds: float, rounds: int) -> Race:
    """The whole kernel's world; SPIN has all properties at once, ABC the one about data.

    Our proof of it is always its states, so that there is one way only.
    """
    name = f"(c) whole kernel, {processes} processes, {config.partition('/')[0]}: proof, all properties"
    command = (*PTECHECK, config, "--world", "kernel", "--mm", "linux-6.12", "--processes", str(processes))
    rivals = (SPIN, Rival("ABC pdr, cow-isolation only", "abc", properties=DATA))
    world = World(config, "kernel", processes)
    return Race(name, world, (Own(OURS, command),), (0,), rivals, seconds, rounds, slow=True)


MM, ORIGINAL = World("loongarch/huacai", "carry-dirty"), World("loongarch/original", "carry-dirty")
RACES = (
    Race(
        "(a) shortest counterexample of the original bug, cow-isolation",
        ORIGINAL,
        (Own(OURS, _mm("--invariant", "cow-isolation", config="loongarch/original")),),
        (1,),
        _shortest(DATA),
    ),
    Race(
        "(a) study's world, shortest counterexample of data, original",
        World("original", STUDY),
        (Own(OURS, _study("original", STUDY_DATA)),),
        (1,),
        _shortest(STUDY_DATA),
    ),
    Race(
        "(b) proof of huacai, all properties",
        MM,
        (Own(OURS, _mm()), Own(BY_STATES, _mm("--proofs", "states"))),
        (0,),
        _proof(DATA),
    ),
    # Of so many states (checker.decision.READABLE) the proof is the set of them, also where that is not asked for.
    Race(
        "(b) study's world, 2 processes, 2 frames, huacai: proof of both properties",
        World("huacai", STUDY),
        (Own(BY_STATES, _study("huacai", STUDY_EVERY, "--proofs", "states")),),
        (0,),
        _proof(STUDY_DATA),
    ),
    _kernel("sparc64/linux-6.12", 2, 120.0, 5),
    _kernel("loongarch/linux-6.12", 2, 120.0, 5),
    _kernel("sparc64/linux-6.12", 3, 120.0, 1),
    _kernel("loongarch/linux-6.12", 3, 120.0, 1),
    Race(
        "(d) huacai, nothing up to depth 20, cow-isolation",
        MM,
        (Own(OURS, _mm("--invariant", "cow-isolation", "--depth", "20")),),
        (0,),
        _up_to_20(DATA),
    ),
    Race(
        "(d) study's world, huacai, nothing up to depth 20, data",
        World("huacai", STUDY),
        (Own(OURS, _study("huacai", STUDY_DATA, "--depth", "20")),),
        (0,),
        _up_to_20(STUDY_DATA),
        rounds=3,
    ),
)
