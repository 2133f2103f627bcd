"""Trees seen through patches: what is applied and where, and what is refused with one clear sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.kernel import KernelError, Patch, Tree, affects, lift_tree, liftable, open_tree, touched
from models.kernel.platforms import PLATFORMS
from tests.kernel_trees import made_up_tree
from tests.patch_texts import attached, encoded, mail, reply, unified

PGTABLE = "arch/loongarch/include/asm/pgtable.h"
BITS = "arch/loongarch/include/asm/pgtable-bits.h"
HEADER = "".join(f"#define _PAGE_{name} {1 << i}\n" for i, name in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
CHANGED = HEADER.replace("_PAGE_M 4096", "_PAGE_M 1")
DIFF = unified(PGTABLE, HEADER, CHANGED)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A made-up tree whose header defines 26 bits."""
    return made_up_tree(tmp_path / "tree", HEADER)


def constants(tree: Tree) -> dict[str, int]:
    """The bits of a tree."""
    return dict(lift_tree(tree, "loongarch").constants)


def patched(root: Path, *patches: str | bytes, reverse: bool = False) -> Tree:
    """The tree behind some patches, which are named p1, p2 and so on."""
    read = [Patch(f"p{i}", p.encode() if isinstance(p, str) else p) for i, p in enumerate(patches, 1)]
    return open_tree(root, patches=read, reverse=reverse)


def refusal(root: Path, *patches: str | bytes, reverse: bool = False) -> str:
    """The one sentence that a patch is refused with."""
    with pytest.raises(KernelError) as caught:
        lift_tree(patched(root, *patches, reverse=reverse), "loongarch")
    message = str(caught.value)
    assert "\n" not in message and message.isprintable() and len(message) < 400
    return message


def git(path: str, *extended: str, old: str = "", new: str = "", name: str = "") -> str:
    """A file as git diff writes it."""
    body = unified(path, old, new) if old or new else ""
    return f"diff --git a/{path} b/{name or path}\n" + "".join(f"{line}\n" for line in extended) + body


