"""A model checker for systems written as pure functions; ptecheck uses it for page-table entries.

What a model author needs is here: declare a :class:`TransitionSystem` from ``Start``, ``Operation`` and ``Invariant``
over a state of ``Bits``, ``Bool`` and ``Enum``, and give it to :func:`decide`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checker.decision import Options, decide
    from checker.explicit import shortest_counterexamples, state_graph
    from checker.logic import both, either, implies, ite, lshr, no, same, select, ult, word_like
    from checker.state import Bits, Bool, Enum
    from checker.system import Invariant, Operation, Predicate, Start, TransitionSystem
    from checker.verdict import Result, Verdict

__version__ = "0.1.0"

_HOME = {
    "decision": ("Options", "decide"),
    "explicit": ("shortest_counterexamples", "state_graph"),
    "logic": ("both", "either", "implies", "ite", "lshr", "no", "same", "select", "ult", "word_like"),
    "state": ("Bits", "Bool", "Enum"),
    "system": ("Invariant", "Operation", "Predicate", "Start", "TransitionSystem"),
    "verdict": ("Result", "Verdict"),
}

__all__ = [
    "Bits", "Bool", "Enum", "Invariant", "Operation", "Options", "Predicate", "Result", "Start", "TransitionSystem",
    "Verdict", "both", "decide", "either", "implies", "ite", "lshr", "no", "same", "select",
    "shortest_counterexamples", "state_graph", "ult", "word_like",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used: ``ptecheck --help`` then loads no engine."""
    import importlib

    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"checker.{module}"), name)
    raise AttributeError(f"module 'checker' has no attribute {name!r}")
