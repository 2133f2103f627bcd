"""Patches applied in memory against what patch(1) and git make of the same files."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from models.kernel import KernelError, Patch, open_tree
from tests.kernel_trees import made_up_tree
from tests.patch_texts import unified

PATH = "include/linux/x.h"
SEEDS = range(150)


def edited(lines: list[str], random: random.Random, changes: int) -> list[str]:
    """Some lines changed, added or removed."""
    out = list(lines)
    for _ in range(changes):
        at = random.randrange(len(out) + 1)
        match random.randrange(3):
            case 0:
                out.insert(at, f"int new{random.randrange(4)};\n")
            case 1:
                del out[at : at + 1]
            case _:
                out[at : at + 1] = [f"int other{random.randrange(4)};\n"]
    return out


def case(seed: int) -> tuple[str, str]:
    """A file, and a patch that was made for another version of it."""
    chance = random.Random(seed)
    lines = [f"int line{chance.randrange(9)};\n" for _ in range(chance.randrange(8, 40))]
    new = lines
    while new == lines:
        new = edited(lines, chance, chance.randrange(1, 5))
    diff = unified(PATH, "".join(lines), "".join(new), context=chance.randrange(1, 5))
    return "".join(edited(lines, chance, chance.randrange(4))), diff


def blind(diff: str) -> bool:
    """Whether nothing may be left of a hunk's old lines without its outer context: patch(1) then goes by the number."""
    hunks = [hunk.splitlines()[1:] for hunk in diff.split("\n@@")[1:]]
    return any(sum(line[0] == " " for line in hunk) <= 4 and not any(line[0] == "-" for line in hunk) for hunk in hunks)


def undone(root: Path, text: str, diff: str) -> bool:
    """Whether the patch can be taken back from the text as it stands: then it is not applied once more with less context."""
    (root / PATH).write_text(text)
    return ours(root, diff, reverse=True) is not None


def ours(root: Path, diff: str, reverse: bool = False) -> str | None:
    """The file behind the patch; None if it does not fit."""
    try:
        return open_tree(root, patches=[Patch("p", diff.encode())], reverse=reverse).read(PATH)
    except KernelError:
        return None


def theirs(root: Path, diff: str, *command: str) -> str | None:
    """The file as a program leaves it; None if it fails."""
    done = subprocess.run(command, input=diff, text=True, cwd=root, capture_output=True, check=False)
    return (root / PATH).read_text() if done.returncode == 0 else None


@pytest.mark.skipif(not shutil.which("patch"), reason="no patch(1) here")
@pytest.mark.parametrize("seed", SEEDS)
def test_patch_makes_the_same_of_it(tmp_path: Path, seed: int) -> None:
    text, diff = case(seed)
    root = made_up_tree(tmp_path, "")
    (root / PATH).write_text(text)
    mine = ours(root, diff)
    found = theirs(root, diff, "patch", "-p1", "-N", "-F2", "--no-backup-if-mismatch", "--force", "-r-")
    assert mine == found or (mine is None and (blind(diff) or undone(root, text, diff)))


@pytest.mark.skipif(not shutil.which("git"), reason="no git here")
@pytest.mark.parametrize("seed", SEEDS[:40])
@pytest.mark.parametrize("reverse", [False, True])
def test_what_git_applies_is_applied(tmp_path: Path, seed: int, reverse: bool) -> None:
    text, diff = case(seed)
    root = made_up_tree(tmp_path, "")
    (root / PATH).write_text(text)
    if reverse:
        found = theirs(root, diff, "git", "apply", "-p1", "-")
        assert found is None or ours(root, diff, reverse=True) == text
    else:
        mine = ours(root, diff)
        found = theirs(root, diff, "git", "apply", "-p1", "-")
        assert found in (None, mine)


def test_the_cases_are_worth_something(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    fits = remarks = 0
    for seed in SEEDS:
        text, diff = case(seed)
        (root / PATH).write_text(text)
        if ours(root, diff) is not None:
            fits += 1
            remarks += bool(open_tree(root, patches=[Patch("p", diff.encode())]).overlay[PATH].remarks)
    assert 40 < fits < len(SEEDS) - 40 and remarks > 5