WRAPPED = {
    "diff -u": DIFF,
    "timestamps": DIFF.replace(".h\n", ".h\t2024-01-01 00:00:00.000000000 +0000\n"),
    "other folders": DIFF.replace("a/arch", "linux-6.1.orig/arch").replace("b/arch", "linux-6.1/arch"),
    "no folders": DIFF.replace("a/arch", "arch").replace("b/arch", "arch"),
    "dots": DIFF.replace("a/arch", "./a/./arch").replace("b/arch", "./b//arch"),
    "deep folders": DIFF.replace("a/arch", "x/y/z/arch").replace("b/arch", "x/y/z/arch"),
    "git": git(PGTABLE, "index 946704bee599..debbe116f105 100644", old=HEADER, new=CHANGED),
    "git without folders": git(PGTABLE, "index 1..2", old=HEADER, new=CHANGED).replace("a/a", "a").replace("b/a", "a"),
    "git mode": git(PGTABLE, "old mode 100755", "new mode 100644", "index 1..2", old=HEADER, new=CHANGED),
    "git show": f"commit 0123\nAuthor: A <a@example.org>\n\n    why\n\n{git(PGTABLE, 'index 1..2', old=HEADER, new=CHANGED)}",
    "quoted name": DIFF.replace(f"a/{PGTABLE}", f'"a/{PGTABLE[:-1]}\\150"').replace(f"b/{PGTABLE}", f'"b/{PGTABLE}"'),
    "mail": mail(DIFF),
    "mailbox": mail(DIFF, mailbox=True),
    "CRLF": mail(DIFF).replace("\n", "\r\n"),
    "no end of line": DIFF.rstrip("\n"),
    "no newline at the end": DIFF + "\\ No newline at end of file\n",
    "one line of context": unified(PGTABLE, HEADER, CHANGED, context=1),
    "blank context": mail(DIFF),
    "quoted-printable": encoded(DIFF, "quoted-printable"),
    "base64": encoded(DIFF, "base64"),
    "other charset": encoded(DIFF, "quoted-printable", "iso-8859-1"),
    "attachment": attached(DIFF),
    "attachment of bytes": attached(DIFF, kind=("application", "octet-stream")),
    "a reply that quotes it in full": reply(mail(DIFF)),
    "a reply two deep": reply(mail(DIFF), "> > "),
    "a footer": mail(DIFF) + "_______________________________________________\nlinux-mm mailing list\n",
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
def test_a_patch_is_found_in_what_it_is_wrapped_in(root: Path, name: str) -> None:
    assert constants(patched(root, WRAPPED[name])) == {**constants(open_tree(root)), "_PAGE_M": 1}


def test_the_tree_itself_is_never_written(root: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}
    new = git("include/linux/new.h", "new file mode 100644", new="#define X 1\n")
    constants(patched(root, DIFF, new))
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def test_a_patch_is_taken_back_again(root: Path) -> None:
    (root / PGTABLE).write_text(CHANGED)
    assert constants(patched(root, DIFF, reverse=True))["_PAGE_M"] == 4096


def test_patches_build_on_each_other_and_are_taken_back_from_the_last_one_on(root: Path) -> None:
    third = CHANGED.replace("_PAGE_M 1", "_PAGE_M 2")
    series = (DIFF, unified(PGTABLE, CHANGED, third))
    assert constants(patched(root, *series))["_PAGE_M"] == 2
    assert "does not fit" in refusal(root, *series[::-1])
    (root / PGTABLE).write_text(third)
    assert constants(patched(root, *series, reverse=True))["_PAGE_M"] == 4096


def test_a_mailbox_is_a_series_in_the_order_of_its_numbers(root: Path) -> None:
    third = CHANGED.replace("_PAGE_M 1", "_PAGE_M 2")
    first = mail(DIFF, "[PATCH v2 1/2] one", mailbox=True)
    second = mail(unified(PGTABLE, CHANGED, third), "[PATCH v2 2/2] two", mailbox=True)
    cover = mail("", "[PATCH v2 0/2] cover", mailbox=True)
    answer = mail(unified(PGTABLE, HEADER, "x\n"), "Re: [PATCH v2 1/2] one", mailbox=True)
    tree = patched(root, second + cover + answer + first)
    assert constants(tree)["_PAGE_M"] == 2
    assert tree.notes == ("p1: 1 replies in the mailbox were left out",)
    other = mail(DIFF, "[PATCH v3 1/2] one", mailbox=True)
    assert (
        refusal(root, first + second + other)
        == "p1 holds more than one series or version of it: keep one, as b4 am does"
    )


def test_files_are_added_removed_renamed_and_copied(root: Path) -> None:
    new = git("include/linux/new.h", "new file mode 100644", "index 0..1", new="#define X 1\n")
    tree = patched(root, new)
    assert tree.has("include/linux/new.h") and tree.read("include/linux/new.h") == "#define X 1\n"
    tree = patched(root, git(PGTABLE, "deleted file mode 100644", old=HEADER))
    assert not tree.has(PGTABLE)
    with pytest.raises(KernelError, match="is missing from the tree .*: the patches remove it"):
        tree.read(PGTABLE)
    move = f"rename from {PGTABLE}", f"rename to {BITS}"
    tree = patched(root, git(PGTABLE, "similarity index 100%", *move, name=BITS))
    assert not tree.has(PGTABLE) and tree.read(BITS) == HEADER
    changed = DIFF.replace(f"b/{PGTABLE}", f"b/{BITS}")
    tree = patched(root, git(PGTABLE, "similarity index 90%", *move, name=BITS) + changed)
    assert not tree.has(PGTABLE) and tree.read(BITS) == CHANGED
    copy = f"copy from {PGTABLE}", f"copy to {BITS}"
    tree = patched(root, git(PGTABLE, "similarity index 100%", *copy, name=BITS))
    assert tree.read(PGTABLE) == tree.read(BITS) == HEADER


@pytest.mark.parametrize("kind", ["rename", "copy"])
def test_renames_and_copies_are_taken_back(root: Path, kind: str) -> None:
    move = git(PGTABLE, "similarity index 100%", f"{kind} from {PGTABLE}", f"{kind} to {BITS}", name=BITS)
    (root / BITS).write_text(HEADER)
    if kind == "rename":
        (root / PGTABLE).unlink()
    tree = patched(root, move, reverse=True)
    assert tree.has(PGTABLE) and not tree.has(BITS)


def test_additions_and_removals_are_taken_back(root: Path) -> None:
    (root / BITS).write_text("#define X 1\n")
    assert not patched(root, git(BITS, "new file mode 100644", new="#define X 1\n"), reverse=True).has(BITS)
    (root / BITS).unlink()
    gone = git(BITS, "deleted file mode 100644", old="#define X 1\n")
    assert patched(root, gone, reverse=True).read(BITS) == "#define X 1\n"


def test_a_new_folder_is_there(root: Path) -> None:
    tree = patched(root, git("arch/x86/include/asm/pgtable.h", "new file mode 100644", new="#define X 1\n"))
    assert tree.has("arch/x86") and tree.has("arch/x86/include/asm") and not tree.has("arch/x8")
    assert tree.folders("arch") == ["loongarch", "x86"]
    assert "x86-64" in liftable(tree) and "x86-64" not in liftable(root)


def test_an_included_header_may_be_new(root: Path) -> None:
    include = unified(PGTABLE, HEADER, f"#include <asm/pgtable-bits.h>\n{HEADER}")
    new = git(BITS, "new file mode 100644", new="#define _PAGE_NEW 3\n")
    assert constants(patched(root, include + new))["_PAGE_NEW"] == 3
    assert "is missing from the tree" in refusal(root, include)


def test_hunks_are_looked_for_nearest_first(root: Path) -> None:
    block = "int a;\nint b;\nint c;\n"
    (root / PGTABLE).write_text(f"{block}{HEADER}{block}{HEADER}{block}")
    diff = unified(PGTABLE, f"{HEADER}{HEADER}{block}", f"{HEADER}{HEADER}{block.replace('b', '_PAGE_B')}")
    fixed = diff.replace(diff.split("\n")[2], "@@ -29,3 +29,3 @@")
    hunk = "\n".join(line for line in fixed.split("\n") if "define" not in line)
    assert patched(root, hunk).read(PGTABLE) == f"{block}{HEADER}{block.replace('b', '_PAGE_B')}{HEADER}{block}"


def test_an_offset_carries_over_to_later_hunks(root: Path) -> None:
    twice = CHANGED.replace("_PAGE_C 4\n", "_PAGE_C 8\n")
    (root / PGTABLE).write_text("int x;\n" * 5 + HEADER)
    tree = patched(root, unified(PGTABLE, HEADER, twice, context=1))
    assert tree.read(PGTABLE) == "int x;\n" * 5 + twice
    assert tree.notes == () and not any("context" in text for text in lift_tree(tree, "loongarch").assumptions)


@pytest.mark.parametrize("lost", [1, 2])
def test_outer_context_need_not_fit_and_this_is_said(root: Path, lost: int) -> None:
    text = HEADER
    for name in "JK"[:lost]:
        text = text.replace(f"_PAGE_{name} ", f"_OTHER_{name} ")
    (root / PGTABLE).write_text(text)
    tree = patched(root, DIFF)
    assert tree.read(PGTABLE) == text.replace("_PAGE_M 4096", "_PAGE_M 1")
    (remark,) = [text for text in lift_tree(tree, "loongarch").assumptions if text.startswith("p1:3: ")]
    assert remark == f"p1:3: the hunk fits line {10 + lost} only without {2 * lost} of its lines of context"


@pytest.mark.parametrize("name", ["JKL", "L", "N", "M"])
def test_inner_context_must_fit(root: Path, name: str) -> None:
    text = HEADER
    for letter in name:
        text = text.replace(f"_PAGE_{letter} ", f"_OTHER_{letter} ")
    (root / PGTABLE).write_text(text)
    message = refusal(root, DIFF)
    assert message.startswith(f"p1:3: the hunk does not fit {PGTABLE}:10: line ")
    assert f"'#define _OTHER_{name[0]} " in message and f"the hunk has '#define _PAGE_{name[0]} " in message


def test_a_patch_that_is_applied_already_says_so(root: Path) -> None:
    assert refusal(root, DIFF, DIFF) == f"p2:3: {PGTABLE} has this change already: --reverse takes it back"
    message = refusal(root, DIFF, reverse=True)
    assert message == f"p1:3: {PGTABLE} does not have this change, so that it cannot be taken back: leave out --reverse"
    new = git(BITS, "new file mode 100644", new="int x;\n")
    assert (
        refusal(root, new, new) == f"p2:1: {BITS} is to be created and has this change already: --reverse takes it back"
    )
    other = git(BITS, "new file mode 100644", new="int y;\n")
    assert refusal(root, new, other) == f"p2:1: {BITS} is to be created and is there already"


def test_a_patch_that_lost_its_white_space(root: Path) -> None:
    (root / PGTABLE).write_text(HEADER.replace(" ", "\t"))
    assert "which differs in white space only" in refusal(root, DIFF)


def test_a_hunk_without_context_has_no_place(root: Path) -> None:
    diff = unified(PGTABLE, HEADER, HEADER.replace("#define _PAGE_M", "int x;\n#define _PAGE_M"), context=0)
    assert "has no line of" in refusal(root, diff)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("../outside.h", "leaves the tree"),
        ("arch/../../outside.h", "leaves the tree"),
        ("arch/loongarch/include/asm/../asm/pgtable.h", "leaves the tree"),
        ("/etc/passwd", "leaves the tree"),
        ('"a/\\000"', "a NUL byte"),
        ('"\\056\\056/x"', "leaves the tree"),
        ('"a\\nb"', "control characters"),
        ("x" * 500, "empty or too long"),
        ("", "empty or too long"),
        ("///", "empty or too long"),
        (".", "empty or too long"),
    ],
)  # fmt: skip
def test_names_that_leave_the_tree_are_refused(root: Path, path: str, what: str) -> None:
    (root.parent / "outside.h").write_text(HEADER)
    for side in "ab":
        diff = DIFF.replace(f"{side}/{PGTABLE}", path)
        message = refusal(root, diff)
        assert message.startswith(f"p1:{'12'['ab'.index(side)]}: ")
        assert what in message or (what == "a NUL byte" and "control characters" in message)
    if path not in ("", "."):
        assert "p1:1: " in refusal(root, f"diff --git a/x b/x\nrename from {path}\nrename to {PGTABLE}\n")


