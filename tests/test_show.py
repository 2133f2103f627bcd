"""A saved trace as mail text, Markdown and JSON: what is in it, that it fits, and that no text can break out of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from checker.cli.forms.mail import mail
from checker.cli.forms.markdown import markdown
from checker.cli.forms.told import told_data
from checker.cli.main import main
from checker.cli.telling import HEADINGS
from tests.test_cli import ROOT, ptecheck
from tests.test_startup import ENGINES, HEAVY, loaded
from tests.told_runs import HOSTILE, RUNS, run_of, with_text

GOLDEN = Path(__file__).parent / "golden"
TOLD_SCHEMA = json.loads((ROOT / "docs" / "told.schema.json").read_text())


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A trace as ``check --save`` writes it."""
    folder = tmp_path_factory.mktemp("saved")
    asked = ("--split", "carry-dirty", "--invariant", "cow-isolation", "--no-cache")
    assert ptecheck("check", "loongarch/original", *asked, "--save", str(folder)).returncode == 1
    return next(folder.rglob("*.trace.json"))


class TestMail:
    def test_the_bug_of_the_seed_as_it_is_mailed(self):
        assert mail(run_of("split")) == (GOLDEN / "cow-isolation.mail.txt").read_text()

    @pytest.mark.parametrize("name", RUNS)
    def test_every_line_survives_a_mailing_list(self, name):
        lines = mail(run_of(name)).splitlines()
        assert max(map(len, lines)) <= 72
        assert all(line.isascii() and line.isprintable() and line == line.rstrip() for line in lines)

    def test_what_it_says(self):
        text = mail(run_of("one entry"))
        assert "is violated in 2 steps" in text and "Required: no hardware-writable entry" in text
        assert "     pte_mkdirty +D +M" in text and " => breaks cow-shared-not-hw-writable" in text
        assert "Again: ptecheck check loongarch/original --world pte --invariant" in text

    def test_what_the_requirement_judges_is_told(self):
        assert re.search(r"=> judged: pte_mkdirty.*\n.*hw-writable", mail(run_of("judged")))

    @pytest.mark.parametrize("text", HOSTILE)
    def test_no_text_adds_a_line_or_steers_a_terminal(self, text):
        for name in ("split", "helpers"):
            lines = mail(with_text(run_of(name), text)).split("\n")
            assert all(line.isascii() and (line.isprintable() or not line) for line in lines)
            assert [line for line in lines if line.startswith("Required: ")], "nothing is lost"
            assert sum(line.startswith("Start: ") for line in lines) == 1


class TestMarkdown:
    def rows(self, text: str) -> list[list[str]]:
        """The cells of the table, split where GitHub splits them: at bars that no backslash escapes."""
        lines = [line for line in text.split("\n") if line.startswith("|")]
        return [re.findall(r"((?:\\.|[^|\\])*)\|", line[1:]) for line in lines]

    def test_the_table(self):
        rows = self.rows(markdown(run_of("split")))
        assert [cell.strip() for cell in rows[0]][:5] == ["#", "operation", "who", "", "hw-wr"]
        assert {len(row) for row in rows} == {len(rows[0])}
        assert [row[1].strip() for row in rows[2:] if row[0].strip()] == [
            "`(start)`", "`fork_pmd(parent)`", "`split_huge_pmd(parent)`", "`store(parent)`",
        ]  # fmt: skip
        assert "**breaks cow-isolation**" in rows[-1][-1]

    @pytest.mark.parametrize("text", HOSTILE)
    @pytest.mark.parametrize("name", ["split", "judged"])
    def test_no_text_ends_a_cell_or_becomes_html(self, text, name):
        plain, hostile = markdown(run_of(name)), markdown(with_text(run_of(name), text))
        assert len(hostile.split("\n")) == len(plain.split("\n")) + hostile.count("- Where:")
        expected = len(self.rows(plain)[0])
        assert {len(row) for row in self.rows(hostile)} <= {expected, expected + 1}, "who, where there was none"
        assert len({len(row) for row in self.rows(hostile)}) == 1
        bare = re.sub(r"`[^`\n]*`|</?code>|<br>|\\.", "", hostile)
        assert not re.search(r"[<>`]|\]\(", bare)
        assert all(c == "\n" or c.isprintable() for c in hostile)


class TestJson:
    @pytest.mark.parametrize("name", RUNS)
    def test_it_follows_its_schema(self, name):
        jsonschema.validate(told_data(run_of(name)), TOLD_SCHEMA)

    def test_it_says_what_happened(self):
        data = told_data(run_of("split"))
        split = data["steps"][2]
        assert (split["operation"], split["breaks"]) == ("split_huge_pmd(parent)", ["shared-not-hw-writable"])
        parent, child = split["entries"]
        assert parent["changed"] and parent["facts"]["hw-wr"] == "yes" and "_PAGE_DIRTY" in parent["bits"]
        mkdirty = parent["calls"][-1]
        assert mkdirty["helper"] == "pte_mkdirty" and mkdirty["set"] == ["_PAGE_DIRTY", "_PAGE_MODIFIED"]
        assert int(mkdirty["after"], 16) & ~int(mkdirty["before"], 16) == 0x202
        assert child["facts"]["write"] == "-"

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_stays_in_its_string(self, text):
        data = json.loads(json.dumps(told_data(with_text(run_of("split"), text))))
        jsonschema.validate(data, TOLD_SCHEMA)


@pytest.mark.parametrize("name", RUNS)
def test_a_row_has_a_cell_for_each_heading(name):
    run = run_of(name)
    assert run.headings == HEADINGS[run.job.world]
    assert {len(row.cells) for step in run.steps for row in step.rows} == {len(run.headings)}


class TestCommand:
    """In this process: what is tested is the command, not its start."""

    @pytest.mark.parametrize(
        ("form", "begins"),
        [
            ("text", "  start: a huge"),
            ("mail", "cow-isolation is"),
            ("markdown", "**`cow-"),
            ("vcd", "$version"),
            ("json", "{"),
        ],
    )
    def test_every_form_to_a_file_and_to_standard_output(self, saved, tmp_path, capsys, form, begins):
        assert main(["show", str(saved), "--format", form]) == 0
        shown = capsys.readouterr().out
        assert shown.startswith(begins)
        target = tmp_path / "out"
        assert main(["show", str(saved), "--format", form, "-o", str(target)]) == 0
        assert capsys.readouterr().out == "" and target.read_text() == shown

    def test_a_trace_that_was_changed_is_refused(self, saved, tmp_path, capsys):
        data = json.loads(saved.read_text())
        data["steps"][1]["state"]["processes[0].entry"] ^= 2
        bad = tmp_path / "bad.trace.json"
        bad.write_text(json.dumps(data))
        assert main(["show", str(bad)]) == 2
        said = capsys.readouterr()
        assert said.out == "" and "step 1: processes[0].entry" in said.err

    def test_a_file_that_cannot_be_written_is_named(self, saved, tmp_path, capsys):
        assert main(["show", str(saved), "-o", str(tmp_path / "no" / "file")]) == 2
        assert "cannot write -o" in capsys.readouterr().err

    def test_help_loads_no_engine_and_mail_no_library(self, saved):
        assert not loaded("show", "--help") & {*HEAVY, *ENGINES}
        assert not loaded("show", str(saved)) & {"z3", "numpy", "networkx", "models.kernel"}
