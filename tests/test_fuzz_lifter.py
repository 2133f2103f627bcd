"""The fuzzer itself: a short run finds nothing, and what it is there to find, it finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.kernel import KernelError
from tests import fuzz_lifter
from tests.fuzz_lifter import TARGETS, fuzz, try_header, try_patch
from tests.hostile_headers import PATCHES, SAMPLES
from tests.kernel_trees import MADE_UP_TYPES


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_a_short_run_finds_nothing(target: str) -> None:
    found = fuzz(1.5, 7, (target,))
    assert found.failure is None and sum(found.outcomes.values()) > 5


def test_the_samples_are_whole() -> None:
    for sample in SAMPLES:
        found = fuzz_lifter.lifted(sample.encode(), "loongarch")
        assert len(found.helpers) >= 2
    whole = (*PATCHES[:2], PATCHES[3], PATCHES[4])
    assert [try_patch(patch) for patch in whole] == ["applied"] * 4


def test_the_same_seed_tries_the_same_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[bytes]] = []
    for _ in range(2):
        tried: list[bytes] = []
        monkeypatch.setattr(
            fuzz_lifter, "try_header", lambda data, name="", tried=tried: tried.append(data) or "lifted"
        )
        fuzz(1, 3, ("bytes",))
        seen.append(tried)
    shorter = min(map(len, seen))
    assert shorter > 50 and seen[0][:shorter] == seen[1][:shorter]


def crash(data: bytes, name: str = "") -> str:
    raise RecursionError("planted")


def hang(data: bytes, name: str = "") -> str:
    while True:
        pass


def unprintable(data: bytes, name: str = "") -> str:
    fuzz_lifter._check_sentence(KernelError("two\nlines"))
    return ""


@pytest.mark.parametrize(
    ("planted", "says"), [(crash, "planted"), (hang, "TooSlow"), (unprintable, "no short printable")]
)
@pytest.mark.parametrize("target", [pytest.param("headers", marks=pytest.mark.slow), "bytes"])
def test_what_goes_wrong_is_found(monkeypatch: pytest.MonkeyPatch, target: str, planted: object, says: str) -> None:
    monkeypatch.setattr(fuzz_lifter, "try_header", planted)
    monkeypatch.setattr(fuzz_lifter, "SECONDS", 0.05)
    monkeypatch.setattr(fuzz_lifter, "SMALLER", 0.5)
    found = fuzz(20, 1, (target,))
    assert found.failure is not None and says in found.failure[1]


def test_a_failure_is_kept_as_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fuzz_lifter, "try_patch", crash)
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["fuzz", "--seconds", "5", "--seed", "9", "--target", "patches"])
    assert fuzz_lifter.main() == 1
    assert len(list(tmp_path.glob("fuzz-*.txt"))) == 1
    output = capsys.readouterr()
    assert "seed 9" in output.out and "planted" in output.err


def test_a_file_that_is_read_twice_is_counted_twice() -> None:
    assert try_header(MADE_UP_TYPES.encode() + b"#include <asm/page.h>\n" * 500) == "refused"
