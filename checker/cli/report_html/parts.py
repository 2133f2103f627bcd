"""What the page says of one outcome: made by the process that decided it, which has the machine's helpers at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from checker.cli.jobs import Job, NotModelled, Outcome, build_system, find_architecture
from checker.cli.main import UsageError
from checker.verdict import Result, Verdict

if TYPE_CHECKING:
    from models.pte import Architecture

Data = dict[str, Any]

Causes = Callable[[Job, Result], Sequence[str]]
"""What else is to be said of a result, sentence by sentence: the cause of a violation, why a proof holds."""


ALONE = 100
"""A page with room for pictures of so many states shows the states of systems without a violation, too."""


def causes_of(job: Job, result: Result) -> Sequence[str]:
    """The cause of a violation; of a whole kernel's where to ask for it, since finding it takes as long as the search."""
    if result.trace is None:
        return ()
    if job.world == "kernel":
        return ("not looked for here; ptecheck check --save DIR keeps the trace, and ptecheck explain TRACE says it",)
    from checker.cli.explain import cause_of
    from checker.cli.explain_report import cause_sentences

    return cause_sentences(cause_of(job, result.trace))


def outcome_part(outcome: Outcome, drawn: int, causes: Causes = causes_of) -> Data:
    """The evidence of one outcome as plain data.

    Args:
        outcome: what was decided.
        drawn: how many states the picture of a state graph may have.
        causes: gives further sentences for each result.

    Returns:
        ``machine``: what is known of the configuration; ``says``: invariant -> requirement, consequence, source;
        ``evidence``: invariant -> trace, picture of the states, clauses and causes; ``states``: the picture of all states
        of a system without a violation, if they are few enough, or None.
    """
    try:
        arch = find_architecture(outcome.job.config, outcome.job.kernel)
        system = build_system(outcome.job)
    except (NotModelled, UsageError):
        return {"machine": {}, "says": {}, "evidence": {}, "states": None}
    known = {i.name: i for i in system.invariants}
    evidence = {r.invariant: _evidence(outcome.job, r, drawn, causes) for r in outcome.results if r.invariant in known}
    says = {
        name: {"says": i.says, "consequence": i.consequence, "source": i.source}
        for name, i in known.items()
        if name in evidence
    }
    states = _states(outcome, drawn) if drawn >= ALONE else None
    return {"machine": machine(outcome.job, arch), "says": says, "evidence": evidence, "states": states}


def machine(job: Job, arch: Architecture) -> Data:
    """What a reader should know of a configuration."""
    from checker.cli.trees import store_policy_words

    return {
        "policy": store_policy_words(job),
        "says": arch.says,
        "source": arch.source,
        "assumptions": list(arch.assumptions),
        "notes": list(arch.hardware.notes),
        "hardware": arch.hardware.source,
        "bits": [{"letter": b.letter, "name": b.name, "position": b.position, "says": b.says} for b in arch.bits],
    }


def _evidence(job: Job, result: Result, drawn: int, causes: Causes) -> Data:
    certificate = result.certificate
    clauses = list(certificate.shown or _texts(certificate.clauses)) if certificate else []
    found: Data = {"causes": list(causes(job, result)), "clauses": clauses}
    if result.trace is not None:
        from checker.cli.report_html.graph import state_graph
        from checker.cli.report_html.player import player
        from checker.cli.telling import told
        from checker.cli.traces import render_trace

        found["player"] = player(told(job, result.trace))
        found["graph"] = state_graph(job, result, drawn)
        found["text"] = render_trace(job, result.trace)
    return found


def _texts(clauses: Sequence[Data]) -> list[str]:
    return [str(clause["text"]) for clause in clauses]


def _states(outcome: Outcome, drawn: int) -> Data | None:
    """The picture of all states of a system without a violation, if they are few enough."""
    from checker.cli.report_html.graph import state_graph

    if not outcome.results or any(r.verdict is Verdict.VIOLATED for r in outcome.results):
        return None
    return state_graph(outcome.job, replace(outcome.results[0], trace=None), drawn)
