"""A lifted tree as an architecture of the model: the hardware is the built-in one, everything else the tree's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from checker import terms
from models.hardware import Machine
from models.kernel.errors import NOT_PRESENT, NOTHING, CannotLift, KernelError, NotLifted
from models.kernel.helper import LiftedHelper
from models.kernel.lift import LiftedTree
from models.kernel.values import WIDTH
from models.pte import LEVELS, PROTECTIONS, Architecture, Bit, Hardware, Helper

_EACH_LEVEL = "mkdirty mkclean mkwrite wrprotect mkold mkyoung modify present write dirty young"
NEEDED = (*(f"{level}_{name}" for level in LEVELS for name in _EACH_LEVEL.split()), "pmd_mkinvalid")
"""What every architecture of the model has under the kernel's names."""

BLOCKS = ("pfn_pte", "pmd_mkhuge")
"""What ``mk_pte`` and ``mk_huge_pmd`` of the model are made of, beside mk_pmd() or pfn_pmd()."""

_OPTIONAL = "mksoft_dirty clear_soft_dirty mkuffd_wp clear_uffd_wp"
OPTIONAL = tuple(f"{level}_{name}" for level in LEVELS for name in _OPTIONAL.split())
"""Helpers that join the model where the tree gives them an effect, even if the built-in variant has none."""


def machine_from_tree(lifted: LiftedTree, machine: Machine) -> Architecture:
    """A machine without hand-written helpers: everything the tree has, with the hardware's description.

    Args:
        lifted: the tree.
        machine: the hardware.

    Raises:
        CannotLift: the model needs a helper or a bit that was not lifted.
        KernelError: the tree's bits are not where the hardware has them.
    """
    platform, lifted = lifted.platform, _with_invalid(lifted)
    reasons = {entry.name: entry for entry in lifted.missing}
    left_out = {level: name for level in platform.levels if level != "pte" and (name := _lacks(level, reasons))}
    levels = [level for level in platform.levels if level not in left_out]
    needed = [name for level in levels for name in _needed(level) if name not in lifted.helpers]
    missing = [reasons.get(name, NotLifted(name, "", 0, NOT_PRESENT, NOTHING)) for name in needed]
    missing += [
        NotLifted(f"page protection {name}", "", 0, "not found in the tree")
        for name in PROTECTIONS
        if name not in lifted.protections
    ]
    if missing:
        raise CannotLift(missing)
    for name, value in machine.fixed.items():
        if lifted.constants.get(name, value) != value:
            raise KernelError(f"{name} is 0x{lifted.constants[name]:x} in the tree, the CPU has it at 0x{value:x}")
    try:
        hardwares = dict(machine.describe(lifted.constants, platform.chosen | platform.traits))
    except KeyError as why:
        raise CannotLift([NotLifted(str(why.args[0]), "", 0, "the hardware's description needs this macro")]) from None
    helpers: dict[str, Helper] = dict(lifted.helpers)
    makers = {level: _maker(lifted, level) for level in levels}
    names = {"pte": "mk_pte", "pmd": "mk_huge_pmd", "pud": "mk_huge_pud"}
    return Architecture(
        name=platform.name,
        features=tuple(sorted(platform.chosen)),
        variant="tree",
        width=WIDTH,
        bits=_named_bits(machine, lifted.constants, platform.chosen),
        helpers={**helpers, **{names[level]: make for level, make in makers.items()}},
        protections={name: lifted.protections[name] for name in PROTECTIONS},
        frames={level: _frame_mask(lifted, level) for level in makers},
        memory_frames=(1 << min(platform.memory_bits or 64, platform.physical_bits) - platform.page_shift) - 1,
        swap_files=platform.config.get("CONFIG_SWAP") == "1",
        places={n: f"{found.file}:{found.line}" for n, found in (*lifted.helpers.items(), *lifted.in_place.items())},
        in_place=lifted.in_place,
        smp=platform.config.get("CONFIG_SMP") == "1",
        frame_numbers={level: _frame_numbers(lifted, level) for level in makers},
        hardware=hardwares["pte"],
        says=f"the helpers of {_release(lifted.version)} as the tree defines them",
        source=", ".join(dict.fromkeys(helper.file for helper in lifted.helpers.values())),
        assumptions=(
            *lifted.assumptions,
            *(f"no {level.upper()} maps a user page: the tree has no {name}()" for level, name in left_out.items()),
            *_options(lifted.configuration),
        ),
        levels=tuple(makers),
        hardwares=hardwares,
        protection_map=lifted.protection_map,
    )


