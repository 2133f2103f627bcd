"""Proofs by enumeration on disk: found anew by certify, refused when they were changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checker.cli.main import main


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proof")
    check = ("check", "sparc64/linux-6.12", "--world", "kernel", "--mm", "linux-6.1", "--save", str(folder))
    assert main(check) == 0
    (path,) = folder.rglob("enumeration.json")
    return path


@pytest.fixture
def changed(proof: Path, tmp_path: Path) -> Any:
    def change(**values: Any) -> Path:
        target = tmp_path / proof.name
        target.write_text(json.dumps({**json.loads(proof.read_text()), **values}))
        return tmp_path

    return change


@pytest.mark.slow
def test_is_found_anew(changed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", str(changed())]) == 0
    assert "looked at by both engines" in capsys.readouterr().out


@pytest.mark.parametrize(
    "values",
    [
        {"states": 7},
        {"diameter": None},
        {"invariants": []},
        {"invariants": "all"},
        {"invariants": [["shared-not-hw-writable"]]},
        {"invariants": ["no-such-invariant"]},
        {"generation": ["linux-6.1"]},
        {"generation": "linux-9.9"},
        {"migration": {}},
        {"extras": [[]]},
        {"extras": "as-is"},
        {"processes": {}},
        {"processes": 9},
        {"system": "another"},
        {"schema": "another"},
        {"world": "mm"},
        {"config": "sparc64/nobody"},
    ],
)
def test_a_changed_one_is_refused_in_one_sentence(
    changed: Any, values: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", str(changed(**values))]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "enumeration.json" in said


def test_a_claim_that_is_false_is_refused(proof: Path, changed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    named = json.loads(proof.read_text())["system"]
    broken = named.replace("sparc64/linux-6.12", "sparc64/original")
    folder = changed(config="sparc64/original", system=broken, invariants=["cow-isolation"])
    assert main(["certify", str(folder)]) == 2
    assert "cow-isolation does not hold in every state" in capsys.readouterr().err
