"""Pages for the tests of the report: of one broken and one sound configuration, of a hostile tree, and with hostile data."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from checker.cli.jobs import Job, Outcome, build_system
from checker.cli.report_html.data import Question, page_data
from checker.cli.report_html.page import page
from checker.cli.report_html.parts import outcome_part
from checker.decision import decide
from checker.verdict import Result, Verdict
from tests.small_tree import ALWAYS, CONDITION, small_tree

JOBS = (
    Job("loongarch/original", "mm", "carry-dirty"),
    Job("loongarch/original", "pte"),
    Job("loongarch/huacai", "mm", "carry-dirty"),
)

PAYLOAD = (
    "</script><script>window.broken=1</script><img src=x onerror=window.broken=2>"
    "\" onmouseover=window.broken=3 x='</style></title><!--]]>{{ 7*7 }}\u202egpj.exe\u0007"
)
"""What a hostile tree would put into a name."""

CLOSED = {"kind", "verdict", "change", "id", "link", "world"}
"""Keys whose values are words of ours, never of a tree."""


@lru_cache(maxsize=1)
def ordinary_data() -> dict[str, Any]:
    """Everything that a page can have: violations, a cost, proofs, pictures of states, something undecided, a patch."""
    outcomes = [Outcome(job, tuple(decide(build_system(job)))) for job in JOBS]
    late = Result("cow-isolation", Verdict.UNKNOWN, reason="the time limit of 1 s was reached")
    outcomes.append(Outcome(Job("loongarch/peter", "mm", "carry-dirty"), (late,)))
    parts = {o.job: outcome_part(o, 300, lambda job, result: [f"because of {job.config}"]) for o in outcomes}
    question = Question("ptecheck check loongarch", "0.0", "Linux 6.99", "fixed: something", "all of it\n  in lines\n")
    return page_data(outcomes, parts, question)


def hostile(value: Any, key: str = "") -> Any:
    """The same data with the payload behind every text that a tree could have a say in."""
    if isinstance(value, dict):
        return {name: hostile(inner, name) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [hostile(inner, key) for inner in value]
    return value + PAYLOAD if isinstance(value, str) and value and key not in CLOSED else value


def hostile_data() -> dict[str, Any]:
    """A page's data in which every text is hostile, and one name far too long."""
    data = hostile(ordinary_data())
    for _, item in _graphs(data):
        item["lines"] = "M0 0L1 1"  # made of numbers by ourselves
    data["machines"][0]["config"] = "x" * 50_000
    return data


def _graphs(value: Any):
    if isinstance(value, dict):
        if "lines" in value and "nodes" in value:
            yield "graph", value
        for inner in value.values():
            yield from _graphs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _graphs(inner)


def written(folder: Path, data: dict[str, Any]) -> Path:
    """A page in a file."""
    target = folder / "report.html"
    target.write_text(page(data), encoding="utf-8")
    return target


def hostile_tree(folder: Path) -> Path:
    """A small broken tree whose folder, release and headers are named by somebody who means harm."""
    tree = small_tree(folder / "<script>window.broken=1<" / "\"'&\u202e", (CONDITION, ALWAYS))
    makefile = tree / "Makefile"
    text = makefile.read_text() if makefile.exists() else "VERSION = 6\nPATCHLEVEL = 99\nSUBLEVEL = 0\n"
    lines = [line for line in text.splitlines() if not line.startswith("EXTRAVERSION")]
    makefile.write_text("\n".join([*lines, "EXTRAVERSION = -</title><script>window.broken=2</script>", ""]))
    return tree
