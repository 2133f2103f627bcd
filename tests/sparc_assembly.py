"""sparc64's inline assembly as plain C for the host's compiler: written apart from the lifter, to be compared with it.

A statement becomes a block with a variable for each operand and an assignment for each instruction. Replaced
instructions are taken from the sections of the statement itself.
"""

from __future__ import annotations

import re

SECTIONS = {
    frozenset(): (),
    frozenset({"sun4v"}): (".sun4v_1insn_patch", ".sun4v_2insn_patch"),
    frozenset({"m7"}): (".sun4v_1insn_patch", ".sun4v_2insn_patch", ".sun_m7_2insn_patch"),
}
"""Features -> the sections in force, the last one winning."""

_START = re.compile(r"__asm__\s+__volatile__\s*\(")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PART = {"uhi": (42, "0x3fffffUL"), "hi": (10, "0x3fffffUL"), "ulo": (32, "0x3ffUL"), "lo": (0, "0x3ffUL")}
_C = {
    "or": "{2} = {0} | {1};",
    "and": "{2} = {0} & {1};",
    "andn": "{2} = {0} & ~({1});",
    "sllx": "{2} = {0} << ({1});",
    "srlx": "{2} = {0} >> ({1});",
    "mov": "{1} = {0};",
    "sethi": "{1} = ({0}) << 10;",
    "nop": ";",
}


def translated(text: str, features: frozenset[str]) -> str:
    """C text with every statement of assembly replaced."""
    pieces, done = [], 0
    for match in _START.finditer(text):
        end = _closing(text, match.end())
        pieces += [text[done : match.start()], _block(text[match.end() : end], SECTIONS[features])]
        done = end + 1
    return "".join([*pieces, text[done:]])


def _closing(text: str, start: int) -> int:
    """Where the parenthesis that is open at a place closes."""
    depth = 1
    for match in re.compile(r'"(?:[^"\\]|\\.)*"|[()]').finditer(text, start):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if not depth:
            return match.start()
    raise AssertionError("assembly without an end")


def _groups(text: str) -> list[str]:
    """The parts between the colons outside strings and parentheses."""
    groups, depth = [""], 0
    for piece in re.findall(r'"(?:[^"\\]|\\.)*"|[():]|[^"():]+', text):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == ":" and not depth:
            groups.append("")
        else:
            groups[-1] += piece
    return groups


def _operands(text: str) -> list[tuple[str, str]]:
    """Constraint and C expression of each operand."""
    found = []
    for match in re.finditer(r'"([^"]*)"\s*\(', text):
        found.append((match.group(1), text[match.end() : _closing(text, match.end())]))
    return found


def _block(inner: str, sections: tuple[str, ...]) -> str:
    template, outputs, inputs = [*_groups(inner), "", ""][:3]
    written, read = _operands(outputs), _operands(inputs)
    names: list[str] = []
    before: list[str] = []
    for number, (constraint, expression) in enumerate([*written, *read]):
        name = f"asm_{number}"
        if constraint == "i":
            names.append(f"({expression})")
            continue
        if constraint.isdigit():
            before.append(f"asm_{constraint} = ({expression});")
            names.append(f"asm_{constraint}")
            continue
        names.append(name)
        before.append(
            f"unsigned long {name};" if constraint.startswith("=") else f"unsigned long {name} = {expression};"
        )
    before.sort(key=lambda line: not line.startswith("unsigned"))
    body = [_statement(line, names) for line in _instructions(template, sections)]
    after = [f"{expression} = asm_{number};" for number, (_, expression) in enumerate(written)]
    return "{ " + " ".join([*before, *body, *after]) + " }"


def _instructions(template: str, sections: tuple[str, ...]) -> list[str]:
    """The instructions in their final form."""
    text = "".join(part.encode().decode("unicode_escape") for part in _STRING.findall(template))
    main = re.sub(r"\.section.*?\.previous", "", text, flags=re.DOTALL)
    code: list[str] = []
    places: dict[str, int] = {}
    for line in filter(None, map(str.strip, main.split("\n"))):
        label = re.match(r"(\d+):\s*", line)
        if label:
            places[label.group(1)] = len(code)
        code.append(line[label.end() :] if label else line)
    for section in sections:
        for patch in re.findall(rf"{re.escape(section)}, \"ax\"\n(.*?)\.previous", text, re.DOTALL):
            for label, lines in re.findall(r"\.word\s+(\d+)b\n((?:(?!\s*\.word).*\n)*)", patch):
                new = list(filter(None, map(str.strip, lines.split("\n"))))
                code[places[label] : places[label] + len(new)] = new
    return code


def _statement(line: str, names: list[str]) -> str:
    name, _, rest = re.sub(r"\s+", " ", line).partition(" ")
    return _C[name].format(*(_value(part.strip(), names) for part in rest.split(",") if part))


def _value(text: str, names: list[str]) -> str:
    part = re.fullmatch(r"%%(uhi|hi|ulo|lo)\( *%(\d+) *\)", text)
    if part:
        shift, mask = _PART[part.group(1)]
        return f"(((unsigned long){names[int(part.group(2))]} >> {shift}) & {mask})"
    if re.fullmatch(r"%\d+", text):
        return names[int(text[1:])]
    return f"{int(text, 0)}UL"
