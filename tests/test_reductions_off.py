"""Each reduction switched off: the same verdicts at the same depths from more states, and on the command line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from checker.cli.jobs import REDUCTIONS, Job, build_system
from checker.cli.main import main
from checker.cli.reductions import ARGUMENTS, used_by
from checker.decision import Options, decide
from checker.dependency import cone_of_influence
from checker.verdict import Verdict
from models.mm.catalogue import CORE
from models.registry import architecture
from models.worlds import mm_system, pte_system

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "result.schema.json").read_text())

Verdicts = list[tuple[str, Verdict, int | None]]


def decided(config: str, words: str, without: Iterable[str], processes: int = 2) -> tuple[Verdicts, int]:
    """The verdicts and depths of a world without some reductions, and from how many states."""
    chosen = frozenset(("core", *words.split()))
    system = mm_system(
        architecture(config), processes=processes, features=chosen or CORE, renamed="frames" not in without
    )
    if "views" in without:
        system = replace(system, views=())
    results = decide(replace(system, every_bit="dead-bits" in without), Options(remember=False))
    assert len({r.states for r in results}) == 1
    return [(r.invariant, r.verdict, r.depth) for r in results], results[0].states or 0


def compare(config: str, words: str, reductions: Sequence[str], processes: int = 2) -> None:
    """Every choice of these reductions gives the same verdicts, and leaving one more out never gives fewer states."""
    expected, _ = decided(config, words, (), processes)
    sizes: dict[frozenset[str], int] = {}
    for count in range(len(reductions) + 1):
        for without in map(frozenset, itertools.combinations(reductions, count)):
            if "frames" in without and "views" in reductions and "views" not in without:
                continue  # views rest on canonical numbers
            verdicts, sizes[without] = decided(config, words, without, processes)
            assert verdicts == expected, without
    assert all(sizes[a] <= sizes[b] for a in sizes for b in sizes if a <= b), sizes
    assert sizes[frozenset()] < sizes[frozenset(reductions)]


@pytest.mark.parametrize("config", ["loongarch/original", "loongarch/huacai", "x86-64/linux-6.12"])
def test_the_core_is_judged_alike_without_reductions(config: str) -> None:
    compare(config, "", ("dead-bits", "frames"))


@pytest.mark.parametrize(
    ("config", "words"),
    [pytest.param("sparc64/linux-6.12", "touch", marks=pytest.mark.slow), ("x86-64+shstk/linux-6.1", "protect")],
)
def test_a_larger_world_is_judged_alike_without_reductions(config: str, words: str) -> None:
    compare(config, words, ("dead-bits", "frames", "views"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "words", "processes"),
    [
        ("loongarch/original", "touch", 2),
        ("x86-64/linux-6.12", "touch swap", 2),
        ("sparc64/original", "ksm", 2),
        ("x86-64/linux-6.12", "touch", 3),
    ],
)
def test_the_largest_worlds_that_can_be_compared_are_judged_alike(config: str, words: str, processes: int) -> None:
    compare(config, words, ("dead-bits", "frames", "views"), processes)


@pytest.mark.parametrize("config", ["loongarch/huacai", "sparc64/original", "x86-64/linux-6.12"])
def test_the_pte_world_is_judged_alike_with_frame_numbers_searched(config: str) -> None:
    system = pte_system(architecture(config))
    options = Options(remember=False, seconds=120.0)
    found, free = decide(system, options), decide(replace(system, immaterial={}), options)
    assert [(r.invariant, r.verdict, r.depth) for r in free] == [(r.invariant, r.verdict, r.depth) for r in found]


def test_every_bit_is_kept_on_demand() -> None:
    system = mm_system(architecture("x86-64/linux-6.12"))
    masks = cone_of_influence(replace(system, every_bit=True).relation).masks
    assert masks == tuple((1 << max(1, leaf.sort.width)) - 1 for leaf in system.layout.leaves)


# The command line.


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    said = capsys.readouterr()
    return status, said.out, said.err


def states(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Verdicts, int, list[str]]:
    status, text, _ = run(capsys, "check", "--no-cache", "--jobs", "1", "--json", "-", *arguments)
    data = json.loads(text)
    jsonschema.validate(data, SCHEMA)
    rows = data["results"]
    verdicts = [(r["invariant"], r["verdict"], r["depth"]) for r in rows]
    return status, verdicts, rows[0]["states"], rows[0]["without"]


@pytest.mark.parametrize("config", ["loongarch/original", "loongarch/huacai"])
def test_check_without_reductions(capsys: pytest.CaptureFixture[str], config: str) -> None:
    job = (config, "--split", "carry-dirty")
    status, verdicts, count, without = states(capsys, *job)
    assert without == []
    for chosen, off in (("dead-bits", ["frames", "immaterial", "views"]), ("none", sorted(REDUCTIONS))):
        again = states(capsys, *job, "--reductions", chosen)
        assert again[:2] == (status, verdicts) and again[3] == off
        assert again[2] > count


def test_what_cannot_be_enumerated_is_not_called_proved(capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = run(
        capsys, "check", "x86-64/linux-6.12", "--world", "pte", "--reductions", "none", "--no-cache", "--jobs", "1"
    )
    assert status == 3 and "more than 1048576 initial states" in text and "proved" not in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--reductions", "dead-bit"), "did you mean 'dead-bits'"),
        (("--reductions", "views"), "add frames"),
        (("--reductions", "none", "--save", "/nowhere"), "leave out --reductions"),
    ],
)
def test_wrong_choices_of_reductions(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    status, _, error = run(capsys, "check", "loongarch/original", *arguments)
    assert status == 2 and says in error


def test_reductions_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = run(capsys, "reductions")
    assert status == 0
    assert set(ARGUMENTS) == set(REDUCTIONS)
    assert all(name in text for name in REDUCTIONS)


def test_reductions_of_a_configuration_are_proved(capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = run(capsys, "reductions", "loongarch/huacai", "--world", "mm", "--split", "reorder")
    assert status == 0
    assert [line.split()[:2] for line in text.splitlines()[1:]] == [["dead-bits", "holds:"], ["frames", "holds:"]]


def test_reductions_that_are_not_decided_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = run(capsys, "reductions", "loongarch/huacai", "--world", "pte", "--timeout", "0.000001")
    assert status == 3 and "not decided" in text and "holds:" not in text


def test_every_world_says_which_reductions_it_uses() -> None:
    for job in (
        Job("x86-64/linux-6.12", "pte"),
        Job("x86-64/linux-6.12", "mm", "reorder"),
        Job("x86-64/linux-6.12", "kernel", generation="linux-6.12"),
    ):
        system = build_system(job)
        assert ("views" in used_by(job)) is bool(system.views)
        assert ("immaterial" in used_by(job)) is bool(system.immaterial)
