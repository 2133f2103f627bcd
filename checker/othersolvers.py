"""Other SMT solvers for certificates, so that nobody has to trust the one that found the proof."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checker.limits import OutOfBudget


class MissingSolver(Exception):
    """The solver's Python package is not installed; the message says which."""


def unsatisfiable_with(name: str) -> Callable[[str], bool]:
    """A function that tells whether an SMT-LIB script is unsatisfiable, answered by ``cvc5`` or ``bitwuzla``.

    Raises:
        MissingSolver: its package is not installed.
    """
    try:
        module = importlib.import_module(name)
    except ImportError:
        raise MissingSolver(f"{name} is not installed: pip install 'ptecheck[solvers]'") from None
    ask = {"cvc5": _ask_cvc5, "bitwuzla": _ask_bitwuzla}[name]
    return lambda script: _decided(ask(module, script), name)


def _decided(answer: str, name: str) -> bool:
    if answer not in ("sat", "unsat"):
        raise OutOfBudget(f"{name} answers {answer}")
    return answer == "unsat"


def _ask_cvc5(cvc5: Any, script: str) -> str:
    solver = cvc5.Solver()
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script, "certificate")
    symbols, answer = parser.getSymbolManager(), "nothing"
    while True:
        command = parser.nextCommand()
        if command.isNull():
            return answer
        said = command.invoke(solver, symbols).strip()
        answer = said or answer


def _ask_bitwuzla(bitwuzla: Any, script: str) -> str:
    manager, options = bitwuzla.TermManager(), bitwuzla.Options()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.smt2"
        path.write_text(script.replace("(check-sat)", ""), encoding="utf-8")
        parser = bitwuzla.Parser(manager, options)
        parser.parse(str(path), parse_only=False)
    return str(parser.bitwuzla().check_sat()).removeprefix("Result.").lower()
