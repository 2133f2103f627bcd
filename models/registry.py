"""The architectures by name: which features they have, which variants, and how a configuration is written."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache

from checker.records import dataclass
from models.pte import Architecture


class UnknownName(ValueError):
    """A name that is not in the registry; the message says which and suggests the nearest."""


@dataclass(frozen=True)
class Family:
    """One architecture as the registry knows it.

    Attributes:
        module: where ``variants(features)`` lives.
        features: optional hardware, feature -> one sentence; ``base`` names the machine without any.
        base: the name of the featureless machine where it has one of its own (``sun4u``), else "".
        variants: the built-in sets of helpers, in the order of their history.
        says: one sentence on the machine.
        asides: further sets of helpers that answer a question and were never proposed: found by name, in no comparison.
    """

    module: str
    features: dict[str, str]
    base: str
    variants: tuple[str, ...]
    says: str
    asides: tuple[str, ...] = ()


FAMILIES: dict[str, Family] = {
    "loongarch": Family(
        module="models.arch.loongarch",
        features={"ptw": "hardware page-table walker (Loongson 3A6000 and newer, Linux 6.5 and newer)"},
        base="",
        variants=("original", "huacai", "peter", "hev", "hev-fast", "linux-6.1", "linux-6.12"),
        says="software TLB handlers; _PAGE_DIRTY is the hardware-write bit",
        asides=("linux-6.12-peter",),
    ),
    "sparc64": Family(
        module="models.arch.sparc64",
        features={"sun4v": "the sun4v encoding of entries"},
        base="sun4u",
        variants=("original", "linux-6.12"),
        says="software TLB miss code; a hardware-write bit apart from the software one",
    ),
    "x86-64": Family(
        module="models.arch.x86_64",
        features={"shstk": "user shadow stacks (CET): a read-only dirty entry is a writable shadow stack"},
        base="",
        variants=("linux-6.1", "linux-6.12"),
        says="the CPU walks the tables and records accessed and dirty itself",
    ),
}

DEFAULT_MACHINES = ("loongarch", "loongarch+ptw", "sparc64", "sparc64+sun4v", "x86-64")
"""The machines of the default comparison."""


def suggest(wrong: str, known: Iterable[str], what: str, owner: str = "") -> UnknownName:
    """The error for a name that is not among the known ones, with the nearest if there is one."""
    import difflib

    names = list(known)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
    return UnknownName(f"{owner + ' has ' if owner else ''}no {what} {wrong!r}: {hint}")


@cache
def machine(name: str, features: tuple[str, ...]) -> tuple[Architecture, ...]:
    """Every built-in variant of an architecture with these features.

    Raises:
        UnknownName: the architecture or a feature does not exist.
    """
    if name not in FAMILIES:
        raise suggest(name, FAMILIES, "architecture")
    family = FAMILIES[name]
    if family.base in features and len(set(features)) > 1:
        raise UnknownName(f"{name}: {family.base} is the machine without features, so it stands alone")
    wanted = tuple(sorted(set(features) - ({family.base} if family.base else set())))
    for feature in wanted:
        if feature not in family.features:
            known = [*family.features, *([family.base] if family.base else [])]
            raise suggest(feature, known, "feature", name)
    return tuple(importlib.import_module(family.module).variants(wanted))


@cache
def asides(name: str, features: tuple[str, ...]) -> tuple[Architecture, ...]:
    """The sets of helpers of an architecture that only answer a question (:attr:`Family.asides`)."""
    machine(name, features)
    family = FAMILIES[name]
    wanted = tuple(sorted(set(features) - ({family.base} if family.base else set())))
    return tuple(importlib.import_module(family.module).asides(wanted)) if family.asides else ()


def split_config(config: str) -> tuple[str, tuple[str, ...], str | None]:
    """The parts of ``ARCH[+FEATURE...][/VARIANT]``."""
    head, slash, variant = config.partition("/")
    name, *features = head.split("+")
    return name, tuple(features), variant if slash else None


def architectures(config: str) -> tuple[Architecture, ...]:
    """The configurations a name stands for: one, or every variant when none is named.

    Args:
        config: ``ARCH[+FEATURE...][/VARIANT]``, for example ``loongarch+ptw/huacai``.

    Raises:
        UnknownName: a part of it does not exist.
    """
    name, features, variant = split_config(config)
    found = machine(name, features)
    if variant is None:
        return found
    chosen = tuple(arch for arch in found if arch.variant == variant)
    if not chosen and variant in FAMILIES[name].asides:
        chosen = tuple(arch for arch in asides(name, features) if arch.variant == variant)
    if not chosen:
        raise suggest(variant, [arch.variant for arch in found], "variant", name)
    return chosen


def architecture(config: str) -> Architecture:
    """The one configuration a full name stands for, ``architecture("loongarch/huacai")``."""
    found = architectures(config)
    if len(found) != 1:
        raise UnknownName(
            f"{config!r} names {len(found)} configurations: add /VARIANT, one of "
            f"{', '.join(arch.variant for arch in found)}"
        )
    return found[0]
