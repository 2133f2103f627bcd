"""What ``ptecheck diff --faults`` prints and writes: a table of extra exceptions, the shortest run to each, and JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from checker.cli.costs import Costs, Span, status_of
from checker.cli.diff import SCHEMA, pair_system
from checker.cli.diff_report import observable_data, side_data
from checker.cli.pair_traces import pair_trace
from checker.cli.sides import Side
from checker.verdict import Result

WIDTH, COLUMN = 79, 11
"""Characters of a line, and of one configuration's column."""

SUMMARY = 26
"""Characters of a release's column in the summary."""

NEVER = "never"

PARTLY = "*"
"""Marks what was found in the runs only that both sides can take."""


def text(first: Side, found: list[Costs], reasons: list[str], every: bool) -> str:
    """The answer for a reader.

    Args:
        first: what the others are compared with.
        found: one for each pair and release.
        reasons: why nothing could be asked.
        every: print every shortest run step by step.
    """
    if reasons:
        return "".join(_wrapped(f"NOT DECIDED: {reason}") for reason in reasons)
    out = _wrapped(f"What a store costs more than with {first.title}: exceptions before it goes through, by what made or "
                   "changed the entry last")  # fmt: skip
    out += "".join(_summary(found))
    for release, group in groupby(found, key=lambda costs: costs.answer.question.left.generation):
        out += f"\nGeneric mm of {release}, whole kernel\n" + "".join(_table(list(group)))
    return out + "\n" + "".join(_kinds(found)) + "".join(_doubts(found)) + "".join(_runs(found, every))


