"""Verdicts that were reached before: kept on disk under the content of the system they are about.

The key is a digest of the whole transition relation (every start, step, property, premise and predicate as terms), of
the names in it, and of the checker's own sources, so a verdict is found again exactly when the same checker would be
asked the same question. Which files of a kernel tree were changed does not matter, only whether a helper means something
else. What is read back is not believed blindly: every trace is replayed, every clause must be one of the system's.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from checker import certificate as certificates
from checker import terms
from checker import trace as traces
from checker.certificate import BadCertificate, Certificate, clauses_of
from checker.records import replace
from checker.system import TransitionSystem
from checker.terms import Term
from checker.trace import BadTrace
from checker.verdict import Result, Verdict

FOLDER_VARIABLE = "PTECHECK_CACHE"
"""Environment variable: where verdicts are kept; empty for nowhere."""

MAX_FILES = 4_000
"""More files than this are not kept: the older half is deleted."""

MAX_FILE = 16 << 20
"""Larger files are not read back, in bytes."""

_SCHEMA = "ptecheck.cache/1"
_FINAL = frozenset({Verdict.PROVED, Verdict.VIOLATED, Verdict.VACUOUS})


def folder() -> Path | None:
    """Where verdicts are kept, or None if they are not."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "ptecheck"


def key(system: TransitionSystem) -> str:
    """The digest of everything a verdict depends on."""
    relation = system.relation
    names = [system.name, *_names(system)]
    leaves = [f"{leaf.path}:{leaf.sort}" for leaf in relation.leaves]
    roots: list[Term] = [*relation.state, *relation.properties, *relation.premises, *relation.predicates]
    for start in relation.starts:
        roots += [*start.inputs, *start.values, start.domain]
    for step in relation.steps:
        roots += [step.guard, *step.values]
    digest = hashlib.sha256("\0".join((_sources(), *names, *leaves)).encode())
    _add_terms(digest, roots)
    return digest.hexdigest()


def _names(system: TransitionSystem) -> Iterable[str]:
    for what in (system.starts, system.operations, system.invariants, system.predicates):
        yield from (item.name for item in what)
    yield from (op.idle for op in system.operations)
    yield from (f"{invariant.cost}" for invariant in system.invariants)
    yield from (repr(lemma) for lemma in system.lemmas)
    yield from (f"{sorted(symmetry.names.items())}{symmetry.says}" for symmetry in system.symmetries)
    yield str(len(system.views))
    yield str(sorted(system.immaterial.items()))
    yield str(system.every_bit)


def _add_terms(digest: Any, roots: list[Term]) -> None:
    """Every term by its content: the order in which terms were made differs between processes."""
    known: dict[Term, bytes] = {}
    for term in terms.subterms(roots):
        operands = b"".join(known[arg] for arg in term.args)
        known[term] = hashlib.sha256(f"{term.op} {term.width} {term.data} ".encode() + operands).digest()
    for root in roots:
        digest.update(known[root])


@cache
def _sources() -> str:
    """A digest of the checker itself."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parent.rglob("*")):
        if path.suffix in (".py", ".c"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def load(where: Path, name: str, system: TransitionSystem) -> list[Result] | None:
    """The results kept under a key, in the order of the system's invariants; None if there are none that hold good."""
    path = _path(where, name)
    try:
        if path.stat().st_size > MAX_FILE:
            return None
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != _SCHEMA or data["system"] != system.name:
            return None
        results = [_result(system, entry) for entry in data["results"]]
    except (
        OSError,
        ValueError,
        KeyError,
        StopIteration,
        TypeError,
        AttributeError,
        RecursionError,
        BadTrace,
        BadCertificate,
    ):
        return None
    return results if [r.invariant for r in results] == [i.name for i in system.invariants] else None


def _result(system: TransitionSystem, entry: Any) -> Result:
    result = Result(
        invariant=str(entry["invariant"]),
        verdict=Verdict(entry["verdict"]),
        depth=entry["depth"],
        reason=str(entry["reason"]),
        cost=bool(entry["cost"]),
        exception=next(i.exception for i in system.invariants if i.name == entry["invariant"]),
        states=entry["states"],
        diameter=entry["diameter"],
        enumerated=bool(entry["enumerated"]),
        remembered=True,
    )
    if result.verdict is Verdict.VIOLATED:
        trace = traces.from_json(entry["trace"])
        if (trace.invariant, trace.depth) != (result.invariant, result.depth):
            raise BadTrace("is about something else")
        traces.replay(system, trace)
        return replace(result, trace=trace)
    if result.verdict is Verdict.PROVED and not result.enumerated:
        certificate: Certificate = certificates.from_json(entry["certificate"])
        if certificate.invariant != result.invariant:
            raise BadCertificate("is about something else")
        clauses_of(system, certificate)
        shown = tuple(str(text) for text in entry["shown"])
        return replace(result, certificate=replace(certificate, shown=shown))
    return result


def store(where: Path, name: str, system: TransitionSystem, results: list[Result]) -> None:
    """Keeps results, if every invariant is decided; a folder that cannot be written to is no error."""
    if any(
        result.verdict not in _FINAL or (result.reason and result.verdict is Verdict.VIOLATED) for result in results
    ):
        return
    data = {"schema": _SCHEMA, "system": system.name, "results": [_entry(result) for result in results]}
    path = _path(where, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            json.dump(data, file)
        os.replace(file.name, path)
        _prune(where)
    except OSError as why:
        print(f"ptecheck: verdicts are not kept in {where}: {why.strerror}", file=sys.stderr)


def _entry(result: Result) -> dict[str, Any]:
    return {
        "invariant": result.invariant,
        "verdict": result.verdict.value,
        "depth": result.depth,
        "reason": result.reason,
        "cost": result.cost,
        "states": result.states,
        "diameter": result.diameter,
        "enumerated": result.enumerated,
        "trace": result.trace and traces.to_json(result.trace),
        "certificate": result.certificate and certificates.to_json(result.certificate),
        "shown": list(result.certificate.shown) if result.certificate else [],
    }


def _path(where: Path, name: str) -> Path:
    return where / name[:2] / f"{name}.json"


def _prune(where: Path) -> None:
    files = list(where.glob("??/*.json"))
    if len(files) > MAX_FILES:
        for path in sorted(files, key=lambda path: path.stat().st_mtime)[: len(files) // 2]:
            path.unlink(missing_ok=True)
