"""``ptecheck list``: what there is to choose from, each with its sentence and its source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from checker.cli.main import UsageError


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
    from models.mm.orders import SPLITS

    for split in SPLITS.values():
        yield _entry(split.name, split.says, split.source)


def _invariants() -> Iterable[str]:
    from models.mm.catalogue import ALL
    from models.registry import architecture
    from models.worlds import mm_system, pte_system

    arch = architecture("x86-64/linux-6.12")  # it has every facility, so every invariant
    for world, system in (("pte", pte_system(arch)), ("mm", mm_system(arch, features=ALL))):
        for invariant in system.invariants:
            cost = ", a cost" if invariant.cost else ""
            yield _entry(
                f"{invariant.name} ({world} world{cost})",
                f"{invariant.says}; otherwise: {invariant.consequence}",
                invariant.source,
            )


def _operations() -> Iterable[str]:
    from models.mm import operations as _declared  # noqa: F401 - declares the operations
    from models.mm.catalogue import OPERATIONS
    from models.registry import FAMILIES, machine
    from models.worlds import pte_system

    for name in FAMILIES:
        arch = machine(name, ())[-1]
        for operation in pte_system(arch).operations:
            yield _entry(f"{operation.name} (pte world, {arch.config})", operation.says, operation.source)
    for rule in OPERATIONS.values():
        yield _entry(f"{rule.name} (mm world, {rule.feature})", rule.says, rule.source)


def _choices() -> Iterable[str]:
    from checker.cli.jobs import EXTRAS
    from models.mm.catalogue import FEATURES
    from models.mm.kernel import GENERATIONS, REPAIRS
    from models.mm.orders import MIGRATIONS

    for name, says in GENERATIONS.items():
        yield _entry(f"--mm {name}", says)
    for order in MIGRATIONS.values():
        yield _entry(f"--migration {order.name}", order.says, order.source)
    for name, says in EXTRAS.items():
        yield _entry(f"--with {name}", says)
    for name, says in REPAIRS.items():
        yield _entry(f"{name} (assumed repaired unless --with as-is)", says)
    for name, says in FEATURES.items():
        yield _entry(f"{name} (group of operations)", says)


def _facts() -> Iterable[str]:
    from models.mm.catalogue import ALL
    from models.registry import architecture
    from models.worlds import mm_system

    system = mm_system(architecture("x86-64/linux-6.12"), features=ALL)
    for start in system.starts:
        yield _entry(f"start {start.name}", start.says)
    for predicate in system.predicates:
        yield f'"{predicate.name}"'


def run_list(what: str, coverage: bool = False) -> int:
    """Prints one list and returns the exit status."""
    if coverage:
        from checker.cli.coverage import run_coverage

        if what != "operations":
            raise UsageError(f"--coverage is about operations, not {what}")
        return run_coverage()
    makers = {
        "choices": _choices,
        "facts": _facts,
        "architectures": _architectures,
        "variants": _variants,
        "splits": _splits,
        "invariants": _invariants,
        "operations": _operations,
    }
    print("\n".join(makers[what]()), end="")
    return 0
