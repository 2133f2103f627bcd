"""Running scenarios: what each step keeps, what each question asks, and where a run stops being an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.decision import decide
from checker.limits import Budget
from checker.logic import both, no, ult
from checker.scenario import Answer, ScenarioError, Setting, Vocabulary
from checker.scenario_machine import Machine, Served, machine_for
from checker.scenario_run import Ran, Run, run_scenario
from checker.scenario_text import parse_scenario
from checker.scenario_write import counterexample_scenario
from checker.state import Bits, Bool, Enum
from checker.system import Invariant, Operation, Predicate, Start, TransitionSystem
from checker.trace import concrete_run

WORDS = Vocabulary(configurations=("toy/only",), default=("toy/only",), kernels=("k1",), choices={"split": ("s",)})


@dataclass(frozen=True)
class Toy:
    """A counter behind a lock; ``noise`` matters to nothing."""

    count: Any
    lock: Any
    noise: Any


SHAPE = Toy(Bits(3), Bool, Bits(64))

TOY = TransitionSystem(
    name="toy",
    shape=SHAPE,
    starts=(
        Start("at zero", lambda _: Toy(0, False, 0)),
        Start("locked", lambda _: Toy(1, True, 7)),
        Start("anywhere", lambda i: Toy(i[0] & 3, i[1], i[2]), (Bits(3), Bool, Bits(64))),
    ),
    operations=(
        Operation("up", lambda s: (both(no(s.lock), s.count != 7), replace(s, count=s.count + 1, noise=s.noise + 1))),
        Operation("down", lambda s: (both(no(s.lock), s.count != 0), replace(s, count=s.count - 1))),
        Operation("lock(a)", lambda s: (no(s.lock), replace(s, lock=True))),
        Operation("unlock(a)", lambda s: (s.lock, replace(s, lock=False))),
        Operation("unlock_and_count(a)", lambda s: (s.lock, replace(s, lock=False, count=s.count + 1))),
        Operation("spin(a)", lambda s: (s.lock, s)),
        Operation("store(a)", lambda s: (both(no(s.lock), s.count != 5), replace(s, count=s.count & 0 | 6))),
    ),
    invariants=(
        Invariant("below-six", "the count stays below six", lambda s: ult(s.count, 6)),
        Invariant("below-seven", "the count stays below seven", lambda s: ult(s.count, 7)),
    ),
    predicates=(
        Predicate("locked", lambda s: s.lock, "open"),
        Predicate("zero", lambda s: s.count == 0),
        Predicate("two", lambda s: s.count == 2),
        Predicate("three", lambda s: s.count == 3),
    ),
)  # fmt: skip

ACCESSES = {
    ("write", "a"): Served("store(a)", ("unlock(a)", "unlock_and_count(a)", "spin(a)")),
    ("read", "a"): Served("unlock(a)", (), "open"),
    ("write", "b"): Served("store(a)", ("spin(a)",)),
    ("write", "c"): Served("store(a)", ("up",), "", 2),
}


def run(steps: str, ask: str, start: str = "at zero", budget: Budget | None = None) -> Ran:
    text = f'scenario s\n"x"\nstart {start}\n{steps}\n{ask}\nexpect stuck\n'
    return run_scenario(parse_scenario(text, "f", WORDS), TOY, ACCESSES, budget)


def error(steps: str = "", ask: str = "always below-six", start: str = "at zero") -> str:
    with pytest.raises(ScenarioError) as why:
        run(steps, ask, start)
    return str(why.value)


class TestQuestions:
    @pytest.mark.parametrize(
        ("steps", "ask", "answer"),
        [
            ("", 'never "locked"', "holds"),
            ("", 'never "zero"', "violated"),
            ("up", 'never "zero"', "violated"),
            ("up", 'exists "zero"', "not found"),
            ("up\ndown", 'exists "zero"', "found"),
            ("lock(a)\nunlock(a)", 'never "locked"', "violated"),
            ("lock(a)\nunlock(a)", 'always "open"', "violated"),
            ("lock(a)\nunlock(a)", 'exists "open" and not "locked"', "found"),
            ("any order to depth 5", "always below-six", "violated"),
            ("any order to depth 5 of up, down", "always below-six", "holds"),
            ("any order to depth 6 of up", "always below-six", "violated"),
            ("any order to depth 6 of up", "always below-seven", "holds"),
            ("any order to depth 9 of up", 'never not below-seven and not "locked"', "violated"),
            ("any order to depth 3 of up", 'exists "three"', "found"),
            ("any order to depth 3 of up", 'exists "zero"', "found"),
            ("any order to depth 0", 'exists "two" or "three"', "not found"),
            ("any order to depth 2 of up\nany order to depth 1 of up", 'exists "three"', "found"),
        ],
    )
    def test_answers(self, steps, ask, answer):
        assert run(steps, ask).answer is Answer(answer)

    def test_a_run_leads_to_the_state_that_answers(self):
        assert run("up\nup\nup", 'never "two"').run == Run("at zero", (), ("up", "up"))
        assert run("any order to depth 9 of up, lock(a)", 'exists "locked" and "two"').run == Run(
            "at zero", (), ("up", "up", "lock(a)")
        )
        assert run("up", 'never "two"').run is None

    def test_a_step_keeps_the_states_in_which_it_is_possible(self):
        steps = "any order to depth 1 of up, lock(a)\nunlock(a)"
        assert run(steps, 'exists not "zero"').answer is Answer.NOT_FOUND
        assert run(steps, 'exists "zero" and "open"').run == Run("at zero", (), ("lock(a)", "unlock(a)"))

    @given(st.integers(0, 6), st.sets(st.sampled_from([op.name for op in TOY.operations]), min_size=1))
    def test_any_order_passes_through_exactly_the_states_within_its_depth(self, depth, names):
        chosen = [op for op in TOY.operations if op.name in names]
        seen = layer = {(0, False)}
        for _ in range(depth):
            afters = [op.run(TOY.layout.state((*state, 0))) for state in layer for op in chosen]
            layer = {(int(after.count), bool(after.lock)) for enabled, after in afters if enabled} - seen
            seen = seen | layer
        ran = run(f"any order to depth {depth} of {', '.join(names)}", 'exists "zero" and "three"')
        assert (ran.answer, ran.states) == (Answer.NOT_FOUND, len(seen))


class TestStuck:
    def test_names_the_step_and_its_line(self):
        ran = run("up\nunlock(a)\nup", 'never "two"')
        assert ran.answer is Answer.STUCK
        assert ran.reason == "stuck at step 2 (f:5): unlock(a) is not possible"
        assert ran.run == Run("at zero", (), ("up",))

    def test_outweighs_what_was_seen_before(self):
        assert run("up\nunlock(a)", 'never "zero"').answer is Answer.STUCK

    def test_any_order_is_never_stuck(self):
        assert run("any order to depth 3 of unlock(a)", 'exists "zero"').answer is Answer.FOUND


class TestAccesses:
    def test_an_access_that_needs_nothing_goes_through_at_once(self):
        assert run("write a", 'exists "zero"').answer is Answer.NOT_FOUND
        assert run("write a", "never below-six").run == Run("at zero", (), ())
        assert run("write a", "always below-six").run == Run("at zero", (), ("store(a)",))

    def test_faults_come_first_where_they_must(self):
        ran = run("write a", "always below-six", "locked")
        assert ran.run == Run("locked", (), ("unlock(a)", "store(a)"))
        assert run("write a", 'never "two"', "locked").run == Run("locked", (), ("unlock_and_count(a)",))

    def test_a_refused_access_is_stuck_even_if_its_faults_change_nothing_for_ever(self):
        ran = run("write b", 'never "two"', "locked")
        assert ran.reason == "stuck at step 1 (f:4): write b is not possible"

    def test_an_access_may_be_served_already(self):
        assert run("read a", 'exists "zero"').run == Run("at zero", (), ())
        assert run("read a", 'exists "open"', "locked").run == Run("locked", (), ("unlock(a)",))

    def test_more_faults_than_the_world_allows_is_no_answer(self):
        five = "\n".join(["up"] * 5)
        assert run(f"{five}\nwrite c", "exists below-seven").answer is Answer.FOUND
        tight = {("write", "a"): Served("store(a)", ("up", "down"), "", 0)}
        text = f'scenario s\n"x"\nstart at zero\n{five}\nwrite a\nexists below-six\nexpect stuck\n'
        ran = run_scenario(parse_scenario(text, "f", WORDS), TOY, tight)
        assert (ran.answer, ran.reason) == (Answer.UNDECIDED, "write a needs more than 0 faults")


class TestCompiledOnce:
    def test_scenarios_share_what_they_use_and_no_more(self):
        texts = ["up\nany order to depth 2 of down, up", "write a\nread a"]
        scenarios = [
            parse_scenario(f'scenario s\n"x"\nstart at zero\n{steps}\nalways below-six\nexpect holds\n', "f", WORDS)
            for steps in texts
        ]
        shared = machine_for(TOY, scenarios, ACCESSES)
        assert set(shared.numbers) == {"up", "down", "store(a)", "unlock(a)", "unlock_and_count(a)", "spin(a)"}
        for scenario in scenarios:
            alone = run_scenario(scenario, TOY, ACCESSES)
            assert run_scenario(scenario, TOY, ACCESSES, compiled=shared) == alone

    @pytest.mark.parametrize("count", [1, 2, 7])
    def test_one_by_one_or_together_makes_no_difference(self, count, monkeypatch):
        names = tuple(op.name for op in TOY.operations)[:count]
        state = (1, 0)
        found = []
        for few in (0, 20):
            monkeypatch.setattr("checker.scenario_machine.FEW", few)
            found.append(Machine(TOY).successors(names)(state))
        assert found[0] == found[1] != []

    def test_an_unknown_operation_is_compared_with_all_of_the_system(self):
        assert error("unlock_and_cout(a)").endswith("did you mean 'unlock_and_count(a)'?")


class TestInputs:
    def test_every_value_that_matters_is_a_start(self):
        ran = run("", 'never "locked" and "three"', "anywhere")
        assert ran.answer is Answer.VIOLATED
        assert ran.run == Run("anywhere", (3, 1, 0), ())
        assert ran.states == 8

    def test_given_ones_have_their_value(self):
        assert run("", 'exists "three"', "anywhere with input[0] = 0x2").answer is Answer.NOT_FOUND
        assert run("", 'exists "three"', "anywhere with input[0] = 7, input[1] = yes").run == Run(
            "anywhere", (7, 1, 0), ()
        )

    def test_enumerations_are_given_by_name(self):
        modes = Enum("slow", "very fast", "off")
        system = replace(
            TOY, starts=(Start("by mode", lambda m: Toy(0, m.lock == 1, 0), Toy(Bits(3), modes, Bits(1))),)
        )
        text = 'scenario s\n"x"\nstart by mode with lock = {}\nexists "locked"\nexpect found\n'
        answers = {}
        for mode in modes.names:
            answers[mode] = run_scenario(parse_scenario(text.format(mode), "f", WORDS), system, {}).answer.value
        assert answers == {"slow": "not found", "very fast": "found", "off": "not found"}
        with pytest.raises(ScenarioError, match=r"f:3:27: expected one of slow, very fast, off"):
            run_scenario(parse_scenario(text.format("fast"), "f", WORDS), system, {})

    def test_too_many_are_no_answer(self):
        wide = replace(TOY, starts=(Start("wide", lambda i: Toy(0, i == 1, 0), Bits(21)),))
        text = 'scenario s\n"x"\nstart wide\nexists "locked"\nexpect found\n'
        ran = run_scenario(parse_scenario(text, "f", WORDS), wide, {})
        assert ran.answer is Answer.UNDECIDED
        assert "with INPUT = VALUE" in ran.reason
        text = text.replace("start wide", "start wide with input = 1")
        assert run_scenario(parse_scenario(text, "f", WORDS), wide, {}).answer is Answer.FOUND


class TestLimits:
    def test_states(self):
        ran = run("any order to depth 9", "never not below-seven", budget=Budget(states=3))
        assert (ran.answer, ran.reason) == (Answer.UNDECIDED, "limit of 3 states reached")
        assert ran.run is None

    def test_a_violation_seen_before_a_limit_stays_one(self):
        ran = run("any order to depth 9", 'never "zero"', budget=Budget(states=3))
        assert (ran.answer, ran.reason) == (Answer.VIOLATED, "")

    def test_time(self):
        ran = run("any order to depth 9", 'exists "zero"', budget=Budget(seconds=1e-9))
        assert (ran.answer, ran.reason) == (Answer.UNDECIDED, "time limit of 1e-09 s reached")


class TestUnknownNames:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"start": "at zer"}, "f:3:7: toy has no start 'at zer': did you mean 'at zero'?"),
            ({"start": "at zero with x = 1"}, "f:3:20: start 'at zero' has no input 'x': there is none"),
            ({"start": "anywhere with input[3] = 1"}, "f:3:21: start 'anywhere' has no input 'input[3]': did you mean"),
            ({"start": "anywhere with input[1] = 2"}, "f:3:32: expected one of no, yes"),
            ({"start": "anywhere with input[0] = -1"}, "f:3:32: expected a number of 3 bits"),
            ({"start": "anywhere with input[0] = 0x8"}, "f:3:32: expected a number of 3 bits"),
            ({"steps": "upp"}, "f:4:1: toy has no operation 'upp': did you mean 'up'?"),
            ({"steps": "any order to depth 1 of up, lock(b)"}, "f:4:29: toy has no operation 'lock(b)': did you mean"),
            ({"steps": "write d"}, "f:4:7: toy has no process 'd': known are a, b, c"),
            ({"ask": 'never "lokced"'}, "f:5:7: toy has no fact 'lokced': did you mean 'locked'?"),
            ({"ask": "never not (below-sixx)"}, "f:5:12: toy has no invariant 'below-sixx': did you mean 'below-six'?"),
            ({"ask": 'never "below-six"'}, "f:5:7: 'below-six': an invariant's name has no quotes"),
            ({"ask": "never locked"}, "f:5:7: 'locked': facts stand in double quotes"),
        ],
    )
    def test_are_explained(self, changes, message):
        assert error(**changes).startswith(message)

    def test_a_world_without_accesses(self):
        text = 'scenario s\n"x"\nstart at zero\nread a\nalways below-six\nexpect holds\n'
        with pytest.raises(ScenarioError, match=r"f:4:1: toy does not know 'read': name its operations"):
            run_scenario(parse_scenario(text, "f", WORDS), TOY, {})


class TestCounterexamples:
    def test_reads_back_and_gives_the_same_answer(self):
        setting = Setting("toy/only", "mm", "k1", (("split", "s"),))
        for result in decide(TOY):
            assert result.trace is not None
            text = counterexample_scenario(result.trace, TOY, setting)
            scenario = parse_scenario(text, "f", WORDS)
            assert scenario.settings() == [setting]
            ran = run_scenario(scenario, TOY, {})
            assert ran.answer is scenario.expected(setting).answer is Answer.VIOLATED
            operations = [step.operation for step in result.trace.steps[1:]]
            assert ran.run == Run(result.trace.start, result.trace.inputs, tuple(operations))

    def test_several_values_of_one_choice_stand_on_one_line(self):
        setting = Setting("toy/only", "mm", "k1", (("with", "a"), ("with", "b")))
        trace = next(r.trace for r in decide(TOY) if r.trace)
        text = counterexample_scenario(trace, TOY, setting)
        assert "\nwith a, b\n" in text
        words = replace(WORDS, choices={"with": ("a", "b", "c")}, several=("with",))
        assert parse_scenario(text, "f", words).settings() == [setting]

    def test_names_that_cannot_be_written_are_refused(self):
        odd = replace(TOY, operations=tuple(replace(op, name=f"go {op.name}") for op in TOY.operations))
        trace = next(r.trace for r in decide(odd) if r.trace and r.trace.depth)
        with pytest.raises(ValueError, match="cannot be written as a scenario"):
            counterexample_scenario(trace, odd, Setting("toy/only", "mm", "k1"))


def test_a_run_is_one_of_the_system():
    ran = run("any order to depth 9", "always below-seven", "anywhere")
    assert ran.run is not None
    last = concrete_run(TOY, ran.run.start, ran.run.inputs, list(ran.run.operations))[-1]
    assert not TOY.invariants[1].holds(last)
