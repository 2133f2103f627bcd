"""The binding to Z3's library: errors are exceptions, and nothing is freed twice, in whatever order things go."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from checker import z3lib
from checker.z3lib import Assertions, Context, Z3Error


def test_satisfiable_with_values_and_unsatisfiable_with_a_core() -> None:
    context = Context()
    solver = Assertions(context)
    solver.read(
        "(declare-const x (_ BitVec 80)) (declare-const |a b| Bool) (declare-const c Bool)"
        "(assert (= x (bvnot (_ bv0 80)))) (assert (=> |a b| (= x (_ bv1 80))))"
    )
    x, a, c = context.constant("x", 80), context.constant("a b", 0), context.constant("c", 0)
    assert solver.check([c]) == 1
    assert solver.values([x, a, c]) == [(1 << 80) - 1, 0, 1]
    assert solver.values([context.concatenation([c, a])]) == [2]
    assert solver.check([c, a]) == -1
    assert solver.core() == [context.call("get_ast_id", a)]
    assert solver.check([context.kept("mk_not", a)]) == 1
    solver.add_disjunction([a, context.kept("mk_not", c)])
    assert solver.check([c]) == -1 and solver.check() == 1


@pytest.mark.parametrize(
    "text", ["(assert", "(assert (= x y))", "(assert 1)", "(declare-const x (_ BitVec 0))", "(assert true))", "ä", "\0"]
)
def test_what_is_no_script_is_an_error_and_the_solver_lives_on(text: str) -> None:
    solver = Assertions(Context())
    with pytest.raises(Z3Error, match="line 1|null"):
        solver.read(text)
    assert solver.check() == 1


def test_a_call_that_z3_refuses_is_an_error() -> None:
    context = Context()
    condition = context.constant("x", 0)
    with pytest.raises(Z3Error):
        context.call("mk_concat", condition, condition)
    with pytest.raises(Z3Error):
        Assertions(context).values([condition])  # nothing was asked yet


def test_a_limit_ends_in_unknown_with_its_reason() -> None:
    solver = Assertions(Context())
    solver.limit("rlimit", 1000)
    words = "".join(f"(declare-const {name} (_ BitVec 32))" for name in "xy")
    solver.read(f"{words} (assert (= (bvmul x y x y x) #x0000beef)) (assert (bvugt (bvmul x x y) #xfffffff0))")
    assert solver.check() == 0
    assert "resource" in solver.reason() or "cancel" in solver.reason()


@pytest.mark.parametrize("seed", range(5))
def test_garbage_goes_in_any_order(seed: int) -> None:
    made: list[Any] = []
    for _ in range(5):
        context = Context()
        solvers = [Assertions(context) for _ in range(3)]
        cycle: list[Any] = [context, *solvers]
        random.Random(seed).shuffle(cycle)
        cycle.append(cycle)
        made.append(cycle)
    random.Random(seed).shuffle(made)
    del context, solvers, cycle
    made.clear()
    gc.collect()
    assert Assertions(Context()).check() == 1


def test_z3py_may_be_used_beside_it_and_is_the_same_library() -> None:
    code = (
        "from checker.z3lib import Assertions, Context\nfrom pathlib import Path\n"
        "assert Assertions(Context()).check() == 1\nimport z3\n"
        "s = z3.Solver()\nx = z3.BitVec('x', 8)\ns.add(x > 3)\n"
        "assert s.check() == z3.sat and Assertions(Context()).check() == 1\n"
        "maps = Path('/proc/self/maps')\n"
        "files = {l.split()[-1] for l in maps.read_text().splitlines() if 'libz3' in l} if maps.exists() else {1}\n"
        "assert len(files) == 1, files\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)


def test_without_the_package_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(z3lib, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="z3"):
        z3lib._library()


def test_where_the_library_is_elsewhere_the_environment_says_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (there,) = find_spec("z3").submodule_search_locations

    class Elsewhere:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr(z3lib, "find_spec", lambda name: Elsewhere)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("Z3_LIBRARY_PATH", f"{tmp_path}{os.pathsep}{there}/lib")
    assert z3lib._library()["Z3_mk_config"]
    monkeypatch.delenv("Z3_LIBRARY_PATH")
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(ImportError, match="Z3_LIBRARY_PATH"):
        z3lib._library()
