"""``ptecheck list``: what there is to choose from, each with its sentence and its source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable


def _entry(name: str, says: str, source: str = "") -> str:
    text = textwrap.fill(says, 78, initial_indent="    ", subsequent_indent="    ")
    if source:
        text += "\n" + textwrap.fill(source, 78, initial_indent="    from ", subsequent_indent="         ")
    return f"{name}\n{text}\n"


def _architectures() -> Iterable[str]:
    from models.registry import FAMILIES

    for name, family in FAMILIES.items():
        yield _entry(name, family.says)
        for feature, says in family.features.items():
            yield _entry(f"{name}+{feature}", says)


def _variants() -> Iterable[str]:
    from models.registry import FAMILIES, machine

    for name in FAMILIES:
        for arch in machine(name, ()):
            yield _entry(arch.config, arch.says, arch.source)


def _splits() -> Iterable[str]:
    from models.mm.kernel import SPLITS

    for split in SPLITS.values():
        yield _entry(split.name, split.says, split.source)


def _invariants() -> Iterable[str]:
    from models.mm.kernel import SPLITS
    from models.registry import FAMILIES, machine
    from models.worlds import mm_system, pte_system

    arch = machine(next(iter(FAMILIES)), ())[0]
    for world, system in (("pte", pte_system(arch)), ("mm", mm_system(arch, next(iter(SPLITS))))):
        for invariant in system.invariants:
            cost = ", a cost" if invariant.cost else ""
            yield _entry(
                f"{invariant.name} ({world} world{cost})",
                f"{invariant.says}; otherwise: {invariant.consequence}",
                invariant.source,
            )


def _operations() -> Iterable[str]:
    from models.mm.operations import OPERATIONS
    from models.registry import FAMILIES, machine
    from models.worlds import pte_system

    for name in FAMILIES:
        arch = machine(name, ())[-1]
        for operation in pte_system(arch).operations:
            yield _entry(f"{operation.name} (pte world, {arch.config})", operation.says, operation.source)
    for rule in OPERATIONS.values():
        yield _entry(f"{rule.name} (mm world)", rule.says, rule.source)


def run_list(what: str) -> int:
    """Prints one list and returns the exit status."""
    makers = {
        "architectures": _architectures,
        "variants": _variants,
        "splits": _splits,
        "invariants": _invariants,
        "operations": _operations,
    }
    print("\n".join(makers[what]()), end="")
    return 0
