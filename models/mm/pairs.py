"""The reduction of models/mm/focus.py for two worlds side by side.

A lone fault on one side may end the sharing of a page there and not on the other, so processes belong together as long
as they share a page on either side. What is argued in focus.py of one world then holds of both at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checker.logic import both, either, no, same
from checker.system import View
from models.difference import Pair
from models.mm.focus import linked, only
from models.mm.focus import well_formed as one_well_formed
from models.mm.state import World, alive


def well_formed(s: Any) -> Any:
    """What every reachable pair is like: both worlds well-formed, with the same processes alive."""
    alike = [same(alive(p), alive(q)) for p, q in zip(s.left.processes, s.right.processes, strict=True)]
    return both(one_well_formed(s.left), one_well_formed(s.right), *alike)


def group(left: World, right: World, r: int) -> list[Any]:
    """For each process, whether it belongs to the group of process ``r``, by links on either side."""
    count = len(left.processes)

    def joined(p: int, q: int) -> Any:
        return either(linked(left, p, q), linked(right, p, q))

    inside: list[Any] = [alive(left.processes[r]) if p == r else joined(r, p) for p in range(count)]
    for _ in range(count - 2):
        inside = [
            either(inside[p], *(both(inside[q], joined(q, p)) for q in range(count) if q != p)) for p in range(count)
        ]
    return inside


def leads(left: World, right: World, r: int) -> Any:
    """Process ``r`` is alive and the first of its group."""
    inside = group(left, right, r)
    return both(inside[r], no(either(*inside[:r])))


def views_of(left: World, right: World, r: int) -> tuple[World, World]:
    """What is left of both worlds when only the group of process ``r`` is looked at."""
    inside = group(left, right, r)
    return only(left, inside), only(right, inside)


def pair_views(processes: int) -> tuple[View, ...]:
    """One view of a pair for each process that may be the first of a group."""
    return tuple(_view(r) for r in range(processes))


def _view(r: int) -> View:
    def image(s: Pair) -> Pair:
        left, right = views_of(s.left, s.right, r)
        return replace(s, left=left, right=right)

    return View(lambda s: leads(s.left, s.right, r), image)
