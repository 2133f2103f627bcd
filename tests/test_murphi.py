"""The Murphi model that Rumur gets: it has the states, the verdicts and the depths of the system it is made from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from bench.peers import murphi, rumur
from checker.explicit import explore
from checker.export.model import CannotExport, exported
from checker.logic import same, ult
from checker.state import Bits
from checker.system import Invariant, Operation, Start, TransitionSystem
from tests.random_systems import systems

needs_rumur = pytest.mark.skipif(
    not (shutil.which("rumur") and shutil.which("gcc")), reason="no Rumur: apt-get install rumur gcc"
)


@dataclass(frozen=True)
class Light:
    """A number of seconds."""

    seconds: Any


def light(limit: int, name: str = "off") -> TransitionSystem[Light]:
    """A light that waits in steps of seven seconds."""
    return TransitionSystem(
        "light",
        Light(Bits(8)),
        (Start(name, lambda _: Light(0)),),
        (
            Operation('wait "long"', lambda s: (ult(s.seconds, 60), replace(s, seconds=s.seconds + 7))),
            Operation("reset", lambda s: (same(s.seconds, 63), Light(0))),
        ),
        (Invariant("short", "never longer than so many", lambda s: ult(s.seconds, limit)),),
    )


@needs_rumur
@pytest.mark.parametrize(("limit", "expected"), [(61, ("violated", 9, None)), (64, ("holds", None, 10))])
def test_the_light(limit: int, expected: tuple[str, int | None, int | None], tmp_path: Path) -> None:
    answer = rumur.run(exported(light(limit)), "short", tmp_path, None)
    assert (answer.verdict, answer.depth, answer.states) == expected, answer.note


def test_a_name_cannot_end_its_string() -> None:
    text = murphi.text(exported(light(61, 'a"; begin')))
    assert all(line.count('"') in (0, 2) for line in text.splitlines())


def test_too_many_starts_are_refused() -> None:
    system = light(61)
    wide = replace(system, starts=tuple(Start(f"any {k}", lambda s: s, Light(Bits(8))) for k in range(17)))
    with pytest.raises(CannotExport, match="more than 4096"):
        murphi.text(exported(wide))


@needs_rumur
@pytest.mark.slow
@settings(max_examples=8)
@given(system=systems())
def test_rumur_agrees_on_random_systems(system: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    found, model = explore(system), exported(system)
    for number, (name, _) in enumerate(model.properties):
        answer = rumur.run(model, name, tmp_path_factory.mktemp("random"), None)
        bad = found.first_violation.get(number)
        expected = ("holds", None, len(found.states)) if bad is None else ("violated", found.depth(bad), None)
        assert (answer.verdict, answer.depth, answer.states) == expected, answer.note
