"""What a process loads: an engine, a solver or a library only when the command at hand uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = (
    "z3", "numpy", "networkx", "cvc5", "bitwuzla", "unidiff", "dulwich", "jinja2", "ctypes", "multiprocessing",
    "concurrent.futures", "hashlib", "difflib", "models.kernel", "inspect",
)  # fmt: skip
ENGINES = ("checker.explicit", "checker.arrays", "checker.bmc", "checker.induction", "checker.solver", "models")
"""Parts of the checker that a command without a question needs no more than any library."""


def loaded(*arguments: str, status: int = 0) -> set[str]:
    """The modules that a run of the command has loaded by its end."""
    code = (
        "import sys\nfrom checker.cli.main import main\n"
        f"try: status = main({list(arguments)!r})\nexcept SystemExit as end: status = end.code or 0\n"
        "print(*sys.modules, file=sys.stderr)\nsys.exit(status)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == status, run.stderr
    return set(run.stderr.split())


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("check", "--help"), ("list", "--help")])
def test_a_command_that_only_talks_loads_no_engine(arguments: tuple[str, ...]) -> None:
    assert not loaded(*arguments) & {*HEAVY, *ENGINES, "dataclasses"}


@pytest.mark.parametrize("what", ["variants", "splits", "choices"])
def test_a_list_loads_no_engine(what: str) -> None:
    assert not loaded("list", what) & {*HEAVY, "checker.solver", "checker.bmc", "checker.induction"}


def test_a_violation_alone_needs_no_solver_and_no_library() -> None:
    modules = loaded(
        "check", "loongarch/original", "--split", "carry-dirty", "--invariant", "cow-isolation", "--no-cache", status=1
    )
    assert "checker.confirm" in modules
    assert not modules & {*HEAVY, "checker.bmc", "checker.induction", "checker.solver", "checker.cache"}


def test_a_proof_needs_the_solver_without_its_python_layer_and_nothing_else() -> None:
    modules = loaded("check", "x86-64/linux-6.12", "--split", "carry-dirty", "--no-cache")
    assert "checker.z3lib" in modules
    assert not modules & (set(HEAVY) - {"ctypes"})


def test_replay_needs_no_solver(tmp_path: Path) -> None:
    loaded("check", "loongarch/original", "--world", "pte", "--no-cache", "--save", str(tmp_path), status=1)
    (trace, *_) = sorted(tmp_path.rglob("*.trace.json"))
    assert not loaded("replay", str(trace)) & set(HEAVY)
