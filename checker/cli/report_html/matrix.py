"""The tables of the page: invariants against configurations, every cell in words as well as in colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from checker.cli.jobs import HELPER_WORLDS, UNREAD, Job, Outcome
from checker.cli.report import WORLDS, verdict_words
from checker.cli.table import cell
from checker.cli.trees import short
from checker.verdict import Result, Verdict

Data = dict[str, Any]
Links = dict[tuple[Job, str], str]
"""Where on the page the evidence of a result is."""

ACROSS = 4
"""With so many configurations or fewer the invariants are the rows, which then leaves them room for their names."""

_WORST = ("violated", "unknown", "vacuous", "bounded", "cost", "intended", "proved")
"""What the cell of several results shows: the first of these that occurs."""

LEGEND = {
    "proved": ("ok", "proved, without a bound on the number of steps"),
    "violated": ("✗ N", "violated; the shortest way takes N steps"),
    "cost": ("△ N", "a cost after N steps: one more exception, nothing breaks"),
    "intended": ("△ N", "broken on purpose, with a reason, after N steps"),
    "bounded": ("<N", "holds in all runs of fewer than N steps; not decided beyond"),
    "unknown": ("?", "not decided; the reason is below"),
    "vacuous": ("vac", "says nothing here: its premise never holds, or operations can never happen"),
}
"""Kind of a cell -> what stands there, and what that means."""


def kind(result: Result) -> str:
    """A verdict as the page tells them apart: a cost and an intended violation are kinds of their own."""
    if result.verdict is Verdict.VIOLATED:
        return "intended" if result.exception else "cost" if result.cost else "violated"
    name: str = result.verdict.value
    return name


def tables(outcomes: Sequence[Outcome], links: Links) -> list[Data]:
    """A table for each world that was looked at, and for the levels of helpers one together."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        world = "helpers" if outcome.job.world in HELPER_WORLDS else outcome.job.world
        groups.setdefault(world, []).append(outcome)
    return [_table(world, group, links) for world, group in groups.items()]


def legend(shown: Iterable[Data]) -> list[Data]:
    """What the cells of these tables mean, of those that occur."""
    kinds = {c["kind"] for table in shown for row in table["rows"] for c in row["cells"]}
    return [{"kind": name, "text": text, "says": says} for name, (text, says) in LEGEND.items() if name in kinds]


def _table(world: str, outcomes: list[Outcome], links: Links) -> Data:
    configs = list(dict.fromkeys(o.job.config for o in outcomes))
    across = len(configs) <= ACROSS
    columns = _choices(world, outcomes, across)
    names = list(dict.fromkeys(r.invariant for o in outcomes for r in o.results if r.invariant != UNREAD))
    cells = _cells(outcomes, across, links)
    title = WORLDS[world].partition(":")[0]
    says = WORLDS[world].partition(":")[2].strip()
    table: Data = {"title": title, "says": "every requirement on helpers" if world == "helpers" else says}
    if across:
        heads = [{"title": short(config), "columns": columns[config]} for config in configs]
        keys = [(config, choice) for config in configs for choice in columns[config]]
        names = names or [UNREAD]
        rows = [{"name": name, "cells": [_look_up(cells, *key, name) for key in keys]} for name in names]
        return table | {"corner": "invariant", "heads": heads, "rows": _apart(rows, heads), "names": True}
    choices = list(dict.fromkeys(choice for config in configs for choice in columns[config]))
    heads = [{"title": choice, "columns": names} for choice in choices]
    keys = [(choice, name) for choice in choices for name in names]
    rows = [{"name": short(config), "cells": [_look_up(cells, config, *key) for key in keys]} for config in configs]
    return table | {"corner": "configuration", "heads": heads, "rows": _apart(rows, heads), "names": False}


def _apart(rows: list[Data], heads: list[Data]) -> list[Data]:
    """The rows, with the first cell under each heading marked."""
    first, place = set(), 0
    for head in heads:
        first.add(place)
        place += len(head["columns"])
    for row in rows:
        row["cells"] = [cell | {"first": k in first} for k, cell in enumerate(row["cells"])]
    return rows


Cells = dict[tuple[str, str, str], Data]
"""Configuration, choice and invariant -> the cell."""

NOTHING: Data = {"kind": "none", "text": "–", "says": "is not asked here", "link": ""}


def _look_up(cells: Cells, config: str, choice: str, name: str) -> Data:
    """A cell; where the helpers could not be read, that is what it says of every invariant."""
    return cells.get((config, choice, name)) or cells.get((config, choice, UNREAD)) or NOTHING


def _choice(job: Job, across: bool) -> str:
    """The column of a job: the order of calls, the release, the level; levels are apart only where there is room."""
    if job.world in HELPER_WORLDS:
        return {"helpers": "", "levels": "levels ", "codes": "codes "}[job.world] + job.level if across else ""
    return job.split if job.world == "mm" else "" if job.world == "pte" else job.title.removeprefix("whole kernel, ")


def _choices(world: str, outcomes: list[Outcome], across: bool) -> dict[str, list[str]]:
    columns: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        columns.setdefault(outcome.job.config, {})[_choice(outcome.job, across)] = None
    return {config: list(choices) for config, choices in columns.items()}


def _cells(outcomes: list[Outcome], across: bool, links: Links) -> Cells:
    """The cell of each configuration, choice and invariant: of several results the worst."""
    found: Cells = {}
    for outcome in outcomes:
        for result in outcome.results:
            key = (outcome.job.config, _choice(outcome.job, across), result.invariant)
            new = _cell(result, links.get((outcome.job, result.invariant), ""))
            old = found.setdefault(key, new)
            if _WORST.index(new["kind"]) < _WORST.index(old["kind"]):
                found[key] = new
    return found


def _cell(result: Result, link: str) -> Data:
    name = kind(result)
    mark = {"violated": "✗ ", "cost": "△ ", "intended": "△ "}.get(name, "")
    return {"kind": name, "text": mark + cell(result), "says": verdict_words(result), "link": link}
