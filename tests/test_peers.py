"""What peers print is read by its verdict lines, and disagreements are found."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench import agree, speed
from bench.peers import esbmc, rumur, spin
from bench.peers.answer import Answer
from bench.peers.asking import ask
from checker.export.model import Exported, exported
from checker.verdict import Result, Verdict
from tests import builtin_systems

SPIN_HOLDS = """
(Spin Version 6.5.2 -- 6 December 2019)
    + Breadth-First Search

Full statespace search for:
    assertion violations	+
    invalid end states	- (disabled by -E flag)

State-vector 20 byte, depth reached 15, errors: 0
     1026 states, stored
     1026 nominal states (stored-atomic)
     7283 states, matched
"""
SPIN_VIOLATED = """pan:1: assertion violated ( (holds_data()) ) (at depth 3)
pan: wrote system.pml.trail
Warning: Search not completed
State-vector 20 byte, depth reached 3, errors: 1
       60 states, stored
"""
SPIN_MEMORY = """pan: reached -DMEMLIM bound
    4.29495e+09 bytes used
Warning: Search not completed
State-vector 20 byte, depth reached 9, errors: 0
  9000000 states, stored
"""


RUMUR_VIOLATED = """<error includes_trace="true">
<message>invariant &quot;cow-isolation&quot; failed</message>
<transition>Startstate &quot;0: a huge page of its own&quot;</transition>
<transition>Rule &quot;fork_pmd(parent)&quot;</transition>
<transition>Rule &quot;split_huge_pmd(parent)&quot;</transition>
<transition>Rule &quot;store(parent)&quot;</transition>
</error>
<summary states="44" rules_fired="92" errors="1" duration_seconds="0"/>
"""


def test_rumur_is_read_by_its_summary_and_its_message() -> None:
    holds = '<summary states="209" rules_fired="1040" errors="0" duration_seconds="0"/>'
    assert rumur.read_report(holds) == ("holds", None, 209, "")
    assert rumur.read_report(RUMUR_VIOLATED) == ("violated", 3, None, "")
    stuck = RUMUR_VIOLATED.replace("invariant &quot;cow-isolation&quot; failed", "deadlock")
    assert rumur.read_report(stuck)[0] == "unknown"
    assert rumur.read_report("<progress states=&quot;10000&quot;/>\nKilled\n") == ("unknown", None, None, "Killed")


def test_a_complete_search_of_spin_is_a_proof_and_counts_the_states() -> None:
    assert spin.read_report(SPIN_HOLDS) == spin.Report("holds", states=1025)
    large = SPIN_HOLDS.replace("     1026 states, stored", "1.230967e+06 states, stored")
    assert spin.read_report(large).states == 1230966


def test_a_violation_of_spin_has_its_depth_and_no_count() -> None:
    assert spin.read_report(SPIN_VIOLATED) == spin.Report("violated", depth=3)


@pytest.mark.parametrize(
    ("said", "why"),
    (
        (SPIN_MEMORY, "memory"),
        ("pan: out of memory\n" + SPIN_HOLDS, "memory"),
        ("error: max search depth too small\n" + SPIN_HOLDS, "deep enough"),
        ("Warning: Search not completed\n" + SPIN_HOLDS, "not completed"),
        ("pan:1: invalid end state (at depth 3)\n" + SPIN_VIOLATED.split("\n", 1)[1], "no violated assertion"),
        ("Killed", "Killed"),
        ("", "says nothing"),
        ("State-vector 20 byte, depth reached 15, errors: 0\n", "State-vector"),
    ),
)
def test_what_spin_did_not_finish_is_unknown(said: str, why: str) -> None:
    report = spin.read_report(said)
    assert report.verdict == "unknown"
    assert why in report.note
    assert report.states is None


ESBMC_VIOLATED = """
Violated property:
  file system.c line 44 column 5 function check
  assertion holds_cow_isolation() && "cow-isolation"
  0

VERIFICATION FAILED

