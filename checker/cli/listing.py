"""``ptecheck list``: what there is to choose from, each with its sentence and its source."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from checker.cli.kernels import KernelTree
from checker.cli.main import UsageError

if TYPE_CHECKING:
    from checker.system import Invariant


def _entry(name: str, says: str, source: str = "") -> str:
    text = textwrap.fill(says, 78, initial_indent="    ", subsequent_indent="    ")
    if source:
        text += "\n" + textwrap.fill(source, 78, initial_indent="    from ", subsequent_indent="         ")
    return f"{name}\n{text}\n"


def _architectures() -> Iterable[str]:
    from checker.cli.tree_listing import machines
    from models.registry import FAMILIES

    yield "With built-in variants (ptecheck list variants):\n"
    for name, family in FAMILIES.items():
        yield _entry(name, family.says)
        for feature, says in family.features.items():
            yield _entry(f"{name}+{feature}", says)
    yield "From a kernel tree (--kernel):\n"
    yield from machines(None, _entry)


def _variants() -> Iterable[str]:
    from models.registry import FAMILIES, machine

    for name in FAMILIES:
        for arch in machine(name, ()):
            yield _entry(arch.config, arch.says, arch.source)


def _splits() -> Iterable[str]:
    from models.mm.orders import SPLITS

    for split in SPLITS.values():
        yield _entry(split.name, split.says, split.source)


def every_invariant() -> dict[str, tuple[Invariant, ...]]:
    """World -> its invariants, for a machine that has every facility, so every invariant."""
    from models.mm.catalogue import ALL
    from models.registry import architecture
    from models.worlds import every_requirement, mm_system, pte_system

    arch = architecture("x86-64/linux-6.12")
    found = {"pte": pte_system(arch).invariants, "helper": every_requirement(arch)}
    return {**found, "mm": mm_system(arch, features=ALL).invariants}


def _invariants() -> Iterable[str]:
    found = every_invariant()
    for world, invariant in ((world, i) for world, invariants in found.items() for i in invariants):
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


def run_list(what: str, coverage: bool, names: list[str], kernel: KernelTree | None) -> int:
    """Prints one list and returns the exit status."""
    if names and what != "helpers":
        raise UsageError(f"list {what} takes no names")
    if kernel is not None or what == "helpers":
        return _of_tree(what, names, kernel)
    if coverage:
        from checker.cli.coverage import run_coverage

        if what != "operations":
            raise UsageError(f"--coverage is about operations, not {what}")
        return run_coverage()
    makers: dict[str, Callable[[], Iterable[str]]] = {
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


def _of_tree(what: str, names: list[str], kernel: KernelTree | None) -> int:
    from checker.cli.tree_listing import machines, run_helpers

    if kernel is None:
        raise UsageError("list helpers is about a kernel tree: name it with --kernel")
    if what == "helpers":
        return run_helpers(names, kernel)
    if what != "architectures":
        raise UsageError(f"--kernel is about helpers and architectures, not {what}")
    print("\n".join(machines(kernel, _entry)), end="")
    return 0
