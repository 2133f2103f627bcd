"""The comparison: every variant against every invariant and every split order, on one screen of 80 columns."""

from __future__ import annotations

import textwrap

from checker.cli.jobs import Outcome
from checker.verdict import Result, Verdict

_SYMBOLS = {Verdict.PROVED: "ok", Verdict.UNKNOWN: "?", Verdict.VACUOUS: "vac"}

_SHORT = {
    "cow-shared-not-hw-writable": ("cow", "share"),
    "write-protect-holds": ("write", "prot"),
    "dirty-never-lost": ("dirty", "kept"),
    "hw-write-implies-write": ("hw =>", "write"),
    "mkdirty-mkwrite-commute": ("order", "free"),
    "dirty-read-only-entry": ("dirty", "r/o"),
    "invalid-pmd-unreachable": ("inval", "pmd"),
    "no-second-trap": ("no", "trap*"),
}


def cell(result: Result) -> str:
    """A verdict in at most three characters: ok, the depth of the counterexample, <N for a bound, ?, vac."""
    if result.verdict is Verdict.VIOLATED:
        return str(result.depth)
    if result.verdict is Verdict.BOUNDED:
        return f"<{(result.depth or 0) + 1}"
    return _SYMBOLS[result.verdict]


def comparison(outcomes: list[Outcome]) -> str:
    """Both worlds as tables; one line for each configuration."""
    return _pte_table([o for o in outcomes if o.job.world == "pte"]) + _mm_table(
        [o for o in outcomes if o.job.world == "mm"]
    )


def _label_width(outcomes: list[Outcome]) -> int:
    return max(len(o.job.config) for o in outcomes) + 1


def _pte_table(outcomes: list[Outcome]) -> str:
    if not outcomes:
        return ""
    width = _label_width(outcomes)
    columns = [_SHORT.get(r.invariant, (r.invariant[:5], "")) for r in outcomes[0].results]
    lines = ["PTE world: one entry, any helper in any order (ok proved, N broken in N steps)"]
    lines += [" " * width + "".join(f"{column[k]:>6}" for column in columns) for k in (0, 1)]
    for outcome in outcomes:
        lines.append(f"{outcome.job.config:{width}}" + "".join(f"{cell(r):>6}" for r in outcome.results))
    lines.append(f"{'':{width}}* a cost: one more exception, nothing breaks")
    names = ", ".join(r.invariant for r in outcomes[0].results)
    lines += textwrap.wrap(f"columns: {names}", 78, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join([*lines, *_legend(outcomes)]) + "\n\n"


def _legend(outcomes: list[Outcome]) -> list[str]:
    """What the rarer symbols in these tables mean."""
    verdicts = {r.verdict for o in outcomes for r in o.results}
    said = {
        Verdict.BOUNDED: "<N: holds in all runs of fewer than N steps",
        Verdict.UNKNOWN: "?: not decided",
        Verdict.VACUOUS: "vac: vacuous",
    }
    return ["; ".join(text for verdict, text in said.items() if verdict in verdicts)] if verdicts & set(said) else []


def _split_heading(name: str) -> tuple[str, str]:
    if len(name) <= 9:
        return name, ""
    if name.startswith("before-"):
        return "before-", name.removeprefix("before-")[:9]
    head, _, tail = name.partition("-")
    return f"{head}-", tail


def _mm_table(outcomes: list[Outcome]) -> str:
    if not outcomes:
        return ""
    width = _label_width(outcomes)
    splits = list(dict.fromkeys(o.job.split for o in outcomes))
    lines = [
        "mm world: two processes, by the order of calls when a huge page is split",
        "(each: shared-not-hw-writable, cow-isolation, read-only-vma-holds)",
    ]
    lines += [" " * width + "".join(f"  {_split_heading(s)[k]:9}" for s in splits).rstrip() for k in (0, 1)]
    for config in dict.fromkeys(o.job.config for o in outcomes):
        groups = [" ".join(f"{cell(r):>2}" for r in o.results) for o in outcomes if o.job.config == config]
        lines.append(f"{config:{width}}" + "".join(f"  {group:9}" for group in groups).rstrip())
    lines.append("(no reclaim here yet: whether dirty data is lost is decided in the PTE world)")
    return "\n".join([*lines, *_legend(outcomes)]) + "\n\n"
