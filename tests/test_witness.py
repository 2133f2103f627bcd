"""``ptecheck export`` and ``ptecheck witness``: what another tool found becomes one of our traces, or is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.peers import abc
from checker import Bool, Invariant, Operation, Start, TransitionSystem
from checker.cli import export as command
from checker.cli.jobs import Job, build_system
from checker.cli.main import main
from checker.export.hardware import Circuit, circuit
from checker.export.model import exported
from checker.export.witness import MAX_STEPS, BadWitness, read, run_of
from checker.logic import both, no
from checker.search import search
from checker.system import View, operation_number
from checker.trace import make_trace
from tests import builtin_systems
from tests.circuits import Aiger

needs_abc = pytest.mark.skipif(not abc.program(), reason="apt-get install berkeley-abc")

MM = ("loongarch/original", "--world", "mm", "--split", "carry-dirty")
PTE = ("loongarch/original", "--world", "pte")
HELPERS = ("loongarch/original", "--world", "helpers", "--level", "pte")


def ptecheck(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of the command, in this process."""
    try:
        status = main(arguments)
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    said = capsys.readouterr()
    return status, said.out, said.err


def _bits(made: Circuit, values: list[int]) -> str:
    rows = zip(made.inputs, values, strict=True)
    return "".join(str(value >> i & 1) for part, value in rows for i in range(part.mask.bit_length()))


def _frames(system: TransitionSystem, made: Circuit, number: int) -> list[list[int]]:
    """The shortest violation of a property as values of the circuit's inputs, without those of the last, free step."""
    found = search(system)
    origin, steps = found.path(found.first_violation[number])
    free = [0] * (len(made.inputs) - 1)
    return [[choice, *free] for choice in (origin.start, *steps)]


def _aiger_witness(made: Circuit, frames: list[list[int]], bad: int) -> str:
    latches = sum(latch.mask.bit_count() for latch in made.latches)
    rows = [_bits(made, values) for values in frames]
    return "\n".join(["1", f"b{bad}", "0" * latches, *rows, "x" * len(rows[0]), ".", "c", "made by hand"]) + "\n"


def _btor2_witness(made: Circuit, frames: list[list[int]], bad: int) -> str:
    lines = ["sat", f"b{bad}", "#0", f"0 {0:0{1}b} started#0"]
    for k, values in enumerate(frames):
        lines.append(f"@{k}")
        lines += [
            f"{i} {v:0{max(1, p.term.width)}b} {p.name}@{k}"
            for i, (p, v) in enumerate(zip(made.inputs, values, strict=True))
        ]
    return "\n".join([*lines, f"@{len(frames)}", "."]) + "\n"


def _made(system: TransitionSystem) -> Circuit:
    return circuit(exported(system))


@pytest.mark.parametrize("write", [_aiger_witness, _btor2_witness])
def test_a_witness_becomes_a_trace_of_the_same_length(write, tmp_path, capsys) -> None:
    system = builtin_systems.mm("loongarch/original", "carry-dirty")
    made = _made(system)
    for number, depth in ((0, 2), (1, 3), (2, 2)):
        (tmp_path / "w").write_text(write(made, _frames(system, made, number), number))
        status, out, err = ptecheck(capsys, "witness", *MM, str(tmp_path / "w"))
        assert (status, err) == (0, "")
        name = system.invariants[number].name
        assert f"{name} is violated in {depth} steps, as replayed on integers" in out
        assert f"^ breaks {name}" in out


@pytest.mark.parametrize("write", [_aiger_witness, _btor2_witness])
def test_impossible_steps_are_left_out_and_later_ones_not_taken(write) -> None:
    system = builtin_systems.mm("loongarch/original", "carry-dirty")
    made = _made(system)
    frames = _frames(system, made, 1)
    nothing = [[31], [29]]  # no start and no operation has such a number
    longer = [*nothing, frames[0], *nothing, *frames[1:], [0], [1], [2]]
    short, long = (run_of(made, read(write(made, rows, 1), made)) for rows in (frames, longer))
    assert short == long
    assert len(short.steps) == 3


def test_free_values_are_read_back(tmp_path) -> None:
    system = _system_with_a_free_word()
    made = _made(system)
    for write in (_aiger_witness, _btor2_witness):
        run = run_of(made, read(write(made, [[0, 5], [0, 0]], 0), made))
        assert (run.inputs, run.steps) == ((5,), (0,))
        trace = make_trace(system, run.invariant, system.starts[run.start].name, run.inputs, ["add two"])
        assert trace.depth == 1


def _system_with_a_free_word() -> TransitionSystem:
    from checker import Bits

    return TransitionSystem(
        "a free word",
        (Bits(3),),
        (Start("any", lambda free: (free[0],), (Bits(3),)),),
        (Operation("add two", lambda s: (s[0] != 7, (s[0] + 2,))),),
        (Invariant("not seven", "", lambda s: s[0] != 7),),
    )


