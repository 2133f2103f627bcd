"""Verdicts kept between runs: found again for the same system, never for another, never believed when they are wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker import cache
from checker.cli.jobs import remembered_or_decided
from checker.cli.main import main
from checker.decision import Options, decide
from checker.logic import ite
from checker.system import TransitionSystem
from checker.verdict import Verdict
from models.registry import architecture
from models.worlds import mm_system, pte_system


def system(config: str = "loongarch/original") -> TransitionSystem:
    return pte_system(architecture(config))


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, str]:
    """A folder that holds the results of a system, and their key."""
    found = system()
    name = cache.key(found)
    cache.store(tmp_path, name, found, decide(found))
    return tmp_path, name


def test_what_was_kept_is_found(kept: tuple[Path, str]) -> None:
    found = cache.load(*kept, system())
    assert found is not None
    fresh = decide(system())
    assert [replace(r, seconds=0.0, remembered=False) for r in found] == [replace(r, seconds=0.0) for r in fresh]
    assert {r.verdict for r in found} == {Verdict.PROVED, Verdict.VIOLATED}
    assert [r.certificate.shown for r in found if r.certificate] == [
        r.certificate.shown for r in fresh if r.certificate
    ]
    assert all(r.remembered for r in found)


def test_the_key_is_the_same_in_another_process() -> None:
    text = (
        "from tests.test_cache import *; "
        "mm_system(architecture('x86-64/linux-6.12')).relation; print(cache.key(system()))"
    )
    told = subprocess.run((sys.executable, "-c", text), check=True, capture_output=True, text=True).stdout.strip()
    assert told == cache.key(system())


@pytest.mark.parametrize(
    "other",
    [
        system("loongarch/huacai"),
        mm_system(architecture("loongarch/original"), split="carry-dirty"),
        replace(system(), invariants=system().invariants[:-1]),
        replace(system(), operations=system().operations[::-1]),
        replace(system(), name="another"),
    ],
    ids=lambda found: found.name,
)
def test_another_question_has_another_key(other: TransitionSystem) -> None:
    assert cache.key(other) != cache.key(system())


def test_who_asks_for_clauses_gets_no_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of proof are kept, each for those who ask for it."""
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path))
    for clauses in (False, True, False, True):
        results = remembered_or_decided(system(), Options(clauses=clauses))
        proved = [r for r in results if r.verdict is Verdict.PROVED]
        assert proved
        assert all(r.enumerated is not clauses and (r.certificate is not None) is clauses for r in proved)
    assert all(r.remembered for r in results)


def test_a_change_of_one_bit_has_another_key() -> None:
    arch = architecture("loongarch/linux-6.12")
    odd = arch.with_helpers(
        arch.variant, "", "", pte_mkdirty=lambda e: ite((e & (1 << 60)) != 0, e, arch.pte_mkdirty(e))
    )
    assert cache.key(mm_system(arch)) != cache.key(mm_system(odd))


def _change(kept: tuple[Path, str], **values: Any) -> None:
    (path,) = kept[0].rglob("*.json")
    data = json.loads(path.read_text())
    for entry in data["results"]:
        if entry["verdict"] == "violated":
            entry.update(values)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    "values",
    [
        {"depth": 1},
        {"invariant": "progress"},
        {"trace": None},
        {"trace": {}},
        {"verdict": "sure"},
        {"verdict": "proved"},
    ],
    ids=str,
)
def test_a_wrong_entry_is_no_entry(kept: tuple[Path, str], values: dict[str, Any]) -> None:
    _change(kept, **values)
    assert cache.load(*kept, system()) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": "ptecheck.cache/1"}', "[" * 100_000])
def test_a_broken_file_is_no_entry(kept: tuple[Path, str], text: str) -> None:
    (path,) = kept[0].rglob("*.json")
    path.write_text(text)
    assert cache.load(*kept, system()) is None


def test_a_trace_of_a_run_that_does_not_exist_is_no_entry(kept: tuple[Path, str]) -> None:
    (path,) = kept[0].rglob("*.json")
    data = json.loads(path.read_text())
    trace = next(entry["trace"] for entry in data["results"] if entry["trace"])
    trace["steps"][-1]["operation"] = trace["steps"][1]["operation"]
    path.write_text(json.dumps(data))
    assert cache.load(*kept, system()) is None


def test_what_is_not_decided_is_not_kept(tmp_path: Path) -> None:
    found = system()
    results = decide(found)
    cache.store(tmp_path, "ab", found, [replace(results[0], verdict=Verdict.UNKNOWN), *results[1:]])
    assert list(tmp_path.rglob("*.json")) == []


def test_old_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_FILES", 3)
    found = system()
    results = decide(found)
    for number in range(5):
        cache.store(tmp_path, f"a{number}{'0' * 62}", found, results)
    assert len(list(tmp_path.rglob("*.json"))) < 5
    assert cache.load(tmp_path, f"a4{'0' * 62}", found) is not None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    found = system()
    cache.store(tmp_path / "file", "ab", found, decide(found))
    assert "verdicts are not kept" in capsys.readouterr().err


class TestCommandLine:
    ARGUMENTS = ("check", "loongarch/original", "--world", "pte")

    def test_a_second_run_prints_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path))
        assert main(self.ARGUMENTS) == 1
        first = capsys.readouterr().out
        assert len(list(tmp_path.rglob("*.json"))) == 1
        assert main(self.ARGUMENTS) == 1
        assert capsys.readouterr().out == first

    def test_no_cache_decides_anew_and_keeps_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path))
        assert main([*self.ARGUMENTS, "--no-cache"]) == 1
        assert list(tmp_path.rglob("*.json")) == []
