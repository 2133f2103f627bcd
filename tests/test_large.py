"""The searches beside SPIN's: what is measured, what is a failure, and the table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import large, record
from bench.large import Run


def test_the_peak_is_that_of_the_process_that_was_run(tmp_path: Path) -> None:
    small = "print('small')"
    wide = "x = bytearray(200 << 20); x[::4096] = b'1' * len(x[::4096]); print('wide')"
    said, _, little = large.watched((sys.executable, "-c", small), tmp_path)
    assert said == "small\n"
    assert little < 190
    said, seconds, much = large.watched((sys.executable, "-c", wide), tmp_path)
    assert said == "wide\n"
    assert 200 < much < 260
    assert seconds > 0


def test_ratios_are_of_a_round() -> None:
    runs = {"ptecheck": [Run(10, 1, 100), Run(10, 2, 100)], "other": [Run(10, 10, 50), Run(10, 10, 50)]}
    first, second = large.rows("world", runs)
    assert first.startswith("| world | **ptecheck** | 10 | 1.50 s |")
    assert first.endswith("| 100 MB | 1 | 1 | 2 |")
    assert second.endswith("| 50 MB | 7.5 | 0.5 | 2 |")


def test_other_numbers_of_states_are_named() -> None:
    assert large.differing({"ptecheck": [Run(10, 1, 1)], "other": [Run(10, 1, 1)]}) == ""
    said = large.differing({"ptecheck": [Run(10, 1, 1)], "other": [Run(11, 1, 1)]})
    assert "ptecheck [10]; other [11]" in said


def test_a_search_that_fails_is_no_measurement(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(large, "watched", lambda command, folder: ("Traceback\nMemoryError\n", 1.0, 1.0))
    with pytest.raises(large.Failed, match="MemoryError"):
        large.ours(large.SMALL, tmp_path)
    with pytest.raises(large.Failed, match="depth first"):
        large.theirs(0, tmp_path)


def test_a_record_names_the_part_that_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = (record.Part("Help", "bench.large", ("--help",), ()), record.Part("Wrong", "bench.large", ("--no",), ()))
    monkeypatch.setattr(record, "PARTS", parts)
    monkeypatch.setattr(record, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(sys, "argv", ["record"])
    assert record.main() == 1
    assert "failed: bench.large" in capsys.readouterr().err
    (made,) = (tmp_path / "records").iterdir()
    text = made.read_text()
    assert "## Help\n\nusage:" in text
    assert "no medians" not in text
    assert "**python -m bench.large --no: exit status 2**" in text


def test_a_quick_record_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(record, "PARTS", ())
    monkeypatch.setattr(record, "RECORDS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["record", "--quick"])
    assert record.main() == 0
    (made,) = tmp_path.iterdir()
    assert "One round, without the slowest rows" in made.read_text()


def test_an_option_is_given_once() -> None:
    assert record.Part("", "m", ("--quick",)).command(quick=True) == ("-m", "m", "--quick")
    assert record.Part("", "m").command(quick=False) == ("-m", "m")
