"""Unions, nested designators and constant objects in made-up headers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.kernel import LiftedTree, lift_tree
from models.kernel.platforms import PLATFORMS
from models.kernel.words import Abi
from tests.kernel_trees import made_up_tree

ALL = (1 << 64) - 1
WORDS = [0, 1, 5, 0x80000000, 0xFFFFFFFF, 1 << 32, 1 << 63, ALL, 0x123456789ABCDEF0]

UNION = """
typedef union { struct { u32 low, high; }; u64 whole; } two_t;
typedef union { u64 whole; u32 part; } parts_t;
typedef union { struct { u32 low, high; }; u64 whole; pte_t entry; } whole_t;
typedef struct { struct { struct { u64 innermost; } inner; u64 beside; } outer; } nested_t;
static const u64 mask = 0xf0UL | 1;
static const int minus = -1;
static const u64 itself = itself + 1;
static const u64 crowd = run_time;
extern u64 run_time;
"""


def lifted(root: Path, body: str, abi: Abi) -> LiftedTree:
    """A tree whose pte_mkdirty() has this body."""
    header = f"#include <asm/page.h>\n{UNION}\nstatic inline pte_t pte_mkdirty(pte_t pte)\n{{ {body} }}\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLATFORMS, "loongarch", replace(PLATFORMS["loongarch"], abi=abi))
        return lift_tree(made_up_tree(root, header), "loongarch")


MEANT: list[tuple[str, Callable[[int], int]]] = [
    ("two_t t; t.whole = pte_val(pte); return __pte(t.low);", lambda w: w & 0xFFFFFFFF),
    ("two_t t = { .whole = pte_val(pte) }; return __pte(t.high);", lambda w: w >> 32),
    ("two_t t = (two_t) { .whole = pte_val(pte) }; t.low = 7; return __pte(t.whole);", lambda w: w >> 32 << 32 | 7),
    ("two_t t = { .whole = pte_val(pte) }; t.high |= 1; return __pte(t.whole);", lambda w: w | 1 << 32),
    ("two_t t = { .whole = pte_val(pte) }, u = { .whole = 3 }; if (t.low) t = u; return __pte(t.whole);",
     lambda w: 3 if w & 0xFFFFFFFF else w),
    ("two_t t; t.low = pte_val(pte); t.high = 5; return __pte(t.whole);", lambda w: w & 0xFFFFFFFF | 5 << 32),
    ("parts_t t = { pte_val(pte) }; t.part = 1; return __pte(t.whole);", lambda w: w >> 32 << 32 | 1),
    ("whole_t t = { .whole = pte_val(pte) }; return t.entry;", lambda w: w),
    ("whole_t t = { .entry = pte }; t.whole |= 4; return t.entry;", lambda w: w | 4),
    ("return __pte(sizeof(two_t));", lambda w: 8),
    ("nested_t n = { .outer.inner.innermost = pte_val(pte) }; return __pte(n.outer.inner.innermost);", lambda w: w),
    ("nested_t n = { .outer.inner.innermost = 3 }; return __pte(n.outer.beside);", lambda w: 0),
    ("return __pte(pte_val(pte) & mask);", lambda w: w & 0xF1),
    ("return __pte(minus);", lambda w: ALL),
    ("u64 mask = 2; return __pte(mask);", lambda w: 2),
]  # fmt: skip


@pytest.mark.parametrize(("body", "means"), MEANT, ids=[body for body, _ in MEANT])
def test_a_union_or_constant_means_what_c_says(body: str, means: Callable[[int], int], tmp_path: Path) -> None:
    found = lifted(tmp_path, body, Abi())
    assert "pte_mkdirty" in found.helpers, [str(entry) for entry in found.missing if entry.file]
    assert [found.helpers["pte_mkdirty"](w) for w in WORDS] == [means(w) for w in WORDS]


@pytest.mark.parametrize(
    ("body", "means"),
    [
        ("two_t t = { .whole = pte_val(pte) }; return __pte(t.low);", lambda w: w >> 32),
        ("two_t t = { .whole = pte_val(pte) }; t.high = 1; return __pte(t.whole);", lambda w: w >> 32 << 32 | 1),
        ("parts_t t = { pte_val(pte) }; return __pte(t.part);", lambda w: w >> 32),
    ],
)
def test_the_first_member_is_the_most_significant_in_big_endian_memory(
    body: str, means: Callable[[int], int], tmp_path: Path
) -> None:
    helper = lifted(tmp_path, body, Abi(big_endian=True)).helpers["pte_mkdirty"]
    assert [helper(w) for w in WORDS] == [means(w) for w in WORDS]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("two_t t; t.low = 1; return __pte(t.whole);", "never set"),
        ("two_t t; return __pte(t.low);", "never set"),
        ("two_t t = { .low = 1 }; return __pte(t.whole);", "a list of values for this union"),
        ("two_t t = { 1, 2 }; return __pte(t.whole);", "a list of values for this union"),
        ("two_t t = { .whole = 1 }; return __pte(t.middle);", "no member middle"),
        ("two_t t = { .whole = 1 }; t.middle = 1; return pte;", "no member middle"),
        ("union { u64 a; } t = { 1 }; return pte;", "a type defined here"),
        ("nested_t n = { .outer.nothing = 1 }; return __pte(n.outer.beside);", "no member nothing"),
        ("nested_t n = { .outer.inner[0] = 1 }; return pte;", "an array element in an initialiser"),
        ("return __pte(itself);", "itself is defined by itself"),
        ("return __pte(crowd);", "run_time is a variable whose value is only known at run time"),
        ("mask = 1; return pte;", "something that is no local variable"),
    ],
)
def test_what_is_not_known_of_a_union_is_refused(body: str, says: str, tmp_path: Path) -> None:
    found = lifted(tmp_path, body, Abi())
    reason = next(entry for entry in found.missing if entry.name == "pte_mkdirty")
    assert says in reason.reason and reason.line


@pytest.mark.parametrize(
    ("type_", "says"),
    [
        ("union { struct { u32 a; u64 b; }; u64 c; }", "integers of one width"),
        ("union { u64 a; struct { u64 b; u32 c; } d; }", "integers of one width"),
        ("union { u64 a; struct { u32 b, c; } d; }", "integers of one width"),
        ("union { u64 a; char *where; }", "integers of one width"),
        ("union { u64 a; __be64 b; }", "integers of one width"),
        ("union { u64 a; int low }", "a member of this form"),
        ("union { " * 30 + "u64 a; " + "}; " * 29 + "}", "nest too deep"),
        ("union { struct { u64 a, b; }; u64 c; }", "a union of 128 bits"),
        ("union { }", "a union of 0 bits"),
        ("struct { struct { u32 a; }; u64 c; }", "a member without a name"),
        ("enum { A }", "a enum as a type"),
        ("struct { " + "struct { " * 30 + "u64 a; " + "} b; " * 30 + "}", "nest too deep"),
    ],
)
def test_a_type_that_memory_may_hold_with_gaps_is_refused(type_: str, says: str, tmp_path: Path) -> None:
    header = (
        f"#include <asm/page.h>\ntypedef {type_} odd_t;\nstatic inline pte_t pte_mkdirty(pte_t pte)\n{{ odd_t x; }}\n"
    )
    found = lift_tree(made_up_tree(tmp_path, header), "loongarch")
    reason = next(entry for entry in found.missing if entry.name == "pte_mkdirty")
    assert says in reason.reason and reason.line == 2
