"""Every JSON that is written follows its schema and has no field beyond it, and the schemas refuse damage."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from checker import trace as traces
from checker.cli.jobs import Job
from checker.cli.report import json_data, result_data
from checker.verdict import Verdict
from tests.ci_reports import RESULTS
from tests.small_tree import ALWAYS, CONDITION, PGTABLE_H, patch_between, small_tree
from tests.test_cli import ROOT, ptecheck
from tests.told_runs import RUNS, run_of

DOCS = ROOT / "docs"
SCHEMAS = {path.name: json.loads(path.read_text()) for path in sorted(DOCS.glob("*.schema.json"))}


def closed(schema: Any) -> Any:
    """The schema with every object closed: a field that it does not describe is an error."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()}
    if out.get("type") == "object" and "properties" in out:
        out["unevaluatedProperties"] = False
    return out


def validator(name: str, strict: bool = False) -> jsonschema.Draft202012Validator:
    made = {key: closed(schema) if strict else schema for key, schema in SCHEMAS.items()}
    known = [(key, Resource.from_contents(schema)) for key, schema in made.items()]
    return jsonschema.Draft202012Validator(made[name], registry=Registry().with_resources(known))


def described(data: Any, name: str) -> None:
    """The data follows the schema, as it is and with nothing beyond it."""
    validator(name).validate(data)
    validator(name, strict=True).validate(data)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_schemas(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert name in (DOCS / "formats.md").read_text(), "and are named where the formats are described"


class TestResults:
    @pytest.mark.parametrize("name", RESULTS)
    def test_every_verdict(self, name):
        result = RESULTS[name]
        data = result_data(Job("csky/tree", "helpers", level="pte"), result)
        described({"schema": "ptecheck.result/1", "results": [data]}, "result.schema.json")

    @pytest.mark.parametrize(
        "job",
        [
            Job("loongarch+ptw/huacai", "kernel", generation="linux-6.12", migration="linux-6.1", extras=("as-is",)),
            Job("loongarch/original", "mm", "carry-dirty", without=("views",)),
            Job("x86-64/tree", "levels", level="pmd+pud"),
        ],
    )
    def test_every_kind_of_system(self, job):
        described(
            {"schema": "ptecheck.result/1", "results": [result_data(job, RESULTS["violated"])]}, "result.schema.json"
        )

    def test_what_the_command_writes(self, tmp_path):
        for asked in (
            ("loongarch/original", "--world", "pte"),
            ("loongarch/hev", "--split", "reorder", "--timeout", "1e-4"),
        ):
            out = ptecheck("check", *asked, "--no-cache", "--save", str(tmp_path), "--json", "-")
            described(json.loads(out.stdout), "result.schema.json")

    @pytest.mark.parametrize(
        "change",
        [
            {"verdict": "perhaps"},
            {"verdict": "proved"},
            {"trace": None},
            {"trace": []},
            {"depth": None},
            {"config": "no slash"},
            {"world": "flat"},
        ],
    )
    def test_what_a_violation_cannot_be(self, change):
        good = json_data([], {})
        good["results"] = [result_data(Job("csky/tree", "pte"), RESULTS["violated"])]
        validator("result.schema.json").validate(good)
        bad = copy.deepcopy(good)
        bad["results"][0] |= change
        assert not validator("result.schema.json").is_valid(bad)

    def test_what_is_not_decided_has_a_reason(self):
        silent = result_data(Job("csky/tree", "pte"), replace(RESULTS["unknown"], reason=""))
        assert not validator("result.schema.json").is_valid({"schema": "ptecheck.result/1", "results": [silent]})


@pytest.fixture(scope="module")
def evidence(tmp_path_factory) -> Path:
    """Traces, certificates and an enumeration, as ``check --save`` writes them."""
    folder = tmp_path_factory.mktemp("evidence")
    for asked in (
        ("loongarch/original", "--split", "carry-dirty"),
        ("loongarch/original", "--world", "helpers", "--invariant", "write-only-when-granted"),
        ("loongarch/huacai", "--split", "carry-dirty"),
        ("loongarch/original", "--world", "pte", "--invariant", "no-second-trap"),
    ):
        ptecheck("check", *asked, "--no-cache", "--save", str(folder))
    return folder


def loaded(folder: Path, pattern: str) -> Iterator[Any]:
    found = sorted(folder.rglob(pattern))
    assert found
    for path in found:
        yield json.loads(path.read_text())


class TestEvidence:
    def test_traces(self, evidence):
        worlds = set()
        for data in loaded(evidence, "*.trace.json"):
            described(data, "trace.schema.json")
            worlds.add(data["world"])
        assert worlds == {"mm", "helpers"}

    def test_a_trace_of_the_whole_kernel(self):
        from checker.cli.evidence import described as of_job

        trace = traces.to_json(run_of("split").trace)
        for job in (
            Job("loongarch/original", "kernel", generation="linux-6.12"),
            RUNS["helpers"][0],
            RUNS["judged"][0],
        ):
            described(of_job(job, trace), "trace.schema.json")

    def test_certificates(self, evidence):
        for data in loaded(evidence, "certificate.json"):
            described(data, "certificate.schema.json")

    def test_enumerations(self):
        from checker.cli.evidence import _enumeration
        from checker.cli.evidence import described as of_job

        result = replace(RESULTS["proved"], diameter=3)
        data = of_job(Job("x/y", "kernel", generation="linux-6.1"), _enumeration("x/y, mm world", [result]))
        described(data, "certificate.schema.json")

    @pytest.mark.parametrize(
        "change",
        [
            {"schema": "ptecheck.trace/2"},
            {"steps": []},
            {"world": "helpers"},
            {"level": "pte"},
            {"processes": 2},
            {"inputs": [-1]},
            {"steps": [{"operation": "store", "state": {}}]},
            {"steps": [{"operation": "(start)", "state": {"entry": 1.5}}]},
            {"steps": [{"operation": "(start)"}]},
        ],
    )
    def test_what_a_trace_cannot_be(self, evidence, change):
        good = next(data for data in loaded(evidence, "*.trace.json") if data["world"] == "mm")
        assert validator("trace.schema.json").is_valid(good)
        assert not validator("trace.schema.json").is_valid({**good, **change})

    @pytest.mark.parametrize(
        "change",
        [
            {"clauses": []},
            {"clauses": [{"text": "x"}]},
            {"clauses": [{"text": "x", "literals": [["a"]]}]},
            {"schema": "ptecheck.enumeration/1"},
        ],
    )
    def test_what_a_certificate_cannot_be(self, evidence, change):
        good = next(loaded(evidence, "certificate.json"))
        assert not validator("certificate.schema.json").is_valid({**good, **change})


def test_what_a_patch_changes_and_what_is_compared(tmp_path):
    tree = small_tree(tmp_path / "tree")
    patch = tmp_path / "break.patch"
    patch.write_text(patch_between(PGTABLE_H, PGTABLE_H.replace(CONDITION, ALWAYS)))
    run = ptecheck("check", "csky", "--world", "pte", "--kernel", str(tree), "--patch", str(patch), "--json", "-")
    data = json.loads(run.stdout)
    described(data, "changes.schema.json")
    assert "broken" in {change["kind"] for change in data["changes"]}
    verdicts = {change["after"]["verdict"] for change in data["changes"]}
    assert verdicts == {Verdict.PROVED.value, Verdict.VIOLATED.value}
    compared = ptecheck("compare", "loongarch/original", "--json", "-")
    described(json.loads(compared.stdout), "comparison.schema.json")
