"""What a violated property of processes shows to user space, as the checks at the end of a program."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checker.reproduce import CannotReproduce
from checker.reproduce.recipes import FINALES, KEEPS, MAY_ZERO, RECIPES, UNSEEN, WRITES, ZEROES, Finale
from checker.reproduce.steps import content, is_alive, operation_of, processes_of

if TYPE_CHECKING:
    from checker.cli.telling import ToldTrace


@dataclass(frozen=True)
class Check:
    """One line of the program's table of checks, each a line of its report.

    Attributes:
        who: the name of the process.
        function: what it calls.
        value: the argument, in C.
        wanted: how that must end.
        compares: what it saw must be what it has to read.
        says: the line of the report.
    """

    who: str
    function: str
    value: str
    wanted: str
    compares: bool
    says: str


def finale_of(told: ToldTrace) -> Finale:
    """How the property that a trace violates shows in user space.

    Raises:
        CannotReproduce: it does not, with the reason.
    """
    name = told.trace.invariant
    if name not in FINALES:
        raise CannotReproduce(f"{name} cannot be seen from user space: {UNSEEN.get(name, 'nobody has said how')}")
    return FINALES[name]


Living = list[tuple[str, Any]]
"""The processes there are in the end, by name."""


def checks_of(told: ToldTrace, finale: Finale) -> Iterator[Check]:
    """What is looked at in the end; a process that the property is not about is looked at all the same."""
    processes = zip(processes_of(told), told.states[-1].processes, strict=True)
    living = [(name, q) for name, q in processes if is_alive(q)]
    values = map(content, itertools.count(len(told.steps)))
    yield from _refusals(finale, living, values)
    if finale.referenced:
        yield _reference(told, values)
    if finale.reclaims:
        yield from (Check(name, "page_out", "0", "DONE", False, f"reclaim of {name}'s page") for name, _ in living)
    if finale.stores:
        yield from _stores(living, values)
    elif finale.reads:
        yield from _reads(living, "")
    if living and finale.zeroes and _on_zero_page(told):
        yield Check(living[0][0], "zeroes_are_zero", "0", "DONE", False, "new mappings read zeroes")


def _refusals(finale: Finale, living: Living, values: Iterator[str]) -> Iterator[Check]:
    """Marks that must be there, and stores that must not go through."""
    for name, q in living:
        if finale.marked and getattr(q, finale.ghost):
            yield from _marks(name, finale)
        if finale.refused and not q.vma.write:
            yield Check(name, "store", next(values), "REFUSED", False, f"a store of {name} is refused")


def _reference(told: ToldTrace, values: Iterator[str]) -> Check:
    owner, how = _holder(told, len(told.steps))
    if how == "pin_write":
        return Check(owner, "write_through_pin", next(values), "DONE", False, f"io_uring writes {owner}'s page")
    return Check(owner, "read_reference", "0", "DONE", True, f"{owner}'s reference sees {owner}'s data")


def _stores(living: Living, values: Iterator[str]) -> Iterator[Check]:
    """Each process stores where it may, or tries where it may not, and nobody else sees it."""
    for name, q in living:
        if not q.armed:
            wanted, says = ("DONE", "stores") if q.vma.write else ("REFUSED", "may not store")
            yield Check(name, "store", next(values), wanted, False, f"{name} {says}")
            yield from _reads([other for other in living if other[0] != name], name)


def _on_zero_page(told: ToldTrace) -> bool:
    """Some process maps the zero page at some time."""
    from models.mm.state import on_zero_page

    return any(is_alive(q) and on_zero_page(state, q) for state in told.states for q in state.processes)


def _holder(told: ToldTrace, number: int) -> tuple[str, str]:
    """The process that has a reference to a page before a step, and the operation that took it.

    Raises:
        CannotReproduce: nobody has; or a plain reference's owner has changed its data since, so that two contents are right.
    """
    changes = {"get_page": (WRITES, ZEROES, MAY_ZERO), "pin_write": (ZEROES, MAY_ZERO), "": ()}
    holder, how = "", ""
    for name, who in (operation_of(step.operation) for step in told.steps[1:number]):
        effect = RECIPES[name].effect if name in RECIPES else KEEPS
        if name in ("get_page", "pin_write"):
            holder, how = who, name
        elif name == "unpin" or (who == holder and (name == "exit" or effect in changes[how])):
            holder = ""
    if not holder:
        raise CannotReproduce("nobody holds a reference any more to data that it has left as they were")
    return holder, how


def _marks(name: str, finale: Finale) -> Iterator[Check]:
    yield Check(name, finale.marked, "0", "DONE", False, f"the mark of {name}'s page is there")
    if finale.marked == "is_uffd_protected":
        yield Check(name, "store", "0xff", "REFUSED", False, f"a store of {name} is held up")


def _reads(living: Living, after: str) -> Iterator[Check]:
    behind = f" after {after}'s store" if after else ""
    for name, _ in living:
        yield Check(name, "load", "0", "DONE", True, f"{name} reads its own data{behind}")
