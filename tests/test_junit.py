"""JUnit XML: that CI systems can read it, and that nothing passes which was not decided."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as Tree

import pytest

from checker.cli.forms import findings
from checker.cli.forms.findings import Place
from checker.cli.forms.junit import junit
from tests.ci_reports import MKDIRTY, RESULTS, finding, hostile
from tests.small_tree import ALWAYS, CONDITION, PGTABLE_H, PGTABLE_PATH, small_tree
from tests.test_cli import ptecheck
from tests.told_runs import HOSTILE, run_of

ATTRIBUTES = {
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, set()),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time"}, set()),
    "testcase": ({"name", "classname", "time"}, {"file", "line"}),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
    "skipped": ({"message"}, set()),
    "system-out": (set(), set()),
}
"""Element -> the attributes that must and that may be there. All are in the schemas of Jenkins' xunit plugin and of Maven
Surefire, but for file and line, which pytest writes and GitLab and CircleCI read."""

CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}
TIME = re.compile(r"[0-9]+\.[0-9]{3}")


def checked(text: str) -> Tree.Element:
    """The report, if it has the form that the schemas ask for and its sums are right."""
    root = Tree.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        must, may = ATTRIBUTES[element.tag]
        assert must <= set(element.attrib) <= must | may, element.attrib
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        assert TIME.fullmatch(element.get("time", "0.000"))
        assert element.tag in ("failure", "error", "skipped", "system-out") or not (element.text or "").strip()
    for case in root.iter("testcase"):
        assert len(case) == 1
    for suite in [*root, root]:
        cases = list(suite.iter("testcase"))
        assert int(suite.get("tests", "")) == len(cases)
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert (key == "skipped" and suite is root) or int(suite.get(key, "")) == len(list(suite.iter(tag)))
    return root


def outcome(name: str, bounded: bool = False) -> Tree.Element:
    (case,) = checked(junit([finding(name)], bounded)).iter("testcase")
    return case[0]


class TestVerdicts:
    @pytest.mark.parametrize(
        ("name", "tag", "says"),
        [
            ("proved", "system-out", ""),
            ("violated", "failure", f"{MKDIRTY.file}:41: pte_mkdirty: VIOLATED in 1 step"),
            ("at once", "failure", f"{MKDIRTY.file}:41: pte_mkdirty: VIOLATED in the initial state"),
            ("cost", "skipped", f"{MKDIRTY.file}:41: pte_mkdirty: a cost, not a failure: it must hold"),
            (
                "intended",
                "skipped",
                f"{MKDIRTY.file}:41: pte_mkdirty: intended (the TLB has no such bit), broken in 1 step",
            ),
            ("unknown", "error", "UNKNOWN: time limit of 1 s reached"),
            ("unread", "error", "UNKNOWN: arch/x/include/asm/a.h:12: pte_mkold: asm"),
            ("vacuous", "error", "VACUOUS: its premise never holds"),
            ("bounded", "error", "holds in all runs of at most 5 steps"),
            ("cheap and proved", "system-out", ""),
        ],
    )
    def test_what_ci_is_told(self, name, tag, says):
        found = outcome(name)
        assert (found.tag, found.get("message", "")) == (tag, says)

    def test_a_bound_that_was_asked_for_is_an_answer_and_says_so(self):
        found = outcome("bounded", bounded=True)
        assert (found.tag, found.text) == ("system-out", "holds in all runs of at most 5 steps")
        assert outcome("unknown", bounded=True).tag == "error"

    def test_only_what_is_proved_passes(self):
        assert [name for name in RESULTS if outcome(name).tag == "system-out"] == ["proved", "cheap and proved"]

    def test_a_failure_holds_the_run_and_its_place(self):
        (case,) = checked(junit([finding("violated")], False)).iter("testcase")
        assert (case.get("file"), case.get("line")) == (MKDIRTY.file, "41")
        assert "told in lines\n  as mail" in (case[0].text or "")

    def test_a_suite_for_each_system(self):
        root = checked(junit([finding(name) for name in RESULTS], False))
        (suite,) = root
        assert suite.get("name") == "made-up/tree, PTE world" and suite.get("time") == "0.500"
        assert sum(float(case.get("time", "")) for case in suite) == pytest.approx(0.5, abs=0.01)


class TestPlace:
    """Where a violation is put."""

    def placed(
        self, says: str = "", places: dict[str, str] | None = None, in_place: tuple[str, ...] = ()
    ) -> Place | None:
        run = run_of("helpers")
        arch = replace(run.arch, places=places or {}, in_place=dict.fromkeys(in_place))
        return findings._culprit(replace(run, arch=arch, invariant=replace(run.invariant, says=says)))

    def test_the_last_helper_that_changed_an_entry(self):
        assert self.placed() == Place("pte_mkdirty")
        assert self.placed(places={"pte_mkdirty": "arch/a.h:3", "mk_pte": "arch/a.h:9"}) == Place(
            "pte_mkdirty", "arch/a.h", 3
        )

    def test_the_helper_on_the_table_that_the_requirement_names(self):
        places = {"pte_mkdirty": "arch/a.h:3", "ptep_get_and_clear": "include/b.h:7"}
        says = "a store while ptep_get_and_clear() is at work is not forgotten by pte_dirty()"
        assert self.placed(says, places, ("ptep_get_and_clear",)) == Place("ptep_get_and_clear", "include/b.h", 7)
        assert self.placed(says, places) == Place("pte_mkdirty", "arch/a.h", 3), "a test that it names is none"

    def test_the_architecture_s_file_where_no_helper_has_a_line(self):
        places = {"pte_young": "include/b.h:1", "pte_old": "include/b.h:2", "pte_write": "arch/a.h:3"}
        assert self.placed(places=places) == Place("", "arch/a.h")

    def test_nothing_where_there_is_nothing(self):
        run = run_of("helpers")
        start = replace(run, steps=run.steps[:1], invariant=replace(run.invariant, looks_at=lambda state: ()))
        assert findings._culprit(start) is None


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", RESULTS)
def test_no_text_breaks_the_xml(text, name):
    (plain,), (case,) = (checked(junit([f], False)).iter("testcase") for f in (finding(name), hostile(name, text)))
    assert case[0].tag == plain[0].tag
    for said in case.iter():
        for value in [*said.attrib.values(), *(said.text or "").split("\n")]:
            assert all(c.isprintable() for c in value), "no terminal sees a control character"


class TestCommand:
    def test_a_tree_with_a_broken_helper(self, tmp_path):
        tree = small_tree(tmp_path / "bad", (CONDITION, ALWAYS))
        report = tmp_path / "report.xml"
        asked = ("csky", "--world", "helpers", "--kernel", str(tree), "--no-cache")
        run = ptecheck("check", *asked, "--junit", str(report))
        assert run.returncode == 1 and "VIOLATED" in run.stdout, run.stderr
        root = checked(report.read_text())
        broken = {case.get("name"): case for case in root.iter("testcase") if case.find("failure") is not None}
        line = PGTABLE_H.splitlines().index("static inline pte_t pte_mkdirty(pte_t pte)") + 1
        case = broken["hw-write-implies-write"]
        assert (case.get("file"), case.get("line")) == (PGTABLE_PATH, str(line))
        assert f"Where: pte_mkdirty {PGTABLE_PATH}:{line}" in " ".join((case[0].text or "").split())
        assert run.stdout.count(": VIOLATED") == len(list(root.iter("failure")))

    def test_a_helper_that_is_not_understood_is_an_error_with_its_line(self, tmp_path):
        tree = small_tree(tmp_path / "odd", ("\tpte_val(pte) |= _PAGE_MODIFIED;\n", '\tasm("nop");\n'))
        report = tmp_path / "report.xml"
        assert ptecheck("check", "csky", "--kernel", str(tree), "--junit", str(report)).returncode == 3
        root = checked(report.read_text())
        assert len(list(root.iter("error"))) == len(list(root.iter("testcase"))) > 0
        assert {case.get("file") for case in root.iter("testcase")} == {PGTABLE_PATH}

    @pytest.mark.parametrize("option", ["--junit", "--sarif"])
    def test_what_cannot_be_written_or_is_no_report_is_refused_first(self, tmp_path, option):
        run = ptecheck("check", "loongarch/huacai", option, str(tmp_path / "no" / "file"))
        assert run.returncode == 2 and option in run.stderr and run.stdout == ""
        patch = ptecheck("check", "--kernel", str(tmp_path), "--patch", "x", option, str(tmp_path / "file"))
        assert patch.returncode == 2 and "leave out --patch" in patch.stderr

    def test_machines_in_several_processes_one_of_which_cannot_be_read(self, tmp_path):
        tree = small_tree(tmp_path / "tree")
        report = tmp_path / "report.xml"
        asked = ("--world", "pte", "--kernel", str(tree), "--no-cache", "--jobs", "2")
        assert ptecheck("check", *asked, "--junit", str(report)).returncode == 3
        suites = {suite.get("name"): suite for suite in checked(report.read_text())}
        assert set(suites) == {"csky/tree, PTE world", "csky-abiv1/tree, PTE world"}
        assert (suites["csky/tree, PTE world"].get("errors"), suites["csky/tree, PTE world"].get("failures")) == (
            "0",
            "0",
        )
        unread = suites["csky-abiv1/tree, PTE world"]
        assert unread.get("errors") == unread.get("tests")
        assert all("pgtable-bits.h" in error.get("message", "") for error in unread.iter("error"))

    def test_one_invariant_alone(self, tmp_path):
        report = tmp_path / "report.xml"
        asked = ("loongarch/original", "--split", "carry-dirty", "--invariant", "cow-isolation")
        assert ptecheck("check", *asked, "--no-cache", "--junit", str(report)).returncode == 1
        (case,) = checked(report.read_text()).iter("testcase")
        assert case.get("name") == "cow-isolation" and "file" not in case.attrib
        assert "3. store(parent)" in (case[0].text or "")
