"""The report as plain data: it says what was decided, no more and no less."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from checker.cli.jobs import UNREAD, Job, Outcome, build_system
from checker.cli.report_html.data import Question, overall, page_data, sentence
from checker.cli.report_html.graph import state_graph
from checker.cli.report_html.matrix import tables
from checker.cli.report_html.parts import outcome_part
from checker.cli.report_html.player import player
from checker.cli.report_html.write import LEAST, MOST, command_line, states_drawn
from checker.cli.telling import told
from checker.decision import decide
from checker.verdict import Result, Verdict

CARRY = Job("loongarch/original", "mm", "carry-dirty")
SOUND = Job("loongarch/huacai", "mm", "carry-dirty")
HELPERS = Job("loongarch/original", "helpers", level="pte")
ASKED = Question("ptecheck check", "0")


@pytest.fixture(scope="module")
def broken() -> Outcome:
    return Outcome(CARRY, tuple(decide(build_system(CARRY))))


@pytest.fixture(scope="module")
def sound() -> Outcome:
    return Outcome(SOUND, tuple(decide(build_system(SOUND))))


@pytest.fixture(scope="module")
def isolation(broken):
    return next(r for r in broken.results if r.invariant == "cow-isolation")


@pytest.fixture(scope="module")
def shown(isolation):
    return player(told(CARRY, isolation.trace))


def data_of(*outcomes: Outcome, drawn: int = 100):
    return page_data(outcomes, {o.job: outcome_part(o, drawn) for o in outcomes}, ASKED)


def lane(shown, who: str, label: str) -> list[tuple[str, str]]:
    rows = next(group for group in shown["lanes"] if group["title"] == who)["rows"]
    return [(c["text"], c["change"]) for c in next(row for row in rows if row["label"] == label)["cells"]]


class TestPlayer:
    def test_a_bit_has_a_cell_for_each_step_and_says_what_changed(self, shown):
        assert lane(shown, "parent", "_PAGE_DIRTY") == [("1", ""), ("0", "cleared"), ("1", "set"), ("1", "")]
        assert lane(shown, "parent", "_PAGE_HUGE") == [("1", ""), ("1", ""), ("0", "cleared"), ("0", "")]

    def test_an_entry_that_is_not_there_has_no_bits(self, shown):
        assert lane(shown, "child", "_PAGE_PRESENT")[:2] == [("", ""), ("1", "set")]
        assert lane(shown, "child", "mapped as")[:2] == [("nothing", ""), ("pmd", "new")]

    def test_facts_are_those_of_the_text(self, shown):
        assert [text for text, _ in lane(shown, "parent", "hardware may write")] == ["yes", "no", "yes", "yes"]
        assert [text for text, _ in lane(shown, "parent", "write()")] == ["yes", "no", "no", "no"]

    def test_each_step_has_its_calls_its_place_in_the_kernel_and_what_it_breaks(self, shown):
        split = shown["steps"][2]
        assert [call["name"] for call in split["calls"]] == ["mk_pte", "pte_mkwrite", "pte_wrprotect", "pte_mkdirty"]
        assert split["calls"][3]["bits"] == [
            {"name": "_PAGE_DIRTY", "set": True},
            {"name": "_PAGE_MODIFIED", "set": True},
        ]
        assert "__split_huge_pmd_locked()" in split["source"]
        assert [step["broken"] for step in shown["steps"]] == [[], [], ["shared-not-hw-writable"], ["cow-isolation"]]

    def test_the_picture_shows_who_maps_which_page(self, shown):
        before, last = shown["steps"][0]["picture"], shown["steps"][3]["picture"]
        assert before["says"] == "parent: pmd to page 0, may write; child has no entry"
        assert last["says"] == "parent: pte to page 0, may write; child: pmd to page 0, read-only"
        assert [link["kind"] for link in last["links"]] == ["write", "read"]
        assert [box["lines"][0] for box in last["boxes"] if box["bad"]] == ["child"]
        assert next(box for box in last["boxes"] if box["lines"][0] == "page 0")["lines"][1] == "shared"

    def test_the_columns_of_helpers_stand_under_their_own_headings(self):
        result = next(r for r in decide(build_system(HELPERS)) if r.invariant == "hw-write-implies-write")
        shown = player(told(HELPERS, result.trace))
        assert lane(shown, "entry", "hardware may write") == [("no", ""), ("yes", "set")]
        assert lane(shown, "entry", "hardware may read") == [("yes", ""), ("yes", "")]
        assert lane(shown, "entry", "write()") == [("no", ""), ("no", "")]


class TestGraph:
    def test_a_small_system_is_drawn_whole(self, isolation):
        graph = state_graph(CARRY, isolation, 2000)
        assert graph["whole"] and graph["drawn"] == len(graph["nodes"]) == isolation.states
        assert sum(graph["counts"]) == isolation.states
        assert len(graph["counts"]) == isolation.diameter + 1
        assert graph["left_out"].startswith("Every reachable state")

    def test_of_a_larger_one_the_path_and_what_is_beside_it(self, isolation):
        graph = state_graph(CARRY, isolation, 20)
        assert not graph["whole"] and graph["drawn"] <= 20
        assert graph["left_out"].startswith(f"Drawn are {graph['drawn']} of {isolation.states} states")
        assert "as far as there is room" in graph["left_out"]
        assert [edge["name"] for edge in graph["path"]] == [
            "fork_pmd(parent)",
            "split_huge_pmd(parent)",
            "store(parent)",
        ]

    @pytest.mark.parametrize("limit", [20, 2000])
    def test_the_path_ends_in_the_first_state_that_breaks_the_requirement(self, isolation, limit):
        nodes = state_graph(CARRY, isolation, limit)["nodes"]
        path = sorted((n["path"], n["bad"]) for n in nodes if n["path"] is not None)
        assert path == [(0, False), (1, False), (2, False), (3, True)]

    def test_no_two_states_are_drawn_at_one_place(self, isolation):
        nodes = state_graph(CARRY, isolation, 2000)["nodes"]
        assert len({(n["x"], n["y"]) for n in nodes}) == len(nodes)

    def test_a_number_of_states_that_is_not_known_is_not_made_up(self, isolation):
        graph = state_graph(CARRY, replace(isolation, states=None), 20)
        assert "of how many is not known" in graph["left_out"]
        assert graph["counts"] == []

    def test_a_proof_of_a_large_system_has_no_picture(self, sound):
        assert state_graph(SOUND, sound.results[0], 100) is None


class TestWords:
    def test_violations_lead(self, broken, sound):
        assert sentence([broken]) == "Of 3 requirements, 3 are violated (the shortest way takes 2 steps)."
        assert sentence([broken, sound]) == (
            "Of 6 requirements, 3 are violated in 1 of 2 configurations, 3 are proved without a bound."
        )
        assert overall([r for o in (broken, sound) for r in o.results]) == "violated"

    @pytest.mark.parametrize(
        ("result", "word", "says"),
        [
            (Result("x", Verdict.PROVED), "holds", "1 is proved without a bound"),
            (Result("x", Verdict.UNKNOWN, reason="time limit"), "open", "1 is not decided"),
            (Result("x", Verdict.VACUOUS), "open", "1 is not decided"),
            (Result("x", Verdict.BOUNDED, depth=4), "bounded", "1 holds up to a bound"),
            (Result("x", Verdict.VIOLATED, depth=1, cost=True), "holds", "1 is broken at a cost only"),
            (Result("x", Verdict.VIOLATED, depth=1, exception="why"), "holds", "1 is broken on purpose"),
            (Result("x", Verdict.VIOLATED, depth=1), "violated", "1 is violated (the shortest way takes 1 step)"),
        ],
    )
    def test_no_verdict_is_made_better_than_it_is(self, result, word, says):
        assert overall([result]) == word
        assert sentence([Outcome(CARRY, (result,))]) == f"Of 1 requirement, {says}."

    def test_the_command_does_not_say_where_the_report_lies(self):
        words = ["check", "a b", "--report", "/tmp/x.html", "--json", "y", "--report=z"]
        assert command_line(words) == "ptecheck check 'a b' --json y"

    def test_pictures_get_smaller_where_there_are_many(self):
        assert states_drawn(1) == MOST and states_drawn(10_000) == LEAST
        assert LEAST < states_drawn(60) < MOST


class TestTables:
    def test_few_configurations_stand_side_by_side(self, broken, sound):
        (table,) = tables([broken, sound], {})
        assert [head["title"] for head in table["heads"]] == ["loongarch/original", "loongarch/huacai"]
        rows = {row["name"]: [cell["text"] for cell in row["cells"]] for row in table["rows"]}
        assert rows["cow-isolation"] == ["✗ 3", "ok"]

    def test_many_configurations_are_the_rows(self, broken):
        many = [replace(broken, job=replace(CARRY, config=f"machine{k}/x")) for k in range(9)]
        (table,) = tables(many, {(many[4].job, "cow-isolation"): "v7"})
        assert [row["name"] for row in table["rows"]] == [o.job.config for o in many]
        assert [cell["link"] for row in table["rows"] for cell in row["cells"] if cell["link"]] == ["v7"]

    def test_of_several_levels_the_worst_is_shown_where_they_share_a_cell(self):
        levels = [
            Outcome(replace(HELPERS, config=f"m{k}/x", level=level), (Result("i", verdict, depth=depth, reason="r"),))
            for k in range(9)
            for level, verdict, depth in (("pte", Verdict.UNKNOWN, None), ("pmd", Verdict.VIOLATED, 2))
        ]
        (table,) = tables(levels, {})
        assert {cell["text"] for row in table["rows"] for cell in row["cells"]} == {"✗ 2"}

    def test_helpers_that_could_not_be_read_are_undecided_everywhere(self, broken):
        unread = Outcome(replace(CARRY, config="other/x"), (Result(UNREAD, Verdict.UNKNOWN, reason="no"),))
        many = [replace(broken, job=replace(CARRY, config=f"machine{k}/x")) for k in range(9)]
        (table,) = tables([*many, unread], {})
        assert {cell["text"] for cell in table["rows"][-1]["cells"]} == {"?"}
        (table,) = tables([broken, unread], {})
        assert {row["cells"][1]["text"] for row in table["rows"]} == {"?"}


class TestPage:
    def test_it_is_plain_data(self, broken, sound):
        data = data_of(broken, sound)
        assert json.loads(json.dumps(data)) is not None

    @pytest.mark.slow
    def test_what_is_alike_is_told_once(self, broken):
        job = replace(CARRY, split="linux-6.12")
        named = [replace(r, trace=r.trace and replace(r.trace, system=build_system(job).name)) for r in broken.results]
        twin = Outcome(job, tuple(named))
        data = data_of(broken, twin)
        assert len(data["violations"]) == 3
        assert data["violations"][0]["where"] == "mm world, split carry-dirty; mm world, split linux-6.12"
        links = {cell["link"] for table in data["tables"] for row in table["rows"] for cell in row["cells"]}
        assert links == {"v1", "v2", "v3"}

    def test_a_proof_has_its_clauses(self):
        job = Job("loongarch/linux-6.12", "pte")
        result = next(r for r in decide(build_system(job)) if r.invariant == "cow-shared-not-hw-writable")
        (proof,) = data_of(Outcome(job, (result,)))["proofs"]
        assert "if _PAGE_DIRTY then write" in proof["clauses"]

    def test_what_is_open_has_its_reason_and_its_place(self):
        unknown = Result("cow-isolation", Verdict.UNKNOWN, reason="time limit of 1 s reached")
        bounded = Result("read-only-vma-holds", Verdict.BOUNDED, depth=3)
        found = data_of(Outcome(CARRY, (unknown, bounded)))["open"]
        assert [(item["reason"], item["about"][0]["invariant"]) for item in found] == [
            ("time limit of 1 s reached", "cow-isolation"),
            ("holds up to 3 steps", "read-only-vma-holds"),
        ]

    def test_causes_are_passed_through(self, isolation):
        outcome = Outcome(CARRY, (isolation,))
        part = outcome_part(outcome, 20, lambda job, result: [f"{job.split} breaks {result.invariant}"])
        data = page_data([outcome], {CARRY: part}, ASKED)
        assert data["violations"][0]["causes"] == ["carry-dirty breaks cow-isolation"]
