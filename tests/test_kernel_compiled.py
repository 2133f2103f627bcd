"""The lifted helpers against the same C, run through the host's own preprocessor and compiler."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker.codegen import compile_function
from checker.terms import Term
from models.kernel import LiftedHelper, LiftedTree, lift_tree
from models.kernel.architectures import CLASSES, NO_VALUE
from models.kernel.platforms import PLATFORMS
from tests import kernel_trees
from tests.compiled import TYPES, WORDS, Program, arguments, build, needs_cc, needs_width, wanted_tree
from tests.compiled_tree import compiled
from tests.wrappers import left_wrapper, wrapper

CONFIGURATIONS = [
    (name, features)
    for name, platform in PLATFORMS.items()
    for features in [platform.default, *((feature,) for feature in platform.features if (feature,) != platform.default)]
]
"""Every architecture as it is by default, and with each of its features alone."""

each_tree = pytest.mark.parametrize("version", kernel_trees.VERSIONS)
each_configuration = pytest.mark.parametrize(("architecture", "features"), CONFIGURATIONS, ids=str)


def lifted_tree(version: str, architecture: str, features: tuple[str, ...]) -> LiftedTree:
    """What the lifter reads of a tree, where programs of that width can be compiled."""
    needs_width(PLATFORMS[architecture].abi.bits)
    return lift_tree(wanted_tree(version), architecture, features)


@needs_cc
@pytest.mark.kernel
@each_tree
@each_configuration
def test_lifted_helpers_do_what_the_compiled_ones_do(
    version: str, architecture: str, features: tuple[str, ...], tmp_path: Path
) -> None:
    lifted = lifted_tree(version, architecture, features)
    same_helpers(compiled(lifted.root, lifted, tmp_path, of_helpers(lifted)), lifted)


def of_helpers(lifted: LiftedTree) -> dict[str, tuple[str, int]]:
    """The helpers as functions of words."""
    return {f"check_{name}": wrapper(helper) for name, helper in lifted.helpers.items()}


def same_helpers(program: Program, lifted: LiftedTree) -> None:
    """Compares every helper with the compiled one."""
    assert len(lifted.helpers) > 25
    for name, helper in lifted.helpers.items():
        same(program, f"check_{name}", helper.variables, helper.term)


def same(program: Program, name: str, variables: tuple[Term, ...], lifted: Term) -> None:
    """Compares a compiled function with a lifted one on many words."""
    calls = list(arguments(len(variables)))
    value = compile_function(variables, [lifted])
    wrong = [
        words for words, answer in zip(calls, program.run(name, calls), strict=True) if answer != int(value(words)[0])
    ]
    assert not wrong, f"{name} differs on {len(wrong)} words, first {[hex(word) for word in wrong[0]]}"


@needs_cc
@pytest.mark.kernel
@each_tree
@each_configuration
def test_lifted_helpers_leave_in_memory_what_the_compiled_ones_leave(
    version: str, architecture: str, features: tuple[str, ...], tmp_path: Path
) -> None:
    lifted = lifted_tree(version, architecture, features)
    same_in_place(compiled(lifted.root, lifted, tmp_path, of_in_place(lifted)), lifted)


def of_in_place(lifted: LiftedTree) -> dict[str, tuple[str, int]]:
    """What the helpers on an entry in memory leave there, and yield, as functions of words."""
    left = {f"left_{name}": left_wrapper(helper) for name, helper in lifted.in_place.items()}
    valued = {name: helper for name, helper in lifted.in_place.items() if helper.result != NO_VALUE}
    return {**left, **{f"check_{name}": wrapper(helper) for name, helper in valued.items()}}


def same_in_place(program: Program, lifted: LiftedTree) -> None:
    """Compares what every helper leaves, and yields, with the compiled one."""
    assert len(lifted.in_place) > 5
    for name, helper in lifted.in_place.items():
        same(program, f"left_{name}", helper.variables, helper.written)
        if helper.result != NO_VALUE:
            same(program, f"check_{name}", helper.variables, helper.term)


@needs_cc
@pytest.mark.kernel
@each_tree
@each_configuration
def test_constants_are_the_compilers(
    version: str, architecture: str, features: tuple[str, ...], tmp_path: Path
) -> None:
    lifted = lifted_tree(version, architecture, features)
    program = compiled(lifted.root, lifted, tmp_path, of_constants(lifted))
    same_constants(program, lifted)


def of_constants(lifted: LiftedTree) -> dict[str, tuple[str, int]]:
    """Functions that yield the constants."""
    text = "u64 constant_{0}(void) {{ return sizeof({0}) > sizeof(long) ? (u64)({0}) : (unsigned long)({0}); }}"
    return {f"constant_{name}": (text.format(name), 0) for name in lifted.constants}


def same_constants(program: Program, lifted: LiftedTree) -> None:
    """Compares the constants with the compiled ones."""
    assert {name: program.run(f"constant_{name}")[0] for name in lifted.constants} == lifted.constants
    assert len(lifted.constants) > 10


@needs_cc
@pytest.mark.kernel
@each_tree
@each_configuration
def test_protections_are_the_compilers(
    version: str, architecture: str, features: tuple[str, ...], tmp_path: Path
) -> None:
    lifted = lifted_tree(version, architecture, features)
    program = compiled(lifted.root, lifted, tmp_path, of_protections(lifted))
    same_protections(program, lifted)


def of_protections(lifted: LiftedTree) -> dict[str, tuple[str, int]]:
    """Functions that yield the page protections, by their index."""
    path, line = lifted.protection_source["NONE"].rsplit(":", 1)
    place = (lifted.root / path).read_text(errors="replace").splitlines()[int(line) - 1]
    setup = ""
    if "__P000" in place:
        found = [f"__{'S' if index & 8 else 'P'}{index & 7:03b}" for index in range(16)]
    elif lifted.platform.computes_protections:
        found = [f"vm_get_page_prot({index})" for index in range(16)]
    else:
        setup = f"{lifted.platform.protection_setup}();" if lifted.platform.protection_setup else ""
        found = [f"protection_map[{index}]" for index in range(16)]
    text = (
        "u64 protection_{}(void) {{ u64 w = 0; {} pgprot_t r = {}; __builtin_memcpy(&w, &r, sizeof(r)); "
        "return w | boot_protection; }}"
    )
    return {f"protection_{index}": (text.format(index, setup, value), 0) for index, value in enumerate(found)}


def same_protections(program: Program, lifted: LiftedTree) -> None:
    """Compares the table of page protections with the compiled one."""
    special, instead = lifted.platform.protection or (0, 0)
    taken = {index: instead if index == special else index for index in range(16)}
    found = {index: program.run(f"protection_{place}")[0] for index, place in taken.items()}
    assert found == lifted.protection_map
    assert set(lifted.protection_map) == set(range(16))
    assert lifted.protections == {name: lifted.protection_map[index] for name, index in CLASSES.items()}


TRICKY = """
static inline unsigned long widths(unsigned long x)
{
	int i = x; unsigned int u = x; u8 c = x; s16 s = x; bool b = x & ~1UL;
	return (i >> 3) + (u >> 3) + c * s + b - (c << 7) + (unsigned long)(s < (int)u) + (i < u) + -c;
}
static inline unsigned long masks(unsigned long x)
{ return (x & ~0xfU) ^ (x & ~0xf) ^ (x | 1 << 31) ^ (x + 0x80000000) ^ (x - 1U); }
static inline unsigned long chosen(unsigned long x) { return x & 1 ? -1 : 1U; }
static inline unsigned long shorted(unsigned long x)
{ u16 h = x; h += 40000; h <<= 3; h ^= ~h >> 2; return h - 70000; }
static inline unsigned long signs(unsigned long x)
{ s8 c = x; long l = c; c >>= 1; return l * 3 + (c == -1) - (l > c); }
static inline unsigned long early(unsigned long x)
{
	unsigned long r = x;
	if (x & 1) { if (x & 2) return r << 1; r |= 8; } else if (x & 4) r = ~r;
	if (r & 16) return r ^ 32;
	return r + 1;
}
"""
TRICKY_NAMES = re.findall(r"unsigned long (\w+)\(", TRICKY)


def lifted_words(folder: Path, text: str, names: list[str]) -> Mapping[str, LiftedHelper]:
    """Functions of one word, lifted as pfn-less helpers of a made-up tree."""
    macros = "".join(f"#define pte_mk{name}(p) __pte({name}(pte_val(p)))\n" for name in names)
    tree = kernel_trees.made_up_tree(folder, f"#include <asm/page.h>\n{text}\n{macros}")
    platform = PLATFORMS["loongarch"]
    wanted = {f"pte_mk{name}": ("entry", ("pte",)) for name in names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLATFORMS, "loongarch", type(platform)(**{**vars(platform), "helpers": wanted}))
        found = lift_tree(tree, "loongarch")
    unlifted = [str(entry) for entry in found.missing if entry.name in wanted]
    assert not unlifted, unlifted
    return {name: found.helpers[f"pte_mk{name}"] for name in names}


def compiled_words(folder: Path, text: str, names: list[str]) -> Program:
    """The same functions, compiled."""
    return build(folder, f"{TYPES}{text}", dict.fromkeys(names, 1))


@needs_cc
def test_integer_promotions_are_the_compilers(tmp_path: Path) -> None:
    lifted = lifted_words(tmp_path / "tree", TRICKY, TRICKY_NAMES)
    program = compiled_words(tmp_path, TRICKY, TRICKY_NAMES)
    for name in TRICKY_NAMES:
        found = program.run(name, [(w,) for w in WORDS])
        assert [hex(w) for w, answer in zip(WORDS, found, strict=True) if answer != lifted[name](w)] == []


LEAVES = [
    "x",
    "1",
    "2U",
    "~0",
    "~0U",
    "-1L",
    "0x80000000",
    "(u8)x",
    "(s8)x",
    "(s16)x",
    "(int)x",
    "(unsigned int)x",
    "(long)x",
    "(bool)x",
]
BINARY = ["+", "-", "*", "&", "|", "^", "<", "<=", ">", ">=", "==", "!=", "&&", "||"]


def expressions() -> st.SearchStrategy[str]:
    """Random C expressions over one word."""
    return st.recursive(
        st.sampled_from(LEAVES),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(BINARY), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            st.tuples(inner, st.sampled_from(["<<", ">>"]), st.integers(0, 31)).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            st.tuples(st.sampled_from(["-", "~", "!", "(int)", "(u16)", "(unsigned long)", "(bool)"]), inner).map(
                lambda t: f"({t[0]} {t[1]})"
            ),
            st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} ? {t[1]} : {t[2]})"),
        ),
        max_leaves=12,
    )


@needs_cc
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(expressions(), min_size=20, max_size=20))
@pytest.mark.slow
def test_random_expressions_mean_what_the_compiler_says(
    batch: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("random")
    names = [f"f{i}" for i in range(len(batch))]
    text = "".join(
        f"static inline unsigned long {n}(unsigned long x) {{ return {e}; }}\n"
        for n, e in zip(names, batch, strict=True)
    )
    lifted = lifted_words(folder / "tree", text, names)
    program = compiled_words(folder, text, names)
    some = WORDS[:140] + WORDS[-60:]
    for name, expression in zip(names, batch, strict=True):
        found = program.run(name, [(w,) for w in some])
        assert [hex(w) for w, answer in zip(some, found, strict=True) if answer != lifted[name](w)] == [], expression
