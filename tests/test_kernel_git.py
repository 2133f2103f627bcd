"""Revisions of git repositories as trees: what git itself wrote is read, and what a hostile repository holds does no harm."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from struct import pack

import pytest

from models.kernel import KernelError, Patch, Tree, lift_tree, liftable, open_tree
from tests.kernel_trees import made_up_tree
from tests.patch_texts import unified

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="no git here")
pytest.importorskip("dulwich")

PGTABLE = "arch/loongarch/include/asm/pgtable.h"
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "a"), ("EMAIL", "a@b"))
    },
}


def git(root: Path, *words: str) -> str:
    """Runs git in a folder."""
    command = ("git", "-c", "gc.auto=0", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *words)
    return subprocess.run(command, cwd=root, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout.strip()


def commit(root: Path, value: int) -> str:
    """A commit whose header has one more value."""
    (root / PGTABLE).write_text(f"#define _PAGE_A {value}\n" + "#define _PAGE_B 2\n" * 50)
    (root / "Makefile").write_text(f"VERSION = 6\nPATCHLEVEL = {value}\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", f"version {value}")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with five commits, a merge, tags and branches."""
    root = made_up_tree(tmp_path_factory.mktemp("git") / "repo", "")
    git(root, "init", "-q")
    for value in (1, 2, 3):
        commit(root, value)
    git(root, "tag", "v6.3")
    git(root, "tag", "-a", "-m", "annotated", "v6.3-annotated")
    git(root, "tag", "-a", "-m", "twice", "twice", "v6.3-annotated")
    git(root, "checkout", "-q", "-b", "topic/side", "HEAD~1")
    commit(root, 7)
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "-s", "ours", "-m", "merge", "topic/side")
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A copy of it, loose objects and references."""
    return Path(shutil.copytree(template, tmp_path / "repo", symlinks=True))


def value(tree: Tree) -> int:
    """The value that tells the commits apart."""
    found = lift_tree(tree, "loongarch")
    assert found.version == f"6.{found.constants['_PAGE_A']}"
    return found.constants["_PAGE_A"]


def refusal(root: Path, revision: str = "HEAD") -> str:
    """The one sentence that a revision is refused with."""
    with pytest.raises(KernelError) as caught:
        lift_tree(open_tree(root, git=revision), "loongarch")
    message = str(caught.value)
    assert "\n" not in message and message.isprintable() and len(message) < 400
    return message


REVISIONS = {
    "HEAD": 3, "@": 3, "main": 3, "heads/main": 3, "refs/heads/main": 3, "v6.3": 3, "tags/v6.3": 3, "v6.3-annotated": 3,
    "v6.3-annotated^{}": 3, "v6.3-annotated^{commit}~1": 2, "twice": 3, "twice~2": 1, "HEAD~0": 3, "HEAD^0": 3, "HEAD~": 3,
    "HEAD~2": 2, "HEAD^^^": 1, "HEAD^2": 7, "HEAD^2~1": 2, "HEAD^2^": 2, "@~3": 1, "topic/side": 7, "topic/side~2": 1,
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
def test_revisions_are_what_git_says_they_are(root: Path, packed: bool) -> None:
    if packed:
        git(root, "gc", "-q", "--prune=now")
        assert not (root / ".git/refs/tags/v6.3").exists()
    for revision, expected in REVISIONS.items():
        assert value(open_tree(root, git=revision)) == expected, revision
        full = git(root, "rev-parse", f"{revision}^{{commit}}")
        for length in (40, 12, 7):
            assert value(open_tree(root, git=full[:length])) == expected
        assert value(open_tree(root, git=f"v6.3-9-g{full[:12]}")) == expected
        assert open_tree(root, git=revision).label.endswith(f" at {revision} ({full[:12]})")


def test_the_work_tree_is_neither_read_nor_written(root: Path) -> None:
    before = sorted(root.rglob("*"))
    (root / PGTABLE).write_text("#error the work tree\n")
    shutil.rmtree(root / "include")
    tree = open_tree(root, git="main")
    assert value(tree) == 3 and tree.has("include") and "loongarch" in liftable(tree)
    assert set(root.rglob("*")) <= set(before)


def test_a_patch_goes_on_top_of_a_revision(root: Path) -> None:
    diff = unified("Makefile", "VERSION = 6\nPATCHLEVEL = 2\n", "VERSION = 6\nPATCHLEVEL = 9\n")
    assert lift_tree(open_tree(root, "main~2", [Patch("p", diff.encode())]), "loongarch").version == "6.9"
    with pytest.raises(KernelError, match="p:3: the hunk does not fit Makefile:1: line 2 there is 'PATCHLEVEL = 3'"):
        open_tree(root, "main", [Patch("p", diff.encode())])


def test_a_tree_survives_being_sent_to_another_process(root: Path) -> None:
    git(root, "gc", "-q")
    tree = open_tree(root, git="main")
    value(tree)
    assert value(pickle.loads(pickle.dumps(tree))) == 3


def test_bare_repositories_worktrees_and_alternates(root: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare")
    git(tmp_path, "clone", "-q", "--shared", str(root), "shared")
    git(root, "worktree", "add", "-q", str(tmp_path / "work"), "topic/side")
    git(tmp_path, "init", "-q", "--separate-git-dir", str(tmp_path / "apart"), str(tmp_path / "separate"))
    git(tmp_path / "separate", "fetch", "-q", str(root), "main:other")
    assert value(open_tree(tmp_path / "bare", git="main")) == 3
    assert value(open_tree(tmp_path / "shared", git="HEAD")) == 3
    assert value(open_tree(tmp_path / "shared", git="origin/topic/side")) == 7
    assert value(open_tree(tmp_path / "shared", git="origin")) == 3
    assert value(open_tree(tmp_path / "work", git="HEAD")) == 7
    assert value(open_tree(tmp_path / "work", git="main")) == 3
    assert value(open_tree(tmp_path / "separate", git="other")) == 3


def test_shallow_and_partial_clones(root: Path, tmp_path: Path) -> None:
    git(root, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{root}", "shallow")
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", f"file://{root}", "partial")
    assert value(open_tree(tmp_path / "shallow", git="HEAD")) == 3
    assert refusal(tmp_path / "shallow", "HEAD~1").endswith("cannot be read: it is missing in this shallow clone")
    assert refusal(tmp_path / "partial", "HEAD").endswith("cannot be read: it is missing in this partial clone")


@pytest.mark.parametrize(
    "revision",
    ["", "nothing", "HEAD:Makefile", ":/version", "HEAD@{1}", "HEAD^{/version}", "main..topic/side", "HEAD~9", "HEAD^3", "-x",
     "../../etc/passwd", "refs/../../config", "refs/heads/../../config", "a" * 5_000, "0" * 40, "deadbeef", "main\n", "\0",
     "HEAD~99999", "HEAD^{tree}", "/etc/passwd", "refs//heads/main", "HEAD" + "~1^1" * 2_000, ".git/config", "config"],
)  # fmt: skip
def test_what_is_no_revision(root: Path, revision: str) -> None:
    assert refusal(root, revision).startswith("the revision '")


def test_a_folder_without_a_repository(tmp_path: Path) -> None:
    assert "is not the top folder of a git repository" in refusal(tmp_path)
    assert "is not the top folder of a git repository" in refusal(made_up_tree(tmp_path / "t", ""))
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    assert "is not the top folder of a git repository" in refusal(tmp_path)
    (tmp_path / ".git").write_bytes(b"gitdir: \0\n")
    assert "NUL byte" in refusal(tmp_path)


def test_a_subfolder_is_not_the_top(root: Path) -> None:
    assert "is not the top folder" in refusal(root / "arch")


def test_more_than_one_commit_may_begin_so(root: Path) -> None:
    top = git(root, "rev-parse", "HEAD^{tree}")
    seen: dict[str, bytes] = {}
    for count in range(100_000):
        data = f"tree {top}\nauthor a <a@b> {count} +0000\ncommitter a <a@b> {count} +0000\n\nx\n".encode()
        name = sha1(b"commit %d\0%b" % (len(data), data)).hexdigest()
        if name[:4] in seen and git(root, "rev-parse", "HEAD")[:4] != name[:4]:
            break
        seen[name[:4]] = data
    git_object(root, b"commit", data)
    assert value(open_tree(root, git=name[:4])) == 3
    git_object(root, b"commit", seen[name[:4]])
    assert refusal(root, name[:4]) == f"the revision '{name[:4]}' cannot be read: more than one commit begins so"
    assert value(open_tree(root, git=name[:12])) == 3
    assert "no such branch" in refusal(root, name[:3])


def test_references_in_a_reftable_and_other_hashes(root: Path) -> None:
    full = git(root, "rev-parse", "HEAD")
    shutil.rmtree(root / ".git" / "refs")
    (root / ".git" / "reftable").mkdir()
    (root / ".git" / "HEAD").write_text("ref: refs/heads/.invalid\n")
    assert "reftable" in refusal(root, "main")
    assert value(open_tree(root, git=full)) == 3
    (root / ".git" / "HEAD").write_text("a" * 64 + "\n")
    assert "SHA-256" in refusal(root)


def test_the_configuration_has_no_effect(root: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    command = f"touch {ran}; cat"
    (root / ".git" / "config").write_text(
        f"[core]\n\trepositoryformatversion = 99\n\tworktree = /etc\n\tfsmonitor = {command}\n\tsshCommand = {command}\n"
        f'[filter "x"]\n\tsmudge = {command}\n\trequired\n[include]\n\tpath = /dev/zero\n[extensions]\n\tobjectFormat = sha256\n'
        f"[alias]\n\tlog = !{command}\n[[[\n"
    )
    (root / ".git" / "info" / "attributes").write_text("* filter=x text eol=crlf\n")
    for hook in ("post-checkout", "reference-transaction"):
        (root / ".git" / "hooks" / hook).write_text(f"#!/bin/sh\n{command}\n")
        (root / ".git" / "hooks" / hook).chmod(0o755)
    assert value(open_tree(root, git="main")) == 3
    assert not ran.exists()


def test_links_inside_a_revision(root: Path) -> None:
    (root / PGTABLE).rename(root / "real.h")
    (root / PGTABLE).symlink_to("../../../../real.h")
    (root / "arch" / "again").symlink_to("loongarch")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "links")
    tree = open_tree(root, git="HEAD")
    assert value(tree) == 3
    assert tree.read("arch/again/include/asm/pgtable.h") == tree.read("real.h")
    assert tree.files.real("arch/again/include/asm/pgtable.h") == "real.h"
    assert tree.folders("arch") == ["loongarch"] and tree.folders("nowhere") == [] and tree.folders("Makefile") == []


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../../../../etc/passwd", "../../../../../../../x", "pgtable.h", "x" * 5_000]
)
def test_links_that_leave_a_revision_are_refused(root: Path, target: str) -> None:
    blob = git_object(root, b"blob", target.encode())
    git(root, "rm", "-q", PGTABLE)
    git(root, "update-index", "--add", "--cacheinfo", f"120000,{blob},{PGTABLE}")
    git(root, "commit", "-qm", "a link")
    message = refusal(root)
    assert "leaves the tree" in message or "too many links" in message


def test_what_is_no_file_in_a_revision(root: Path) -> None:
    git(root, "rm", "-q", PGTABLE)
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{PGTABLE}")
    git(root, "commit", "-qm", "a submodule")
    assert f"{PGTABLE} is not a regular file" in refusal(root)
    assert f"{PGTABLE} is not a regular file" in refusal(root, "HEAD")


def git_object(root: Path, kind: bytes, data: bytes, name: str = "") -> str:
    """Writes a loose object, under another name if one is given."""
    text = kind + b" " + str(len(data)).encode() + b"\0" + data
    name = name or sha1(text).hexdigest()
    path = root / ".git" / "objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(zlib.compress(text))
    return name


def test_objects_that_are_not_what_their_name_says(root: Path) -> None:
    full = git(root, "rev-parse", "HEAD:Makefile")
    git_object(root, b"blob", b"VERSION = 9\n", full)
    assert f"object {full[:12]} of the repository is damaged" in refusal(root)


def test_missing_objects(root: Path) -> None:
    full = git(root, "rev-parse", f"HEAD:{PGTABLE}")
    (root / ".git" / "objects" / full[:2] / full[2:]).unlink()
    assert refusal(root) == f"object {full[:12]} of the repository cannot be read: it is missing"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (b"tree", b"40000 arch"),
        (b"tree", b"40000 arch\0" + b"x" * 20),
        (b"tree", b"x arch\0" + b"x" * 20),
        (b"tree", b"40000 arch\0" + b"x" * 19),
        (b"tree", b""),
        (b"commit", b""),
        (b"commit", b"tree x\n\n"),
        (b"commit", b"tree " + b"1" * 40 + b"\n\n"),
        (b"commit", b"\xff\xfe\n" * 100),
        (b"tag", b"object x\ntype y\n"),
        (b"tag", b"object " + b"1" * 40 + b"\ntype commit\ntag x\n\n"),
        (b"blob", b"x"),
        (b"nonsense", b"x"),
    ],
)  # fmt: skip
def test_damaged_objects(root: Path, kind: bytes, data: bytes) -> None:
    refusal(root, git_object(root, kind, data))


def test_a_bomb_in_a_loose_object(root: Path) -> None:
    full = git(root, "rev-parse", f"HEAD:{PGTABLE}")
    path = root / ".git" / "objects" / full[:2] / full[2:]
    path.unlink()
    path.write_bytes(zlib.compress(b"blob 5000000000\0" + b"\0" * 60_000_000, 1))
    assert f"object {full[:12]} of the repository" in refusal(root)


def number(value: int, first: int = 7, kind: int = 0) -> bytes:
    """A length as packs have it."""
    out = [(kind << 4 if first == 4 else 0) | (value & ((1 << first) - 1))]
    value >>= first
    while value:
        out[-1] |= 0x80
        out.append(value & 0x7F)
        value >>= 7
    return bytes(out)


def written_pack(root: Path, objects: list[tuple[str, bytes]]) -> None:
    """A pack with these entries, whatever is in them, and an index that names them in their order."""
    body = b"PACK" + pack(">LL", 2, len(objects))
    offsets = []
    for _, entry in objects:
        offsets.append(len(body))
        body += entry
    body += sha1(body).digest()
    order = sorted(range(len(objects)), key=lambda index: objects[index][0])
    names = [objects[index][0] for index in order]
    fan = b"".join(pack(">L", sum(int(name[:2], 16) <= first for name in names)) for first in range(256))
    index = b"\377tOc" + pack(">L", 2) + fan + b"".join(map(bytes.fromhex, names)) + b"\0\0\0\0" * len(names)
    index += b"".join(pack(">L", offsets[at]) for at in order) + body[-20:]
    folder = root / ".git" / "objects" / "pack"
    (folder / "pack-made.pack").write_bytes(body)
    (folder / "pack-made.idx").write_bytes(index + sha1(index).digest())


BLOB, OFS_DELTA, REF_DELTA = 3, 6, 7


def entry(kind: int, data: bytes, says: int | None = None, base: bytes = b"") -> bytes:
    """An object in a pack that may say another length than it has."""
    return number(len(data) if says is None else says, 4, kind) + base + zlib.compress(data)


LARGE = b"x" * 10_000_000
COPIES = b"\xff" + b"\0" * 4 + b"\xff\xff\x7f"
PACKS = {
    "long": [entry(BLOB, LARGE + LARGE)],
    "longer than it says": [entry(BLOB, LARGE, says=5)],
    "shorter than it says": [entry(BLOB, b"x", says=1 << 60)],
    "a length without end": [b"\xff" * 64],
    "a difference to itself": [entry(OFS_DELTA, b"\1\1\1x", base=b"\0")],
    "a difference to what is not there": [entry(REF_DELTA, b"\1\1\1x", base=b"\x11" * 20)],
    "a difference to something before the pack": [entry(OFS_DELTA, b"\1\1\1x", base=b"\x7f")],
    "a difference that grows": [
        entry(REF_DELTA, number(10_000_000) + number(1 << 40) + COPIES * 1000, base=b"\xbb" * 20),
        entry(BLOB, LARGE),
    ],
    "differences in a circle": [
        entry(REF_DELTA, b"\1\1\1x", base=b"\xbb" * 20),
        entry(REF_DELTA, b"\1\1\1x", base=b"\xaa" * 20),
    ],
    "a difference cut off": [entry(REF_DELTA, b"\1\1\xff", base=b"\xbb" * 20), entry(BLOB, b"x")],
    "another kind": [entry(0, b"x")],
    "a chain": [
        *(entry(REF_DELTA, b"\1\1\1x", base=bytes.fromhex(f"{index + 1:040x}")) for index in range(6_000)),
        entry(BLOB, b"x"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", PACKS)
def test_packs_that_are_made_to_do_harm(root: Path, name: str) -> None:
    names = ["aa" * 20, "bb" * 20] if len(PACKS[name]) < 3 else [f"{index:040x}" for index in range(len(PACKS[name]))]
    written_pack(root, list(zip(names, PACKS[name], strict=False)))
    message = refusal(root, names[0])
    assert message.startswith(f"the revision '{names[0]}' cannot be read: object {names[0][:12]} of the repository ")


@pytest.mark.parametrize(
    "fan",
    [b"\xff\xff\xff\xff" * 256, pack(">L", 0) * 255 + b"\xff\xff\xff\xff", b"\xff\xff\xff\xff" * 255 + pack(">L", 1)],
)
def test_indexes_that_say_they_are_endless(root: Path, fan: bytes) -> None:
    written_pack(root, [("aa" * 20, entry(BLOB, b"x"))])
    path = root / ".git" / "objects" / "pack" / "pack-made.idx"
    data = path.read_bytes()
    path.write_bytes(data[:8] + fan + data[8 + 1024 :])
    assert "cannot be read" in refusal(root, "aaaaaaaa") and "cannot be read" in refusal(root, "aa" * 20)


def pipes(root: Path) -> Iterator[Path]:
    """Files of a repository that are read, each made a pipe."""
    full = git(root, "rev-parse", "HEAD")
    objects = ("objects/info/alternates", f"objects/{full[:2]}/{full[2:]}", "objects/pack/x.idx", "objects")
    for name in ("HEAD", "refs/heads/main", "packed-refs", "commondir", *objects):
        path = root / ".git" / name
        moved = root / "moved"
        if path.exists():
            path.rename(moved)
        os.mkfifo(path)
        if name.endswith(".idx"):
            path.with_suffix(".pack").write_bytes(b"")
        yield path
        path.unlink()
        path.with_suffix(".pack").unlink(missing_ok=True)
        if moved.exists():
            moved.rename(path)


def test_pipes_in_a_repository_are_not_opened(root: Path) -> None:
    for path in pipes(root):
        assert refusal(root, "nothing" if path.name in ("packed-refs", "x.idx") else "main"), path


def test_alternates_and_references_that_lead_nowhere_or_in_circles(root: Path, tmp_path: Path) -> None:
    alternates = root / ".git" / "objects" / "info" / "alternates"
    alternates.write_text(f"# a comment\n\n.\n../objects\n{root}/.git/objects\n")
    assert value(open_tree(root, git="main")) == 3
    for index in range(8):
        (tmp_path / f"o{index}" / "info").mkdir(parents=True)
        (tmp_path / f"o{index}" / "info" / "alternates").write_text(f"{tmp_path}/o{(index + 1) % 8}\n")
    alternates.write_text(f"{tmp_path}/o0\n")
    assert "alternates lead too far" in refusal(root)
    alternates.write_text("/dev/null\n")
    assert "which is no folder" in refusal(root)
    alternates.write_text("/no\x1bwhere\n" * 1_000)
    assert "which is no folder" in refusal(root)
    alternates.unlink()
    (root / ".git" / "refs" / "heads" / "main").write_text("ref: refs/heads/main\n")
    assert "lead to each other" in refusal(root)
    (root / ".git" / "refs" / "heads" / "main").write_text("ref: ../../../../etc/passwd\n")
    assert "no such branch" in refusal(root)
    (root / ".git" / "HEAD").unlink()
    (root / ".git" / "HEAD").symlink_to("/etc/passwd")
    message = refusal(root)
    assert message == "the revision 'HEAD' cannot be read: the reference HEAD is damaged"


def test_a_repository_with_a_byte_changed_anywhere(root: Path) -> None:
    chance = random.Random(1)
    git(root, "gc", "-q", "--prune=now")
    files = [path for path in (root / ".git").rglob("*") if path.is_file() and "hooks" not in path.parts]
    for path in files:
        path.chmod(0o644)
    wanted = [path for path in files if path.suffix in (".idx", ".pack") or path.name in ("HEAD", "packed-refs")]
    for _ in range(400):
        path = chance.choice(wanted)
        data = path.read_bytes()
        at = chance.randrange(len(data))
        path.write_bytes(data[:at] + bytes([chance.randrange(256)]) + data[at + chance.randrange(2) :])
        try:
            assert value(open_tree(root, git=chance.choice(["HEAD", "v6.3", "main~2", git_short(data)]))) in (
                1,
                2,
                3,
                7,
            )
        except KernelError as error:
            assert str(error).isprintable() and len(str(error)) < 400
        path.write_bytes(data)


def git_short(data: bytes) -> str:
    """Some abbreviated hash."""
    return sha1(data).hexdigest()[:4]


def test_without_dulwich_it_is_said_what_to_install(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "models.kernel.gitobjects", None)
    assert "pip install 'ptecheck[git]'" in refusal(root)
