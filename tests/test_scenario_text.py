"""Scenario files: what they mean, and one sentence with a position for everything that is not one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.scenario import (
    Access,
    Answer,
    AnyOrder,
    Connected,
    Do,
    Fact,
    Not,
    Place,
    Scenario,
    ScenarioError,
    Setting,
    Vocabulary,
)
from checker.scenario_formula import MAX_NESTING, parse_formula
from checker.scenario_text import MAX_BYTES, MAX_LINE, MAX_STEPS, parse_bytes, parse_scenario
from tests.test_cli import same_as_golden

WORDS = Vocabulary(
    configurations=("one/old", "one/new", "two/old", "two/new", "two+wide/old"),
    default=("one/old", "one/new", "two/old", "two/new"),
    worlds=("mm", "pte"),
    kernels=("linux-6.1", "linux-6.12"),
    choices={"split": ("reorder", "carry-dirty"), "migration": ("G0", "G1"), "with": ("stale", "as-is", "race")},
    several=("with",),
)

FULL = """\
# a comment before everything
scenario full.example-1   # the name
"A page that is migrated"
"stays read-only."

source mm/migrate.c "remove_migration_pte()" # not this
source the mail of 2022
on one/*, two+wide/old
world mm
mm linux-6.12
split carry-dirty
migration G0
start nothing  mapped yet with frame = 0x1000, mode = frame 2

write parent
\tmprotect_read(parent)
any order to depth 3 of fork_pte(parent), copy(parent, child),split
any  order to depth 0
read child

never "parent # writable" and not ("child has a page" or not cow-isolation)
expect holds
expect violated on one/old, two* with mm linux-6.12
expect stuck on one/new
"""


def parse(text: str) -> Scenario:
    return parse_scenario(text, "f", WORDS)


def minimal(**changes: str) -> str:
    """A small scenario; each part can be replaced."""
    parts = {"name": "scenario s", "says": '"x"', "head": "", "start": "start a", "steps": "", "ask": "always i",
             "expect": "expect holds"}  # fmt: skip
    return "\n".join({**parts, **changes}.values()) + "\n"


class TestMeaning:
    def test_every_part_of_a_file(self):
        s = parse(FULL)
        assert (s.name, s.says) == ("full.example-1", "A page that is migrated stays read-only.")
        assert s.sources == ('mm/migrate.c "remove_migration_pte()"', "the mail of 2022")
        assert s.configurations == ("one/old", "one/new", "two+wide/old")
        assert (s.world, s.kernels, s.choices) == (
            "mm",
            ("linux-6.12",),
            (("split", "carry-dirty"), ("migration", "G0")),
        )
        assert s.begin.name.text == "nothing mapped yet"
        assert [(n.text, v.text) for n, v in s.begin.inputs] == [("frame", "0x1000"), ("mode", "frame 2")]

    def test_steps_in_their_order(self):
        write, protect, order, none, read = parse(FULL).steps
        assert isinstance(write, Access)
        assert (str(write), str(read), str(protect)) == ("write parent", "read child", "mprotect_read(parent)")
        assert isinstance(protect, Do)
        assert protect.place == Place("f", 16, 2)
        assert isinstance(order, AnyOrder)
        assert order.depth == 3
        assert [w.text for w in order.operations or ()] == ["fork_pte(parent)", "copy(parent, child)", "split"]
        assert isinstance(none, AnyOrder)
        assert (none.depth, none.operations) == (0, None)

    def test_the_question_and_its_places(self):
        question = parse(FULL).question
        assert question.kind == "never"
        left, right = question.formula.operands
        assert left == Fact("parent # writable", True, Place("f", 21, 7))
        assert right.operand.operands[1] == Not(Fact("cow-isolation", False, Place("f", 21, 62)))

    @pytest.mark.parametrize(
        ("config", "answer"),
        [("one/old", Answer.VIOLATED), ("one/new", Answer.STUCK), ("two+wide/old", Answer.VIOLATED)],
    )
    def test_the_last_expectation_that_covers_a_system_counts(self, config, answer):
        assert parse(FULL).expected(Setting(config, "mm", "linux-6.12")).answer is answer

    def test_what_is_not_said_has_a_default(self):
        s = parse(minimal())
        assert (s.configurations, s.world, s.kernels, s.steps) == (WORDS.default, "mm", WORDS.kernels, ())
        assert len(s.settings()) == 8

    def test_the_other_world_has_no_kernels(self):
        assert parse(minimal(head="world pte")).kernels == ("",)

    def test_windows_line_ends_are_read(self):
        assert parse_bytes(FULL.replace("\n", "\r\n").encode(), "f", WORDS) == parse(FULL)

    @pytest.mark.parametrize(
        ("line", "chosen"),
        [("with race", ["race"]), ("with race , as-is", ["as-is", "race"]), ("with race,race", ["race"])],
    )
    def test_some_choices_take_several_values_in_any_order(self, line, chosen):
        assert parse(minimal(head=line)).settings()[0].chosen() == {"with": chosen}

    def test_a_start_with_the_word_with_in_its_name(self):
        assert parse(minimal(start="start a page with a pin")).begin.name.text == "a page with a pin"

    def test_not_found_is_one_answer(self):
        s = parse(minimal(ask='exists "x"', expect="expect not  found\nexpect found on one/old"))
        assert [e.answer for e in s.expectations] == [Answer.NOT_FOUND, Answer.FOUND]


class TestFormulas:
    @staticmethod
    def shown(formula):
        if isinstance(formula, Fact):
            return formula.name
        if isinstance(formula, Not):
            return ("not", TestFormulas.shown(formula.operand))
        assert isinstance(formula, Connected)
        return (formula.connective, *map(TestFormulas.shown, formula.operands))

    @pytest.mark.parametrize(
        ("text", "meaning"),
        [
            ("a", "a"),
            ("not a and b", ("and", ("not", "a"), "b")),
            ("a or b and c or d", ("or", "a", ("and", "b", "c"), "d")),
            ("(a or b) and c", ("and", ("or", "a", "b"), "c")),
            ('"not"and"or"', ("and", "not", "or")),
            ("not not(a)", ("not", ("not", "a"))),
        ],
    )
    def test_how_tightly_words_bind(self, text, meaning):
        assert self.shown(parse_formula(text, Place("f", 1, 1))) == meaning

    def test_nesting_has_a_limit(self):
        parse_formula("(" * MAX_NESTING + "a" + ")" * MAX_NESTING, Place("f", 1, 1))
        for text in ("(" * 400, "not " * 200 + "a"):
            with pytest.raises(ScenarioError, match=r"^f:1:\d+: expected a formula nested at most"):
                parse_formula(text, Place("f", 1, 1))


BAD = {
    "empty": "",
    "no scenario": "start a\n",
    "no name": "scenario\n",
    "odd name": "scenario a/b\n",
    "two names": "scenario a b\n",
    "two scenarios": minimal() + "scenario t\n",
    "no sentence": minimal(says=""),
    "open sentence": minimal(says='"x'),
    "empty sentence": minimal(says='" "'),
    "after sentence": minimal(says='"x" y'),
    "late sentence": minimal(steps='go\n"x"'),
    "no start": minimal(start=""),
    "no start but steps": minimal(start="", steps="go"),
    "two starts": minimal(start="start a\nstart b"),
    "empty start": minimal(start="start"),
    "bad input": minimal(start="start a with x = 1, y"),
    "input twice": minimal(start="start a with x = 1, x = 2"),
    "no question": minimal(ask="", expect=""),
    "two questions": minimal(ask="always i\nnever i"),
    "no expectation": minimal(expect=""),
    "expectation first": minimal(ask="expect holds"),
    "wrong answer": minimal(expect="expect found"),
    "no answer": minimal(expect="expect"),
    "not alone": minimal(ask="exists i", expect="expect not"),
    "conditional first": minimal(expect="expect holds on one/old"),
    "two rules": minimal(expect="expect holds\nexpect violated"),
    "foreign exception": minimal(head="on one/*", expect="expect holds\nexpect violated on two/old"),
    "foreign kernel": minimal(head="mm linux-6.1", expect="expect holds\nexpect violated with mm linux-6.12"),
    "typo in pattern": minimal(head="on one/odl"),
    "missing comma": minimal(head="on one/old two/old"),
    "nothing after comma": minimal(head="on one/old,"),
    "two on": minimal(head="on one/*\non two/*"),
    "typo in world": minimal(head="world ptee"),
    "no world": minimal(head="world"),
    "typo in kernel": minimal(head="mm linux-6.2"),
    "typo in choice": minimal(head="split reordr"),
    "two of one choice": minimal(head="split reorder, carry-dirty"),
    "nothing chosen": minimal(head="with"),
    "typo in one of several": minimal(head="with race, stalee"),
    "no comma between several": minimal(head="with race stale"),
    "several in two lines": minimal(head="with race\nwith stale"),
    "typo in keyword": minimal(head="splt reorder"),
    "typo in expect": minimal(expect="expct holds"),
    "mm in the pte world": minimal(head="world pte\nmm linux-6.1"),
    "choice in the pte world": minimal(head="split reorder\nworld pte"),
    "with mm in the pte world": minimal(head="world pte", expect="expect holds\nexpect stuck with mm linux-6.1"),
    "head after steps": minimal(steps="go\non one/*"),
    "step after question": minimal(expect="go\nexpect holds"),
    "step after expect": minimal() + "go\n",
    "question after expect": minimal() + "always i\n",
    "two operations": minimal(steps="go(a) go(b)"),
    "write nobody": minimal(steps="write"),
    "write two": minimal(steps="write parent child"),
    "any": minimal(steps="any order"),
    "any depth": minimal(steps="any order to depth x"),
    "deep any": minimal(steps="any order to depth 99999"),
    "any of": minimal(steps="any order to depth 2 of"),
    "any off": minimal(steps="any order to depth 2 off go"),
    "open quote": minimal(ask='always "i'),
    "open parenthesis": minimal(ask='always ("i" and j'),
    "close parenthesis": minimal(ask="always i)"),
    "two facts": minimal(ask="always i j"),
    "no operand": minimal(ask="always i and"),
    "no formula": minimal(ask="never"),
    "empty fact": minimal(ask='never ""'),
    "NUL": minimal(steps="go\0"),
    "escape": minimal(says='"\x1b[31mx"'),
    "bidirectional": minimal(says='"\u202ex"'),
    "line separator": minimal(steps="go\u2028go"),
    "byte order mark": "\ufeff" + minimal(),
    "long line": minimal(steps="x" * (MAX_LINE + 1)),
    "many steps": minimal(steps="go\n" * (MAX_STEPS + 1)),
}


def error(data: str | bytes) -> str:
    """What is said about a bad file."""
    with pytest.raises(ScenarioError) as why:
        if isinstance(data, str):
            parse(data)
        else:
            parse_bytes(data, "f", WORDS)
    return str(why.value)


class TestBadFiles:
    def test_messages_are_the_reviewed_ones(self):
        same_as_golden("".join(f"{what}\n  {error(text)}\n" for what, text in BAD.items()), "scenario-errors.txt")

    @pytest.mark.parametrize("what", BAD)
    def test_every_message_is_one_short_sentence_with_a_position(self, what):
        assert re.fullmatch(r"f:[1-9]\d*:[1-9]\d*: .{10,250}", error(BAD[what]))

    def test_bytes_that_are_no_text(self):
        assert error(b'scenario s\n"\xc3\xa4\xff"\n') == "f:2:3: expected text in UTF-8"
        assert error(b"\xff\xfe") == "f:1:1: expected text in UTF-8"

    def test_a_file_that_is_too_large(self):
        assert error(b"#" * (MAX_BYTES + 1)).startswith(f"f:1:1: expected a file of at most {MAX_BYTES} bytes")


MARKS = ["\n", "\t", '"', "(", ")", ",", "#", "\0", "not ", "=", " with x=1", "any order to depth 9 of", "é"]
PIECES = st.sampled_from([*FULL.split(), *FULL.splitlines(), *(f"{line}\n" for line in FULL.splitlines()), *MARKS])


def gives_a_scenario_or_an_error(data: bytes) -> None:
    try:
        assert isinstance(parse_bytes(data, "f", WORDS), Scenario)
    except ScenarioError as why:
        assert 1 <= why.place.line <= data.count(b"\n") + 1
        assert why.place.column >= 1
        assert "\n" not in str(why)


@settings(max_examples=400)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join), st.lists(PIECES, max_size=40).map(" ".join)))
def test_any_text_gives_a_scenario_or_an_error(text):
    gives_a_scenario_or_an_error(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=400)
@given(st.integers(0, len(FULL)), st.integers(0, 30), st.one_of(st.text(max_size=8), PIECES))
def test_a_good_file_with_a_piece_exchanged(where, length, piece):
    gives_a_scenario_or_an_error((FULL[:where] + piece + FULL[where + length :]).encode("utf-8", "surrogatepass"))


@given(st.binary())
def test_any_bytes_give_a_scenario_or_an_error(data):
    gives_a_scenario_or_an_error(data)