def test_a_patch_through_links_is_refused(root: Path) -> None:
    (root / "arch" / "link").symlink_to("loongarch")
    (root / "out").symlink_to("/etc")
    (root / "arch" / "loongarch" / "include" / "asm" / "near.h").symlink_to("pgtable.h")
    for path in ("arch/link/include/asm/pgtable.h", "arch/loongarch/include/asm/near.h"):
        assert "is or lies behind a symbolic link" in refusal(root, DIFF.replace(PGTABLE, path))
    assert "is a link that leaves the tree" in refusal(root, DIFF.replace(PGTABLE, "out/passwd"))
    new = git("arch/link/new.h", "new file mode 100644", new="int x;\n")
    assert "is or lies behind a symbolic link" in refusal(root, new)
    assert "leaves the tree" in refusal(root, git("out/new.h", "new file mode 100644", new="int x;\n"))


def test_what_a_link_leads_to_is_read_patched(root: Path) -> None:
    (root / PGTABLE).rename(root / "real.h")
    (root / PGTABLE).symlink_to("../../../../real.h")
    assert constants(patched(root, DIFF.replace(PGTABLE, "real.h")))["_PAGE_M"] == 1


@pytest.mark.parametrize(
    ("extended", "what"),
    [
        (("index 1..2 100644", "Binary files a/x and b/x differ"), "a binary file"),
        (("index 1..2", "GIT binary patch", "literal 3", "Kc${Nk000000I", ""), "a binary file"),
        (("old mode 100644", "new mode 120000"), "a symbolic link"),
        (("index 1..2 160000",), "a submodule"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused_when_it_is_read(root: Path, extended: tuple[str, ...], what: str) -> None:
    assert (
        refusal(root, git(PGTABLE, *extended))
        == f"{PGTABLE} cannot be read: p1:1 makes it {what}, which is not applied"
    )
    other = "include/linux/logo.png"
    (root / other).write_text("")
    assert constants(patched(root, DIFF, git(other, *extended)))["_PAGE_M"] == 1


def test_files_that_the_tree_lacks(root: Path) -> None:
    message = refusal(root, DIFF.replace("asm/pgtable.h", "asm/moved.h"))
    assert message == f"p1:1: {root} has no arch/loongarch/include/asm/moved.h to be patched"
    elsewhere = DIFF.replace(PGTABLE, "drivers/gpu/x.c")
    tree = patched(root, DIFF + elsewhere)
    assert constants(tree)["_PAGE_M"] == 1
    assert tree.notes == ("p1:12: drivers/gpu/x.c is not changed: the tree has no such folder",)
    assert refusal(root, elsewhere) == f"the patches change no file of {root}: is it the tree they are for?"


@pytest.mark.parametrize("prefix", ["a/", "linux-6.1/", "", "x/y/", "./"])
def test_a_file_of_the_same_name_elsewhere_is_not_taken_for_it(root: Path, prefix: str) -> None:
    for path in (f"tools/{PGTABLE}", f"tools/testing/{PGTABLE}", f"drivers/staging/{PGTABLE}"):
        diff = unified(path, HEADER, CHANGED, prefix=(prefix, prefix))
        assert "change no file of" in refusal(root, diff)
        assert f"p1:1: {path} is not changed" in patched(root, diff, DIFF).notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p1 holds no unified diff: no lines with ---, +++ and @@ as diff -u and git write them"),
        ("Hello\n--- a/x\n+++ b/x\n", "p1 holds no unified diff: no lines with ---, +++ and @@ as diff -u and git write them"),
        ("@@ -1 +1 @@\n-a\n+b\n", "p1:1: a hunk without the name of a file"),
        ("diff --cc x\nindex 1,2..3\n@@@ -1,1 -1,1 +1,1 @@@\n", "p1:1: the diff of a merge cannot be applied"),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n", "p1:4: the hunk has not as many lines as its head says"),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n-c\n+d\n", "p1:6: the hunk has not as many lines as its head says"),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\nb\n", "p1:5: the hunk is damaged: this is no line of a diff"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n+c\n", "p1:6: this line stands behind the end of its hunk"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n a\n b\n", "p1:5: this line stands behind the end of its hunk"),
        ("--- a/x\n+++ b/x\n@@ -1,99999999999 +1 @@\n a\n", "p1:3: the head of this hunk cannot be read"),
        ("--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "p1:2: both names are /dev/null"),
        ("diff --git a/x b/y\nold mode 100644\nnew mode 100755\n", "p1:1: the name of the file cannot be told from this line"),
        ("diff --git a b\nold mode 100644\nnew mode 100755\n", "p1:1: the name of the file cannot be told from this line"),
        ("diff --git a/x b/x\nnew file mode 1\ndeleted file mode 1\n", "p1:1: a file that is neither there before nor after"),
        ("diff --git a/x b/x\nrename from x\n", "p1:1: the name of the file '' is empty or too long"),
        ("a\n\0\n", "p1:2: a NUL byte: this is no patch in plain text"),
        ("\n" * 250_001, "the patch p1 has more than 250000 lines"),
        ("x" * 70_000, "p1:1: a line is longer than the limit of 65536 characters"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n" * 2_001, "p1: more than the limit of 2000 files are changed"),
    ],
)  # fmt: skip
def test_damaged_patches_name_their_line(root: Path, text: str, message: str) -> None:
    found = refusal(root, text)
    assert found.startswith(message) or (message.startswith("p1: ") and found.endswith(message[4:]))


def test_a_huge_patch(root: Path) -> None:
    assert refusal(root, b"x\n" * 4_000_001) == "the patch p1 is larger than the limit of 8000000 bytes"


@pytest.mark.parametrize(
    "body",
    [
        "> > > > diff --git a/x b/x\n" * 50_000,
        "Content-Type: multipart/mixed; boundary=a\n\n" + "--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 20_000,
        "From: a\nContent-Type: multipart/mixed; boundary=a\n\n" + "--a\n\nx\n" * 30_000,
        "From: a\n" * 200_000,
        "Subject: " + "[PATCH " * 9_000 + "\n\nx\n",
        "From: a\nContent-Type: text/plain; charset=" + "x" * 60_000 + "\n\n" + DIFF.replace("arch", "brch"),
        "diff --git " + ":// " * 15_000 + "\nindex 1..2\n",
        "diff --git a/" + " b/" * 15_000 + "\nold mode 1\n",
        "Binary files " + "a and " * 10_000 + "\n",
        "diff --git a/x b/x\nBinary files " + "a and " * 10_000 + "\n",
        "--- a/x\n+++ b/x\n" + "@@ -1,0 +1,0 @@\n" * 100_000,
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n" + "\\ No newline\n" * 200_000,
        "From a@b Mon Jan  1 00:00:00 2024\nFrom: x\n\n" * 1_500,
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_patches_made_to_be_slow(root: Path, body: str) -> None:
    refusal(root, body)


def test_lines_that_are_all_the_same_take_bounded_time(root: Path) -> None:
    (root / PGTABLE).write_text("\n" * 400_000)
    hunk = "@@ -200000,2000 +200000,2000 @@\n" + "\n" * 1_999 + "-x\n+y\n"
    assert "takes too long" in refusal(
        root, f"--- a/{PGTABLE}\n+++ b/{PGTABLE}\n" + hunk.replace("-x\n+y", "-\n+y") * 50
    )
    assert "does not fit" in refusal(root, f"--- a/{PGTABLE}\n+++ b/{PGTABLE}\n" + hunk)


def test_a_file_that_grows_too_large(root: Path) -> None:
    added = "".join(f"+{'x' * 60_000}\n" for _ in range(20))
    big = f"--- a/{PGTABLE}\n+++ b/{PGTABLE}\n@@ -1,2 +1,22 @@\n #define _PAGE_A 1\n{added} #define _PAGE_B 2\n"
    assert f"{PGTABLE} is larger than the limit" in refusal(root, big)


@pytest.mark.parametrize("keep", [3, 2])
def test_a_reply_that_quotes_only_a_part_is_refused(root: Path, keep: int) -> None:
    two = unified(PGTABLE, HEADER, CHANGED.replace("_PAGE_Y 16777216", "_PAGE_Y 2"), context=1)
    lines = mail(two).splitlines()
    heads = [index for index, line in enumerate(lines) if line.startswith("@@")]
    part = "\n".join(lines[: heads[1] - (3 - keep)])
    message = refusal(root, reply(part))
    damaged = "damaged there" if keep == 2 else "no diffstat beside it shows that all of it is"
    assert "quoted" in message and damaged in message


def test_a_reply_without_a_diffstat_is_refused(root: Path) -> None:
    assert "no diffstat beside it shows" in refusal(root, reply(DIFF))


def test_a_reply_of_a_web_archive_that_lost_its_white_space(root: Path) -> None:
    text = reply(mail(DIFF), "> > > > ").replace("> > > >  #", "> > > > #")
    message = refusal(root, text)
    assert message.endswith(
        "the hunk is damaged: this is no line of a diff (the patch is quoted in a reply and damaged there)"
    )


def test_patch_files_are_read(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fix.patch").write_text(DIFF)
    assert constants(open_tree(root, patches=[tmp_path / "fix.patch"]))["_PAGE_M"] == 1
    with open(tmp_path / "fix.patch") as file:
        monkeypatch.setattr("sys.stdin", file)
        assert constants(open_tree(root, patches=["-"]))["_PAGE_M"] == 1
    for name, why in (("none", "No such file"), (".", "Is a directory"), ("a\0b", "malformed")):
        with pytest.raises(KernelError, match=rf"the patch .* cannot be read: .*{why}"):
            open_tree(root, patches=[name if "\0" in name else tmp_path / name])


def test_a_device_is_read_no_further_than_the_limit(root: Path) -> None:
    with pytest.raises(KernelError, match="larger than the limit"):
        open_tree(root, patches=[Path("/dev/zero")])


def test_which_files_are_touched_and_whom_it_concerns(root: Path) -> None:
    new = git("include/asm-generic/pgtable-nopmd.h", "new file mode 100644", new="int x;\n")
    tree = patched(root, DIFF)
    assert touched(tree) == {PGTABLE}
    concerned = {name for name, platform in PLATFORMS.items() if affects(tree, platform)}
    assert concerned == {name for name, platform in PLATFORMS.items() if platform.folder == "loongarch"}
    assert len({platform.folder for platform in PLATFORMS.values() if affects(patched(root, new), platform)}) > 2
    main = unified("include/linux/pgtable.h", (root / "include/linux/pgtable.h").read_text(), "int x;\n")
    assert all(affects(patched(root, main), platform) for platform in PLATFORMS.values())
    (root / "README").write_text("a\n")
    readme = patched(root, unified("README", "a\n", "b\n"))
    assert touched(readme) == {"README"} and not any(affects(readme, platform) for platform in PLATFORMS.values())
    assert touched(open_tree(root)) == frozenset()


def test_a_file_that_tells_what_is_another_way_concerns_the_machine(root: Path) -> None:
    (root / "arch/x86").mkdir(parents=True)
    (root / "arch/x86/Kconfig").write_text("\n")
    tree = patched(root, unified("arch/x86/Kconfig", "\n", "default 5 if X86_64\n"))
    assert {name for name, platform in PLATFORMS.items() if affects(tree, platform)} == {"x86-64"}


def test_the_version_is_the_patched_trees(root: Path) -> None:
    makefile = "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 2\n"
    (root / "Makefile").write_text(makefile)
    tree = patched(root, unified("Makefile", makefile, makefile.replace("= 2", "= 3")))
    assert lift_tree(tree, "loongarch").version == "6.1.3"
    assert affects(tree, PLATFORMS["loongarch"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_patch(root: Path, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(DIFF)
    (tmp_path / "p").chmod(0)
    with pytest.raises(KernelError, match="Permission denied"):
        open_tree(root, patches=[tmp_path / "p"])
