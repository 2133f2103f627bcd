"""A machine described in a file of one's own: as good as a built-in one, and every mistake named with its line."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from checker.cli.jobs import Job, build_system, find_architecture
from checker.cli.kernels import KernelTree, kernel_tree
from checker.cli.main import UsageError, main
from checker.decision import decide
from models.kernel.errors import KernelError
from models.machine_file import MAX_BYTES, MachineFile, description, read_machine
from models.own_machine import platform
from tests.kernel_trees import tree, why_not
from tests.small_tree import ALWAYS, CONDITION, small_tree

CPU = """\
name = "mycpu"
arch = "csky"
says = "a valid and a writable bit"
source = "arch/csky/include/asm/pgtable.h"
word = 32
physical_bits = 32
protections = "arch/csky/mm/init.c"
headers = ["abi/pgtable-bits.h"]
folders = ["arch/csky/abiv2/inc"]
config = ["SMP", "SWAP"]

[cpu]
readable = "pte & _PAGE_VALID"
silent = "(pte & _PAGE_VALID) && (pte & _PAGE_DIRTY)"
serves_writable = false
young_gates = true

[bits]
_PAGE_VALID = "V valid for the CPU"

[fixed]
_PAGE_GLOBAL = 0x1
"""


def own_tree(root: Path, *changes: tuple[str, str]) -> Path:
    return small_tree(root / "tree", *changes)


def written(folder: Path, *changes: tuple[str, str], text: str = CPU) -> str:
    """A description on disk with some texts replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "mycpu.toml").write_text(text)
    return str(folder / "mycpu.toml")


def named(root: Path, path: str) -> KernelTree:
    found = kernel_tree(str(root), None, [], False, path)
    assert found is not None
    return found


def verdicts(config: str, kernel: KernelTree, world: str = "helpers") -> dict[str, tuple[str, int | None]]:
    system = build_system(Job(config, world, kernel=kernel, level="pte" if world != "pte" else ""))
    return {r.invariant: (r.verdict.value, r.depth) for r in decide(system)}


@pytest.mark.parametrize("changes", [(), ((CONDITION, ALWAYS),)])
@pytest.mark.parametrize("world", ["helpers", "pte"])
def test_a_described_machine_is_judged_as_the_built_in_one(
    changes: tuple[tuple[str, str], ...], world: str, tmp_path: Path
) -> None:
    built_in = KernelTree(str(small_tree(tmp_path / "whole", *changes)))
    own = named(own_tree(tmp_path, *changes), written(tmp_path))
    found = verdicts("mycpu/tree", own, world)
    assert found == verdicts("csky/tree", built_in, world)
    assert any(verdict == "violated" for verdict, _ in found.values()) == bool(changes)


def test_the_command_checks_the_described_machine_alone(tmp_path: Path, capsys: Any) -> None:
    where = ["--kernel", str(own_tree(tmp_path, (CONDITION, ALWAYS))), "--machine", written(tmp_path)]
    words = ["--invariant", "hw-write-implies-write", "--no-cache", "--jobs", "1"]
    assert main(["check", *where, *words]) == 1
    text = capsys.readouterr().out
    assert text.startswith("mycpu/tree\n")
    assert "assumed: the CPU does what mycpu.toml says, after arch/csky/include/asm/pgtable.h" in " ".join(text.split())
    assert "pte_mkdirty arch/csky/include/asm/pgtable.h" in text
    assert main(["list", "helpers", *where]) in (0, 3)
    assert "ptecheck_cpu" not in capsys.readouterr().out
    assert main(["list", "architectures", *where]) == 0
    assert "a valid and a writable bit (arch/csky, small pages only)" in capsys.readouterr().out


def test_evidence_about_a_described_machine_is_read_back_with_its_file(tmp_path: Path, capsys: Any) -> None:
    where = ["--kernel", str(own_tree(tmp_path, (CONDITION, ALWAYS))), "--machine", written(tmp_path)]
    main(["check", *where, "--world", "pte", "--no-cache", "--jobs", "1", "--save", str(tmp_path / "out")])
    (trace, *_) = sorted((tmp_path / "out").rglob("*.trace.json"))
    capsys.readouterr()
    assert main(["replay", str(trace), *where]) == 0
    assert "is violated in" in capsys.readouterr().out
    assert main(["replay", str(trace), *where[:2]]) == 2
    assert "mycpu" in capsys.readouterr().err


