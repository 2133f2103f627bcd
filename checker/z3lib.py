"""The C library of Z3 through ``ctypes``: the few functions that :mod:`checker.solver` needs, and none of ``z3py``.

Z3's own Python layer declares its eight hundred functions, and a class for each kind of formula, when it is imported, which
takes longer than many a proof. Here thirty are declared. The library is the one of the ``z3-solver`` package, and both
layers may be used in one process.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

Ast = int
"""A formula, valid in its context."""

_P, _S, _U, _I, _B = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_int, ctypes.c_bool
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "mk_config": (_P, ()),
    "del_config": (None, (_P,)),
    "mk_context_rc": (_P, (_P,)),
    "del_context": (None, (_P,)),
    "set_error_handler": (None, (_P, _P)),
    "get_error_code": (_I, (_P,)),
    "get_error_msg": (_S, (_P, _I)),
    "inc_ref": (None, (_P, _P)),
    "dec_ref": (None, (_P, _P)),
    "mk_string_symbol": (_P, (_P, _S)),
    "mk_bool_sort": (_P, (_P,)),
    "mk_bv_sort": (_P, (_P, _U)),
    "mk_const": (_P, (_P, _P, _P)),
    "mk_not": (_P, (_P, _P)),
    "mk_or": (_P, (_P, _U, _P)),
    "mk_ite": (_P, (_P, _P, _P, _P)),
    "mk_concat": (_P, (_P, _P, _P)),
    "mk_numeral": (_P, (_P, _S, _P)),
    "get_ast_id": (_U, (_P, _P)),
    "mk_solver_for_logic": (_P, (_P, _P)),
    "solver_inc_ref": (None, (_P, _P)),
    "solver_dec_ref": (None, (_P, _P)),
    "mk_params": (_P, (_P,)),
    "params_inc_ref": (None, (_P, _P)),
    "params_dec_ref": (None, (_P, _P)),
    "params_set_uint": (None, (_P, _P, _P, _U)),
    "solver_set_params": (None, (_P, _P, _P)),
    "solver_from_string": (None, (_P, _P, _S)),
    "solver_assert": (None, (_P, _P, _P)),
    "solver_check_assumptions": (_I, (_P, _P, _U, _P)),
    "solver_get_reason_unknown": (_S, (_P, _P)),
    "solver_get_unsat_core": (_P, (_P, _P)),
    "ast_vector_inc_ref": (None, (_P, _P)),
    "ast_vector_dec_ref": (None, (_P, _P)),
    "ast_vector_size": (_U, (_P, _P)),
    "ast_vector_get": (_P, (_P, _P, _U)),
    "solver_get_model": (_P, (_P, _P)),
    "model_inc_ref": (None, (_P, _P)),
    "model_dec_ref": (None, (_P, _P)),
    "model_eval": (_B, (_P, _P, _P, _B, ctypes.POINTER(_P))),
    "get_bool_value": (_I, (_P, _P)),
    "get_numeral_string": (_S, (_P, _P)),
    "get_estimated_alloc_size": (ctypes.c_uint64, ()),
}
"""What each function gives and takes; all but those about a configuration take a context first (z3_api.h)."""


class Z3Error(Exception):
    """Z3 refused a call; the message is its own."""


def _library() -> Any:
    """The library that z3py would load.

    Raises:
        ImportError: the package or its library is not there.
    """
    package = find_spec("z3")
    if package is None:
        raise ModuleNotFoundError("No module named 'z3'", name="z3")
    folders = [os.path.join(folder, "lib") for folder in package.submodule_search_locations or ()]
    folders += [os.path.join(sys.prefix, "lib"), *os.environ.get("Z3_LIBRARY_PATH", "").split(os.pathsep)]
    for folder in filter(os.path.isdir, folders):
        files = [name for name in os.listdir(folder) if name.startswith(("libz3.so", "libz3.dylib", "libz3.dll"))]
        if files:  # where it is there with and without its version, z3py takes the former
            return ctypes.CDLL(os.path.join(folder, max(files, key=len)))
    from ctypes.util import find_library

    name = find_library("z3")
    if name is None:
        raise ImportError("Z3's library is not found: set Z3_LIBRARY_PATH to the folder of libz3")
    return ctypes.CDLL(name)


@cache
def _declared() -> Any:
    library = _library()
    found = type("Functions", (), {})()
    for name, (gives, takes) in _FUNCTIONS.items():
        function = library[f"Z3_{name}"]  # by index: not the object that z3py declares
        function.restype, function.argtypes = gives, takes
        setattr(found, name, function)
    return found


def allocated() -> int:
    """The bytes that Z3 has taken in this process, as it estimates them."""
    return int(_declared().get_estimated_alloc_size())


class Context:
    """A world of formulas of its own.

    Attributes:
        api: the functions; each takes ``ref`` first.
        ref: the context, for them.
    """

    ref: Any = None

    def __init__(self) -> None:
        self.api = _declared()
        config = self.api.mk_config()
        self.ref = self.api.mk_context_rc(config)
        self.api.del_config(config)
        self.api.set_error_handler(self.ref, None)  # the one there is ends the process

    def __del__(self) -> None:
        if self.ref and not sys.is_finalizing():  # when Python ends, all memory goes at once
            self.api.del_context(self.ref)
            self.ref = None  # of a cycle of garbage the context may be the first to go

    def call(self, name: str, *values: Any) -> Any:
        """What a function gives for this context and these values.

        Raises:
            Z3Error: Z3 refuses.
        """
        found = getattr(self.api, name)(self.ref, *values)
        if code := self.api.get_error_code(self.ref):
            raise Z3Error(self.api.get_error_msg(self.ref, code).decode(errors="replace"))
        return found

    def kept(self, name: str, *values: Any) -> Ast:
        """A formula that a function makes, kept as long as the context."""
        made: Ast = self.call(name, *values)
        self.api.inc_ref(self.ref, made)
        return made

    def constant(self, name: str, width: int) -> Ast:
        """The constant of a name; of width 0 a Boolean one."""
        sort = self.call("mk_bv_sort", width) if width else self.call("mk_bool_sort")
        return self.kept("mk_const", self.call("mk_string_symbol", name.encode()), sort)

    def concatenation(self, conditions: Sequence[Ast]) -> Ast:
        """The word whose lowest bits are these conditions, the first the highest of them, after a zero."""
        sort = self.call("mk_bv_sort", 1)
        zero, one = self.kept("mk_numeral", b"0", sort), self.kept("mk_numeral", b"1", sort)
        word = zero
        for condition in conditions:
            word = self.kept("mk_concat", word, self.kept("mk_ite", condition, one, zero))
        return word


class Assertions:
    """A solver of Z3's for bit-vectors (``QF_BV``) and what is asserted in it."""

    _ref: Any = None

    def __init__(self, context: Context) -> None:
        self.context, self._api = context, context.api
        self._ref = context.call("mk_solver_for_logic", context.call("mk_string_symbol", b"QF_BV"))
        self._api.solver_inc_ref(context.ref, self._ref)

    def __del__(self) -> None:
        if self._ref and self.context.ref and not sys.is_finalizing():
            self._api.solver_dec_ref(self.context.ref, self._ref)

    def limit(self, name: str, value: int) -> None:
        """Sets a limit: ``timeout`` in milliseconds, ``rlimit``, ``max_memory`` in megabytes."""
        call = self.context.call
        params = call("mk_params")
        call("params_inc_ref", params)
        call("params_set_uint", params, call("mk_string_symbol", name.encode()), value)
        call("solver_set_params", self._ref, params)
        call("params_dec_ref", params)

    def read(self, text: str) -> None:
        """Asserts what an SMT-LIB script asserts."""
        if "\0" in text:
            raise Z3Error("a script with a null character, where it would end for Z3")
        self.context.call("solver_from_string", self._ref, text.encode())

    def add_disjunction(self, parts: Sequence[Ast]) -> None:
        """Asserts that one of the conditions holds."""
        context = self.context
        whole = context.call("mk_or", len(parts), (_P * len(parts))(*parts))
        self._api.inc_ref(context.ref, whole)
        context.call("solver_assert", self._ref, whole)
        self._api.dec_ref(context.ref, whole)

    def check(self, assuming: Sequence[Ast] = ()) -> int:
        """1 satisfiable, -1 unsatisfiable, 0 unknown."""
        count = len(assuming)
        return int(self.context.call("solver_check_assumptions", self._ref, count, (_P * count)(*assuming)))

    def reason(self) -> str:
        """Why the last answer was unknown."""
        return str(self.context.call("solver_get_reason_unknown", self._ref).decode(errors="replace"))

    def core(self) -> list[int]:
        """The assumptions that the last unsatisfiable answer needed, by their numbers."""
        api, ref = self._api, self.context.ref
        found = self.context.call("solver_get_unsat_core", self._ref)
        api.ast_vector_inc_ref(ref, found)
        size = api.ast_vector_size(ref, found)
        numbers = [api.get_ast_id(ref, api.ast_vector_get(ref, found, k)) for k in range(size)]
        api.ast_vector_dec_ref(ref, found)
        return numbers

    def values(self, formulas: Sequence[Ast]) -> list[int]:
        """The formulas' values in the last satisfiable answer; of a condition 0 or 1."""
        api, ref = self._api, self.context.ref
        model = self.context.call("solver_get_model", self._ref)
        api.model_inc_ref(ref, model)
        try:
            return [self._value(model, formula) for formula in formulas]
        finally:
            api.model_dec_ref(ref, model)

    def _value(self, model: Any, formula: Ast) -> int:
        context, value = self.context, _P()
        context.call("model_eval", model, formula, True, ctypes.byref(value))
        self._api.inc_ref(context.ref, value)
        truth = context.call("get_bool_value", value)
        number = int(context.call("get_numeral_string", value)) if truth == 0 else int(truth == 1)
        self._api.dec_ref(context.ref, value)
        return number
