"""Words for the mm world: named facts for scenarios and readable invariants, lemmas, symmetries, and accesses."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from checker.logic import both, either, no, same
from checker.state import Bool, Shape
from checker.system import Literals, Predicate, Symmetry
from invariants.mm import marked_soft_dirty, marked_uffd_wp
from models.mm.focus import linked
from models.mm.kernel import Kernel
from models.mm.state import (
    PMD,
    UNPINNED,
    World,
    alive,
    at,
    entry_test,
    exclusive,
    hardware_writable,
    mapped,
    maps_page,
    names,
    on_zero_page,
    page_of,
    reads_right,
    refers,
    shape,
    shared,
)
from models.mm.world import operations
from models.pte import Helper

Fact = Callable[[World, int], Any]


def predicates(k: Kernel, processes: int) -> tuple[Predicate, ...]:
    """What each process and its page are like, what two processes have in common, then raw bits of entries."""
    found = [
        _of_process(holds, fact, p, name)
        for p, name in enumerate(names(processes))
        for fact, holds in _process_facts(k).items()
    ]
    for p, first in enumerate(names(processes)):
        for q, second in enumerate(names(processes)[p + 1 :], p + 1):
            found.append(Predicate(f"{first} and {second} map one page", _same_page(p, q)))
    for p, name in enumerate(names(processes)):
        found += [_of_entry(p, holds, f"{fact} of {name}") for fact, holds in k.arch.facts().items()]
    return tuple(found)


def _process_facts(k: Kernel) -> dict[str, Fact]:
    """Fact name, with P for the process, -> what it says."""
    arch = k.arch
    facts: dict[str, Fact] = {
        "P has a page": lambda s, p: mapped(s.processes[p]),
        "P hardware-writable": lambda s, p: hardware_writable(arch, s.processes[p]),
        "P write": lambda s, p: entry_test(arch, s.processes[p], "write"),
        "P's VMA writable": lambda s, p: s.processes[p].vma.write,
        "P's page exclusive": exclusive,
        "P reads its own data": reads_right,
        "P's page shared": shared,
        "P huge": lambda s, p: at(s.processes[p], PMD),
        "P dirty": lambda s, p: entry_test(arch, s.processes[p], "dirty"),
        "P exists": lambda s, p: alive(s.processes[p]),
        "P refers to a page": lambda s, p: refers(s, s.processes[p]),
        "P maps the zero page": lambda s, p: on_zero_page(s, s.processes[p]),
        "P's page dirty": lambda s, p: both(refers(s, s.processes[p]), page_of(s, p).dirty),
        "P's page in memory": lambda s, p: both(refers(s, s.processes[p]), page_of(s, p).memory),
    }
    if "swap" in k.features:
        facts["P's page has a slot"] = lambda s, p: both(refers(s, s.processes[p]), page_of(s, p).slot)
    if "lazyfree" in k.features:
        facts["P's page lazily freed"] = lambda s, p: both(refers(s, s.processes[p]), page_of(s, p).lazyfree)
    if "ksm" in k.features:
        facts["P's page a KSM page"] = lambda s, p: both(refers(s, s.processes[p]), page_of(s, p).ksm)
    if "pin" in k.features:
        facts["P's page pinned"] = lambda s, p: both(
            maps_page(s, s.processes[p]), no(same(page_of(s, p).pin.kind, UNPINNED))
        )
        facts["P's pin sees its data"] = lambda s, p: either(
            same(page_of(s, p).pin.kind, UNPINNED), page_of(s, p).pin.right
        )
    if k.uffd_wp:
        facts["P uffd-wp"] = lambda s, p: marked_uffd_wp(k, s, p)
    if k.soft_dirty:
        facts["P soft-dirty"] = lambda s, p: marked_soft_dirty(k, s, p)
    if k.numa_balancing:
        facts["P protnone"] = lambda s, p: both(mapped(s.processes[p]), k.protnone(s.processes[p].entry))
    return facts


def _of_process(holds: Fact, fact: str, p: int, name: str) -> Predicate:
    negated = f"{name} has no page" if fact == "P has a page" else ""
    return Predicate(_named(fact, name), lambda s: holds(s, p), negated)


def _named(fact: str, name: str) -> str:
    return fact.replace("P's", f"{name}'s").replace("P ", f"{name} ", 1)


def _same_page(p: int, q: int) -> Callable[[World], Any]:
    return lambda s: linked(s, p, q)


def _of_entry(p: int, holds: Helper, name: str) -> Predicate:
    return Predicate(name, lambda s: holds(s.processes[p].entry))


def symmetries(k: Kernel, processes: int) -> tuple[Symmetry, ...]:
    """Any two processes exchanged, in both readings: what is said of the first said of the second, and back."""
    labels = dict(zip(names(processes), [f"processes[{p}]." for p in range(processes)], strict=True))
    renamed, flags = [p.name for p in predicates(k, processes)], _flags(processes, k.features)
    return tuple(
        Symmetry(
            {
                **{
                    name: _known(_exchanged(name, first, second), renamed) for name in renamed if _mentions(name, first)
                },
                **{name: _exchanged(name, here, there) for name in flags if here in name},
            },
            f"same for {second}",
        )
        for first, here in labels.items()
        for second, there in labels.items()
        if first != second
    )


@cache
def _flags(processes: int, features: frozenset[str]) -> tuple[str, ...]:
    """The flags of the processes, which facts of a proof are named after."""
    leaves = Shape.of(shape(processes, features)).leaves
    return tuple(leaf.path for leaf in leaves if leaf.sort is Bool and leaf.path.startswith("processes["))


def _known(text: str, renamed: list[str]) -> str:
    """A name as it is declared: of two processes the first one stands first."""
    return text if text in renamed else re.sub(r"^(\w+) and (\w+) ", r"\2 and \1 ", text)


def _mentions(text: str, name: str) -> bool:
    """Whether a name stands in a text as a word: "grandchild" does not mention "child"."""
    return bool(re.search(rf"\b{re.escape(name)}\b", text))


def _exchanged(text: str, first: str, second: str) -> str:
    if _mentions(text, first) and _mentions(text, second):
        return text
    other = {first: second, second: first}
    return re.sub(rf"\b(?:{re.escape(first)}|{re.escape(second)})\b", lambda match: other[match[0]], text)


def lemmas(k: Kernel, processes: int) -> tuple[Literals, ...]:
    """What usually holds of the first process and, exchanged, of every other; the rest is found by the prover."""
    first = names(processes)[0]
    page, write, writable = f"{first} has a page", f"{first} write", f"{first} hardware-writable"
    general: tuple[Literals, ...] = (
        ((writable, False), (write, True)),
        ((write, False), (f"{first}'s VMA writable", True)),
        ((write, False), (f"{first}'s page exclusive", True)),
        ((f"{first}'s page exclusive", False), (f"{first}'s page shared", False)),
    )
    constant = tuple(((page, False), (f"{fact} of {first}", sign)) for fact in k.arch.facts() for sign in (True, False))
    return general + constant


READ_FAULTS = (
    "first_touch_read",
    "swap_in_read",
    "swap_in_read_freeing",
    "swap_in_read_fresh",
    "numa_fault",
    "numa_fault_read_only",
    "file_read_fault",
)
WRITE_FAULTS = (
    "first_touch_write",
    "wp_page_reuse",
    "wp_page_copy",
    "fault_mkdirty_pte",
    "huge_pmd_reuse",
    "fault_mkdirty_pmd",
    "split_huge_pmd",
    "swap_in_write",
    "swap_in_write_freeing",
    "swap_in_write_fresh",
    "numa_fault",
    "numa_fault_read_only",
    "file_write_fault",
    "wp_page_shared",
)
"""The operations generic mm's fault handler may choose from, on a read and on a write.

A write fault on a huge page that cannot be reused splits the PMD and starts again (do_huge_pmd_wp_page()). A
userfaultfd is synchronous: its handler's answer is a step of its own.
"""


def accesses(k: Kernel, processes: int) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    """For ``read`` and ``write`` by each process: the operation that is the access, and the faults that may precede it."""
    known = {op.name for op in operations(k, processes)}
    return {
        (access, name): (f"{final}({name})", tuple(f"{op}({name})" for op in faults if f"{op}({name})" in known))
        for name in names(processes)
        for access, final, faults in (("read", "load", READ_FAULTS), ("write", "store", WRITE_FAULTS))
    }