def test_an_exception_is_shown_as_intended_with_its_reason(tmp_path: Path) -> None:
    text = CPU + '[exceptions]\nhw-write-implies-write = "made up"\n'
    kernel = named(own_tree(tmp_path, (CONDITION, ALWAYS)), written(tmp_path, text=text))
    found = {r.invariant: r for r in decide(build_system(Job("mycpu/tree", "helpers", kernel=kernel, level="pte")))}
    assert found["hw-write-implies-write"].exception == "made up"
    assert not found["hw-write-implies-write"].failed
    assert found["write-only-when-granted"].failed


@pytest.mark.parametrize("word", [32, 64])
def test_rules_may_change_the_entry_and_differ_between_levels(word: int, tmp_path: Path) -> None:
    path = written(
        tmp_path,
        ("word = 32", f"word = {word}"),
        ("serves_writable", 'recording = "pte & _PAGE_WRITE"\nrecords = "pte | _PAGE_DIRTY"\nserves_writable'),
        ("young_gates", 'executable = "0"\nloaded = "pte | _PAGE_ACCESSED"\nyoung_gates'),
    )
    hardware = find_architecture("mycpu/tree", named(own_tree(tmp_path), path)).hardware
    assert hardware.recording(0x200) and not hardware.recording(0x100)
    assert (hardware.records(0x200), hardware.loaded(0x2), hardware.store(0x200)) == (0x204, 0x82, 0x204)
    assert hardware.executable and not hardware.executable(0xFFF)
    text = CPU.replace('levels = ["pte"]\n', "") + '[cpu.pmd]\nsilent = "0"\n'
    own = description(MachineFile("x.toml", 'levels = ["pte", "pmd"]\n' + text))
    assert own.rules["pmd"]["silent"].text == "0"
    assert own.rules["pte"]["silent"].text != "0"
    assert own.rules["pmd"]["readable"] == own.rules["pte"]["readable"]


def test_a_description_goes_to_other_processes(tmp_path: Path) -> None:
    kernel = named(own_tree(tmp_path), written(tmp_path))
    again = pickle.loads(pickle.dumps(kernel))
    assert again == kernel and hash(again) == hash(kernel)
    assert platform(again.machine).name == "mycpu"


