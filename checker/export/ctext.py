"""Writes terms as C: expressions over named variables, what is used more than once in a constant of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from checker.export.model import CannotExport, Exported, Variable
from checker.terms import BOOL, FALSE, TRUE, Term, rebuild, subterms, word_op

WORD = "word"
"""The C type of every word, whatever its width; a text declares it as an unsigned type of 64 bits."""

MAX_WIDTH = 64
"""Wider words have no type in standard C."""

MAX_NESTING = 12
MAX_LENGTH = 160
"""Deeper or longer expressions are split over several statements, for the reader and for compilers with a limit."""

RESERVED = frozenset(
    """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm typeof
    main assert word operation way start step check value d_step atomic active assertion bit bool byte chan hidden
    init skip timeout now true false run proctype never inline of pc_value priority provided show trace trail unless
    xr xs mtype len empty full nempty nfull enabled eval local get_priority set_priority ltl select notrace in
    trace print printf printm c_code c_decl c_expr c_state c_track else final getframe iam_alive max maxseq minseq mix
    q_sz rot uchar uint ulong ushort wasnew near far linux unix i386
    """.split()
)
"""Names that mean something in C, in Promela, in what SPIN makes of it, or in the texts written here."""

_TEMPLATES = {
    "band": "({0} & {1})",
    "bor": "({0} | {1})",
    "bxor": "({0} ^ {1})",
    "eq": "({0} == {1})",
    "ult": "({0} < {1})",
    "ule": "({0} <= {1})",
    "not": "!{0}",
    "ite": "({0} ? {1} : {2})",
    "zext": "{0}",
}


def number(value: int) -> str:
    """A word's value in C: small ones in decimal, others in hexadecimal."""
    return f"{value}ULL" if value < 10 else f"{value:#x}ULL"


def comment(text: str) -> str:
    """A text that can stand inside a comment of C or Promela, on one line."""
    plain = " ".join(text.split()).encode("ascii", "backslashreplace").decode()
    # Backslashes first: what they become must not end the comment. Two question marks may begin a trigraph.
    plain = plain.replace("\\", "/").replace("*/", "* /").replace("/*", "/ *")
    return re.sub(r"\?(?=\?)", "? ", plain)


