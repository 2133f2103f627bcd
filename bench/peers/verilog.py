"""The circuit of a system in Verilog, for hardware tools that read nothing nearer to it.

A term is a wire, a latch is a register that begins at zero, and the one output is ``bad``.
"""

from __future__ import annotations

from checker.export.hardware import circuit
from checker.export.model import Exported
from checker.terms import Term, subterms

TOP = "system"

_FORMS = {
    "band": "{0} & {1}",
    "bor": "{0} | {1}",
    "bxor": "{0} ^ {1}",
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "shl": "{0} << {1}",
    "lshr": "{0} >> {1}",
    "ult": "{0} < {1}",
    "ule": "{0} <= {1}",
    "eq": "{0} == {1}",
    "not": "~{0}",
    "ite": "{0} ? {1} : {2}",
}


def text(model: Exported) -> str:
    """A system in Verilog; ``bad`` is 1 where one of its properties does not hold."""
    made = circuit(model)
    names = {part.term: f"i{number}" for number, part in enumerate(made.inputs)}
    names |= {latch.term: f"r{number}" for number, latch in enumerate(made.latches)}
    lines = [f"module {TOP}({', '.join(('clk', *(names[part.term] for part in made.inputs), 'bad'))});", "input clk;"]
    lines += [f"input {_range(part.term)} {names[part.term]};" for part in made.inputs]
    for latch in made.latches:
        lines += [f"reg {_range(latch.term)} {names[latch.term]};", f"initial {names[latch.term]} = 0;"]
    roots = [bad for _, bad in made.bads]
    roots += [part for latch in made.latches for update in latch.updates for part in update]
    for number, term in enumerate(term for term in subterms(roots) if term not in names):
        lines.append(f"wire {_range(term)} w{number} = {_expression(term, [names[arg] for arg in term.args])};")
        names[term] = f"w{number}"
    lines += [
        "output bad;",
        f"assign bad = {' | '.join(names[bad] for _, bad in made.bads)};",
        "always @(posedge clk) begin",
    ]
    for latch in made.latches:
        lines += [f"if ({names[when]}) {names[latch.term]} <= {names[value]};" for when, value in latch.updates]
    return "\n".join([*lines, "end", "endmodule", ""])


def _range(term: Term) -> str:
    return f"[{max(1, term.width) - 1}:0]"


def _expression(term: Term, args: list[str]) -> str:
    if term.op == "const":
        return f"{max(1, term.width)}'h{int(term.data):x}"
    if term.op == "extract":
        high, low = term.data
        return f"{args[0]}[{high}:{low}]"
    if term.op == "zext":
        return args[0]  # what is narrower than its wire is filled up with zeros
    if term.op in ("and", "or"):
        return {"and": " & ", "or": " | "}[term.op].join(args)
    return _FORMS[term.op].format(*args)
