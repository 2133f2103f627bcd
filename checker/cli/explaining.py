"""``ptecheck explain``: saved traces and certificates, each with its why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checker.cli.evidence import CERTIFICATE_FILE, ENUMERATION_FILE, TRACE_SUFFIX, Named, saved_trace
from checker.cli.explain import cause_of
from checker.cli.explain_report import cause_json, cause_text, wrapped
from checker.cli.jobs import build_system
from checker.cli.main import EXIT_UNDECIDED, UsageError
from checker.cli.report import steps_words
from checker.cli.traces import render_trace

SCHEMA = "ptecheck.explain/1"


def run_explain(path: str, kernel: Named, seconds: float, json_file: str | None) -> int:
    """Explains one piece of evidence, or all below a folder; 0 when all was looked at, 3 when a limit was reached."""
    found = list(_evidence(Path(path)))
    answers: list[dict[str, Any]] = []
    complete = True
    for file in found:
        for text, data, whole in _explained(file, kernel, seconds):
            if json_file != "-":
                print(("\n" if answers else "") + (f"{file}\n" if len(found) > 1 else "") + text, end="", flush=True)
            answers.append({"file": str(file), **data})
            complete = complete and whole
    if json_file:
        from checker.cli.output import write_json

        write_json({"schema": SCHEMA, "explained": answers}, json_file)
    return 0 if complete else EXIT_UNDECIDED


def _evidence(path: Path) -> Iterator[Path]:
    """The files with evidence that a path means.

    Raises:
        UsageError: there are none.
    """
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise UsageError(f"{path}: no such file or folder")
    if (path / CERTIFICATE_FILE).is_file():
        yield path / CERTIFICATE_FILE
        return
    names = (f"*{TRACE_SUFFIX}", CERTIFICATE_FILE, ENUMERATION_FILE)
    found = sorted(file for name in names for file in path.rglob(name))
    if not found:
        raise UsageError(f"{path}: no trace and no certificate in it or below it (check --save writes them)")
    yield from found


def _explained(file: Path, kernel: Named, seconds: float) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Each answer: as text, as JSON data, and whether all was looked at."""
    if file.name == CERTIFICATE_FILE:
        from checker.cli.explain_proof import explain_certificate

        yield explain_certificate(file, kernel, seconds)
    elif file.name == ENUMERATION_FILE:
        from checker.cli.explain_proof import explain_enumeration

        yield from explain_enumeration(file, kernel, seconds)
    else:
        yield _violation(file, kernel, seconds)


def _violation(file: Path, kernel: Named, seconds: float) -> tuple[str, dict[str, Any], bool]:
    job, trace = saved_trace(file, kernel)
    cause = cause_of(job, trace, seconds)
    says = next(i.says for i in build_system(job).invariants if i.name == trace.invariant)
    head = wrapped(f"{trace.invariant} is violated in {steps_words(trace.depth)}: {says}", 0)
    text = "\n".join([trace.system, *head]) + "\n" + cause_text(cause) + render_trace(job, trace)
    blames = (*cause.blames, *cause.others)
    complete = not any(b.contract.unknown or (b.whole and b.whole.verdict.value == "unknown") for b in blames)
    return text, cause_json(cause), complete
