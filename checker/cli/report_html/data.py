"""The page as plain data: from outcomes and what was made of each to everything that the template shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checker.cli.jobs import UNREAD, Job, Outcome
from checker.cli.report import WORLDS, steps_words, verdict_words
from checker.cli.report_html.matrix import ACROSS, Links, kind, legend, tables
from checker.cli.trees import short
from checker.verdict import Result, Verdict

Data = dict[str, Any]
Parts = Mapping[Job, Data]
"""What :func:`checker.cli.report_html.parts.outcome_part` made of each job's outcome."""


@dataclass(frozen=True)
class Question:
    """What was asked.

    Attributes:
        command: the command line, without the report's own option.
        version: the version of ptecheck that answered.
        tree: the kernel tree and its release in words; "" for built-in helpers.
        changes: what the patches change, as the command prints it; "" without patches.
        text: what the command prints.
    """

    command: str
    version: str
    tree: str = ""
    changes: str = ""
    text: str = ""


def page_data(outcomes: Sequence[Outcome], parts: Parts, question: Question) -> Data:
    """Everything on the page.

    Args:
        outcomes: what was decided, in the order of the report.
        parts: the evidence of each job.
        question: what was asked.
    """
    violations = [_violation(number, group, parts) for number, group in enumerate(_groups(outcomes, _is_violated), 1)]
    proofs = [_proof(group, parts) for group in _groups(outcomes, _is_proved, together=True)]
    links: Links = {(job, v["invariant"]): v["id"] for v in violations for job in v.pop("jobs")}
    shown = tables(outcomes, links)
    configs = list(dict.fromkeys(o.job.config for o in outcomes))
    return {
        "title": _title(configs, question),
        "question": {
            "asked": asked(outcomes),
            "command": question.command,
            "version": question.version,
            "tree": question.tree,
        },
        "verdict": {"kind": overall([r for o in outcomes for r in o.results]), "sentence": sentence(outcomes)},
        "tables": shown,
        "legend": legend(shown),
        "machines": [_machine(config, outcomes, parts) for config in configs],
        "counted": len(configs) > ACROSS and bool(question.tree),
        "violations": violations,
        "proofs": proofs,
        "states": [{"title": _where([o.job]), "graph": g} for o in outcomes if (g := _part(parts, o.job)["states"])],
        "open": _open(outcomes),
        "changes": question.changes,
        "text": question.text,
    }


NO_PART: Data = {"machine": {}, "says": {}, "evidence": {}, "states": None}


def _part(parts: Parts, job: Job) -> Data:
    return parts.get(job, NO_PART)


def _title(configs: list[str], question: Question) -> str:
    names = [short(config) for config in configs]
    if len(names) > NAMED:
        families = list(dict.fromkeys(name.partition("/")[0].partition("+")[0] for name in names))
        names = [f"{len(names)} configurations" + (f" of {', '.join(families)}" if len(families) <= NAMED else "")]
    return ", ".join(names) + (f" in {question.tree}" if question.tree else "")


NAMED = 3
"""So many configurations are named in the title; more are counted."""


def asked(outcomes: Sequence[Outcome]) -> str:
    """The question in words: whose helpers, and in which worlds."""
    configs = list(dict.fromkeys(o.job.config for o in outcomes))
    worlds = [WORLDS[world] for world in dict.fromkeys(o.job.world for o in outcomes)]
    whose = short(configs[0]) if len(configs) == 1 else f"{len(configs)} configurations"
    return f"Do the page-table helpers of {whose} keep what generic mm relies on? Asked of: {'; '.join(worlds)}."


def overall(results: Sequence[Result]) -> str:
    """The one word for all of it: violated, open, bounded or holds."""
    if any(r.failed for r in results):
        return "violated"
    left = {r.verdict for r in results if _is_open(r)}
    return "holds" if not left else "bounded" if left == {Verdict.BOUNDED} else "open"


def sentence(outcomes: Sequence[Outcome]) -> str:
    """The verdicts in one sentence; it never says more than was decided."""
    results = [r for o in outcomes for r in o.results]
    counts = Counter(kind(r) for r in results)
    words = [_violated_words(outcomes)] if counts["violated"] else []
    words += [f"{counts['proved']} {_be(counts['proved'])} proved without a bound"] if counts["proved"] else []
    words += [f"{counts['cost']} {_be(counts['cost'])} broken at a cost only"] if counts["cost"] else []
    words += [f"{counts['intended']} {_be(counts['intended'])} broken on purpose"] if counts["intended"] else []
    words += [f"{counts['bounded']} hold{'s' * (counts['bounded'] == 1)} up to a bound"] if counts["bounded"] else []
    left = counts["unknown"] + counts["vacuous"]
    words += [f"{left} {_be(left)} not decided"] if left else []
    many = f"Of {len(results)} requirements, " if len(results) > 1 else "Of 1 requirement, "
    return many + ", ".join(words) + "." if words else "Nothing was asked."


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _violated_words(outcomes: Sequence[Outcome]) -> str:
    """How many are violated, where, and the shortest of all ways."""
    failed = [(o.job, r) for o in outcomes for r in o.results if r.failed]
    configs, every = {job.config for job, _ in failed}, {o.job.config for o in outcomes}
    where = f" in {len(configs)} of {len(every)} configurations" if len(every) > 1 else ""
    shortest = min(r.depth or 0 for _, r in failed)
    steps = f" (the shortest way takes {steps_words(shortest)})" if shortest and len(every) == 1 else ""
    return f"{len(failed)} {_be(len(failed))} violated{where}{steps}"


