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
    return (
        _pte_table([o for o in outcomes if o.job.world == "pte"])
        + _mm_table([o for o in outcomes if o.job.world == "mm"])
        + _kernel_tables(outcomes)
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


_CODES = {
    "shared-not-hw-writable": "SH",
    "cow-isolation": "CI",
    "dirty-never-lost": "DL",
    "read-only-vma-holds": "RO",
    "hw-write-implies-write": "HW",
    "pin-coherent": "PC",
    "uffd-wp-holds": "UW",
    "soft-dirty-holds": "SD",
    "progress": "PR",
    "encoding-sane": "EN",
    "writable-means-exclusive": "EX",
}


def _kernel_tables(outcomes: list[Outcome]) -> str:
    """One table for each choice of generic mm: the contract's verdict beside that of the whole kernel."""
    whole = [o for o in outcomes if o.job.world == "kernel"]
    contract = {o.job.config: o for o in outcomes if o.job.world == "pte"}
    return "".join(
        _kernel_table(title, [o for o in whole if o.job.title == title], contract)
        for title in dict.fromkeys(o.job.title for o in whole)
    )


def _kernel_table(title: str, outcomes: list[Outcome], contract: dict[str, Outcome]) -> str:
    width = _label_width(outcomes)
    lines = [f"{title} (ok proved, N broken in N steps, - not there)"]
    lines.append(" " * width + "contract " + "".join(f"{code:>4}" for code in _CODES.values()))
    for outcome in outcomes:
        found = {r.invariant: cell(r) for r in outcome.results}
        words = _contract_cell(contract.get(outcome.job.config))
        cells = "".join(f"{found.get(name, '-'):>4}" for name in _CODES)
        lines.append(f"{outcome.job.config:{width}}{words:9}{cells}")
    names = ", ".join(f"{code} {name}" for name, code in _CODES.items())
    lines += textwrap.wrap(names, 78, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    sizes = [r.states for o in outcomes for r in o.results[:1] if r.states is not None]
    if sizes:
        lines.append(f"  {min(sizes)} to {max(sizes)} states each, all enumerated; see docs/model.md")
    return "\n".join([*lines, *_legend(outcomes)]) + "\n\n"


def _contract_cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    results = [r for r in outcome.results if not r.cost]
    broken = sum(r.verdict is Verdict.VIOLATED for r in results)
    open_ = any(r.verdict not in (Verdict.PROVED, Verdict.VIOLATED) for r in results)
    return f"{broken} of {len(results)}" if broken else "?" if open_ else "ok"


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
    lines.append("(the core of generic mm; swap, migration, pins and the rest: --world kernel)")
    return "\n".join([*lines, *_legend(outcomes)]) + "\n\n"
