"""The worlds by name: an architecture put into the PTE world or the mm world as one transition system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from checker.system import TransitionSystem
from models.pte import Architecture

if TYPE_CHECKING:
    from models.mm.kernel import Kernel

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


def mm_kernel(
    arch: Architecture,
    generation: str | None = None,
    split: str | None = None,
    migration: str | None = None,
    migration_ad: bool = True,
    features: frozenset[str] | None = None,
    repairs: frozenset[str] | None = None,
) -> Kernel:
    """An architecture with a release of generic mm and choices from its history.

    Args:
        arch: the helpers and the hardware.
        generation: a name in :data:`models.mm.kernel.GENERATIONS`; default: the one the split belongs to, or 6.12.
        split: a name in :data:`models.mm.orders.SPLITS`; default: the generation's own.
        migration: a name in :data:`models.mm.orders.MIGRATIONS`; default: the generation's own.
        migration_ad: migration entries keep young and dirty.
        features: groups of operations; default: only the core.
        repairs: names of :data:`models.mm.kernel.REPAIRS`; default: all of them.
    """
    from models.mm.catalogue import CORE
    from models.mm.kernel import OWN_SPLIT, REPAIRS, Kernel
    from models.mm.orders import SPLITS

    if generation is None:
        generation = SPLITS[split].generation if split else "linux-6.12"
    return Kernel(
        arch=arch,
        generation=generation,
        split=split or OWN_SPLIT[generation],
        migration=migration or generation,
        migration_ad=migration_ad,
        features=CORE if features is None else features,
        repairs=frozenset(REPAIRS) if repairs is None else repairs,
    )


def mm_system(arch: Architecture, split: str | None = None, processes: int = 2, **choices: Any) -> TransitionSystem:
    """The mm world of an architecture's helpers.

    Args:
        arch: the helpers and the hardware.
        split: the order of calls in the huge-page split; default: that of the release of generic mm.
        processes: how many processes there can be at a time.
        **choices: further ones of :func:`mm_kernel`.
    """
    return mm_system_of(mm_kernel(arch, split=split, **choices), processes)


def mm_system_of(kernel: Kernel, processes: int = 2) -> TransitionSystem:
    """The mm world of one kernel."""
    from invariants.mm import invariants
    from models.mm import focus, state, words, world
    from models.mm.catalogue import CORE

    return TransitionSystem(
        name=f"{kernel.arch.config}, mm world, {kernel.title}",
        shape=state.shape(processes, kernel.features),
        starts=world.starts(kernel, processes),
        operations=world.operations(kernel, processes),
        invariants=invariants(kernel),
        predicates=words.predicates(kernel, processes),
        symmetries=words.symmetries(kernel, processes),
        lemmas=words.lemmas(kernel, processes),
        views=() if kernel.features == CORE else focus.views(processes),
        well_formed=focus.well_formed,
    )


def invariant_names(world: str) -> list[tuple[str, bool]]:
    """The invariants of a world by name, each with whether it is a cost."""
    from models.mm.catalogue import ALL
    from models.registry import architecture

    arch = architecture("x86-64/linux-6.12")  # it has every facility, so every invariant
    system = pte_system(arch) if world == "pte" else mm_system(arch, features=ALL if world == "kernel" else None)
    return [(i.name, i.cost) for i in system.invariants]
