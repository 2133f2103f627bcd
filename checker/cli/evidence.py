"""Traces and certificates on disk: written by ``check --save``, checked by ``replay`` and ``certify``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from checker import certificate as certificates
from checker import trace as traces
from checker.certificate import OBLIGATIONS, BadCertificate, Certificate, certificate_scripts, check_certificate
from checker.cli.jobs import EXTRAS, HELPER_WORLDS, TITLES, Job, NotModelled, Outcome, build_system, find_architecture
from checker.cli.kernels import KernelTree
from checker.cli.main import EXIT_USAGE, UsageError
from checker.cli.report import steps_words
from checker.cli.traces import render_trace
from checker.decision import settled_search
from checker.limits import OutOfBudget
from checker.records import replace
from checker.system import TransitionSystem
from checker.trace import BadTrace, Trace
from checker.verdict import Result

MAX_FILE = 16 << 20
"""Larger evidence files are refused, in bytes."""

Named = str | KernelTree | None
"""The kernel tree that evidence was made from, as its user names it: a folder, or one with a machine of their own."""

TRACE_SUFFIX = ".trace.json"
CERTIFICATE_FILE = "certificate.json"
ENUMERATION_FILE = "enumeration.json"
ENUMERATION_SCHEMA = "ptecheck.enumeration/1"


_WORLDS = (*TITLES, "mm", "kernel")


_LEVELS = {
    "helpers": ("pte", "pmd", "pud"),
    "codes": ("pte", "pmd", "pud"),
    "levels": ("pte+pmd", "pmd+pud"),
}
"""The levels that evidence of a world can be about."""


def _folder(root: Path, job: Job) -> Path:
    parts = [
        job.world,
        job.level,
        job.generation,
        job.split,
        job.migration and f"migration-{job.migration}",
        *job.extras,
    ]
    parts += [f"{job.processes}-processes"] if job.processes != 2 else []
    return root / job.config.replace("/", "_") / "-".join(part for part in parts if part)


def save(outcomes: list[Outcome], root: Path) -> dict[tuple[Job, str], str]:
    """Writes every trace and every certificate, and returns where each one is.

    Raises:
        UsageError: a file cannot be written.
    """
    try:
        return {key: path for outcome in outcomes for key, path in _save_one(outcome, root)}
    except OSError as why:
        raise UsageError(f"cannot write {why.filename}: {why.strerror}") from None


def _save_one(outcome: Outcome, root: Path) -> Iterator[tuple[tuple[Job, str], str]]:
    job, folder = outcome.job, _folder(root, outcome.job)
    proofs = [result for result in outcome.results if result.enumerated or result.certificate]
    system = build_system(job) if proofs else None
    enumerated = [result for result in proofs if result.enumerated]
    if system and enumerated:
        target = folder / ENUMERATION_FILE
        _write_json(target, described(job, _enumeration(system.name, enumerated)))
        for result in enumerated:
            yield (job, result.invariant), str(target)
    for result in outcome.results:
        target = folder / result.invariant
        if result.trace is not None:
            target = target.with_name(target.name + TRACE_SUFFIX)
            _write_json(target, described(job, traces.to_json(result.trace)))
        elif system and result.certificate is not None:
            _write_certificate(target, job, system, result.certificate)
        else:
            continue
        yield (job, result.invariant), str(target)


def _enumeration(system: str, results: list[Result]) -> dict[str, Any]:
    """What a proof by enumeration claims: these invariants hold in all of so many states."""
    return {
        "schema": ENUMERATION_SCHEMA,
        "system": system,
        "invariants": [result.invariant for result in results],
        "states": results[0].states,
        "diameter": results[0].diameter,
    }


def described(job: Job, data: dict[str, Any]) -> dict[str, Any]:
    """Data of a job with what names the job; :func:`job_of` reads it back."""
    choices = {
        "generation": job.generation,
        "migration": job.migration,
        "extras": list(job.extras),
        "processes": job.processes,
    }
    named = {"config": job.config, "world": job.world, "split": job.split}
    level = {"level": job.level} if job.level else {}
    return {**data, **named, **level, **(choices if job.world == "kernel" else {})}


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _write_certificate(folder: Path, job: Job, system: TransitionSystem, certificate: Certificate) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in certificate_scripts(system, certificate).items():
        (folder / f"{name}.smt2").write_text(text, encoding="utf-8")
    _write_json(folder / CERTIFICATE_FILE, described(job, certificates.to_json(certificate)))


def read_file(path: Path) -> str:
    """The text of a file that somebody gives us.

    Raises:
        UsageError: it cannot be read, is no text, or is too large.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise UsageError(f"{path}: larger than {MAX_FILE} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as why:
        raise UsageError(f"cannot read {path}: {why.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a text file") from None


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file that somebody gives us.

    Raises:
        UsageError: it cannot be read, or is no JSON object.
    """
    try:
        data = json.loads(read_file(path))
    except (ValueError, RecursionError) as why:
        raise UsageError(f"{path}: not JSON: {why}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path}: not a JSON object")
    return data


def job_of(data: dict[str, Any], path: Path, kernel: Named) -> Job:
    """The job that evidence speaks of, with every name checked.

    Raises:
        UsageError: it speaks of something that there is not.
    """
    from models.mm.orders import SPLITS

    config, world, split = (data.get(key, "") for key in ("config", "world", "split"))
    if not config or not isinstance(config, str) or world not in _WORLDS or not isinstance(split, str):
        raise UsageError(f"{path}: config, world or split is missing")
    if (split not in SPLITS) if world == "mm" else bool(split) and (world in TITLES or split not in SPLITS):
        raise UsageError(f"{path}: no split {split!r} in the {world} world")
    level = data.get("level", "")
    if level not in (_LEVELS[world] if world in HELPER_WORLDS else ("",)):
        raise UsageError(f"{path}: no such level in the {world} world")
    if config.endswith("/tree") and not kernel:
        raise UsageError(f"{path}: made from a kernel tree: name it with --kernel")
    job = replace(_choices(data, path), config=config, world=world, split=split, level=level)
    tree = KernelTree(kernel) if isinstance(kernel, str) else kernel
    job = replace(job, kernel=tree if config.endswith("/tree") else None)
    try:
        arch = find_architecture(job.config, job.kernel)
        if level and not set(level.split("+")) <= set(arch.levels):
            raise UsageError(f"{config} maps no pages at the level {level}")
    except (UsageError, NotModelled) as why:
        raise UsageError(f"{path}: {why}") from None
    return job


def _choices(data: dict[str, Any], path: Path) -> Job:
    """The choices of the world ``kernel`` that evidence speaks of, each a known one."""
    from models.mm.kernel import GENERATIONS
    from models.mm.orders import MIGRATIONS

    whole = data.get("world") == "kernel"
    release, migration, extras, processes = (
        data.get(key, default)
        for key, default in (("generation", ""), ("migration", ""), ("extras", []), ("processes", 2))
    )
    # Looked up in tuples, not in dictionaries: what a file says may be of a type that no dictionary can hold.
    known = (
        release in (tuple(GENERATIONS) if whole else ("",)),
        migration in ("", *(MIGRATIONS if whole else ())),
        isinstance(extras, list) and all(extra in tuple(EXTRAS) for extra in extras),
        processes in (1, 2, 3),
    )
    if not all(known):
        raise UsageError(f"{path}: generation, migration, extras or processes is not one of those there are")
    return Job("", "", "", None, release, migration, tuple(extras), processes)


def saved_trace(path: Path, kernel: Named) -> tuple[Job, Trace]:
    """A saved trace that replays, and the job it is about.

    Raises:
        UsageError: it is none, or it does not replay.
    """
    data = read_json(path)
    try:
        trace = traces.from_json(data)
        job = job_of(data, path, kernel)
        traces.replay(build_system(job), trace)
    except BadTrace as why:
        raise UsageError(f"{path}: {why}") from None
    return job, trace


def run_replay(file: str, kernel: Named) -> int:
    """Replays one trace; 0 when every step is as claimed."""
    job, trace = saved_trace(Path(file), kernel)
    print(f"{trace.system}\n{trace.invariant} is violated in {steps_words(trace.depth)}, as replayed on integers")
    print(render_trace(job, trace), end="")
    return 0


def run_certify(folder: str, kernel: Named, solver: str) -> int:
    """Proves every certificate at or below a folder anew; 0 when all hold, 3 when the solver gave up."""
    root = Path(folder)
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder")
    found = sorted([*root.rglob(CERTIFICATE_FILE), *root.rglob(ENUMERATION_FILE)])
    if not found:
        raise UsageError(f"{root}: no {CERTIFICATE_FILE} or {ENUMERATION_FILE} in it or below it")
    ask = _solver(solver)
    status, refused = 0, False
    for path in found:
        try:
            if path.name == ENUMERATION_FILE:
                print(f"{path.parent}: {_enumerate_again(path, kernel)}")
                continue
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


def _certify(path: Path, kernel: Named, ask: Callable[[str], bool] | None) -> Certificate:
    data = read_json(path)
    try:
        certificate = certificates.from_json(data)
        system = build_system(job_of(data, path, kernel))
        files = {name: read_file(path.with_name(f"{name}.smt2")) for name in OBLIGATIONS}
        check_certificate(system, certificate, ask, files)
    except BadCertificate as why:
        raise UsageError(f"{path.parent}: {why}") from None
    return certificate


def _enumerate_again(path: Path, kernel: Named) -> str:
    """Finds the states of a proof by enumeration anew and looks at every one with the plain engine."""
    from checker.limits import Budget
    from checker.recheck import not_closed

    data = read_json(path)
    names = data.get("invariants")
    if data.get("schema") != ENUMERATION_SCHEMA or not isinstance(names, list):
        raise UsageError(f"{path}: not a {ENUMERATION_SCHEMA} file")
    system = build_system(job_of(data, path, kernel))
    numbers = {invariant.name: number for number, invariant in enumerate(system.invariants)}
    if data.get("system") != system.name or not names or not all(name in tuple(numbers) for name in names):
        raise UsageError(f"{path}: is not about {system.name} and its invariants")
    system, reach = settled_search(system, Budget())
    if not reach.complete:
        raise OutOfBudget(reach.stopped)
    broken = [name for name in names if numbers[name] in reach.first_violation]
    if broken:
        raise UsageError(f"{path}: {', '.join(broken)} does not hold in every state")
    if (data.get("states"), data.get("diameter")) != (len(reach.states), reach.diameter):
        raise UsageError(f"{path}: there are {len(reach.states)} states, diameter {reach.diameter}")
    if doubt := not_closed(system.reduced, reach, Budget(), every=1):
        raise UsageError(f"{path}: {doubt}")
    return f"{', '.join(names)}: proved (all {len(reach.states)} states, looked at by both engines)"


def _solver(name: str) -> Callable[[str], bool] | None:
    if name == "z3":
        return None
    from checker.othersolvers import MissingSolver, unsatisfiable_with

    try:
        return unsatisfiable_with(name)
    except MissingSolver as why:
        raise UsageError(str(why)) from None
