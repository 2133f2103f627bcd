"""The report as a page: sound HTML that loads nothing, whatever a tree is called, and the same for the same question."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import re

import pytest

from checker.cli.report_html.page import LONGEST, content_policy, page, visible
from tests.html_check import Page
from tests.report_pages import PAYLOAD, hostile_data, hostile_tree, ordinary_data
from tests.small_tree import ALWAYS, CONDITION, PGTABLE_H, patch_between, small_tree
from tests.test_cli import ptecheck, refused

CARRY = ("check", "loongarch/original", "--split", "carry-dirty")


@pytest.fixture(scope="module")
def text() -> str:
    return page(ordinary_data())


@pytest.fixture(scope="module")
def found() -> Page:
    """The page of hostile data."""
    return Page(page(hostile_data()))


class TestSoundness:
    def test_it_is_sound_html_that_loads_nothing(self, text):
        found = Page(text)
        assert found.faults == []
        assert found.tags["script"] == found.tags["style"] == 1
        assert not found.tags.keys() & {"iframe", "object", "embed", "img", "link", "form", "base"}
        assert "http" not in re.sub(r'http-equiv|xmlns="[^"]*"', "", text)

    def test_the_check_itself_finds_faults(self):
        for bad, fault in (
            ("<div><p></div>", "closes"),
            ("<ul><p>x</p></ul>", "<p> in <ul>"),
            ('<a href="#no">x</a>', "nothing has the id"),
            ('<b onclick="x()">x</b>', "onclick"),
            ('<p style="x">x</p>', "style"),
            ('<script src="x"></script>', "loads"),
            ('<i id="a"></i><i id="a"></i>', "twice"),
            ("<p><div></div></p>", "in a paragraph"),
        ):
            assert any(fault in found for found in Page(bad).faults), bad

    def test_every_part_is_there(self, text):
        found = Page(text)
        assert {"table", "violations", "open", "proofs", "states", "checked", "text", "changes"} <= set(found.ids)
        assert "the time limit of 1 s was reached" in found.text_of("main")
        assert "because of loongarch/original" in found.text_of("main")
        assert "✗ Violated" in found.text_of("header")

    def test_headings_go_down_one_level_at_a_time(self, text):
        levels = [int(level) for level in re.findall(r"<h([1-6])", text)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))

    def test_every_verdict_is_a_word_or_a_sign_and_not_a_colour_alone(self, text):
        cells = re.findall(r'<td class="(?:proved|violated|unknown|cost)[^"]*"[^>]*>(.*?)</td>', text)
        assert cells and all(re.sub(r"<[^>]*>", "", cell).strip() for cell in cells)

    def test_the_policy_allows_this_style_and_this_script_alone(self, text):
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1).replace("&#39;", "'")
        assert policy.startswith("default-src 'none'; ")
        for tag, directive in (("style", "style-src"), ("script", "script-src")):
            content = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.S).group(1)
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{directive} 'sha256-{digest}'" in policy
        assert "unsafe" not in policy and "*" not in policy
        assert text.index("Content-Security-Policy") < text.index("<style>")

    def test_another_script_has_another_hash(self):
        assert content_policy("a", "b") != content_policy("a", "c")


class TestHostile:
    def test_no_text_becomes_a_tag_or_an_attribute(self, found, text):
        assert found.faults == []
        assert found.tags == Page(text).tags
        assert {(tag, name) for tag, name, _ in found.attributes} == {
            (tag, name) for tag, name, _ in Page(text).attributes
        }

    def test_it_is_shown_for_what_it_is(self, found):
        assert "<img src=x onerror=window.broken=2>" in found.text_of("main")
        assert "{{ 7*7 }}" in found.text_of("main")

    def test_nothing_turns_the_direction_of_text_or_hides(self, found):
        shown = found.text_of("html") + "".join(value for _, _, value in found.attributes)
        assert "\\u202egpj.exe\\u0007" in shown
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u0000-\u0008]", shown)

    def test_a_name_that_is_far_too_long_is_cut_and_says_so(self, found):
        assert f"… ({50_000 - LONGEST} more characters)" in found.text_of("main")

    @pytest.mark.parametrize("value", ["\u200b", "\u202e", "\u2066", "\x00", "\x1b[31m", "\r", "\ufeff", "\ud800"])
    def test_characters_that_cannot_be_seen_are_written_out(self, value):
        shown = visible(f"a{value}b")
        assert f"\\u{ord(value[0]):04x}" in shown
        shown.encode()

    def test_other_scripts_and_line_ends_stay(self):
        assert visible("größe 页\n\tשלום") == "größe 页\n\tשלום"


class TestCommand:
    def test_it_goes_with_json_and_evidence_and_changes_no_verdict(self, tmp_path):
        report, data = tmp_path / "r.html", tmp_path / "r.json"
        run = ptecheck(*CARRY, "--report", str(report), "--json", str(data), "--save", str(tmp_path / "out"))
        assert run.returncode == 1
        assert run.stdout == ptecheck(*CARRY).stdout
        found = Page(report.read_text())
        assert found.faults == []
        for result in json.loads(data.read_text())["results"]:
            assert result["invariant"] in found.text_of("main")
        assert list((tmp_path / "out").rglob("*.trace.json"))

    @pytest.mark.slow
    def test_two_runs_are_the_same_to_the_byte(self, tmp_path):
        for name in ("1", "2"):
            ptecheck(*CARRY, "--report", str(tmp_path / name), env={**os.environ, "PYTHONHASHSEED": name})
        assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()

    def test_a_page_for_a_pipe_of_json(self, tmp_path):
        run = ptecheck(*CARRY, "--json", "-", "--report", str(tmp_path / "r.html"))
        assert json.loads(run.stdout)["results"]
        assert "cow-isolation" in (tmp_path / "r.html").read_text()

    def test_what_is_cut_short_says_so(self, tmp_path):
        run = ptecheck(*CARRY, "--depth", "1", "--report", str(tmp_path / "r.html"))
        assert run.returncode == 0
        assert "≤ Holds up to a bound" in (tmp_path / "r.html").read_text()

    def test_a_file_that_cannot_be_written_is_refused_at_once(self, tmp_path):
        refused(ptecheck(*CARRY, "--report", str(tmp_path / "no" / "r.html")), "--report", "folder")
        refused(ptecheck(*CARRY, "--report", str(tmp_path)), "--report")

    @pytest.mark.slow
    def test_a_hostile_tree_gets_a_sound_page_with_its_lines(self, tmp_path):
        report = tmp_path / "r.html"
        run = ptecheck("check", "csky", "--kernel", str(hostile_tree(tmp_path)), "--no-cache", "--report", str(report))
        assert run.returncode == 1, run.stderr
        found = Page(report.read_text())
        assert found.faults == []
        assert found.tags["script"] == 1
        assert "<script>window.broken=1<" in found.text_of("header")
        assert re.search(r"pgtable\.h:\d+", found.text_of("li"))

    def test_a_patch_leads_with_what_it_changes(self, tmp_path):
        tree, report = small_tree(tmp_path / "tree"), tmp_path / "r.html"
        patch = tmp_path / "bad.patch"
        patch.write_text(patch_between(PGTABLE_H, PGTABLE_H.replace(CONDITION, ALWAYS)))
        run = ptecheck(
            "check",
            "--kernel",
            str(tree),
            "--patch",
            str(patch),
            "--no-cache",
            "--world",
            "helpers",
            "--report",
            str(report),
        )
        assert run.returncode == 1, run.stderr
        found = Page(report.read_text())
        assert found.faults == []
        assert found.text_of("pre").startswith(run.stdout)
        assert "✗ Violated" in found.text_of("header")

    def test_helpers_that_are_not_understood_are_nowhere_called_fine(self, tmp_path):
        tree = small_tree(tmp_path, ("\tpte_val(pte) |= _PAGE_MODIFIED;\n", '\tasm("nop");\n'))
        report = tmp_path / "r.html"
        run = ptecheck("check", "csky", "--kernel", str(tree), "--no-cache", "--report", str(report))
        assert run.returncode == 3, run.stderr
        found = Page(report.read_text())
        assert found.faults == []
        assert "? Not decided" in found.text_of("header")
        cells = [value.split()[0] for tag, name, value in found.attributes if tag == "td" and name == "class"]
        assert set(cells) == {"unknown"}
        assert re.search(r"pgtable\.h:\d+: pte_mkdirty", found.text_of("section"))


def test_the_payload_is_one_that_would_work():
    assert Page(f"<p>{PAYLOAD}").tags["script"] == 1


@pytest.mark.slow
def test_the_comparison_of_all_variants_fits_a_mail(tmp_path):
    report = tmp_path / "all.html"
    assert ptecheck("check", "--report", str(report)).returncode == 1
    assert report.stat().st_size < 2_000_000
    found = Page(report.read_text())
    assert found.faults == []
    assert "49 are violated in 11 of 20 configurations" in found.text_of("header")
