"""Results as JUnit XML for CI: a suite for each system, a case for each requirement; what is not decided never passes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree as Tree

from checker.cli.forms.findings import Finding
from checker.cli.forms.plain import lines, one_line
from checker.verdict import Verdict

FAILURE, ERROR, SKIPPED, PASSED = "failure", "error", "skipped", "passed"


def junit(found: Sequence[Finding], bounded: bool) -> str:
    """The report.

    Args:
        found: every result.
        bounded: a bound was asked for, so that holding up to it passes.
    """
    root = Tree.Element("testsuites", name="ptecheck")
    for (config, title), group in groupby(found, key=lambda f: (f.config, f.title)):
        root.append(_suite(f"{config}, {title}", list(group), bounded))
    suites = list(root)
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")
    Tree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Tree.tostring(root, encoding="unicode") + "\n"


def outcome_of(finding: Finding, bounded: bool) -> str:
    """What a CI system is told of a result.

    A violation is a failure, unless it is a cost or intended: then the case is skipped, with the reason. What was not
    decided is an error, since systems take a skipped case for a good one.
    """
    result = finding.result
    if result.failed:
        return FAILURE
    if result.verdict is Verdict.VIOLATED:
        return SKIPPED
    return PASSED if result.verdict is Verdict.PROVED or (bounded and result.verdict is Verdict.BOUNDED) else ERROR


def _suite(name: str, group: list[Finding], bounded: bool) -> Tree.Element:
    kinds = [outcome_of(finding, bounded) for finding in group]
    seconds = max(finding.result.seconds for finding in group)
    suite = Tree.Element("testsuite", name=one_line(name), tests=str(len(group)))
    for key, kind in (("failures", FAILURE), ("errors", ERROR), ("skipped", SKIPPED)):
        suite.set(key, str(kinds.count(kind)))
    suite.set("time", f"{seconds:.3f}")
    suite.extend(_case(finding, kind, seconds / len(group)) for finding, kind in zip(group, kinds, strict=True))
    return suite


def _case(finding: Finding, kind: str, seconds: float) -> Tree.Element:
    """One requirement. The time of a system is its requirements' together, so each gets an equal share."""
    suite = f"{finding.config}, {finding.title}"
    case = Tree.Element("testcase", name=one_line(finding.result.invariant), classname=one_line(suite))
    case.set("time", f"{seconds:.3f}")
    place = finding.place
    if place and place.file and kind in (FAILURE, ERROR, SKIPPED):
        case.set("file", one_line(place.file))
        if place.line:
            case.set("line", str(place.line))
    if kind == PASSED:
        Tree.SubElement(case, "system-out").text = lines(_passed(finding))
        return case
    says = Tree.SubElement(case, kind, message=one_line(_message(finding)))
    if kind != SKIPPED:
        says.set("type", finding.result.verdict.value)
    says.text = lines(_text(finding))
    return case


def _passed(finding: Finding) -> str:
    words = finding.summary
    certificate = finding.result.certificate
    return "\n".join([words, *(certificate.shown if certificate else ())])


def _message(finding: Finding) -> str:
    """The verdict in a line, the place in the tree first, as compilers have it."""
    place, result = finding.place, finding.result
    violated = result.verdict is Verdict.VIOLATED
    words = f"a cost, not a failure: {finding.says}" if result.cost and violated else finding.summary
    if not violated or not place or not place.file:
        return words
    at = f"{place.file}:{place.line}" if place.line else place.file
    return f"{at}: {place.helper}: {words}" if place.helper else f"{at}: {words}"


def _text(finding: Finding) -> str:
    if finding.text:
        return "\n" + finding.text
    says = [f"Required: {finding.says}"] if finding.says else []
    return "\n".join(["", *says, finding.summary, *([f"Again: {finding.again}"] if finding.again else []), ""])