def complaint(text: str | bytes, tmp_path: Path) -> str:
    (tmp_path / "mycpu.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(KernelError) as error:
        platform(read_machine(str(tmp_path / "mycpu.toml")))
    said = str(error.value)
    assert said.isprintable() and len(said) < 600
    return said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "mycpu"', 'name = "My CPU"', "mycpu.toml:1: name: lower-case letters"),
        ('name = "mycpu"', 'name = "riscv64"', "riscv64 is a machine that ptecheck has already"),
        ('name = "mycpu"', "name = 3", "mycpu.toml:1: name: "),
        ('arch = "csky"', 'arch = "../../etc"', "mycpu.toml:2: arch: the name of a folder"),
        ('source = "arch/csky/include/asm/pgtable.h"', "", "source: a sentence in quotes is needed"),
        ('source = "arch/csky/include/asm/pgtable.h"', 'source = " "', "mycpu.toml:4: source: a sentence"),
        ("word = 32", "word = 16", "mycpu.toml:5: word: a number is needed, 32 or 64"),
        ("word = 32", "word = true", "mycpu.toml:5: word: a number"),
        ("physical_bits = 32", "physical_bits = 1000000", "mycpu.toml:6: physical_bits: a number is needed, 20 to 60"),
        ("physical_bits = 32", "phsyical_bits = 32", "mycpu.toml:6: phsyical_bits: no such key: did you mean phys"),
        ("arch/csky/mm/init.c", "/etc/passwd", "mycpu.toml:7: protections: a path inside the tree"),
        ("arch/csky/mm/init.c", "arch/../../x.c", "mycpu.toml:7: protections: a path inside the tree"),
        ('["SMP", "SWAP"]', '["smp"]', "mycpu.toml:10: config: 'smp' is not an option"),
        ('["SMP", "SWAP"]', '"SMP"', "mycpu.toml:10: config: a list of texts"),
        ('["SMP", "SWAP"]', '["A=1\\n#define B"]', "mycpu.toml:10: config: "),
        ("readable", "readible", "mycpu.toml:13: readible: no such key in [cpu]: did you mean readable?"),
        ('readable = "pte & _PAGE_VALID"\n', "", "mycpu.toml:12: readable: a C expression over pte is needed"),
        ('"pte & _PAGE_VALID"', '"pte & (_PAGE_VALID"', "mycpu.toml:13: readable: its parentheses do not match"),
        ('"pte & _PAGE_VALID"', '"1; } int x(void) { return 1"', "mycpu.toml:13: readable: ; has no place"),
        ('"pte & _PAGE_VALID"', '"1) || (1"', "mycpu.toml:13: readable: "),
        ('"pte & _PAGE_VALID"', '"pte = 1"', "mycpu.toml:13: readable: = has no place"),
        ('"pte & _PAGE_VALID"', '"pte++"', "mycpu.toml:13: readable: ++ has no place"),
        ('"pte & _PAGE_VALID"', '\'"x"[0]\'', "mycpu.toml:13: readable: "),
        ('"pte & _PAGE_VALID"', '""', "mycpu.toml:13: readable: a C expression"),
        ('"pte & _PAGE_VALID"', "[1]", "mycpu.toml:13: readable: a C expression"),
        ("serves_writable = false", "serves_writable = 0", "mycpu.toml:15: serves_writable: true or false"),
        ("serves_writable = false\n", "", "serves_writable: true or false"),
        ("young_gates = true", 'recording = "1"\nyoung_gates = true', "mycpu.toml:16: recording: recording and records"),
        ('"V valid for the CPU"', '"valid for the CPU"', "mycpu.toml:19: _PAGE_VALID: a letter and a few words"),
        ("_PAGE_GLOBAL = 0x1", "_PAGE_GLOBAL = -1", "mycpu.toml:22: _PAGE_GLOBAL: a name of C and a number"),
        ("_PAGE_GLOBAL = 0x1", f"_PAGE_GLOBAL = {1 << 64}", "mycpu.toml:22: _PAGE_GLOBAL: a name of C and a number"),
        ("[fixed]", "[cpu.pud]\nsilent = '0'\n[fixed]", "mycpu.toml:21: pud: no such key in [cpu]"),
        ("[cpu]", "[cpu", "mycpu.toml:12: not TOML"),
        ("[cpu]", "[[cpu]]", "cpu: a table [cpu] is needed"),
        ("[bits]", "[cpu.pte]\nreadble = '1'\n[bits]", "mycpu.toml:19: readble: no such key in [cpu.pte]"),
        ('name = "mycpu"', 'levels = ["pmd"]\nname = "mycpu"', 'mycpu.toml:1: levels: begin with "pte"'),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in CPU
    assert said in complaint(CPU.replace(old, new, 1), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\0", b"\xff\xfe", b"a = " + b"[" * 20_000, b"x" * (MAX_BYTES + 1), b'name = "\x1b[31m"', b"\n" * 60_000,
        b"cpu.cpu.cpu.cpu = 1", b"name = 1979-05-27", b'[cpu]\n"\\u202e" = 1', b"a = 1\na = 2", b"[bits]\n" * 2,
        b'"\\u001b[2J" = 1',
    ],
)  # fmt: skip
def test_what_is_no_description_is_refused_in_a_sentence(text: bytes, tmp_path: Path) -> None:
    assert "mycpu.toml" in complaint(text, tmp_path)


@pytest.mark.parametrize("path", ["missing.toml", ".", "a\0b", "/dev/null"])
def test_what_is_no_file_is_refused_in_a_sentence(path: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KernelError):
        read_machine(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pte & _PAGE_VALID", "pte & _PAGE_VALLID", "mycpu.toml:13: readable: _PAGE_VALLID is not known"),
        ("pte & _PAGE_VALID", "frob(pte)", "mycpu.toml:13: readable: "),
        ("pte & _PAGE_VALID", "pte / 0", "readable"),
        ("pte & _PAGE_VALID", "(" * 900 + "1" + ")" * 900, "mycpu.toml:13: "),
        (
            "[fixed]",
            "[exceptions]\nidempotant = 'so'\n[fixed]",
            "mycpu.toml:22: no requirement 'idempotant': did you mean",
        ),
        ("pte & _PAGE_VALID", "pte & & 1 +", "mycpu.toml:13: "),
        ("_PAGE_VALID = ", "_PAGE_VALLID = ", "mycpu.toml:19: _PAGE_VALLID: the tree has no macro of this name"),
        ("_PAGE_GLOBAL = 0x1", "_PAGE_GLOBAL = 0x8", "_PAGE_GLOBAL is 0x1 in the tree, the CPU has it at 0x8"),
        ("arch/csky/mm/init.c", "arch/csky/mm/none.c", "page protection"),
        ('arch = "csky"', 'arch = "otter"', "no arch/otter"),
    ],
)
def test_what_does_not_fit_the_tree_is_said(old: str, new: str, said: str, tmp_path: Path) -> None:
    from checker.cli.jobs import NotModelled

    kernel = named(own_tree(tmp_path), written(tmp_path, (old, new)))
    with pytest.raises((UsageError, NotModelled)) as error:
        find_architecture("mycpu/tree", kernel)
    assert said in str(error.value)


@pytest.mark.parametrize("world", ["mm", "kernel"])
def test_generic_mm_is_not_claimed_to_be_checked(world: str, tmp_path: Path, capsys: Any) -> None:
    where = ["--kernel", str(own_tree(tmp_path)), "--machine", written(tmp_path)]
    assert main(["check", *where, "--world", world]) == 2
    assert "mycpu: generic mm is modelled for loongarch, sparc64, x86-64 only" in capsys.readouterr().err


def test_a_tree_may_have_the_described_machine_alone(tmp_path: Path, capsys: Any) -> None:
    root = own_tree(tmp_path)
    (root / "arch/csky").rename(root / "arch/otter")
    path = written(tmp_path, text=CPU.replace("csky", "otter"))
    where = ["--kernel", str(root), "--machine", path]
    words = ["--world", "pte", "--invariant", "dirty-never-lost", "--no-cache", "--jobs", "1"]
    for names in ([], ["mycpu"], ["otter"]):
        assert main(["check", *names, *where, *words]) == 0
    assert main(["export", "mycpu", *where, "--world", "pte", "--format", "smt2"]) == 0
    assert main(["compare", "mycpu", *where, "--no-cache", "--jobs", "1"]) == 0
    capsys.readouterr()
    assert main(["check", "csky", *where, *words]) == 2
    assert "no arch/csky" in capsys.readouterr().err
    assert main(["check", "mycpu+fast", *where, *words]) == 2
    assert "mycpu has no option 'fast'" in capsys.readouterr().err


def test_a_machine_needs_a_tree(capsys: Any) -> None:
    assert main(["check", "--machine", "x.toml"]) == 2
    assert "--machine is about a kernel tree: name it with --kernel" in capsys.readouterr().err


REAL = (
    ("says =", "given = { va_pa_offset = 0, invalid_pte_table = 0x80000000 }\nsays ="),
    ('["SMP", "SWAP"]', '["SMP", "SWAP", "MIGRATION", "CPU_CK860", "PGTABLE_LEVELS=2", "PAGE_OFFSET=0x80000000"]'),
    ('["abi/pgtable-bits.h"]', '["abi/pgtable-bits.h", "linux/pfn.h"]'),
)


@pytest.mark.kernel
@pytest.mark.skipif(tree("6.12") is None, reason=why_not("6.12"))
def test_in_a_real_kernel_a_described_machine_is_judged_as_the_built_in_one(tmp_path: Path) -> None:
    root = tree("6.12")
    assert root is not None
    found = verdicts("mycpu/tree", named(root, written(tmp_path, *REAL)))
    assert found == verdicts("csky/tree", KernelTree(str(root)))
    assert any(verdict == "violated" for verdict, _ in found.values())