Bug found (k = 4)
"""
ESBMC_BOUND = "No bug has been found in the base case\n" * 4 + (
    "The forward condition is unable to prove the property\n"
    "Unable to prove or falsify the program, giving up.\nVERIFICATION UNKNOWN\n"
)


def test_a_violation_of_esbmc_is_one_turn_after_its_operations() -> None:
    assert esbmc.read_report(ESBMC_VIOLATED, None) == esbmc.Report("violated", depth=3)


def test_esbmc_holds_up_to_a_bound_only_if_every_depth_was_looked_at() -> None:
    assert esbmc.read_report(ESBMC_BOUND, 3).verdict == "holds"
    assert esbmc.read_report(ESBMC_BOUND, 4).verdict == "unknown"
    assert esbmc.read_report(ESBMC_BOUND, None).verdict == "unknown"
    assert esbmc.read_report("VERIFICATION SUCCESSFUL\n", None).verdict == "holds"


@pytest.mark.parametrize(
    ("said", "why"),
    (
        ("ERROR: Out of memory\n", "Out of memory"),
        ("terminate called\nAborted\n", "Aborted"),
        ("", "says nothing"),
        (ESBMC_VIOLATED.replace("holds_cow_isolation() && ", "unwinding "), "no property"),
        (ESBMC_VIOLATED.replace("Bug found (k = 4)", ""), "no property"),
        (ESBMC_BOUND + "VERIFICATION SUCCESSFUL\n", "SUCCESSFUL"),
        ("No bug has been found in the base case\nVERIFICATION UNKNOWN\n", "base case"),
    ),
)
def test_what_esbmc_did_not_finish_is_unknown(said: str, why: str) -> None:
    report = esbmc.read_report(said, 3)
    assert report.verdict == "unknown"
    assert why in report.note


VIOLATED = Result("p", Verdict.VIOLATED, depth=3, states=100)
PROVED = Result("p", Verdict.PROVED, states=100)


def said(verdict: str, depth: int | None = None, states: int | None = None) -> Answer:
    return Answer("peer", verdict, depth, states, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("ours", "answer", "bound"),
    (
        (VIOLATED, said("violated", 3, 100), None),
        (VIOLATED, said("violated"), None),  # a peer that tells no depth
        (VIOLATED, said("holds"), 2),  # deeper than it was asked
        (VIOLATED, said("unknown"), None),
        (PROVED, said("holds", None, 100), None),
        (Result("p", Verdict.VACUOUS, states=100), said("holds"), 4),
        (Result("p", Verdict.UNKNOWN), said("violated", 1), None),
    ),
)
def test_agreement(ours: Result, answer: Answer, bound: int | None) -> None:
    assert agree.differences(ours, answer, bound) == []


@pytest.mark.parametrize(
    ("ours", "answer", "bound", "why"),
    (
        (VIOLATED, said("holds"), None, "holds"),
        (VIOLATED, said("holds"), 3, "holds"),
        (VIOLATED, said("violated", 2), None, "depth 2"),
        (VIOLATED, said("violated", 4), None, "depth 4"),
        (VIOLATED, said("violated", 3, 99), None, "99 states"),
        (VIOLATED, said("violated", 3), 2, "violated"),  # where we say that nothing is
        (PROVED, said("violated", 3), None, "violated"),
        (PROVED, said("holds", None, 101), None, "101 states"),
    ),
)
def test_disagreement(ours: Result, answer: Answer, bound: int | None, why: str) -> None:
    (difference,) = agree.differences(ours, answer, bound)
    assert why in difference


def test_a_disagreement_is_in_the_table_and_in_the_summary() -> None:
    peer = agree.Asked("Other", "other")
    row = agree.Row(agree.Case("a/b", "pte"), VIOLATED, {"Other": said("violated", 2, 100)})
    assert "it finds depth 2, we find 3" in agree.table([row], (peer,))
    assert agree.summary([row], (peer,)) == ("Other: 0 agree, 1 differ, 0 without an answer", True)


def test_no_answer_is_counted_and_is_no_disagreement() -> None:
    peer = agree.Asked("Other", "other")
    row = agree.Row(agree.Case("a/b", "pte"), PROVED, {"Other": said("unknown")})
    assert agree.summary([row], (peer,)) == ("Other: 0 agree, 0 differ, 1 without an answer", False)


def test_a_peer_that_answers_nothing_is_found() -> None:
    peers = (agree.Asked("One", "one"), agree.Asked("Two", "two"), agree.Asked("Three", "three"))
    case = agree.Case("a/b", "pte")
    rows = [
        agree.Row(case, PROVED, {"One": said("unknown"), "Two": said("unknown")}),
        agree.Row(case, PROVED, {"One": said("unknown"), "Two": said("holds")}),
    ]
    assert agree.silent_peers(rows, peers) == ["One"]


def test_what_we_do_not_decide_is_no_agreement() -> None:
    row = agree.Row(agree.Case("a/b", "pte"), Result("p", Verdict.UNKNOWN), {})
    assert agree.summary([row], ()) == ("ptecheck: 1 not decided", True)


def test_a_peer_that_takes_too_long_is_unknown_and_ends_with_all_it_started(tmp_path: Path) -> None:
    def sleeper(model: Exported, prop: str, work: Path, depth: int | None) -> Answer:
        with subprocess.Popen(["sleep", "600"]) as child:
            (tmp_path / "child").write_text(str(child.pid))
            child.wait()
        return said("holds")

    answer = ask("Sleeper", sleeper, exported(builtin_systems.pte("loongarch/original")), "p", None, 1.0)
    assert (answer.verdict, answer.note) == ("unknown", "no answer in 1 s")
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("what the peer started is still there")


def test_a_peer_that_dies_or_cannot_express_the_system_is_unknown() -> None:
    def dies(model: Exported, prop: str, work: Path, depth: int | None) -> Answer:
        os._exit(0)

    def refuses(model: Exported, prop: str, work: Path, depth: int | None) -> Answer:
        raise ValueError("no words of 65 bits")

    model = exported(builtin_systems.pte("loongarch/original"))
    assert ask("P", dies, model, "p", None, 60).note == "it died"
    assert ask("P", refuses, model, "p", None, 60).note == "no words of 65 bits"
    assert ask("P", refuses, model, "p", None, 60).verdict == "unknown"


def test_every_case_names_a_system_and_properties_that_are_there() -> None:
    from models.worlds import invariant_names

    names = {world: {name for name, _ in invariant_names(world)} for world in ("pte", "mm", "kernel")}
    cases = list(agree.cases())
    assert any(case.quick for case in cases)
    for case in cases:
        assert set(case.properties) <= names[case.world if case.world in names else "mm"]
    for config in builtin_systems.CONFIGS:
        assert {case.world for case in cases if case.config == config} >= {"pte", *builtin_systems.SPLIT_NAMES}


def test_a_time_limit_makes_a_lower_bound_of_a_ratio() -> None:
    slow = speed.Run("unknown", 10.0, 10.0, limit=True)
    runs = speed.Runs({"ptecheck": [speed.Run("violated", 0.5, 0.5)]}, {"slow": [slow]})
    (mine, theirs) = speed.rows(speed.RACES[0], runs)
    assert "**ptecheck** | violated | 0.50 s" in mine
    assert "> 10.00 s" in theirs
    assert "> 20 " in theirs


def test_ratios_are_of_a_round_and_to_each_of_our_ways() -> None:
    ours = {"ptecheck": [speed.Run("holds", s, s) for s in (1, 2, 4)], "other": [speed.Run("holds", 0.5, 0.5)] * 3}
    runs = speed.Runs(ours, {"peer": [speed.Run("holds", s, s / 2) for s in (10, 10, 20)]})
    (first, second, peer) = speed.rows(speed.RACES[0], runs)
    assert "| 2.00 s | | 1 | | 3 |" in first
    assert "| 0.50 s | | 0.25 | | 3 |" in second
    assert "| 10.00 s | 5.00 s | 5 / 20 | 2.5 / 10 | 3 |" in peer


def test_rounds_that_a_peer_did_not_run_give_no_ratio() -> None:
    ours = {"ptecheck": [speed.Run("holds", s, s) for s in (1, 100, 100)]}
    runs = speed.Runs(ours, {"peer": [speed.Run("unknown", 60, 60, limit=True)]})
    assert "> 60 |" in speed.rows(speed.RACES[0], runs)[1]


def test_a_verdict_other_than_ours_is_named() -> None:
    ours = {"ptecheck": [speed.Run("holds", 1, 1)]}
    silent = [speed.Run("unknown: out of memory", 1, 1), speed.Run("violated", 60, 60, limit=True)]
    assert speed.differing(speed.Runs(ours, {"same": [speed.Run("holds", 1, 1)], "silent": silent})) == ""
    other = {"other": [speed.Run("holds", 1, 1), speed.Run("violated", 1, 1)]}
    assert speed.differing(speed.Runs(ours, other)) == "other says violated, we say holds"


def test_every_race_has_its_command_and_properties_that_are_there() -> None:
    for race in speed.RACES:
        names = {name for name, _ in speed.model_of(replace(race.world, processes=2)).properties}
        assert {prop for rival in race.rivals for prop in rival.properties} <= names | {""}, race.name
        assert race.ours
        assert race.statuses in ((0,), (1,))
