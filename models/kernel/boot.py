"""A table that a function of the kernel fills when it boots: :func:`filled`.

Such a function does other things as well, most of which are assignments to variables of the kernel; they are passed over,
since the interpreter never reads one. Anything else must be in the subset, or the table is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.kernel.errors import Unsupported
from models.kernel.interpreter import Interpreter
from models.kernel.kinds import array
from models.kernel.syntax import Call
from models.kernel.tokens import Token
from models.kernel.values import Struct, Type, Value, unset


@dataclass(frozen=True)
class Filled:
    """One entry of the table: its value, and where it was given."""

    value: Value
    token: Token


def filled(interpreter: Interpreter, function: str, table: str, kind: Type, length: int) -> dict[int, Filled]:
    """The entries that a function without parameters gives to a table.

    Args:
        interpreter: runs the function.
        function: its name.
        table: the table's.
        kind: the type of an entry.
        length: how many there are.

    Raises:
        KernelError: the function takes more steps than any real one.
        Unsupported: the function is not there, or does something that is not understood.
    """
    found = interpreter.unit.functions.get(function)
    if found is None:
        raise Unsupported(f"{function}() is not there to fill {table}")
    interpreter.start({}, shared={table: unset(array(table, kind, length))})
    interpreter.discard(Call(found.name, ()))
    cell = interpreter.shared[table]
    whole = interpreter.memory.cells[cell]
    assert isinstance(whole, Struct)
    given = {path[0]: token for (where, path), token in interpreter.given.items() if where == cell}
    names = {f"[{index}]": index for index in range(length)}
    return {index: Filled(whole.members[name], given[name]) for name, index in names.items() if name in given}
