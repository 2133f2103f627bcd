"""Proofs by enumeration on disk: found anew by certify, refused when they were changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checker.cli.main import main

CHECK = ("check", "sparc64/linux-6.12", "--world", "kernel", "--mm", "linux-6.1", "--processes", "1")


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proof")
    assert main([*CHECK, "--save", str(folder)]) in (0, 3)
    (path,) = folder.rglob("enumeration.json")
    return path


@pytest.fixture
def changed(proof: Path, tmp_path: Path) -> Any:
    def change(**values: Any) -> Path:
        target = tmp_path / proof.name
        target.write_text(json.dumps({**json.loads(proof.read_text()), **values}))
        return tmp_path

    return change


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


def test_what_does_not_hold_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The claim of a kernel that breaks it, made by hand."""
    main(["check", "sparc64/original", *CHECK[2:], "--save", str(tmp_path)])
    (path,) = tmp_path.rglob("enumeration.json")
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "invariants": ["read-only-vma-holds"]}))
    for trace in tmp_path.rglob("*.trace.json"):
        trace.unlink()
    capsys.readouterr()
    assert main(["certify", str(tmp_path)]) == 2
    assert "does not hold in every state" in capsys.readouterr().err
