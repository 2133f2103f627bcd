"""Results as SARIF 2.1.0 for code hosts: rules are requirements, results have places, and runs are code flows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from checker.cli.forms.findings import Finding, Moment, Place
from checker.cli.forms.plain import one_line
from checker.decision import INTERRUPTED
from checker.verdict import Verdict

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
"""Names the standard, as some code hosts demand; nothing is fetched from there."""

ROOT = "SRCROOT"
"""What the places are relative to: the top folder of the kernel tree."""


def sarif(found: Sequence[Finding]) -> str:
    """The report: one run of the tool with a result for every requirement of every system."""
    from checker import __version__

    rules = {rule_id(finding): finding for finding in reversed(found)}
    numbers = {name: number for number, name in enumerate(sorted(rules))}
    driver = {"name": "ptecheck", "version": __version__, "rules": [_rule(n, rules[n]) for n in sorted(rules)]}
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": all(f.result.reason != INTERRUPTED for f in found)}],
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "the top folder of the kernel tree"}}},
        "results": [_result(finding, numbers[rule_id(finding)]) for finding in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def rule_id(finding: Finding) -> str:
    """A requirement's name with its world: some worlds have requirements of one name."""
    return f"{finding.world}/{finding.result.invariant}"


def message(text: str) -> dict[str, str]:
    """A message in which nothing is a placeholder or a link, whatever a tree may have put into it."""
    plain = "\n".join(map(one_line, text.split("\n")))
    for special in "\\[]":
        plain = plain.replace(special, "\\" + special)
    return {"text": plain.replace("{", "{{").replace("}", "}}")}


def _rule(name: str, finding: Finding) -> dict[str, Any]:
    says = finding.says or finding.result.invariant
    parts = [says, finding.consequence and f"Otherwise: {finding.consequence}."]
    parts += [finding.source and f"Source: {finding.source}"]
    return {
        "id": one_line(name),
        "shortDescription": {"text": one_line(says)},
        "fullDescription": {
            "text": one_line(f"{says}; otherwise: {finding.consequence}" if finding.consequence else says)
        },
        "help": {"text": "\n".join(one_line(part) for part in parts if part)},
        "defaultConfiguration": {"level": "note" if finding.result.cost else "error"},
    }


def _result(finding: Finding, number: int) -> dict[str, Any]:
    result = finding.result
    kind = {Verdict.PROVED: "pass", Verdict.VIOLATED: "fail"}.get(result.verdict, "open")
    level = "none" if kind != "fail" else "note" if result.cost or result.exception else "error"
    data: dict[str, Any] = {
        "ruleId": one_line(rule_id(finding)),
        "ruleIndex": number,
        "kind": kind,
        "level": level,
        "message": message(_says(finding)),
        "locations": [_location(finding.place, finding)],
        "partialFingerprints": _fingerprints(finding),
    }
    if finding.moments:
        data["codeFlows"] = [{"message": message(finding.again), "threadFlows": [_thread(finding)]}]
    if result.exception:
        data["suppressions"] = [{"kind": "external", "status": "accepted", "justification": one_line(result.exception)}]
    return data


def _says(finding: Finding) -> str:
    """A sentence that tells all, and then, of a violation, the run in plain lines."""
    says = f"{finding.config}, {finding.title}: {finding.result.invariant}: {finding.summary}."
    return f"{says}\n\n{finding.text}" if finding.text else says


def _fingerprints(finding: Finding) -> dict[str, str]:
    """What a result is recognised by in the next run: the requirement of a system, and the run that breaks it.

    Neither depends on lines, values or times, so that a change elsewhere in a file makes no new result.
    """
    about = [finding.config, finding.title, finding.result.invariant]
    prints = {"requirement/v1": _digest(about)}
    if finding.moments:
        prints["run/v1"] = _digest([*about, *(moment.operation for moment in finding.moments)])
    return prints


def _digest(words: list[str]) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:32]


def _location(place: Place | None, finding: Finding) -> dict[str, Any]:
    """Where to look: the helper's line where there is a tree, and its name, which a built-in variant has as well."""
    system = f"{finding.config}, {finding.title}"
    name = place.helper if place and place.helper else system
    logical = {
        "name": one_line(name),
        "fullyQualifiedName": one_line(f"{system}::{name}" if name != system else system),
    }
    kind = {"kind": "function"} if name != system else {"kind": "module"}
    return {**_physical(place), "logicalLocations": [{**logical, **kind}]}


def _physical(place: Place | None) -> dict[str, Any]:
    if not place or not place.file:
        return {}
    region = {"region": {"startLine": place.line}} if place.line else {}
    uri = quote(place.file.lstrip("/"), safe="/", errors="surrogateescape")
    return {"physicalLocation": {"artifactLocation": {"uri": uri, "uriBaseId": ROOT}, **region}}


def _thread(finding: Finding) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    for number, moment in enumerate(finding.moments):
        steps += [_step(number, moment, finding), *(_call(text, place, finding) for text, place in moment.calls)]
    return {"locations": [{**step, "executionOrder": order} for order, step in enumerate(steps, 1)]}


def _step(number: int, moment: Moment, finding: Finding) -> dict[str, Any]:
    says = ". ".join([f"step {number}: {moment.operation}", *moment.remarks])
    broken = any(remark.startswith("breaks ") for remark in moment.remarks)
    place = next((place for _, place in reversed(moment.calls) if place.file), None)
    return {
        "location": {**_location(place, finding), "message": message(says)},
        "nestingLevel": 0,
        "importance": "essential" if broken else "important",
        **({"state": {one_line(who): message(bits) for who, bits in moment.entries}} if moment.entries else {}),
    }


def _call(text: str, place: Place, finding: Finding) -> dict[str, Any]:
    return {
        "location": {**_location(place, finding), "message": message(text)},
        "nestingLevel": 1,
        "kinds": ["call"],
        "importance": "unimportant" if "(no change)" in text else "important",
    }