def _is_violated(result: Result) -> bool:
    return result.verdict is Verdict.VIOLATED


def _is_proved(result: Result) -> bool:
    return result.verdict is Verdict.PROVED


def _is_open(result: Result) -> bool:
    return not _is_proved(result) and not _is_violated(result)


Group = list[tuple[Job, Result]]


def _groups(outcomes: Sequence[Outcome], wanted: Any, together: bool = False) -> Iterator[Group]:
    """Results with one verdict for one reason by the same evidence, which are told once.

    Args:
        outcomes: all of them.
        wanted: which results.
        together: those of several configurations as well.
    """
    found: dict[tuple[Any, ...], Group] = {}
    for outcome in outcomes:
        for result in outcome.results:
            if wanted(result):
                config = "" if together else outcome.job.config
                found.setdefault((config, *_evidence_key(outcome.job, result)), []).append((outcome.job, result))
    yield from found.values()


def _evidence_key(job: Job, result: Result) -> tuple[Any, ...]:
    trace = result.trace
    run = (trace.start, trace.inputs, tuple(step.operation for step in trace.steps)) if trace else ()
    shown = result.certificate.shown if result.certificate else ()
    if result.enumerated:
        return (job.world, "", result.verdict.value, result.reason, run, shown)
    return (job.world, result.invariant, result.verdict.value, result.depth, result.reason, run, shown)


def _where(jobs: Sequence[Job]) -> str:
    """Configurations and choices, each configuration named once."""
    found: dict[str, list[str]] = {}
    for job in jobs:
        found.setdefault(short(job.config), []).append(job.title)
    return "; ".join(f"{config}: {' and '.join(dict.fromkeys(titles))}" for config, titles in found.items())


def _violation(number: int, group: Group, parts: Parts) -> Data:
    job, result = group[0]
    part = _part(parts, job)
    evidence = part["evidence"].get(result.invariant, {})
    run = [step.operation for step in result.trace.steps[1:]] if result.trace else []
    return {
        "id": f"v{number}",
        "jobs": [j for j, _ in group],
        "config": short(job.config),
        "where": "; ".join(dict.fromkeys(j.title for j, _ in group)),
        "invariant": result.invariant,
        "kind": kind(result),
        "words": verdict_words(result),
        "run": run,
        "requires": part["says"].get(result.invariant, {}),
        "causes": evidence.get("causes", []),
        "player": evidence.get("player"),
        "graph": evidence.get("graph"),
        "text": evidence.get("text", ""),
    }


def _proof(group: Group, parts: Parts) -> Data:
    job, result = group[0]
    part = _part(parts, job)
    names = list(dict.fromkeys(r.invariant for _, r in group))
    evidence = part["evidence"].get(result.invariant, {})
    return {
        "names": [{"name": name, "says": part["says"].get(name, {}).get("says", "")} for name in names],
        "where": _where([j for j, _ in group]),
        "words": "proved, by all reachable states (no step leaves them)"
        if result.enumerated
        else verdict_words(result),
        "clauses": evidence.get("clauses", []),
        "causes": evidence.get("causes", []),
    }


def _open(outcomes: Sequence[Outcome]) -> list[Data]:
    """Every reason why something is not decided, with all that it is about."""
    found: dict[tuple[str, str], dict[str, list[Job]]] = {}
    for outcome in outcomes:
        for result in outcome.results:
            if _is_open(result):
                reason = result.reason or f"holds up to {steps_words(result.depth or 0)}"
                found.setdefault((result.verdict.value, reason), {}).setdefault(result.invariant, []).append(
                    outcome.job
                )
    return [
        {
            "verdict": verdict,
            "reason": reason,
            "about": [
                {"invariant": "" if name == UNREAD else name, "where": _where(jobs)} for name, jobs in about.items()
            ],
        }
        for (verdict, reason), about in found.items()
    ]


def _machine(config: str, outcomes: Sequence[Outcome], parts: Parts) -> Data:
    """What is known of a configuration, and how many of its results are of each kind."""
    mine = [o for o in outcomes if o.job.config == config]
    counts = Counter(kind(r) for o in mine for r in o.results)
    known: Data = next((m for o in mine if (m := _part(parts, o.job)["machine"])), {})
    open_ = counts["unknown"] + counts["vacuous"] + counts["bounded"]
    return {
        "config": short(config),
        "known": known,
        "counts": [counts["proved"], counts["violated"], counts["intended"] + counts["cost"], open_],
        "sizes": sorted({(o.job.title, r.states, r.diameter) for o in mine for r in o.results if r.states}, key=str),
    }