@needs_abc
@pytest.mark.parametrize("written", ["write_cex -a", "write_cex"])
@pytest.mark.parametrize(("chosen", "invariant", "depth"), [(MM, "cow-isolation", 3), (PTE, "write-protect-holds", 1)])
def test_what_abc_finds_becomes_a_trace(chosen, invariant, depth, written, tmp_path, capsys) -> None:
    only = (*chosen, "--invariant", invariant)
    assert ptecheck(capsys, "export", *only, "--format", "aiger", "-o", str(tmp_path / "s.aig")) == (0, "", "")
    _abc(f"read s.aig; bmc3 -F 9; {written} found.txt", tmp_path)
    status, out, err = ptecheck(capsys, "witness", *only, str(tmp_path / "found.txt"))
    assert (status, err) == (0, "")
    assert f"{invariant} is violated in {depth} step{'s' * (depth > 1)}, as replayed" in out


@needs_abc
@pytest.mark.slow
@pytest.mark.parametrize("chosen", [HELPERS, ("loongarch/original", "--world", "kernel", "--mm", "linux-6.12")])
def test_what_abc_finds_in_every_property_replays(chosen, tmp_path, capsys) -> None:
    level = chosen[4] if chosen[1:3] == ("--world", "helpers") else ""
    job = Job(chosen[0], chosen[2], level=level, generation="" if level else chosen[4])
    system = build_system(job)
    found = search(system.reduced)
    assert found.first_violation
    for number, state in found.first_violation.items():
        only = (*chosen, "--invariant", system.invariants[number].name)
        ptecheck(capsys, "export", *only, "--format", "aiger", "-o", str(tmp_path / "s.aig"))
        _abc("read s.aig; bmc3 -F 9; write_cex -a found.txt", tmp_path)
        status, out, err = ptecheck(capsys, "witness", *only, str(tmp_path / "found.txt"))
        depth = found.depth(state)
        assert (status, err) == (0, "")
        assert f"is violated in {depth} step{'' if depth == 1 else 's'}, as replayed" in out


def _abc(script: str, folder: Path) -> None:
    program = abc.program()
    assert program
    subprocess.run([program, "-q", script], cwd=folder, capture_output=True, check=True, timeout=120)


def _groups(impossible: bool) -> TransitionSystem:
    """A system whose view forgets ``hidden``, on which an operation may depend all the same."""

    def strike(state):
        return both(state[0], no(state[1])) if impossible else state[0], (state[0], state[1], True)

    return TransitionSystem(
        "two things",
        (Bool, Bool, Bool),
        (Start("nothing", lambda _: (False, False, False)),),
        (Operation("arm", lambda s: (no(s[0]), (True, True, s[2]))), Operation("strike", strike)),
        (Invariant("unbroken", "never broken", lambda s: no(s[2])),),
        views=(View(lambda s: True, lambda s: (s[0], False, s[2])),),
    )


@pytest.mark.parametrize("impossible", [False, True])
def test_a_run_of_groups_counts_only_as_a_run_of_the_whole(impossible, tmp_path, capsys, monkeypatch) -> None:
    system = _groups(impossible)
    made = _made(system)
    frames = _frames(system.reduced, made, 0)
    assert [operation_number(system, step[0]) for step in frames[1:]] == [0, 1]
    (tmp_path / "w").write_text(_aiger_witness(made, frames, 0))
    monkeypatch.setattr(command, "chosen_system", lambda args: (Job(*MM[:1], "mm", "carry-dirty"), system))
    monkeypatch.setattr("checker.cli.traces.render_trace", lambda job, trace: f"{trace.depth}\n")
    status, out, err = ptecheck(capsys, "witness", *MM, str(tmp_path / "w"))
    if impossible:
        assert (status, out) == (3, "")
        assert "nothing is decided" in err and "step 2: strike is not enabled" in err
        assert len(err.splitlines()) == 1
    else:
        assert (status, err) == (0, "")
        assert out.endswith("\n2\n")


