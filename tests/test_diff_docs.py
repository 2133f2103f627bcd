"""What docs/diff.md and README.md show of ``ptecheck diff`` is what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checker.cli.cost_report import summed
from checker.cli.costs import costs_of
from checker.cli.diff import Answer, Question, answered
from checker.cli.jobs import Job
from checker.cli.main import main
from checker.decision import Options

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DIFF = (ROOT / "docs" / "diff.md").read_text(encoding="utf-8")
RELEASES = ("linux-6.1", "linux-6.12")


def table(text: str) -> dict[tuple[str, str], str]:
    """(configuration, release) -> what the summary in a document says of it."""
    lines = re.findall(r"^    (loongarch/\S+)  +(\S.*?)  +(\S.*)$", text, re.M)
    return {(name, release): words for name, *both in lines for release, words in zip(RELEASES, both, strict=True)}


def test_the_readme_and_the_document_have_one_table() -> None:
    assert table(README) == table(DIFF)
    assert {name for name, _ in table(README)} == {
        f"loongarch/{variant}"
        for variant in ("original", "peter", "hev", "hev-fast", "linux-6.1", "linux-6.12", "linux-6.12-peter")
    }
    assert table(README)["loongarch/peter", "linux-6.1"] == table(README)["loongarch/peter", "linux-6.12"] == "never"


def costs(second: str, release: str, first: str = "loongarch/huacai") -> Answer:
    left, right = (Job(config, "kernel", generation=release) for config in (first, second))
    return answered(Question(left, right, cost=True), Options(remember=False, clauses=False))


@pytest.mark.slow
@pytest.mark.parametrize(("config", "release"), sorted(table(README)))
def test_the_table_is_real(config: str, release: str) -> None:
    assert summed(costs_of(costs(config, release))) == table(README)[config, release]


@pytest.mark.slow
def test_what_the_bit_in_mkdirty_saves_today_is_what_the_document_says() -> None:
    found = costs_of(costs("loongarch/linux-6.12-peter", "linux-6.12", "loongarch/linux-6.12"))
    extra = {maker for maker, span in found.all.items() if span.extra is not None}
    swapped_in = {"swap_in_write", "swap_in_write_freeing", "swap_in_write_fresh"}
    assert extra == {*swapped_in, "split_huge_pmd", "remove_migration_pmd", "load"}
    assert all((found.all[maker].least, found.all[maker].most) == (1, 1) for maker in swapped_in)
    assert all(span.nothing for span in found.mm.values() if span.reached)


QUICK = [
    command
    for command in re.findall(r"^    ptecheck ((?:diff|compare) .+?)(?:  .*)?$", DIFF, re.M)
    if "~" not in command
]


def test_the_document_shows_commands() -> None:
    assert len(QUICK) >= 6


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in QUICK if "--faults" not in c and "--world kernel" not in c])
def test_every_command_of_the_document_runs(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main([*command.split(), "--jobs", "1", "--no-cache"])
    assert status in (0, 1), capsys.readouterr().err
