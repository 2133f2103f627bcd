"""The test of a trace about entries in a form that the kernel takes: a KUnit suite, or a function for debug_vm_pgtable.c."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checker.reproduce.entries import EntryTest, Line
from checker.reproduce.machine import machine_functions
from checker.reproduce.spoken import NOVMA
from checker.reproduce.style import LICENCE, block, code, string

RENAMED = "LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)"
"""Where mkwrite without a VMA still has the plain name."""


def head(test: EntryTest, made_by: Sequence[str], use: list[str]) -> list[str]:
    """The comment at the top: what is shown, of which helpers, how the file was made, and what its outcomes mean.

    Args:
        test: the test.
        made_by: the commands that make it, from nothing.
        use: paragraphs on how to run it.
    """
    arch, invariant = test.arch, test.invariant
    return block(
        [
            f"{invariant.name}: {invariant.says}.",
            "",
            f"Required by: {invariant.source}",
            f"Otherwise: {invariant.consequence}.",
            "",
            f"Broken by {arch.config}: {arch.says}.",
            f"  Read from: {arch.source}",
            *(f"  {name}(): {arch.places[name]}" for name in test.helpers if name in arch.places),
            "",
            "The calls below break it, as a model checker found and replayed on integers. In parentheses stand the bits that "
            "each of them changes with these helpers. Made by:",
            *(f"  {line}" for line in made_by),
            "",
            "A failure says that the helpers at hand break the requirement. A pass says that this order of calls does no harm "
            "with them; it proves nothing about other orders.",
            "",
            *use,
        ]
    )


def kunit(test: EntryTest, made_by: Sequence[str]) -> str:
    """The test as a KUnit suite, a file of its own."""
    use = "Put it next to other tests, for example as mm/ptecheck_kunit.c, with obj-$(CONFIG_KUNIT) += ptecheck_kunit.o"
    use += f"; it needs {_huge_option(test)}." if test.levels != ("pte",) else "."
    includes = ["#include <kunit/test.h>", "#include <linux/mm.h>", "#include <linux/module.h>"]
    includes += ["#include <linux/pgtable.h>"]
    lines = [LICENCE, *head(test, made_by, [use]), *includes, *renamed(test), "", *suite(test)]
    return "\n".join(lines) + "\n"


def suite(test: EntryTest) -> list[str]:
    """The functions and the suite, without what has to be included before."""
    return [
        *machine_functions(test.arch, test.machine),
        f"static void {test.name}(struct kunit *test)",
        "{",
        f"\tconst unsigned long pfn = {test.pfn:#x};" if test.pfn else "\tconst unsigned long pfn = 0;",
        *_declarations(test),
        *(text for missing in _no_huge_pages(test) for text in (*missing, NO_HUGE_PAGES)),
        *(text for line in (*test.lines, *_asserting(test)) for text in _kunit_line(line)),
        "}",
        "",
        "static struct kunit_case ptecheck_cases[] = {",
        f"\tKUNIT_CASE({test.name}),",
        "\t{}",
        "};",
        "",
        "static struct kunit_suite ptecheck_suite = {",
        *code(f".name = {string(f'ptecheck_{test.name}')},"),
        "\t.test_cases = ptecheck_cases,",
        "};",
        "kunit_test_suite(ptecheck_suite);",
        "",
        *code(f"MODULE_DESCRIPTION({string(f'ptecheck: {test.told.trace.invariant}')});", 0),
        'MODULE_LICENSE("Dual MIT/GPL");',
    ]


def debug_vm_pgtable(test: EntryTest, made_by: Sequence[str]) -> str:
    """The test as a function for mm/debug_vm_pgtable.c."""
    use = [
        f"Belongs into mm/debug_vm_pgtable.c; call it from debug_vm_pgtable() as {test.name}_tests(&args). A broken requirement "
        "is a warning at boot, with CONFIG_DEBUG_VM_PGTABLE."
    ]
    huge = test.levels != ("pte",)
    lines = [
        LICENCE,
        *head(test, made_by, use),
        *renamed(test),
        "",
        *([f"#ifdef {_huge_option(test)}"] if huge else []),
        *machine_functions(test.arch, test.machine),
        "static void __init",
        f"{test.name}_tests(struct pgtable_debug_args *args)",
        "{",
        *_debug_frame(test),
        *_declarations(test),
        *(text for missing in _no_huge_pages(test) for text in (*missing, "\t\treturn;")),
        "",
        *code(f"pr_debug({string(f'Validating {test.told.trace.invariant}', newline=True)});"),
        *(text for line in (*test.lines, *_asserting(test)) for text in _debug_line(line)),
        "}",
        *(["#endif"] if huge else []),
    ]
    return "\n".join(lines) + "\n"


def _declarations(test: EntryTest) -> list[str]:
    levels = dict.fromkeys(level for level, _ in test.variables)
    return [f"\t{level}_t {', '.join(name for other, name in test.variables if other == level)};" for level in levels]


def _debug_frame(test: EntryTest) -> list[str]:
    """The frame number: the one of the file's own tests, unless the trace needs another."""
    own = f"args->fixed_{test.levels[-1]}_pfn"
    return [f"\tconst unsigned long pfn = {f'{test.pfn:#x}' if test.pfn else own};"]


