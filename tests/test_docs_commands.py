"""Every command in the documents is run, and prints what the document says; or it is listed with the reason why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checker.cli.parser import COMMANDS, command_parser
from tests.docs_commands import DOCUMENTS, NOT_RUN, Session, Shown, commands, differs
from tests.kernel_trees import tree, why_not

SHOWN = {document: commands(document, document.read_text(encoding="utf-8")) for document in DOCUMENTS}

LONG = ("explain.md", "porting.md", "diff.md")
"""Documents whose commands take seconds together."""


def with_any(speed: str) -> list[object]:
    """The documents with commands of one speed."""
    return [
        pytest.param(d, id=d.name, marks=[pytest.mark.slow] if speed == "fast" and d.name in LONG else [])
        for d, found in SHOWN.items()
        if any(c.speed == speed for c in found)
    ]


def run(document: Path, folder: Path, *speeds: str) -> None:
    """Runs the commands of these speeds, in the order of the document."""
    session = Session(folder)
    for command in SHOWN[document]:
        if command.speed in speeds:
            complaint = session.complaint(command)
            assert not complaint, complaint


@pytest.mark.parametrize("document", with_any("fast"))
def test_the_commands_of_a_document_do_what_it_says(document: Path, tmp_path: Path) -> None:
    run(document, tmp_path, "fast")


@pytest.mark.slow
@pytest.mark.parametrize("document", with_any("slow"))
def test_so_do_those_that_take_longer(document: Path, tmp_path: Path) -> None:
    run(document, tmp_path, "fast", "slow")


@pytest.mark.kernel
@pytest.mark.skipif(tree("6.12") is None, reason=why_not("6.12"))
@pytest.mark.parametrize("document", with_any("kernel"))
def test_so_do_those_that_read_a_kernel(document: Path, tmp_path: Path) -> None:
    run(document, tmp_path, "fast", "kernel")


def test_what_is_not_run_is_there() -> None:
    texts = [command.text for found in SHOWN.values() for command in found]
    for pattern in NOT_RUN:
        assert any(re.search(pattern, text) for text in texts), pattern


PLACEHOLDER = re.compile(r"[\[|]|\b(COMMAND|FORMAT|RELEASE|SHELL|N)\b|\.\.\.")
"""What stands in a command for something else, beside names that any text may stand for."""

INLINE = [
    (document.name, " ".join(found.split()))
    for document in DOCUMENTS
    for found in re.findall(r"`ptecheck\s([^`]+)`", document.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("document", "text"), sorted({pair for pair in INLINE if not PLACEHOLDER.search(pair[1])}))
def test_a_command_inside_a_sentence_is_one(document: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = text.replace("'", "").split()
    if words[-1] == "--help":
        assert len(words) == 1 or words[0] in COMMANDS, document
        return
    try:
        assert command_parser(words).parse_args(words).command == words[0], document
    except SystemExit:
        # a sentence may leave out what a command is about
        assert "the following arguments are required" in capsys.readouterr().err, document


DOCUMENT = """\
# Title

    make test
    ptecheck list splits             what there is
    ptecheck list variants  # and this

Text, and no `ptecheck list nothing`:

```
$ cat > a.txt <<'EOF'
one
two

three
EOF
$ cat a.txt
one
...
three
$ echo a \\
  b
a b
```

```python
ptecheck = 1
```

    $ ptecheck check csky --kernel ~/linux

    shown, after an empty line
"""


def of(text: str) -> list[Shown]:
    return commands(Path("a.md"), text)


def test_commands_are_found_in_lists_and_sessions() -> None:
    found = of(DOCUMENT)
    assert [(c.line, c.text.partition("\n")[0], c.speed) for c in found] == [
        (3, "make test", "not run"),
        (4, "ptecheck list splits", "fast"),
        (5, "ptecheck list variants", "fast"),
        (10, "cat > a.txt <<'EOF'", "fast"),
        (16, "cat a.txt", "fast"),
        (20, "echo a \\", "fast"),
        (29, "ptecheck check csky --kernel ~/linux", "kernel"),
    ]
    assert [c.output for c in found[3:]] == [
        None, ("one", "...", "three"), ("a b",), ("shown, after an empty line",)
    ]  # fmt: skip
    assert found[3].text.endswith("three\nEOF")


def test_a_session_runs_in_one_folder(tmp_path: Path) -> None:
    session = Session(tmp_path)
    assert [session.complaint(command) for command in of(DOCUMENT)[3:6]] == ["", "", ""]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("$ echo one\ntwo", "not in the output:\ntwo"),
        ("$ printf 'a\\nb\\n'\nb\na", "in another order"),
        ("$ printf 'a\\nb\\n'\na", "in another order or incomplete"),
        ("$ ptecheck check vax", "exit status 2"),
        ("$ ptecheck frobnicate", "exit status 2"),
        ("$ false; exit 3", "exit status 3"),
        ("$ echo Traceback >&2", "Traceback"),
    ],
)
def test_a_document_that_is_wrong_is_found_out(text: str, complaint: str, tmp_path: Path) -> None:
    (command,) = of("```\n" + text + "\n```\n")
    assert complaint in Session(tmp_path).complaint(command)


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        (("a", "b"), "a\nb\n", True),
        (("a", "b"), "a\n\nb  \n", True),
        (("  a",), "a\n", False),
        (("a ... c",), "a b c\n", True),
        (("...", "b"), "a\nb\n", True),
        (("...", "b"), "a\nb\nc\n", False),
        (("a", "..."), "a\n", True),
        (("(a+",), "(a+\n", True),
    ],
)
def test_output_is_compared_up_to_what_is_left_out(shown: tuple[str, ...], real: str, same: bool) -> None:
    assert (differs(shown, real) == "") == same