def identifier(path: str, taken: set[str]) -> str:
    """A C name for a path, readable and not among those taken, to which it is added."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", path).strip("_") or "value"
    if name in RESERVED or name[0].isdigit() or re.fullmatch(r"[A-Z0-9_]+|[a-z]+[0-9]+", name):
        name = f"s_{name}"  # what is all capitals may be a macro, and letter and number are our own constants
    unique, again = name, 1
    while unique in taken:
        again += 1
        unique = f"{name}_{again}"
    taken.add(unique)
    return unique


def identifiers(variables: Iterable[Variable], taken: set[str]) -> dict[Term, str]:
    """A name for each variable."""
    return {v.term: identifier(v.path.rpartition("?")[2], taken) for v in variables}


def c_type(variable: Variable) -> str:
    """The C type of a variable."""
    return WORD if variable.term.width else "_Bool"


def mentioned(
    variables: Iterable[Variable], roots: Iterable[Term], known: Mapping[Term, str] | None = None
) -> list[Variable]:
    """The variables that occur in these terms, outside what is known."""
    occurring = {term for term in down_to(roots, known or {}) if term.op == "var"}
    return [v for v in variables if v.term in occurring]


def down_to(roots: Iterable[Term], known: Mapping[Term, str]) -> list[Term]:
    """Every term the roots are made of, operands first; what is known is not looked into."""
    order: dict[Term, None] = {}
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        term, looked_into = stack.pop()
        if term in order:
            continue
        if looked_into or not term.args or term in known:
            order[term] = None
        else:
            stack.append((term, True))
            stack += [(arg, False) for arg in reversed(term.args) if arg not in order]
    return list(order)


def changes(model: Exported, values: Sequence[Term]) -> list[tuple[Variable, Term]]:
    """The variables whose next value is not simply their present one, each with that value."""
    return [(v, value) for v, value in zip(model.variables, values, strict=True) if value is not _kept(v)]


def _kept(variable: Variable) -> Term:
    term = variable.term
    return term if term.width == BOOL else word_op("band", term, variable.mask)


def tidied(model: Exported) -> Exported:
    """The same system without comparisons that masks decide, of which C compilers warn."""
    roots = [holds for _, holds in model.properties]
    roots += [term for step in model.steps for term in (step.guard, *step.values)]
    roots += [term for start in model.starts for term in (start.domain, *start.values)]
    done: dict[Term, Term] = {}
    for term in subterms(roots):
        args = tuple(done[arg] for arg in term.args)
        done[term] = _decided(term if args == () else rebuild(term, args))
    return replace(
        model,
        properties=tuple((name, done[holds]) for name, holds in model.properties),
        steps=tuple(replace(s, guard=done[s.guard], values=tuple(done[v] for v in s.values)) for s in model.steps),
        starts=tuple(replace(s, domain=done[s.domain], values=tuple(done[v] for v in s.values)) for s in model.starts),
    )


def _decided(term: Term) -> Term:
    """A comparison that has one outcome whatever the variables are, as that."""
    if term.op in ("ult", "ule"):
        left, right = term.args
        if term.op == "ult" and right.op == "const" and right.data == 0:
            return FALSE
        return TRUE if term.op == "ule" and left.op == "const" and left.data == 0 else term
    if term.op != "eq" or term.args[1].op != "const" or term.args[0].op not in ("band", "bor"):
        return term
    operation, value = term.args[0], term.args[1].data
    if operation.args[1].op != "const":
        return term
    mask = operation.args[1].data
    outside = value & ~mask if operation.op == "band" else mask & ~value
    return FALSE if outside else term


def statements(roots: Sequence[Term], names: Mapping[Term, str]) -> tuple[list[str], list[str]]:
    """Terms as C.

    Args:
        roots: what is to be computed; words of at most 64 bits.
        names: the C text of each variable, and of any other term that is there already; a variable without one cannot
            matter and is taken as zero.

    Returns:
        Declarations of constants, one a line, and an expression for each root.

    Raises:
        CannotExport: a word is wider.
    """
    lines: list[str] = []
    order = down_to(roots, names)
    uses = Counter(arg for term in order if term not in names for arg in term.args)
    texts: dict[Term, str] = {}
    depths: dict[Term, int] = {}
    for term in order:
        if term.width > MAX_WIDTH:
            raise CannotExport(f"C has no words of {term.width} bits: {comment(repr(term))[:60]}")
        leaf = not term.args or term in names
        text = _leaf(term, names) if leaf else _application(term, [texts[arg] for arg in term.args])
        depths[term] = 0 if leaf else 1 + max(depths[arg] for arg in term.args)
        large = depths[term] > MAX_NESTING or len(text) > MAX_LENGTH
        if term.args and term.op not in ("not", "zext") and (uses[term] > 1 or large):
            name = f"t{len(lines) + 1}"
            lines.append(f"const {WORD if term.width else '_Bool'} {name} = {bare(text)};")
            text, depths[term] = name, 0
        texts[term] = text
    return lines, [texts[root] for root in roots]


def bare(text: str) -> str:
    """An expression without parentheses around all of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return text[1:-1] if place == len(text) - 1 else text
    return text


def _leaf(term: Term, names: Mapping[Term, str]) -> str:
    if term.op == "const" and term not in names:
        return number(term.data) if term.width else str(int(term.data))
    return names.get(term, "0ULL" if term.width else "0")


def _application(term: Term, operands: Sequence[str]) -> str:
    """One operator over its operands' texts; words stay within their width."""
    if term.op in ("and", "or"):
        return "(" + {"and": " && ", "or": " || "}[term.op].join(operands) + ")"
    if term.op == "extract":
        high, low = term.data
        shifted = f"({operands[0]} >> {low})" if low else operands[0]
        return f"({shifted} & {number((1 << (high - low + 1)) - 1)})"
    if term.op in _TEMPLATES:
        return _TEMPLATES[term.op].format(*operands)
    left, right = operands
    if term.op in ("shl", "lshr"):
        shifted = f"({left} {'<<' if term.op == 'shl' else '>>'} {right})"
        shifted = _cut(shifted, term.width) if term.op == "shl" else shifted
        # C leaves a shift by the width or more undefined.
        return shifted if term.args[1].op == "const" else f"({right} < {term.width}ULL ? {shifted} : 0ULL)"
    sign = {"add": "+", "sub": "-", "mul": "*"}[term.op]
    return _cut(f"({left} {sign} {right})", term.width)


def _cut(text: str, width: int) -> str:
    return text if width == MAX_WIDTH else f"({text} & {number((1 << width) - 1)})"
