"""Traces and certificates on disk: written by ``check --save``, checked by ``replay`` and ``certify``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checker import certificate as certificates
from checker import trace as traces
from checker.certificate import OBLIGATIONS, BadCertificate, Certificate, check_certificate
from checker.cli.jobs import Job, NotModelled, Outcome, build_system, find_architecture
from checker.cli.main import EXIT_USAGE, UsageError
from checker.cli.report import steps_words
from checker.cli.traces import render_trace
from checker.limits import OutOfBudget
from checker.trace import BadTrace

MAX_FILE = 16 << 20
"""Larger evidence files are refused, in bytes."""

TRACE_SUFFIX = ".trace.json"
CERTIFICATE_FILE = "certificate.json"


def _folder(root: Path, job: Job) -> Path:
    return root / job.config.replace("/", "_") / (f"mm-{job.split}" if job.split else job.world)


def save(outcomes: list[Outcome], root: Path) -> dict[tuple[Job, str], str]:
    """Writes every trace and every certificate, and returns where each one is.

    Raises:
        UsageError: a file cannot be written.
    """
    paths: dict[tuple[Job, str], str] = {}
    try:
        for outcome in outcomes:
            for result in outcome.results:
                target = _folder(root, outcome.job) / result.invariant
                if result.trace is not None:
                    target = target.with_name(target.name + TRACE_SUFFIX)
                    _write_json(target, _described(outcome.job, traces.to_json(result.trace)))
                elif result.certificate is not None:
                    _write_certificate(target, outcome.job, result.certificate)
                else:
                    continue
                paths[outcome.job, result.invariant] = str(target)
    except OSError as why:
        raise UsageError(f"cannot write {why.filename}: {why.strerror}") from None
    return paths


def _described(job: Job, data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "config": job.config, "world": job.world, "split": job.split}


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _write_certificate(folder: Path, job: Job, certificate: Certificate) -> None:
    from checker.certificate import certificate_scripts

    folder.mkdir(parents=True, exist_ok=True)
    for name, text in certificate_scripts(build_system(job), certificate).items():
        (folder / f"{name}.smt2").write_text(text, encoding="utf-8")
    _write_json(folder / CERTIFICATE_FILE, _described(job, certificates.to_json(certificate)))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE:
            raise UsageError(f"{path}: larger than {MAX_FILE} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as why:
        raise UsageError(f"cannot read {path}: {why.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a text file") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_read(path))
    except (ValueError, RecursionError) as why:
        raise UsageError(f"{path}: not JSON: {why}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path}: not a JSON object")
    return data


def _job(data: dict[str, Any], path: Path, kernel: str | None) -> Job:
    """The job that evidence speaks of, with every name checked."""
    from models.mm.kernel import SPLITS

    config, world, split = (data.get(key, "") for key in ("config", "world", "split"))
    if not config or not isinstance(config, str) or world not in ("pte", "mm") or not isinstance(split, str):
        raise UsageError(f"{path}: config, world or split is missing")
    if (world == "mm") != (split in SPLITS):
        raise UsageError(f"{path}: no split {split!r} in the {world} world")
    if config.endswith("/tree") and not kernel:
        raise UsageError(f"{path}: made from a kernel tree: name it with --kernel")
    job = Job(config, world, split, (kernel or "") if config.endswith("/tree") else "")
    try:
        find_architecture(job.config, job.kernel)
    except (UsageError, NotModelled) as why:
        raise UsageError(f"{path}: {why}") from None
    return job


def run_replay(file: str, kernel: str | None) -> int:
    """Replays one trace; 0 when every step is as claimed."""
    path = Path(file)
    data = _read_json(path)
    try:
        trace = traces.from_json(data)
        job = _job(data, path, kernel)
        traces.replay(build_system(job), trace)
    except BadTrace as why:
        raise UsageError(f"{path}: {why}") from None
    print(f"{trace.system}\n{trace.invariant} is violated in {steps_words(trace.depth)}, as replayed on integers")
    print(render_trace(job, trace), end="")
    return 0


def run_certify(folder: str, kernel: str | None, solver: str) -> int:
    """Proves every certificate at or below a folder anew; 0 when all hold, 3 when the solver gave up."""
    root = Path(folder)
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder")
    found = sorted(root.rglob(CERTIFICATE_FILE))
    if not found:
        raise UsageError(f"{root}: no {CERTIFICATE_FILE} in it or below it")
    ask = _solver(solver)
    status, refused = 0, False
    for path in found:
        try:
            certificate = _certify(path, kernel, ask)
        except OutOfBudget as why:
            print(f"{path.parent}: not decided: {why}")
            status = max(status, 3)
        except UsageError as why:
            print(f"ptecheck: {why}", file=sys.stderr)
            refused = True
        else:
            count = len(certificate.clauses)
            clauses = f"{count} clause{'' if count == 1 else 's'}"
            print(f"{path.parent}: {certificate.invariant} is proved ({clauses}, {solver})")
    return EXIT_USAGE if refused else status


def _certify(path: Path, kernel: str | None, ask: Callable[[str], bool] | None) -> Certificate:
    data = _read_json(path)
    try:
        certificate = certificates.from_json(data)
        system = build_system(_job(data, path, kernel))
        files = {name: _read(path.with_name(f"{name}.smt2")) for name in OBLIGATIONS}
        check_certificate(system, certificate, ask, files)
    except BadCertificate as why:
        raise UsageError(f"{path.parent}: {why}") from None
    return certificate


def _solver(name: str) -> Callable[[str], bool] | None:
    if name == "z3":
        return None
    from checker.othersolvers import MissingSolver, unsatisfiable_with

    try:
        return unsatisfiable_with(name)
    except MissingSolver as why:
        raise UsageError(str(why)) from None
