"""The KUnit test as a program of its own: with helpers printed from the model, and a few lines in place of KUnit.

It shows on any machine that a test fails with one set of helpers and passes with another, before anybody boots a kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checker import terms
from checker.export.ctext import bare, statements
from checker.reproduce import CannotReproduce
from checker.reproduce.entries import EntryTest
from checker.reproduce.forms import head, suite
from checker.reproduce.machine import bit_definitions, named_masks
from checker.reproduce.sources import fixed
from checker.reproduce.spoken import FLAG_VALUES, NOVMA
from checker.reproduce.style import LICENCE, block, code
from checker.terms import Term
from models.helper_world import FRESH, protections
from models.pte import Architecture


def standalone(test: EntryTest, against: Architecture, made_by: Sequence[str]) -> str:
    """A program that runs the test with the helpers of ``against``; exit status 0 pass, 1 failure.

    Raises:
        CannotReproduce: they are helpers of another machine, or it lacks one that the test calls.
    """
    if (against.name, against.features) != (test.arch.name, test.arch.features):
        raise CannotReproduce(f"the trace is about {test.arch.config}: {against.config} is another machine")
    missing = [name for name in test.helpers if name not in against.helpers]
    if missing:
        raise CannotReproduce(f"{against.config} has no {', '.join(missing)}")
    use = [f"Here the test runs by itself, with the helpers of {against.config}:", "  cc -o test FILE && ./test"]
    about = f"The helpers of {against.config}, printed from the model: {against.says}. Read from: {against.source}"
    lines = [
        LICENCE,
        *head(test, made_by, use),
        fixed("types.h"),
        *bit_definitions(against),
        "",
        *_entry_types(test),
        *block(["Protections by vm_flags, as the kernel's table has them."]),
        *_page_protections(against),
        *block([about]),
        *_constructors(test, against),
        *(line for name in test.helpers for line in _helper(against, name)),
        *block(["Stands for KUnit."]),
        fixed("kunit.h"),
        *suite(test),
    ]
    return "\n".join(lines) + "\n"


def _entry_types(test: EntryTest) -> list[str]:
    lines = []
    for level in test.levels:
        lines += [f"typedef struct {{ u64 {level}; }} {level}_t;", "", f"#define {level}_val(x) ((x).{level})"]
        lines += [f"#define __{level}(x) (({level}_t){{ (x) }})", ""]
    return lines


def _page_protections(arch: Architecture) -> list[str]:
    """vm_get_page_prot() over every protection of the architecture."""
    table = arch.protection_map or _classes(arch)
    cases = [line for index, word in sorted(table.items()) for line in _case(index, word)]
    defines = [f"#define {name} {value}" for name, value in FLAG_VALUES.items()]
    return [
        *defines, "", "static inline pgprot_t vm_get_page_prot(unsigned long flags)", "{", "\tswitch (flags) {", *cases,
        "\tdefault:", "\t\treturn __pgprot(0);", "\t}", "}", "",
    ]  # fmt: skip


def _classes(arch: Architecture) -> dict[int, int]:
    letters = {"r": FLAG_VALUES["VM_READ"], "w": FLAG_VALUES["VM_WRITE"], "x": FLAG_VALUES["VM_EXEC"]}
    letters["s"] = FLAG_VALUES["VM_SHARED"]
    named = {p.name: p.word for p in protections(arch)}
    found = {sum(letters.get(letter, 0) for letter in name): word for name, word in named.items()}
    private = FLAG_VALUES["VM_READ"] | FLAG_VALUES["VM_WRITE"]
    return {**found, private: arch.protections["PRIVATE"]}


def _case(index: int, word: int) -> list[str]:
    names = [name for name, value in FLAG_VALUES.items() if value and index & value] or ["VM_NONE"]
    return [f"\tcase {' | '.join(names)}:", f"\t\treturn __pgprot({word:#x}ULL);"]


def _constructors(test: EntryTest, arch: Architecture) -> list[str]:
    """pfn_pte() and its like, from the helpers of a tree or from the model's constructor and the place of the frame number."""
    lines = []
    pfn, prot = terms.variable("pfn", 64), terms.variable("prot", 64)
    names = {pfn: "(u64)pfn", prot: "pgprot_val(prot)"}
    for level in test.levels:
        make = arch.helpers.get(f"pfn_{level}")
        entry = make(pfn, prot) if make else _with_frame(arch, level, pfn, prot)
        lines += _function(arch, f"{level}_t pfn_{level}(unsigned long pfn, pgprot_t prot)", entry, names, level, ())
        if level != "pte":
            given = terms.variable(level, 64)
            huge = arch.helpers.get(f"{level}_mkhuge", arch.helpers[FRESH[level]])(given)
            lines += _function(
                arch,
                f"{level}_t {level}_mkhuge({level}_t {level})",
                huge,
                {given: f"{level}_val({level})"},
                level,
                (level,),
            )
    return lines


def _with_frame(arch: Architecture, level: str, pfn: Term, prot: Term) -> Any:
    shift = (arch.frames["pte"] & -arch.frames["pte"]).bit_length() - 1
    entry = arch.helpers[FRESH["pte"]](prot) if level == "pte" else prot
    return entry ^ ((pfn << shift) & arch.frames[level])


def _helper(arch: Architecture, name: str) -> list[str]:
    """One helper of the kernel as a C function."""
    level, _, short = name.partition("_")
    entry, prot = terms.variable(level, 64), terms.variable("prot", 64)
    takes_prot = short == "modify"
    value = arch.helpers[name](entry, *([prot] if takes_prot else []))
    kind = "bool" if _is_test(value) else "unsigned long" if short == "pfn" else f"{level}_t"
    public = f"{name}_novma" if short in NOVMA else name
    parameters = f"{level}_t {level}" + (", pgprot_t prot" if takes_prot else "")
    names = {entry: f"{level}_val({level})", prot: "pgprot_val(prot)"}
    result = level if kind.endswith("_t") else ""
    return _function(
        arch, f"{kind} {public}({parameters})", value, names, result, (level, *(["prot"] if takes_prot else []))
    )


def _is_test(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, Term) and value.width == terms.BOOL)


def _function(
    arch: Architecture, signature: str, value: Any, names: dict[Term, str], level: str, parameters: tuple[str, ...]
) -> list[str]:
    """A function that returns a term's value, as an entry of a level where there is one."""
    term = value if isinstance(value, Term) else terms.coerce(value, terms.BOOL if isinstance(value, bool) else 64)
    declared, (text,) = statements([term], {**named_masks(arch, [term]), **names})
    body = [line.replace("const word ", "const u64 ").replace("const _Bool ", "const bool ") for line in declared]
    result = f"__{level}({bare(text)})" if level else bare(text)
    mentioned = {v for v in terms.subterms([term]) if v.op == "var"}
    unused = [f"(void){p};" for p in parameters if not any(v.data == p for v in mentioned)]
    body += [""] if body else []
    lines = [line for statement in [*body, *unused, f"return {result};"] for line in code(statement) or [""]]
    return [f"static inline {signature}", "{", *lines, "}", ""]
