"""docs/invariants.md says what the invariants say, and every run in it breaks what it is said to break."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from checker.cli.check import plan
from checker.cli.jobs import Job, build_system, system_with
from checker.cli.listing import every_invariant
from checker.cli.parser import command_parser
from checker.cli.reference import (
    ABOUT,
    HEAD,
    PAGE,
    WORLDS,
    Mistake,
    entry,
    exemplary_jobs,
    page,
    violations,
    without_example,
    world_of,
)
from checker.state import Shape
from checker.system import TransitionSystem
from checker.trace import BadTrace, Trace, make_trace
from models.registry import architecture

TEXT = PAGE.read_text(encoding="utf-8")
NAMES = [(world, i.name) for world, invariants in every_invariant().items() for i in invariants]


def examples() -> dict[tuple[str, str], str]:
    """World and invariant -> how the page says that it is broken."""
    found = {}
    for world, heading in WORLDS.items():
        _, _, part = TEXT.partition(f"\n## {heading}\n")
        part = re.split(r"^## ", part, flags=re.M)[0]
        for section in re.split(r"^### ", part, flags=re.M)[1:]:
            name = section.partition("`\n")[0].removeprefix("`")
            found[world, name] = section.rstrip("\n").rpartition("\n\n")[2] + "\n\n"
    return found


EXAMPLES = examples()
BROKEN = {key: text for key, text in EXAMPLES.items() if text.startswith("Broken by")}


def test_the_page_is_what_its_generator_writes() -> None:
    assert page(EXAMPLES) == TEXT, "docs/invariants.md is old: python -m checker.cli.reference"
    assert list(EXAMPLES) == NAMES
    assert TEXT.startswith(HEAD)
    assert all(text in TEXT for text in ABOUT.values())


def test_a_changed_sentence_would_be_seen() -> None:
    first = every_invariant()["pte"][0]
    assert entry(first, EXAMPLES["pte", first.name]) in TEXT
    assert len(set(Counter(world for world, _ in BROKEN))) == len(WORLDS)


def test_most_invariants_have_a_run() -> None:
    assert len(BROKEN) >= 20
    assert len(MISTAKES) >= 25
    for key in set(EXAMPLES) - set(BROKEN) - set(MISTAKES):
        assert EXAMPLES[key] == without_example(key[1])


MISTAKE = re.compile(
    r"No built-in variant breaks it; (\S+) would \(([^)]+)\) if `(\w+)\(\)` also (set|cleared) `(\w+)`: (.*)\.\n\n",
    re.S,
)
MISTAKES = {key: text for key, text in EXAMPLES.items() if MISTAKE.fullmatch(text)}


@pytest.mark.parametrize(("key", "text"), MISTAKES.items(), ids=[" ".join(key) for key in MISTAKES])
def test_a_mistake_breaks_what_it_is_said_to_break(key: tuple[str, str], text: str) -> None:
    config, title, helper, how, bit, run = MISTAKE.fullmatch(text).groups()  # type: ignore[union-attr]
    wrong = Mistake(helper, how == "set", bit).made_in(architecture(config))
    (job,) = [job for job in exemplary_jobs(config) if job.title == title]
    start, *operations = run.split("; ")
    inputs = zeros(system_with(job, wrong), start)
    assert make_trace(system_with(job, wrong), key[1], start, inputs, operations).depth == len(operations)
    with pytest.raises(BadTrace):
        make_trace(build_system(job), key[1], start, inputs, operations)
    assert world_of(job) == key[0]


def zeros(system: TransitionSystem, start: str) -> tuple[int, ...]:
    (chosen,) = [s for s in system.starts if s.name == start]
    return (0,) * len(Shape.of(chosen.inputs).leaves)


def replayed(text: str) -> tuple[Job, Trace]:
    """The run of an example, done again on integers."""
    command, run = re.fullmatch(r"Broken by `ptecheck ([^`]+)`: (.*)\.\n\n", text, re.S).groups()  # type: ignore[union-attr]
    args = command_parser(command.split()).parse_args(command.split())
    start, *operations = run.split("; ")
    start, _, given = start.partition(" with input")
    values = {int(k): int(value, 16) for k, value in re.findall(r"\[(\d+)\] = (0x[0-9a-f]+)", given)}
    why = "no such system"
    for job in plan(args):
        system = build_system(job)
        if args.invariant not in {invariant.name for invariant in system.invariants}:
            continue
        inputs = tuple(values.get(k, zero) for k, zero in enumerate(zeros(system, start)))
        try:
            return job, make_trace(system, args.invariant, start, inputs, operations)
        except BadTrace as error:
            why = str(error)
    raise AssertionError(why)


@pytest.mark.parametrize(("key", "text"), BROKEN.items(), ids=[" ".join(key) for key in BROKEN])
def test_a_run_breaks_what_it_is_said_to_break(key: tuple[str, str], text: str) -> None:
    job, trace = replayed(text)
    assert (world_of(job), trace.invariant) == key


def test_a_run_that_breaks_nothing_is_found_out() -> None:
    text = next(text for key, text in BROKEN.items() if key == ("mm", "cow-isolation"))
    with pytest.raises(AssertionError, match="does not violate|is not enabled|holds"):
        replayed(text.replace("; store(parent)", ""))


@pytest.mark.slow
def test_no_run_of_its_system_is_shorter() -> None:
    for text in BROKEN.values():
        job, trace = replayed(text)
        if job.world != "kernel":
            (shortest,) = violations(job, [trace.invariant])
            assert shortest.trace.depth == trace.depth
