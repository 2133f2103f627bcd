"""A reduction: processes that share no page are looked at one group at a time.

Processes interact only through pages they share. Once they share none (and no process holds a reference to a page of
another), nothing that one group does can be noticed by another, every invariant speaks of one group, and the only
thing a group can still learn of the others is that their places are taken: the model has a fixed number of places
for processes. So a state is replaced by one view for each group, in which the processes of other groups are only
marked as being elsewhere. A run of the views is a run of the world in which the others stand still, so traces replay
on the world itself. docs/model.md has the argument; the conditions it rests on are proved in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checker.logic import both, either, implies, no, word_like
from checker.records import replace
from checker.system import View
from models.mm.state import (
    ABSENT,
    ABSENT_PROCESS,
    ELSEWHERE,
    World,
    alike,
    alive,
    at,
    choose,
    on_zero_page,
    refers,
    refers_to,
    renumbered,
    typed_like,
)


def well_formed(s: World) -> Any:
    """What every reachable state is like.

    Pages have their canonical numbers and pages of nobody are blank, who does not exist has nothing, nobody is
    elsewhere, no shared file mapping maps the zero page, and a stale TLB entry is for a page still referred to.
    """
    parts = [alike(s, renumbered(s))]
    for q in s.processes:
        parts += [
            implies(at(q, ABSENT), alike(q, typed_like(q, ABSENT_PROCESS))),
            no(at(q, ELSEWHERE)),
            implies(q.vma.shared, no(on_zero_page(s, q))),
            implies(q.stale, refers(s, q)),
        ]
    return both(*parts)


def canonical(s: World) -> World:
    """The state of the world with canonical numbers that a state of the world without them is searched as."""
    return renumbered(replace(s, renamed=True))


def linked(s: World, p: int, q: int) -> Any:
    """Processes ``p`` and ``q`` refer to one page."""
    first, second = s.processes[p], s.processes[q]
    return both(refers_to(s, first, second.page), refers_to(s, second, first.page))


def group(s: World, r: int) -> list[Any]:
    """For each process, whether it belongs to the group of process ``r``: linked to it, directly or through others."""
    count = len(s.processes)
    inside: list[Any] = [alive(s.processes[r]) if p == r else linked(s, r, p) for p in range(count)]
    for _ in range(count - 2):
        inside = [
            either(inside[p], *(both(inside[q], linked(s, q, p)) for q in range(count) if q != p)) for p in range(count)
        ]
    return inside


def leads(s: World, r: int) -> Any:
    """Process ``r`` is alive and the first of its group."""
    inside = group(s, r)
    return both(inside[r], no(either(*inside[:r])))


def view(s: World, r: int) -> World:
    """What is left of the world when only the group of process ``r`` is looked at."""
    return only(s, group(s, r))


def only(s: World, inside: Sequence[Any]) -> World:
    """The world with every other process marked as being elsewhere; ``inside`` tells of each whether it stays."""
    away = replace(ABSENT_PROCESS, level=word_like(s.processes[0].level, ELSEWHERE))
    processes = tuple(choose(both(alive(q), no(inside[p])), away, q) for p, q in enumerate(s.processes))
    return renumbered(replace(s, processes=processes))


def views(processes: int) -> tuple[View, ...]:
    """One view for each process that may be the first of a group."""
    return tuple(_view(r) for r in range(processes))


def _view(r: int) -> View:
    return View(lambda s: leads(s, r), lambda s: view(s, r))
