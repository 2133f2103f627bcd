"""The worlds by name: an architecture put into the PTE world or the mm world as one transition system."""

from __future__ import annotations

from checker.system import TransitionSystem
from models.pte import Architecture

WORLDS = ("pte", "mm")


def pte_system(arch: Architecture) -> TransitionSystem:
    """The PTE world of an architecture."""
    from invariants.pte import invariants
    from models import pte_world as world

    return TransitionSystem(
        name=f"{arch.config}, PTE world",
        shape=world.SHAPE,
        starts=world.starts(arch),
        operations=world.operations(arch),
        invariants=invariants(arch),
        predicates=world.predicates(arch),
    )


def mm_system(arch: Architecture, split: str, processes: int = 2, frames: int | None = None) -> TransitionSystem:
    """The mm world of an architecture's helpers under one order of calls in the huge-page split.

    Args:
        arch: the helpers and the hardware.
        split: a name in :data:`models.mm.kernel.SPLITS`.
        processes: how many processes there can be at a time.
        frames: page frames; one more than processes is enough for every copy.
    """
    from invariants.mm import invariants
    from models.mm import state, world
    from models.mm.kernel import Kernel

    frames = processes + 1 if frames is None else frames
    kernel = Kernel(arch, split)
    return TransitionSystem(
        name=f"{arch.config}, mm world, split {split}",
        shape=state.shape(processes, frames),
        starts=world.starts(kernel, processes, frames),
        operations=world.operations(kernel, processes),
        invariants=invariants(kernel),
        predicates=world.predicates(kernel, processes),
        symmetries=world.symmetries(kernel, processes),
        lemmas=world.lemmas(kernel, processes),
    )


def invariant_names(world: str) -> list[tuple[str, bool]]:
    """The invariants of a world by name, each with whether it is a cost."""
    from models.mm.kernel import SPLITS
    from models.registry import FAMILIES, machine

    arch = machine(next(iter(FAMILIES)), ())[0]
    system = pte_system(arch) if world == "pte" else mm_system(arch, next(iter(SPLITS)))
    return [(i.name, i.cost) for i in system.invariants]