def _table(group: list[Costs]) -> Iterator[str]:
    makers = list(group[0].all)
    rows = [maker for maker in makers if any(not c.all[maker].nothing and c.all[maker].reached for c in group)]
    never = [m for m in makers if m not in rows and any(c.all[m].reached for c in group)]
    if rows:
        label = max(map(len, rows)) + 2
        together = max(1, (WIDTH - label) // COLUMN)
        for start in range(0, len(group), together):
            part = group[start : start + together]
            headings = [_heading(costs.name) for costs in part]
            for line in (0, 1):
                yield f"{'':{label}}{''.join(f'{h[line]:<{COLUMN}}' for h in headings)}".rstrip() + "\n"
            for maker in rows:
                cells = "".join(f"{cell(costs.all[maker]):<{COLUMN}}" for costs in part)
                yield f"{maker:{label}}{cells}".rstrip() + "\n"
    if never:
        names = "all of them" if len(group) > 1 else group[0].name
        where = " of the runs that both can take" if any(c.left_out for c in group) else ""
        yield _wrapped(f"never (proved{where}), for {names}: {', '.join(never)}")
    if rest := [m for m in makers if m not in rows and m not in never]:
        yield _wrapped(f"no store goes straight through an entry last changed by: {', '.join(rest)}")


def cell(span: Span) -> str:
    """A span in a column: ``never``, ``+1``, ``0 or +1``, ``?``."""
    if not span.reached:
        return "-"
    if span.reason:
        return "?"
    if span.nothing:
        return NEVER
    if span.least == span.most and span.least is not None:
        return f"{span.least:+d}"
    return (
        f"{_number(span.least, '<')} or {_number(span.most, '>')}"
        if span.most != 0
        else f"{_number(span.least, '<')} or 0"
    )


def _number(value: int | None, beyond: str) -> str:
    if value is None:
        return f"{beyond}{'+2' if beyond == '>' else '-1'}"
    return f"{value:+d}" if value else "0"


def _heading(config: str) -> tuple[str, str]:
    """A configuration's name in two lines that fit a column."""
    machine, _, variant = config.partition("/")
    if len(variant) < COLUMN:
        return "", variant or machine
    cut = max((k + 1 for k, letter in enumerate(variant[: COLUMN - 1]) if letter in "-+/."), default=COLUMN - 1)
    return variant[:cut], variant[cut : cut + COLUMN - 1]


def _summary(found: list[Costs]) -> Iterator[str]:
    """One line for each configuration: on how many paths a store costs more or less, by release."""
    releases = list(dict.fromkeys(costs.answer.question.left.generation for costs in found))
    names = list(dict.fromkeys(costs.name for costs in found))
    label = max(map(len, names)) + 2
    yield "\n" + f"{'':{label}}{''.join(f'{name:<{SUMMARY}}' for name in releases)}".rstrip() + "\n"
    for name in names:
        cells = [summed(costs) for costs in found if costs.name == name]
        yield f"{name:{label}}{''.join(f'{words:<{SUMMARY}}' for words in cells)}".rstrip() + "\n"
    if any(costs.left_out for costs in found):
        yield f"{PARTLY} of the runs that both can take; what is left out stands below\n"


def summed(costs: Costs) -> str:
    """What a store costs more in all: ``never``, ``+1 on 3 of 24 paths``."""
    spans = [span for span in costs.all.values() if span.reached]
    if costs.doubt or any(span.reason for span in spans):
        return "not decided"
    differing = [span for span in spans if not span.nothing]
    if not differing:
        return f"not decided {PARTLY}" if costs.left_out else NEVER
    least, most = _extreme([s.least for s in differing], min), _extreme([s.most for s in differing], max)
    ends = [text for text, sign in ((_number(least, "<"), -1), (_number(most, ">"), 1)) if _beyond(text, sign)]
    words = f"{'/'.join(ends)} on {len(differing)} of {len(spans)} paths"
    return f"{words} {PARTLY}" if costs.left_out else words


def _extreme(values: list[int | None], choose: Callable[[list[int]], int]) -> int | None:
    """The least or greatest of several bounds; None if one of them is not known."""
    known = [value for value in values if value is not None]
    return choose(known) if len(known) == len(values) else None


def _beyond(text: str, sign: int) -> bool:
    """A bound that says something: fewer exceptions for the lower one, more for the upper one."""
    return ("-" in text) if sign < 0 else ("+" in text)


def _kinds(found: list[Costs]) -> Iterator[str]:
    """Whether what is extra enters generic mm."""
    spans = [span for costs in found for span in costs.mm.values() if span.reached]
    if any(span.reason for span in spans):
        return
    if all(span.most is not None and span.most <= 0 for span in spans):
        among = " of the runs that both can take" if any(costs.left_out for costs in found) else ""
        yield _wrapped(
            f"No store enters generic mm more often (proved{among}): each extra exception is served by the low-level "
            "handler."
        )
        return
    where: dict[str, list[str]] = {}
    for costs in found:
        for maker, span in costs.mm.items():
            if span.reached and not (span.most is not None and span.most <= 0):
                where.setdefault(f"{costs.name}, {costs.answer.question.left.generation}", []).append(maker)
    for name, makers in where.items():
        yield _wrapped(f"Into generic mm more often, {name}: {', '.join(makers)}")


def _doubts(found: list[Costs]) -> Iterator[str]:
    for costs in found:
        reasons = {span.reason for span in (*costs.all.values(), *costs.mm.values()) if span.reason}
        for reason in sorted(reasons | ({costs.doubt} if costs.doubt else set())):
            yield _wrapped(f"NOT DECIDED: {costs.name}, {costs.answer.question.left.generation}: {reason}")
        for sentence in costs.left_out:
            yield _wrapped(f"LEFT OUT: {costs.name}, {costs.answer.question.left.generation}: {sentence}")


def _run(result: Result) -> tuple[str, ...]:
    assert result.trace is not None
    return (result.trace.start, *(step.operation for step in result.trace.steps[1:]))


def _runs(found: list[Costs], every: bool) -> Iterator[str]:
    """The shortest way to an extra exception for each way an entry is made; the first of all step by step."""
    ways: dict[tuple[str, ...], list[tuple[Costs, str, Result]]] = {}
    for costs in found:
        for maker, span in costs.all.items():
            if span.extra is not None:
                ways.setdefault(_run(span.extra), []).append((costs, maker, span.extra))
    if not ways:
        yield _wrapped("No store costs more on any path (proved).") if not any(_doubts(found)) else ""
        return
    yield "\nShortest ways to an extra exception\n"
    ordered = sorted(ways.items(), key=lambda item: len(item[0]))
    for run, members in ordered:
        names = ", ".join(dict.fromkeys(costs.name.partition("/")[2] for costs, _, _ in members))
        told = [step for step in run if not step.startswith("begin a store") and step != "the store is over"]
        yield _wrapped(f"  {members[0][1]} ({names}): {', '.join(told)}")
    for _, members in ordered if every else ordered[:1]:
        costs, maker, result = members[0]
        assert result.trace is not None
        yield f"\n{costs.name}, {costs.answer.question.left.generation}: {maker}\n"
        question = costs.answer.question
        yield pair_trace(question, pair_system(question), result.trace, "B has taken more exceptions than A")


def _wrapped(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()))
    kept = textwrap.wrap(
        line.strip(), WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    )
    return "\n".join(kept) + "\n"


def json_data(pairs: list[tuple[Side, Side]], found: list[Costs], reasons: list[str]) -> dict[str, Any]:
    """The answer as JSON data, in the form of ``docs/diff.schema.json``."""
    verdicts = {0: "never", 1: "extra", 3: "not decided"}
    return {
        "schema": SCHEMA,
        "kind": "faults",
        "a": side_data(pairs[0][0]),
        "answer": verdicts[status_of(found, reasons)],
        "reasons": reasons,
        "costs": [_costs_data(costs) for costs in found],
    }


def _costs_data(costs: Costs) -> dict[str, Any]:
    return {
        "config": costs.name,
        "generation": costs.answer.question.left.generation,
        "states": costs.answer.results[0].states,
        "doubt": costs.doubt,
        "left_out": list(costs.left_out),
        "paths": [
            {"made_by": maker, "all": _span_data(span), "mm": _span_data(costs.mm[maker])}
            for maker, span in costs.all.items()
        ],
    }


def _span_data(span: Span) -> dict[str, Any]:
    return {
        "reached": span.reached,
        "least": span.least,
        "most": span.most,
        "reason": span.reason,
        "extra": None if span.extra is None else observable_data(span.extra),
    }