def _with_invalid(lifted: LiftedTree) -> LiftedTree:
    """The tree where what pmdp_invalidate() leaves stands for a pmd_mkinvalid() that it has not got."""
    invalidate = {f"{level}_mkinvalid": lifted.in_place.get(f"{level}p_invalidate") for level in ("pmd", "pud")}
    made = {name: helper.as_change(name) for name, helper in invalidate.items() if helper is not None}
    return replace(lifted, helpers={**made, **lifted.helpers})


def _needed(level: str) -> list[str]:
    """What a level has whose entries map user pages."""
    names = [f"{level}_{name}" for name in _EACH_LEVEL.split()]
    return [*names, f"pfn_{level}", *([] if level == "pte" else [f"{level}_mkhuge"])]


def _lacks(level: str, reasons: Mapping[str, NotLifted]) -> str:
    """The helper that keeps the kernel from huge pages of a level, as pud_modify() does in Linux 6.1; else ""."""
    found = (reasons[name] for name in _needed(level) if name in reasons)
    return next((entry.name for entry in found if entry.absent), "")


def _maker(lifted: LiftedTree, level: str) -> Helper:
    """A protection word -> the entry of frame number 0, huge above the PTE level."""
    make = lifted.helpers[f"pfn_{level}"]
    if level == "pte":
        return lambda prot: make(0, prot)
    mkhuge = lifted.helpers[f"{level}_mkhuge"]
    return lambda prot: mkhuge(make(0, prot))


def _frame_numbers(lifted: LiftedTree, level: str) -> int:
    """The bits that a frame number can have; that of a huge page is aligned to its size."""
    platform = lifted.platform
    highest = (1 << (platform.physical_bits - platform.page_shift)) - 1
    if level == "pte":
        return highest
    shift = lifted.constants.get(f"{level.upper()}_SHIFT")
    if shift is None:
        raise CannotLift([NotLifted(f"{level.upper()}_SHIFT", "", 0, "the size of a huge page is not known")])
    return highest & -1 << (shift - platform.page_shift)


def _frame_mask(lifted: LiftedTree, level: str) -> int:
    """The bits of an entry that hold the frame number."""
    make = lifted.helpers[f"pfn_{level}"]
    return int(make(_frame_numbers(lifted, level), 0)) ^ int(make(0, 0))


def _named_bits(machine: Machine, constants: Mapping[str, int], features: frozenset[str]) -> tuple[Bit, ...]:
    single = [(bit, constants.get(bit.macro, 0) << bit.shift) for bit in machine.bits if bit.shown(features)]
    return tuple(
        Bit(bit.name, value.bit_length() - 1, bit.letter, bit.says) for bit, value in single if value.bit_count() == 1
    )


def architecture_from_tree(builtin: Architecture, lifted: LiftedTree) -> Architecture:
    """The machine with the helpers, bits and protections of a kernel tree, as variant ``tree``.

    Args:
        builtin: any built-in variant of the same machine; gives the hardware and the bits' names.
        lifted: the tree, lifted for the same architecture and features.

    Raises:
        CannotLift: the model needs a helper that was not lifted.
        KernelError: the tree's bits are not where the hardware description has them.
    """
    if lifted.architecture != builtin.name:
        raise ValueError(f"a tree lifted for {lifted.architecture} cannot replace {builtin.name}")
    lifted = _with_invalid(lifted)
    missing = list(_missing(builtin, lifted))
    if missing:
        raise CannotLift(missing)
    files = dict.fromkeys(helper.file for helper in lifted.helpers.values())
    return replace(
        builtin,
        variant="tree",
        bits=_bits(builtin, lifted.constants),
        helpers=_helpers(builtin, lifted.helpers),
        protections={name: lifted.protections[name] for name in PROTECTIONS},
        protection_map=lifted.protection_map,
        says=f"the helpers of {_release(lifted.version)} as the tree defines them",
        source=", ".join(files),
        assumptions=(*lifted.assumptions, *_options(lifted.configuration)),
    )


