"""The record of all benchmarks: what is in it, which failures it names, and where it is shown."""

from __future__ import annotations

import datetime
import importlib
import sys
from pathlib import Path

import pytest

from bench import record
from bench.record import BEGIN, END, PARTS, Part, sections, shown

RECORD = "# Benchmarks of a day\n\n## One\n\nfirst\n\n## Two\n\nsecond\n"
PAGE = f"# Performance\n\nWords.\n\n{BEGIN}\nold\n{END}\n\n## After\n"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where a record is written, beside a page."""
    (tmp_path / "page.md").write_text(PAGE)
    monkeypatch.setattr(record, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(record, "PAGE", tmp_path / "page.md")
    return tmp_path


def written(folder: Path) -> str:
    """The one record that is there."""
    (made,) = (folder / "records").iterdir()
    return made.read_text()


def test_every_part_can_be_run_and_has_a_title_of_its_own() -> None:
    assert len({part.title for part in PARTS}) == len(PARTS)
    for part in PARTS:
        assert callable(importlib.import_module(part.module).main)


def test_a_record_names_the_part_that_failed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = (Part("Help", "bench.large", ("--help",)), Part("Wrong", "bench.large", ("--no",)))
    monkeypatch.setattr(record, "PARTS", parts)
    monkeypatch.setattr(sys, "argv", ["record"])
    assert record.main() == 1
    assert "failed: bench.large" in capsys.readouterr().err
    text = written(folder)
    assert "## Help\n\nusage:" in text
    assert "no medians" not in text
    assert "**python -m bench.large --no: exit status 2**" in text
    assert "### Help\n\nusage:" in (folder / "page.md").read_text()


def test_a_quick_record_says_so_and_is_not_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "PARTS", ())
    monkeypatch.setattr(sys, "argv", ["record", "--quick"])
    assert record.main() == 0
    assert "One round, without the slowest rows" in written(folder)
    assert (folder / "page.md").read_text() == PAGE


def test_one_part_alone_keeps_the_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "records").mkdir()
    today = folder / "records" / f"{datetime.date.today().isoformat()}.md"
    today.write_text(RECORD)
    help_ = ("--help",)
    parts = (Part("One", "bench.large"), Part("Two", "bench.large", help_), Part("Three", "bench.large", help_))
    monkeypatch.setattr(record, "PARTS", parts)
    monkeypatch.setattr(sys, "argv", ["record", "--only", "Two"])
    assert record.main() == 0
    found = sections(written(folder))
    assert list(found) == ["One", "Two"]
    assert found["One"] == "first" and found["Two"].startswith("usage:")


def test_an_unknown_part_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["record", "--only", "nonesuch"])
    with pytest.raises(SystemExit, match="2"):
        record.main()
    assert "'nonesuch'" in capsys.readouterr().err
    assert not (folder / "records").exists()


def test_a_record_is_shown_a_level_lower_between_its_marks() -> None:
    page = shown(PAGE, RECORD)
    assert page.startswith(f"# Performance\n\nWords.\n\n{BEGIN}\n## Benchmarks of a day\n\n### One\n\nfirst\n")
    assert page.endswith(f"second\n{END}\n\n## After\n")
    assert shown(page, RECORD) == page
    with pytest.raises(ValueError, match="no place"):
        shown("# Performance\n", RECORD)


def test_the_documentation_shows_the_newest_record() -> None:
    newest = max(record.RECORDS.glob("*.md"))
    page = record.PAGE.read_text(encoding="utf-8")
    assert shown(page, newest.read_text(encoding="utf-8")) == page
