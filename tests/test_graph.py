"""State graphs as pictures: what is not in them is said, the path is the counterexample, and text is only text."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from xml.etree import ElementTree as Tree

import networkx
import pytest

from checker import state_graph
from checker.cli.forms.dot import dot
from checker.cli.forms.graphml import graphml
from checker.cli.forms.labels import WRONG
from checker.cli.forms.picture import Picture, picture
from checker.cli.forms.svg import svg
from checker.cli.jobs import Job, build_system
from checker.cli.main import UsageError, main
from checker.explicit import shortest_counterexamples
from checker.trace import concrete_run
from tests.small_tree import ALWAYS, CONDITION, small_tree
from tests.test_startup import ENGINES, HEAVY, loaded
from tests.told_runs import HOSTILE, SPLIT

HELPERS = Job("loongarch/original", "helpers", level="pte")
SVG = "{http://www.w3.org/2000/svg}"


@lru_cache(maxsize=8)
def drawn(job: Job, limit: int = 100_000, invariant: str = "") -> tuple[Picture, networkx.MultiDiGraph]:
    return picture(job, build_system(job), limit, invariant)


def with_text(found: Picture, text: str) -> Picture:
    """The picture with a text in every place that could come from a tree."""
    nodes = tuple(
        replace(n, label=tuple(line + text for line in n.label), whole=n.whole + text, broken=(text,), start=text)
        for n in found.nodes
    )
    edges = tuple(replace(e, operations=tuple(o + text for o in e.operations)) for e in found.edges)
    return replace(
        found, title=text, nodes=nodes, edges=edges, invariant=text, steps=tuple(s + text for s in found.steps)
    )


class TestWhatIsDrawn:
    @pytest.mark.parametrize(
        "job", [HELPERS, Job("loongarch/huacai", "mm", "linux-6.12"), Job("x86-64/linux-6.12", "pte")]
    )
    def test_all_states_and_every_change(self, job):
        found, graph = drawn(job)
        exact = state_graph(build_system(job))
        assert networkx.utils.graphs_equal(graph, exact)
        assert found.whole and len(found.nodes) == found.found == len(exact)
        changes = {(a, b, op) for a, b, op in exact.edges(data="operation") if a != b}
        assert {(e.source, e.target, op) for e in found.edges for op in e.operations} == changes

    def test_a_label_says_what_the_world_says_of_the_state(self):
        """Of the labels' words each is a fact, answered by the model's own functions on the plain state."""
        system = build_system(SPLIT)
        found, graph = drawn(SPLIT)
        facts = {fact.name: fact.holds for fact in system.predicates}
        for node in found.nodes[::37]:
            values = {leaf.path: 0 for leaf in system.layout.leaves} | graph.nodes[node.number]["state"]
            state = system.layout.state(list(values.values()))
            for name, line in zip(("parent", "child"), node.label, strict=True):
                mapped = bool(facts[f"{name} has a page"](state))
                assert ("hw-wr" in line) == (mapped and bool(facts[f"{name} hardware-writable"](state)))
                assert (" write" in line) == (mapped and bool(facts[f"{name} write"](state)))
                assert (WRONG in line) == (not facts[f"{name} reads its own data"](state))

    def test_a_fact_that_the_search_does_not_keep_apart_is_not_shown(self):
        """The core of generic mm never asks whether a page is dirty, so no state says whether it is."""
        found, _ = drawn(SPLIT)
        assert not any("+D" in line for node in found.nodes for line in node.label)
        assert "pages[0].dirty" not in found.nodes[0].whole
        assert found.says[1] == "on no label, since nothing depends on it here: +D"
        assert not any("on no label" in line for line in drawn(HELPERS)[0].says)

    def test_what_is_broken_is_what_the_invariants_say(self):
        system = build_system(SPLIT)
        found, _ = drawn(SPLIT)
        assert {name for node in found.nodes for name in node.broken} == {i.name for i in system.invariants}
        depth = min(node.depth for node in found.nodes if "cow-isolation" in node.broken)
        assert depth == len(shortest_counterexamples(system, "cow-isolation")[0][1])


class TestPath:
    def test_it_is_the_first_shortest_counterexample(self):
        found, graph = drawn(SPLIT, 250, "cow-isolation")
        system = build_system(SPLIT)
        origin, operations = shortest_counterexamples(system, "cow-isolation")[0]
        assert found.steps == operations
        states = concrete_run(system, system.starts[origin.start].name, origin.inputs, list(operations))
        for number, state in zip(found.path, states, strict=True):
            named = system.layout.named(system.layout.concrete(state))
            kept = graph.nodes[number]["state"]
            assert all(value & ~named[path] == 0 for path, value in kept.items())

    def test_a_path_deeper_than_the_picture_is_drawn_all_the_same(self):
        found, _ = drawn(SPLIT, 10, "cow-isolation")
        assert found.depth == 1 and max(node.depth for node in found.nodes) == 3
        assert set(pairwise(found.path)) <= {(edge.source, edge.target) for edge in found.edges}
        assert "and those of the path" in found.says[0]

    def test_what_holds_has_no_path(self):
        with pytest.raises(UsageError, match="cow-isolation is broken in none of 209 states"):
            drawn(Job("loongarch/huacai", "mm", "carry-dirty"), 250, "cow-isolation")


class TestLimits:
    def test_what_is_left_out_is_said(self):
        found, _ = drawn(SPLIT, 250)
        assert (found.depth, len(found.nodes)) == (4, 163)
        assert found.says[0].startswith("163 of 1,025 states: those within 4 steps")
        for text in (svg(found), dot(found)):
            assert "163 of 1,025 states" in text

    def test_a_search_that_ends_early_says_so(self, monkeypatch):
        monkeypatch.setattr("checker.cli.forms.picture.SEARCHED", 50)
        found, _ = picture(SPLIT, build_system(SPLIT), 250, "")
        assert not found.whole and "of more than " in found.says[0]
        assert len(found.nodes) < found.found, "a depth that was not finished is not shown"
        assert [sum(n.depth == d for n in found.nodes) for d in range(found.depth + 1)] == [2, 7, 21][: found.depth + 1]

    def test_too_many_initial_states(self):
        with pytest.raises(UsageError, match="there are 2 initial states, and 1 may be shown"):
            drawn(SPLIT, 1)


class TestSvg:
    def test_states_edges_and_path(self):
        found, _ = drawn(SPLIT, 250, "cow-isolation")
        root = Tree.fromstring(svg(found))
        boxes = [r for r in root.iter(f"{SVG}rect") if "state" in (r.get("class") or "")]
        assert len(boxes) == len(found.nodes)
        assert sum("path" in (r.get("class") or "") for r in boxes) == 4
        assert len(list(root.iter(f"{SVG}g"))) == len(found.nodes) + len(found.edges)
        said = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "step"]
        assert said == ["1 fork_pmd(parent)", "2 split_huge_pmd(parent)", "3 store(parent)"]

    def test_no_two_boxes_overlap_and_all_are_in_sight(self):
        root = Tree.fromstring(svg(drawn(SPLIT, 250)[0]))
        width, height = float(root.get("width", "")), float(root.get("height", ""))
        boxes = [
            tuple(float(r.get(k, "")) for k in ("x", "y", "width", "height"))
            for r in root.iter(f"{SVG}rect")
            if "state" in (r.get("class") or "")
        ]
        assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
        for x, column in {x: [b for b in boxes if b[0] == x] for x, *_ in boxes}.items():
            for above, below in pairwise(sorted(column)):
                assert above[1] + above[3] < below[1], x

    def test_the_same_graph_gives_the_same_text(self):
        assert svg(picture(HELPERS, build_system(HELPERS), 100, "")[0]) == svg(drawn(HELPERS)[0])

    @pytest.mark.parametrize("text", HOSTILE)
    def test_no_text_becomes_markup(self, text):
        found, _ = drawn(HELPERS, 250, "write-only-when-granted")
        plain, hostile = Tree.fromstring(svg(found)), Tree.fromstring(svg(with_text(found, text)).encode())
        count = [
            [sum(1 for _ in root.iter(SVG + tag)) for tag in ("g", "rect", "path", "style", "script")]
            for root in (plain, hostile)
        ]
        assert count[0] == count[1]


class TestDot:
    @pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")
    @pytest.mark.parametrize("text", ["", *HOSTILE])
    def test_graphviz_reads_every_node_and_edge(self, text):
        found, _ = drawn(HELPERS, 250, "write-only-when-granted")
        done = subprocess.run(
            ["dot", "-Tplain"], input=dot(with_text(found, text)).encode(), capture_output=True, check=False
        )
        assert done.returncode == 0 and not done.stderr, done.stderr
        kinds = [line.split(" ", 1)[0] for line in done.stdout.decode().splitlines()]
        assert (kinds.count("node"), kinds.count("edge")) == (len(found.nodes), len(found.edges))

    @pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")
    @pytest.mark.parametrize("text", ["&lt;b&gt; &amp; &#27;", "back\\nslash \\N", 'a "quoted" one'])
    def test_graphviz_shows_text_letter_by_letter(self, text):
        found, _ = drawn(HELPERS)
        done = subprocess.run(
            ["dot", "-Tsvg"], input=dot(replace(found, title=text)).encode(), capture_output=True, check=True
        )
        assert text in [element.text for element in Tree.fromstring(done.stdout).iter(f"{SVG}text")]

    def test_the_path_is_marked(self):
        text = dot(drawn(SPLIT, 250, "cow-isolation")[0])
        assert re.search(r'label="3 store\(parent\)", color=firebrick', text)
        assert len(re.findall(r"n\d+ \[.*color=firebrick", text)) == 4 + 3

    @pytest.mark.parametrize("text", HOSTILE)
    def test_no_text_ends_its_string(self, text):
        found, _ = drawn(HELPERS)
        body = dot(with_text(found, text)).split("\n")[1:-2]
        strings = r'"(?:[^"\\\n]|\\.)*"'
        for line in body:
            assert re.fullmatch(r"[\w =,;.>\-\[\]]*", re.sub(strings, "", line)), line


class TestGraphml:
    def test_networkx_reads_back_every_value_and_operation(self):
        found, graph = drawn(SPLIT, 250, "cow-isolation")
        back = networkx.parse_graphml(graphml(found, graph), force_multigraph=True)
        assert len(back) == len(graph) and back.number_of_edges() == graph.number_of_edges()
        for number, data in graph.nodes(data=True):
            read = back.nodes[f"n{number}"]
            assert {k.removeprefix("state "): int(v, 16) for k, v in read.items() if k.startswith("state ")} == data[
                "state"
            ]
            assert read["depth"] == data["depth"]
        steps = sorted(
            (data["path_step"], data["operation"]) for *_, data in back.edges(data=True) if data["path_step"] > 0
        )
        assert [operation for _, operation in steps] == list(found.steps)
        assert [back.nodes[f"n{n}"]["path_step"] for n in found.path] == [0, 1, 2, 3]

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_is_read_back_in_one_line(self, text):
        found, graph = drawn(HELPERS)
        wrapped = replace(with_text(found, text), path=(), steps=())
        back = networkx.parse_graphml(graphml(wrapped, graph), force_multigraph=True)
        assert len(back) == len(graph) and "\n" not in back.graph["title"]


class TestCommand:
    """In this process: what is tested is the command, not its start."""

    @pytest.mark.parametrize(
        ("name", "begins"), [("a.svg", "<svg"), ("a.dot", "digraph"), ("a.gv", "digraph"), ("a.graphml", "<")]
    )
    def test_the_format_is_the_one_of_the_file_name(self, tmp_path, name, begins):
        target = tmp_path / name
        assert main(["graph", "loongarch/original", "--world", "helpers", "--level", "pte", "-o", str(target)]) == 0
        assert target.read_text().startswith(begins)

    def test_a_trace_chooses_the_world_that_has_it(self, capsys):
        asked = ["loongarch/original", "--split", "carry-dirty", "--trace", "cow-isolation", "--format", "dot"]
        assert main(["graph", *asked]) == 0
        assert "3 store(parent)" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("loongarch/original",), "ask for one of them"),
            (("loongarch/original", "--world", "mm", "--split", "carry-dirty", "--trace", "cow"), "no invariant 'cow'"),
            (("loongarch/original", "--world", "mm", "--split", "carry-dirty", "--states", "1"), "2 initial states"),
            (
                ("loongarch/huacai", "--world", "mm", "--split", "reorder", "--trace", "cow-isolation"),
                "no path to mark",
            ),
        ],
    )
    def test_wrong_use_is_one_sentence(self, capsys, arguments, says):
        assert main(["graph", *arguments]) == 2
        said = capsys.readouterr()
        assert said.out == "" and says in said.err

    def test_a_machine_of_a_tree(self, tmp_path, capsys):
        tree = small_tree(tmp_path, (CONDITION, ALWAYS))
        asked = ["csky", "--kernel", str(tree), "--world", "pte", "--trace", "hw-write-implies-write"]
        assert main(["graph", *asked, "--format", "dot"]) == 0
        assert "csky/tree, PTE world" in capsys.readouterr().out

    def test_help_loads_no_engine(self):
        assert not loaded("graph", "--help") & {*HEAVY, *ENGINES}
