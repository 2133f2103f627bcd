"""What the machine does with an entry, as C over the kernel's own names of bits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from checker import terms
from checker.export.ctext import bare, statements
from checker.reproduce.spoken import HARDWARE_CHANGES
from checker.reproduce.style import block, code
from checker.terms import Term
from models.pte import Architecture

ENTRY = terms.variable("entry", 64)

SAYS = {
    "readable": "a user load through the entry goes through without generic mm",
    "writable": "a user store through the entry goes through without generic mm, by the CPU alone or by a low-level handler",
    "silent": "a user store goes through and leaves the entry as it is",
    "recording": "a user store goes through and the CPU records it in the entry",
    "handler": "a user store goes to a low-level handler, which lets it through",
    "traps": "a user store raises an exception, whoever serves it",
    "executable": "a user may fetch instructions",
    "store": "the entry after a user store that goes through",
    "records": "the entry after a store that the CPU records",
    "handled": "the entry after a store that the low-level handler lets through",
    "loaded": "the entry after a user load that goes through",
}
"""What each function of the machine tells."""


def machine_functions(arch: Architecture, asked: Mapping[str, tuple[str, str]]) -> list[str]:
    """The functions that answer for the machine, each with where it is known from."""
    lines: list[str] = []
    for function, (level, name) in asked.items():
        hardware = arch.hardware_at(level)
        changes = name in HARDWARE_CHANGES
        value = terms.coerce(getattr(hardware, name)(ENTRY), 64 if changes else terms.BOOL)
        says = f"{SAYS[name][0].upper()}{SAYS[name][1:]}."
        lines += [*block([says, f"Source: {hardware.source}"]), *_function(arch, function, value, changes), ""]
    return lines


def _function(arch: Architecture, name: str, value: Term, changes: bool) -> list[str]:
    names = {ENTRY: "entry", **named_masks(arch, [value])}
    cases = _cases(value)
    declared, texts = statements([term for case in cases for term in case], names)
    body = [line for text in declared for line in code(_typed(text))]
    body += [""] if body else []
    for (condition, _), when, result in zip(cases, texts[::2], texts[1::2], strict=True):
        always = condition is terms.TRUE
        body += [] if always else code(f"if ({bare(_plain_test(when))})")
        body += code(f"return {_literal(bare(_plain_test(result)), changes)};", 1 if always else 2)
    return [f"static {'u64' if changes else 'bool'} {name}(u64 entry)", "{", *body, "}"]


def _cases(value: Term) -> list[tuple[Term, Term]]:
    """A value as cases: what is returned where a condition holds, the last one always."""
    if value.op == "or":
        return [*((part, terms.TRUE) for part in value.args[:-1]), (terms.TRUE, value.args[-1])]
    if value.op == "ite":
        return [(value.args[0], value.args[1]), *_cases(value.args[2])]
    return [(terms.TRUE, value)]


def _typed(declaration: str) -> str:
    return declaration.replace("const word ", "const u64 ").replace("const _Bool ", "const bool ")


_MASKED = r"(\(entry & (?:\w+|\([^()]*\))\))"


def _plain_test(text: str) -> str:
    """The text with tests of single bits as C programmers write them."""
    text = re.sub(rf"!\({_MASKED} == 0ULL\)", r"\1", text)
    return re.sub(rf"\({_MASKED} == 0ULL\)", r"!\1", text)


def _literal(text: str, changes: bool) -> str:
    return text if changes else {"1": "true", "0": "false"}.get(text, text)


def named_masks(arch: Architecture, roots: Iterable[Term]) -> dict[Term, str]:
    """The constants of some terms that are made of named bits, in these names."""
    found = {}
    for term in terms.subterms(list(roots)):
        if term.op == "const" and term.width == 64:
            text = mask_text(arch, term.data)
            if text:
                found[term] = text
    return found


def mask_text(arch: Architecture, mask: int) -> str:
    """A mask in the kernel's names of bits; "" if it has none of them."""
    inverted = mask.bit_count() > 32
    bits = mask ^ ((1 << 64) - 1) if inverted else mask
    names, rest = [], bits
    fields: list[tuple[str, int]] = [(name.partition(" ")[0], m) for name, (m, _) in arch.fields.items()]
    for name, value in [*((bit.name, bit.mask) for bit in arch.bits), *fields]:
        if value and rest & value == value and re.fullmatch(r"[A-Za-z_]\w*", name):
            names.append(name)
            rest &= ~value
    if not names:
        return ""
    names += [f"{rest:#x}ULL"] if rest else []
    text = " | ".join(names)
    return (
        f"~({text})" if inverted and len(names) > 1 else f"{'~' * inverted}{text}" if len(names) == 1 else f"({text})"
    )


def bit_definitions(arch: Architecture) -> list[str]:
    """The named bits as macros, for a program that has no kernel headers."""
    fields: dict[str, Any] = {name.partition(" ")[0]: mask for name, (mask, _) in arch.fields.items()}
    named = {**{bit.name: bit.mask for bit in arch.bits}, **fields}
    return [f"#define {name} {value:#x}ULL" for name, value in named.items() if re.fullmatch(r"[A-Za-z_]\w*", name)]
