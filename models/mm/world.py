"""The mm world put together: starts, operations for each process, and words for readable invariants."""

from __future__ import annotations

from typing import Any

from checker.logic import both, either, no, same
from checker.system import Literals, Operation, Predicate, Start, Symmetry
from models.mm.kernel import Kernel
from models.mm.operations import OPERATIONS, MmOperation
from models.mm.state import (
    PMD,
    PTE,
    Frame,
    Process,
    World,
    empty_process,
    entry_test,
    exclusive,
    hardware_writable,
    mapped,
    names,
    reads_right,
    shared,
)
from models.pte import Helper


def starts(k: Kernel, processes: int, frames: int) -> tuple[Start, ...]:
    """The first process has written a page of its own: a huge one, or a small one (first touch by a store)."""

    def world(level: int, entry: Any) -> World:
        first = Process(level, entry, 0, True, (True,) + (False,) * (frames - 1))
        rest = (empty_process(frames),) * (processes - 1)
        return World((first, *rest), (Frame(True, False),) + (Frame(False, False),) * (frames - 1))

    arch = k.arch
    huge = k.arch.pmd_mkwrite(arch.pmd_mkdirty(arch.mk_huge_pmd(arch.protections["PRIVATE"])))
    small = k.arch.pte_mkwrite(arch.pte_mkdirty(arch.mk_pte(arch.protections["PRIVATE"])))
    return (
        Start(
            "a huge page of its own",
            lambda _: world(PMD, huge),
            says="mm/huge_memory.c __do_huge_pmd_anonymous_page(): mkdirty, then mkwrite",
        ),
        Start(
            "a small page of its own",
            lambda _: world(PTE, small),
            says="mm/memory.c do_anonymous_page(): mkdirty, then mkwrite",
        ),
    )


def operations(k: Kernel, processes: int) -> tuple[Operation, ...]:
    """Every operation for every process, named ``operation(process)``."""
    return tuple(_for_process(k, op, p, name) for op in OPERATIONS.values() for p, name in enumerate(names(processes)))


def _for_process(k: Kernel, op: MmOperation, p: int, name: str) -> Operation:
    return Operation(f"{op.name}({name})", lambda s: op.rule(k, s, p), op.source, op.says, op.idle(k))


def predicates(k: Kernel, processes: int) -> tuple[Predicate, ...]:
    """The vocabulary of readable invariants: what each process and its frame are like, then raw bits."""
    found: list[Predicate] = []
    for p, name in enumerate(names(processes)):
        found += _process_predicates(k, p, name)
    for p, first in enumerate(names(processes)):
        for q, second in enumerate(names(processes)[p + 1 :], p + 1):
            found.append(_same_frame(p, q, f"{first} and {second} map one frame"))
    for p, name in enumerate(names(processes)):
        found += [_of_entry(p, holds, f"{fact} of {name}") for fact, holds in k.arch.facts().items()]
    return tuple(found)


def _process_predicates(k: Kernel, p: int, name: str) -> list[Predicate]:
    arch = k.arch
    return [
        Predicate(f"{name} has a page", lambda s: mapped(s.processes[p]), f"{name} has no page"),
        Predicate(f"{name} hardware-writable", lambda s: hardware_writable(arch, s.processes[p])),
        Predicate(f"{name} write", lambda s: entry_test(arch, s.processes[p], "write")),
        Predicate(f"{name}'s VMA writable", lambda s: s.processes[p].vm_write),
        Predicate(f"{name}'s frame exclusive", lambda s: both(mapped(s.processes[p]), exclusive(s, p))),
        Predicate(f"{name} reads its own data", lambda s: reads_right(s, p)),
        Predicate(f"{name}'s frame shared", lambda s: shared(s, p)),
        Predicate(f"{name} huge", lambda s: same(s.processes[p].level, PMD)),
        Predicate(f"{name} dirty", lambda s: entry_test(arch, s.processes[p], "dirty")),
    ]


def symmetries(k: Kernel, processes: int) -> tuple[Symmetry, ...]:
    """Any two processes exchanged, in both readings: what is said of the first said of the second, and back."""
    labels = names(processes)
    renamed = [p.name for p in predicates(k, processes)]
    return tuple(
        Symmetry({name: _exchanged(name, first, second) for name in renamed if first in name}, f"same for {second}")
        for first in labels
        for second in labels
        if first != second
    )


def lemmas(k: Kernel, processes: int) -> tuple[Literals, ...]:
    """What usually holds of the first process and, exchanged, of every other; the rest is found by the prover."""
    first = names(processes)[0]
    page, write, writable = f"{first} has a page", f"{first} write", f"{first} hardware-writable"
    general: tuple[Literals, ...] = (
        ((writable, False), (write, True)),
        ((write, False), (f"{first}'s VMA writable", True)),
        ((write, False), (f"{first}'s frame exclusive", True)),
        ((f"{first}'s frame exclusive", False), (f"{first}'s frame shared", False)),
    )
    constant = tuple(((page, False), (f"{fact} of {first}", sign)) for fact in k.arch.facts() for sign in (True, False))
    return general + constant


def _exchanged(text: str, first: str, second: str) -> str:
    if first in text and second in text:
        return text
    return text.replace(first, "\0").replace(second, first).replace("\0", second)


def _same_frame(p: int, q: int, name: str) -> Predicate:
    return Predicate(name, lambda s: same(s.processes[p].frame, s.processes[q].frame))


def _of_entry(p: int, holds: Helper, name: str) -> Predicate:
    return Predicate(name, lambda s: holds(s.processes[p].entry))


def any_process(s: World, condition: Any) -> Any:
    """Some process, by number, satisfies the condition."""
    return either(*(condition(p) for p in range(len(s.processes))))


def every_process(s: World, condition: Any) -> Any:
    """Every process, by number, satisfies the condition."""
    return no(any_process(s, lambda p: no(condition(p))))
