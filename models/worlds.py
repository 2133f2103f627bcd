"""The worlds by name: an architecture put into the PTE world or the mm world as one transition system."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from checker.records import replace
from checker.system import Invariant, TransitionSystem
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
        immaterial=world.immaterial(arch),
    )


def helper_system(arch: Architecture, level: str) -> TransitionSystem:
    """The helper world of one level of an architecture."""
    from invariants.helpers import invariants
    from models import helper_world as world

    chosen = world.Level(arch, level)
    return TransitionSystem(
        name=f"{arch.config}, helper world, {level}",
        shape=world.SHAPE,
        starts=world.starts(chosen),
        operations=world.operations(chosen),
        invariants=invariants(chosen),
        predicates=world.predicates(chosen),
        immaterial=world.immaterial(chosen),
    )


def encoding_system(arch: Architecture, level: str) -> TransitionSystem:
    """Frame numbers and swap entries of one level as codes."""
    from invariants.encoding import invariants
    from models import encoding_world as world
    from models.helper_world import Level

    chosen = Level(arch, level)
    return TransitionSystem(
        name=f"{arch.config}, codes, {level}",
        shape=world.SHAPE,
        starts=world.starts(chosen),
        operations=(),
        invariants=invariants(chosen),
    )


def levels_system(arch: Architecture, left: str, right: str) -> TransitionSystem:
    """Two levels of an architecture side by side."""
    from invariants.helpers import levels_agree
    from models import helper_world as world

    first, second = world.Level(arch, left), world.Level(arch, right)
    starts, operations = world.paired(first, second)
    return TransitionSystem(
        name=f"{arch.config}, helper world, {left} and {right}",
        shape=world.TwoEntries(world.SHAPE, world.SHAPE),
        starts=starts,
        operations=operations,
        invariants=levels_agree(first, second),
        immaterial={**world.immaterial(first, "left.entry"), **world.immaterial(second, "right.entry")},
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


def mm_system(
    arch: Architecture, split: str | None = None, processes: int = 2, renamed: bool = True, **choices: Any
) -> TransitionSystem:
    """The mm world of an architecture's helpers.

    Args:
        arch: the helpers and the hardware.
        split: the order of calls in the huge-page split; default: that of the release of generic mm.
        processes: how many processes there can be at a time.
        renamed: pages have canonical numbers.
        **choices: further ones of :func:`mm_kernel`.
    """
    return mm_system_of(mm_kernel(arch, split=split, **choices), processes, renamed)


def mm_system_of(kernel: Kernel, processes: int = 2, renamed: bool = True) -> TransitionSystem:
    """The mm world of one kernel; without canonical numbers also without views, which rest on them."""
    from invariants.mm import invariants
    from models.mm import focus, state, words, world
    from models.mm.catalogue import CORE

    return TransitionSystem(
        name=f"{kernel.arch.config}, mm world, {kernel.title}",
        shape=state.shape(processes, kernel.features, renamed),
        starts=world.starts(kernel, processes, renamed),
        operations=world.operations(kernel, processes),
        invariants=invariants(kernel),
        predicates=words.predicates(kernel, processes),
        symmetries=words.symmetries(kernel, processes),
        lemmas=words.lemmas(kernel, processes),
        views=() if kernel.features == CORE or not renamed else focus.views(processes),
        well_formed=focus.well_formed,
    )


def difference_system(
    world: str, left: tuple[Architecture, TransitionSystem], right: tuple[Architecture, TransitionSystem]
) -> TransitionSystem:
    """Two systems of one world side by side, with what must be the same on both as invariants.

    Args:
        world: ``pte``, ``mm`` or ``kernel``.
        left: the first architecture and its system.
        right: the second.
    """
    from invariants.difference import invariants, lone_faults
    from models.difference import paired

    both_sides = paired(left[1], right[1], lone_faults(left[1]))
    both_sides = replace(both_sides, invariants=invariants(world, left, right))
    if not (left[1].views and right[1].views):
        return both_sides
    from models.mm.pairs import pair_views, well_formed

    return replace(both_sides, views=pair_views(len(left[1].views)), well_formed=well_formed)


def cost_system(left: Kernel, right: Kernel, processes: int = 2) -> TransitionSystem:
    """Two kernels of one machine side by side, with bounds on what a store costs more on the second."""
    from invariants.faults import bounds, complete
    from models import faults

    a, b = (faults.Side.of(k, mm_system_of(k, processes)) for k in (left, right))
    system = faults.cost_system(a, b, processes)
    whole = complete(faults.runs_are_common(a, b), faults.stores_go_through(a, b, system, processes))
    return replace(system, invariants=(*bounds(faults.makers(a)), *whole))


def every_requirement(arch: Architecture) -> tuple[Invariant, ...]:
    """What is required of helpers, each requirement once, for an architecture that has all of them.

    Args:
        arch: a machine with huge pages; helpers that it has not got are taken to be there, and are not called.
    """
    from invariants import encoding, helpers
    from models.encoding_world import MARKS
    from models.helper_world import MARKERS, Level
    from models.kernel.architectures import IN_PLACE

    absent = ["none", "pfn", "bad", "mkinvalid", "trans_huge", "leaf", "protnone", *MARKERS, *MARKERS.values()]
    absent += [f"swp_{how}{mark}" for mark in MARKS for how in ("", "mk", "clear_")]
    names = [f"{level}_{name}" for level in ("pte", "pmd") for name in absent]
    names += ["pfn_pte", "pfn_pmd", "__swp_entry", "__swp_type", "__swp_offset"]
    names += ["__swp_entry_to_pte", "__pte_to_swp_entry"]
    whole = replace(
        arch,
        helpers={**dict.fromkeys(names, lambda *_: None), **arch.helpers},
        in_place={name: SimpleNamespace(name=name) for name in IN_PLACE},
        protection_map=dict(enumerate([arch.protections["SHARED"]] * 16)),
        smp=True,
    )
    pte, pmd = Level(whole, "pte"), Level(whole, "pmd")
    found = (
        *helpers.invariants(pte),
        *helpers.invariants(pmd),
        *helpers.levels_agree(pte, pmd),
        *encoding.invariants(pte),
    )
    return tuple({invariant.name: invariant for invariant in reversed(found)}.values())[::-1]


def invariant_names(world: str) -> list[tuple[str, bool]]:
    """The invariants of a world by name, each with whether it is a cost."""
    from models.mm.catalogue import ALL
    from models.registry import architecture

    arch = architecture("x86-64/linux-6.12")  # it has every facility, so every invariant
    if world == "pte":
        from invariants.pte import invariants

        return [(i.name, i.cost) for i in invariants(arch)]
    from invariants.mm import invariants as of_kernel

    return [(i.name, i.cost) for i in of_kernel(mm_kernel(arch, features=ALL if world == "kernel" else None))]