def _release(version: str) -> str:
    return "an unnamed release" if version == "unknown" else f"Linux {version}"


def _options(configuration: Mapping[str, str]) -> Iterator[str]:
    """Which kernel options the headers asked for, and what they were told."""
    names = {name.removeprefix("CONFIG_"): value for name, value in configuration.items()}
    on = [name if value == "1" else f"{name}={value}" for name, value in names.items() if value]
    off = [name for name, value in names.items() if not value]
    if on:
        yield f"kernel options that are on: {' '.join(sorted(on))}"
    if off:
        yield f"kernel options that are off: {' '.join(sorted(off))}"


def _missing(builtin: Architecture, lifted: LiftedTree) -> Iterator[NotLifted]:
    """What keeps the model from being built; a helper that the kernel simply does not have is no obstacle."""
    reasons = {entry.name: entry for entry in lifted.missing}
    for name in (*NEEDED, *BLOCKS):
        if name not in lifted.helpers:
            yield reasons.get(name, NotLifted(name, "", 0, NOT_PRESENT, NOTHING))
    for name in dict.fromkeys((*builtin.helpers, *OPTIONAL)):
        if name in reasons and name not in NEEDED and not reasons[name].absent:
            yield reasons[name]
    if not {"mk_pmd", "pfn_pmd"} & set(lifted.helpers):
        yield reasons.get("pfn_pmd", NotLifted("pfn_pmd", "", 0, NOT_PRESENT, NOTHING))
    for name in PROTECTIONS:
        if name not in lifted.protections:
            yield NotLifted(f"page protection {name}", "", 0, "not found in the tree")


def _helpers(builtin: Architecture, lifted: Mapping[str, LiftedHelper]) -> dict[str, Helper]:
    extra = [name for name in OPTIONAL if name in lifted and lifted[name].term is not lifted[name].variables[0]]
    found: dict[str, Helper] = {name: lifted[name] for name in (*builtin.helpers, *extra) if name in lifted}
    pfn_pte, mkhuge = lifted["pfn_pte"], lifted["pmd_mkhuge"]
    make_pmd = lifted["mk_pmd"] if "mk_pmd" in lifted else lifted["pfn_pmd"]

    def mk_pte(prot: Any) -> Any:
        """The entry of frame number 0."""
        return pfn_pte(0, prot)

    def mk_huge_pmd(prot: Any) -> Any:
        """The huge entry of frame number 0."""
        return mkhuge(make_pmd(0, prot))

    return {**found, "mk_pte": mk_pte, "mk_huge_pmd": mk_huge_pmd}


def _bits(builtin: Architecture, constants: Mapping[str, int]) -> tuple[Bit, ...]:
    """The named bits where the tree has them; bits that the tree does not have are left out."""
    fixed = _hardware_mask(builtin.hardware)
    kept: list[Bit] = []
    for bit in builtin.bits:
        value = constants.get(bit.name, 0)
        if bit.mask & fixed and value != bit.mask:
            has = f"0x{value:x}" if value else "no such bit"
            raise KernelError(
                f"{bit.name} is 0x{bit.mask:x} in the hardware description of {builtin.name}, the tree has {has}: "
                "they describe different machines, so the tree is not checked"
            )
        if value and value & (value - 1) == 0:
            kept.append(replace(bit, position=value.bit_length() - 1))
    return tuple(kept)


def _hardware_mask(hardware: Hardware) -> int:
    """Every bit that the hardware description names in a mask."""
    entry = terms.variable("entry", WIDTH)
    rules = (hardware.silent, hardware.recording, hardware.records, hardware.handler, hardware.handled)
    mask = 0
    for term in terms.subterms(rule(entry) for rule in rules):
        if term.op == "const" and term.width == WIDTH:
            # a mask that clears bits names those that it does not have
            mask |= term.data if term.data.bit_count() <= WIDTH // 2 else ~term.data
    return mask & ((1 << WIDTH) - 1)
