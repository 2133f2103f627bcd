"""The measurement of growth: which worlds it searches, what it writes, and where."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench import growth
from bench.growth import ORDER, Point, World, draw, system_of, table, worlds
from models.mm.catalogue import ALL

ROOT = Path(__file__).parent.parent
SMALL = World("one", "x86-64/linux-6.12", ("touch",))
POINT = Point(SMALL, 1234, 5678, 9, 0.25, 38.5, True)


def test_every_group_of_operations_is_added_once() -> None:
    assert sorted((*ORDER, "core")) == sorted(ALL)


def test_worlds_are_distinct_and_can_be_built() -> None:
    every = list(worlds())
    assert len(set(every)) == len(every)
    for world in every:
        if not world.slow and len(world.features) < 3:
            assert system_of(world).operations


def test_a_world_is_searched_in_a_process_of_its_own() -> None:
    point = growth.measured(World("one", "", (), 2, 2))
    assert (point.states, point.transitions, point.diameter, point.complete) == (787, 2774, 12, True)
    assert point.seconds > 0 and point.megabytes > 1


def test_reductions_are_switched_off() -> None:
    assert not system_of(replace(SMALL, without=("views",))).views
    assert system_of(replace(SMALL, without=("dead-bits",))).every_bit
    assert not system_of(replace(SMALL, without=("frames",))).views


def test_the_table_has_a_row_for_each_point() -> None:
    rows = table([POINT, replace(POINT, complete=False)]).splitlines()
    assert len({row.count("|") for row in rows}) == 1
    assert "| 1,234 | 5,678 | 9 | 0.2 | 38 MB |" in rows[2] and "more than 1,234" in rows[3]


def test_the_picture_is_an_svg_with_readable_text(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pip install 'ptecheck[plot]'")
    series = [
        replace(POINT, world=replace(SMALL, series=name), states=k + 2)
        for k, name in enumerate((growth.CORE, growth.GROUPS))
    ]
    draw(series, tmp_path / "growth.svg")
    text = (tmp_path / "growth.svg").read_text(encoding="utf-8")
    assert "<svg" in text and "reachable states" in text


def test_a_failed_search_is_no_point() -> None:
    command = [sys.executable, "-m", "bench.growth", "--world", json.dumps(asdict(replace(SMALL, config="none/such")))]
    assert subprocess.run(command, capture_output=True, cwd=ROOT, check=False).returncode != 0
    with pytest.raises(SystemExit):
        growth.measured(replace(SMALL, config="none/such"))