GOOD = "1\nb0\n" + "0" * 33 + "\n"
HOSTILE = {
    "empty": ("", "empty"),
    "no such thing": ("hello\n", "line 1"),
    "holds": ("0\nb0\n.\n", "no run was found"),
    "unsat": ("unsat\n", "no run was found"),
    "no frames": (GOOD + ".\n", "no step"),
    "latches": ("1\nb0\n000\n00000\n.\n", "line 3"),
    "latch set": ("1\nb0\n1" + "0" * 32 + "\n00000\n.\n", "line 3"),
    "short input": (GOOD + "00000\n0000\n.\n", "line 5"),
    "long input": (GOOD + "0" * 100_000 + "\n.\n", "line 4"),
    "letters": (GOOD + "0a000\n.\n", "line 4"),
    "justice": ("1\nj0\n" + "0" * 33 + "\n00000\n.\n", "line 2"),
    "no such property": ("1\nb7\n" + "0" * 33 + "\n00000\n.\n", "b7"),
    "too long": (GOOD + "00000\n" * (MAX_STEPS + 5) + ".\n", f"more than {MAX_STEPS} steps"),
    "no start": (GOOD + "11111\n00000\n.\n".replace("00000", "11111"), "loads an initial state"),
    "no violation": (GOOD + "00000\n00000\n.\n", "violates"),
    "btor2 alone": ("sat\n", "line 2"),
    "btor2 property": ("sat\nq0\n@0\n.\n", "line 2"),
    "btor2 order": ("sat\nb0\n#0\n@0\n@2\n.\n", "line 5"),
    "btor2 input": ("sat\nb0\n@0\n5 00000\n.\n", "line 4"),
    "btor2 width": ("sat\nb0\n@0\n0 0000 choice@0\n.\n", "line 4"),
    "btor2 letters": ("sat\nb0\n@0\n0 [00] 00000\n.\n", "line 4"),
    "btor2 words": ("sat\nb0\n#0\nhello\n.\n", "line 4"),
    "btor2 huge": ("sat\nb0\n@999999999\n.\n", "line 3"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_bad_witness_is_refused_in_one_sentence(name, tmp_path, capsys) -> None:
    text, word = HOSTILE[name]
    (tmp_path / "w").write_text(text)
    status, out, err = ptecheck(capsys, "witness", *MM, str(tmp_path / "w"))
    assert (status, out) == (2, "")
    assert word in err and str(tmp_path / "w") in err
    assert len(err.splitlines()) == 1 and len(err) < 400


def test_a_witness_that_cannot_be_read_is_refused(tmp_path, capsys) -> None:
    (tmp_path / "w").write_bytes(b"\xff\xfe\x00")
    for name in ("w", "missing", ""):
        status, out, err = ptecheck(capsys, "witness", *MM, str(tmp_path / name))
        assert (status, out) == (2, "")
        assert len(err.splitlines()) == 1


def test_a_witness_for_another_choice_is_not_taken_for_this_one() -> None:
    system = builtin_systems.mm("loongarch/original", "carry-dirty")
    text = _aiger_witness(_made(system), _frames(system, _made(system), 1), 1)
    other = _made(builtin_systems.mm("loongarch/original", "reorder"))
    with pytest.raises(BadWitness):
        run_of(other, read(text, other))


@pytest.mark.parametrize("kind", ["smt2", "btor2", "aiger"])
def test_export_writes_to_standard_output_and_to_a_file(kind, tmp_path, capsys) -> None:
    status, out, err = ptecheck(capsys, "export", *MM, "--format", kind)
    assert (status, err) == (0, "")
    assert out.startswith({"smt2": "; loong", "btor2": "; loong", "aiger": "aag "}[kind])
    assert ptecheck(capsys, "export", *MM, "--format", kind, "-o", str(tmp_path / "file")) == (0, "", "")
    assert (tmp_path / "file").read_text() == out


def test_a_file_called_aig_is_packed_and_only_the_named_properties_are_in_it(tmp_path, capsys) -> None:
    wanted = ("--invariant", "read-only-vma-holds", "--invariant", "cow-isolation")
    ptecheck(capsys, "export", *MM, *wanted, "--format", "aiger", "-o", str(tmp_path / "s.aig"))
    data = (tmp_path / "s.aig").read_bytes()
    assert data.startswith(b"aig ")
    names = Aiger.read(data).names
    assert [names["b0"], names["b1"]] == ["read-only-vma-holds", "cow-isolation"] and "b2" not in names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("loongarch/original",), ("--world pte", "--world mm --split carry-dirty")),
        (("loongarch", "--world", "pte"), ("loongarch/original --world pte", "loongarch/huacai --world pte")),
        (("loongarch/original", "--world", "kernel"), ("--mm linux-6.1", "--mm linux-6.12")),
        (("loongarch/original", "--world", "helpers"), ("--level pte", "--level pmd")),
        (("loongarch/original", "--world", "helpers", "--level", "pte+pmd"), ("no such world or level",)),
        (("loongarch/originl", "--world", "pte"), ("did you mean 'original'",)),
        ((*MM, "--invariant", "cow-isolatoin"), ("cow-isolation",)),
        ((*MM, "--invariant", "cow-isolation", "--invariant", "nonsense"), ("nonsense",)),
        ((*MM, "--mm", "linux-6.1"), ("--world kernel",)),
        ((*MM, "-o", "/nonexistent/file"), ("/nonexistent/file",)),
    ],
)
def test_what_cannot_be_exported_is_said(arguments, words, capsys) -> None:
    status, out, err = ptecheck(capsys, "export", *arguments, "--format", "smt2")
    assert (status, out) == (2, "")
    assert err.startswith("ptecheck: ")
    for word in words:
        assert word in err


def test_an_invariant_can_be_choice_enough(capsys) -> None:
    assert (
        ptecheck(capsys, "export", "loongarch/original", "--invariant", "write-protect-holds", "--format", "btor2")[0]
        == 0
    )


def test_every_format_has_a_place() -> None:
    assert set(command.FORMATS) == {"smt2", "btor2", "aiger", "promela", "c"}