def _huge_option(test: EntryTest) -> str:
    """The kernel option with which there are helpers for the test's levels."""
    return "CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD" if "pud" in test.levels else "CONFIG_TRANSPARENT_HUGEPAGE"


NO_HUGE_PAGES = '\t\tkunit_skip(test, "no huge pages on this machine");'


def _no_huge_pages(test: EntryTest) -> list[list[str]]:
    """The question whether the machine at hand has huge pages, where the test is about them."""
    asked = {"pmd": "has_transparent_hugepage", "pud": "has_transparent_pud_hugepage"}
    return [["", f"\tif (!{asked[level]}())"] for level in test.levels if level in asked]


def renamed(test: EntryTest) -> list[str]:
    """The older names of helpers that took the VMA later."""
    names = [name for name in test.helpers if name.partition("_")[2] in NOVMA]
    if not names:
        return []
    defines = [f"#define {name}_novma(entry) {name}(entry)" for name in names]
    return ["#include <linux/version.h>", "", f"#if {RENAMED}", *defines, "#endif"]


def _asserting(test: EntryTest) -> Iterator[Line]:
    """The end of the test, with what it is about in words."""
    text = f"Required now: {test.invariant.says}."
    if test.left_out:
        text += f" (This is the part of it that {test.arch.config} breaks here; {test.left_out} others it keeps.)"
    yield Line("comment", text)
    yield from test.claims


def _kunit_line(line: Line) -> list[str]:
    if line.kind == "equal":
        return code(f"KUNIT_EXPECT_EQ(test, {line.text}, {line.other});")
    if line.kind == "claim":
        plain = _negated(line.text)
        return code(f"KUNIT_EXPECT_FALSE(test, {plain});" if plain else f"KUNIT_EXPECT_TRUE(test, {line.text});")
    return _statement(line)


def _debug_line(line: Line) -> list[str]:
    if line.kind == "equal":
        return code(f"WARN_ON({line.text} != {line.other});")
    if line.kind == "claim":
        plain = _negated(line.text)
        return code(f"WARN_ON({plain});" if plain else f"WARN_ON({_not(line.text)});")
    return _statement(line)


def _statement(line: Line) -> list[str]:
    if line.kind == "comment":
        return ["", *block([line.text], 1)]
    if line.kind == "made":
        return []
    if line.kind == "leave":
        why = block(["With helpers that do not let this happen, the order of calls does no harm."], 1)
        return [*why, *code(f"if ({_not(line.text)})"), "\t\treturn;"]
    if line.kind == "if":
        return [*code(f"if ({line.text})"), *code(line.other, 2)]
    return code(line.text)


def _not(text: str) -> str:
    """The opposite of a condition."""
    plain = _negated(text)
    return plain or (f"!{text}" if _one_call(text) else f"!({text})")


def _negated(text: str) -> str:
    """What a condition denies, if it is one denial; else ""."""
    if not text.startswith("!"):
        return ""
    rest = text[1:]
    if _one_call(rest):
        return rest
    return rest[1:-1] if rest.startswith("(") and _closes_at_end(rest) else ""


def _one_call(text: str) -> bool:
    name, bracket, _ = text.partition("(")
    return bool(bracket) and name.isidentifier() and _closes_at_end(text[len(name) :])


def _closes_at_end(text: str) -> bool:
    """Whether the parenthesis that a text begins with is closed by its last letter."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place == len(text) - 1
    return False
