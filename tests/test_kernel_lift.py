"""The lifter on small made-up headers: each C construct, widths, and the place of what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker import terms
from models.kernel import CannotLift, KernelError, LiftedTree, NotLifted, architecture_from_tree, lift_tree
from models.kernel.jumps import MAX_BRANCHES
from models.kernel.platforms import PLATFORMS
from models.kernel.tokens import Token
from models.kernel.words import INT, LONG, UINT, ULONG, Abi, Undefined, binary, convert, literal, number
from models.registry import architecture
from tests.kernel_trees import made_up_tree

ALL = (1 << 64) - 1

Lift = Callable[..., LiftedTree]


@pytest.fixture
def lift(tmp_path: Path) -> Lift:
    """Lifts a made-up asm/pgtable.h."""

    def run(header: str, **others: str) -> LiftedTree:
        return lift_tree(made_up_tree(tmp_path, header, **others), "loongarch")

    return run


def helper_of(lift: Lift, body: str, name: str = "pte_mkdirty", result: str = "pte_t", before: str = "") -> Any:
    """The helper with a body, or the reason why it was not lifted."""
    found = lift(f"#include <asm/page.h>\n{before}\nstatic inline {result} {name}(pte_t pte)\n{{ {body} }}\n")
    return found.helpers.get(name) or reason(found, name)


def reason(found: LiftedTree, name: str) -> NotLifted:
    """Why a helper was not lifted."""
    return next(entry for entry in found.missing if entry.name == name)


BODIES = [
    ("return __pte(pte_val(pte) | 4);", lambda w: w | 4),
    ("pte_val(pte) |= 4; return pte;", lambda w: w | 4),
    ("pte.pte &= ~4UL; return pte;", lambda w: w & ~4),
    ("pte_val(pte) &= ~4; return pte;", lambda w: w & ~4 & ALL),
    ("pte_val(pte) &= ~4U; return pte;", lambda w: w & 0xFFFFFFFB),
    ("pte_val(pte) ^= 1ULL << 63; return pte;", lambda w: w ^ 1 << 63),
    ("pte_val(pte) += 1; pte_val(pte) -= 2; return pte;", lambda w: (w - 1) & ALL),
    ("if (pte_val(pte) & 1) pte_val(pte) |= 2; return pte;", lambda w: w | 2 if w & 1 else w),
    ("if (pte_val(pte) & 1) return pte; else pte_val(pte) = 0; return pte;", lambda w: w if w & 1 else 0),
    ("if (pte_val(pte) & 1) { return __pte(1); } if (pte_val(pte) & 2) return __pte(2); return __pte(3);",
     lambda w: 1 if w & 1 else 2 if w & 2 else 3),
    ("unsigned long v = pte_val(pte), w; w = v >> 4; v = w << 60; return __pte(v);", lambda w: w >> 4 << 60 & ALL),
    ("return pte_val(pte) & 8 ? __pte(1) : pte;", lambda w: 1 if w & 8 else w),
    ("return __pte(pte_val(pte) & 8 ?: 5);", lambda w: w & 8 or 5),
    ("unsigned int low = pte_val(pte); return __pte(low);", lambda w: w & 0xFFFFFFFF),
    ("int low = pte_val(pte); return __pte(low);", lambda w: (w & 0xFFFFFFFF ^ 1 << 31) - (1 << 31) & ALL),
    ("return __pte((long)(int)pte_val(pte) >> 3);", lambda w: ((w & 0xFFFFFFFF ^ 1 << 31) - (1 << 31) >> 3) & ALL),
    ("bool b = pte_val(pte) & 0x100000000; return __pte(b);", lambda w: w >> 32 & 1),
    ("return __pte(!pte_val(pte) + !!pte_val(pte) * 2);", lambda w: 2 if w else 1),
    ("return __pte(-(unsigned long)(pte_val(pte) == 3));", lambda w: ALL if w == 3 else 0),
    ("return __pte((pte_val(pte) < 5) + (pte_val(pte) >= 7) * 2);", lambda w: (w < 5) + (w >= 7) * 2),
    ("long v = pte_val(pte); return __pte(v < 0 ? 1 : v > 9 ? 2 : 3);", lambda w: 1 if w >> 63 else 2 if w > 9 else 3),
    ("return __pte(pte_val(pte) / 16 + pte_val(pte) % 8);", lambda w: (w // 16 + w % 8) & ALL),
    ("return __pte((pte_val(pte) & 1) && (pte_val(pte) & 2) || !(pte_val(pte) & 4));",
     lambda w: int(bool((w & 1 and w & 2) or not w & 4))),
    ("return ({ pte_t other = pte; pte_val(other) |= 1; other; });", lambda w: w | 1),
    ("do { pte_val(pte) |= 1; } while (0); return pte;", lambda w: w | 1),
    ("if (pte_val(pte) & 1) { pte_val(pte) |= 2; goto out; } pte_val(pte) |= 4; out: return pte;",
     lambda w: w | 2 if w & 1 else w | 4),
    ("unsigned long v; if (pte_val(pte) & 1) { v = 1; goto out; } if (pte_val(pte) & 2) { v = 2; goto out; } else v = 3; "
     "v += 4; out: return __pte(v);", lambda w: 1 if w & 1 else 2 if w & 2 else 7),
    ("if (pte_val(pte) & 1) goto out; else if (pte_val(pte) & 2) { goto out; } pte_val(pte) = 0; out: return pte;",
     lambda w: w if w & 3 else 0),
    ("if (pte_val(pte) & 1) return pte; if (pte_val(pte) & 2) goto out; pte_val(pte) |= 8; out: pte_val(pte) |= 16; "
     "return pte;", lambda w: w if w & 1 else w | 16 if w & 2 else w | 24),
    ("goto out; pte_val(pte) = 9; out: return pte;", lambda w: w),
    ("if (pte_val(pte) & 1) goto one; pte_val(pte) |= 2; one: if (pte_val(pte) & 4) goto two; pte_val(pte) |= 8; "
     "two: return pte;", lambda w: w | (0 if w & 1 else 2) | (0 if w & 4 else 8)),
    ("pte_t r = { .pte = 7 }; return r;", lambda w: 7),
    ("return (pte_t) { };", lambda w: 0),
    ("unsigned long v; if (pte_val(pte)) v = 1; else v = 2; return __pte(v);", lambda w: 1 if w else 2),
    ("{ unsigned long pte = 3; } return pte;", lambda w: w),
    ("unsigned long v = 1; v = pte_val(pte), v |= 8; return __pte(v);", lambda w: w | 8),
    ("unsigned long a, b; a = b = 6; return __pte(a + b);", lambda w: 12),
    ("WARN_ONCE(pte_val(pte) & 1, \"%d\\n\", 3); VM_BUG_ON(!pte_val(pte)); return pte;", lambda w: w),
    ("if (IS_ENABLED(CONFIG_64BIT)) return __pte(1); asm volatile(\"nop\" : : : \"memory\"); return pte;", lambda w: 1),
    ("if (IS_ENABLED(CONFIG_NOT_THERE)) return frobnicate(pte); return pte;", lambda w: w),
    ("typeof(pte) other = pte; return other;", lambda w: w),
    ("return __pte(sizeof(unsigned int) + sizeof(pte_t));", lambda w: 12),
    ("return __pte('a' + 0x10 + 010 + 0b1);", lambda w: 97 + 16 + 8 + 1),
    ("return __pte(likely(pte_val(pte) & 1) ? 1UL : 0UL);", lambda w: w & 1),
    ("u8 small = pte_val(pte); return __pte(small + 1);", lambda w: (w & 255) + 1),
    ("u64 wide = ~0; return __pte(wide);", lambda w: ALL),
    ("return __pte(~0U);", lambda w: 0xFFFFFFFF),
    ("return __pte(1 << 31);", lambda w: ALL ^ 0x7FFFFFFF),
    ("return __pte(0x80000000 + (pte_val(pte) & 0));", lambda w: 0x80000000),
    ("return __pte((unsigned long)-1 > 0);", lambda w: 1),
    ("return __pte(-1 > 0U);", lambda w: 1),
    ("return __pte(-1L > 0U);", lambda w: 0),
    ("return __pte((unsigned long)(void *)(pte_val(pte) + 16) - 16);", lambda w: w),
    ("void *p = (void *)(int)pte_val(pte); return __pte((u8)(unsigned long)p);", lambda w: w & 255),
    ("return __pte((unsigned long)(void *)(int)pte_val(pte));",
     lambda w: (w & 0xFFFFFFFF ^ 1 << 31) - (1 << 31) & ALL),
    ("void *p = pte_val(pte) & 1 ? (void *)1UL : (void *)2UL; return __pte((unsigned long)p);",
     lambda w: 1 if w & 1 else 2),
    ("return __pte(GENMASK(53, 10) | GENMASK(2, 2) | GENMASK(63, 63));", lambda w: 0x803FFFFFFFFFFC04),
]  # fmt: skip
WORDS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 0x80000000, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 32, 1 << 63, ALL, 0x123456789ABCDEF0]


@pytest.mark.parametrize(("body", "means"), BODIES, ids=[body for body, _ in BODIES])
def test_a_construct_means_what_c_says(lift: Lift, body: str, means: Callable[[int], int]) -> None:
    found = helper_of(lift, body)
    assert not isinstance(found, NotLifted), str(found)
    assert [found(w) for w in WORDS] == [means(w) for w in WORDS]


def test_a_page_is_known_by_its_frame_number(lift: Lift) -> None:
    found = lift(
        "#include <asm/page.h>\nstatic inline pte_t mk_pte(struct page *page, pgprot_t prot)\n"
        "{ return __pte(page_to_pfn(page) << 4 | pgprot_val(prot)); }\n"
        "#define pfn_pte(pfn, prot) mk_pte(pfn_to_page(pfn), prot)\n"
        "static inline pte_t pte_mkdirty(pte_t pte) { return __pte(page_to_pfn(pte_val(pte))); }\n"
    )
    assert found.helpers["pfn_pte"](3, 5) == found.helpers["mk_pte"](3, 5) == 0x35
    assert "page_to_pfn() is not known" in reason(found, "pte_mkdirty").reason


def test_features_that_exclude_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="sparc64: m7 and sun4v exclude each other"):
        lift_tree(made_up_tree(tmp_path, ""), "sparc64", ("m7", "sun4v"))


def test_a_test_truncated_by_its_return_type_loses_high_bits(lift: Lift) -> None:
    narrow = helper_of(lift, "return pte_val(pte) & (1UL << 40 | 2);", "pte_write", "int")
    assert narrow(2) is True
    assert narrow(1 << 40) is False


def test_a_bool_return_type_keeps_high_bits(lift: Lift) -> None:
    wide = helper_of(lift, "return pte_val(pte) & (1UL << 40);", "pte_write", "bool")
    assert wide(1 << 40) is True


REFUSED = [
    ("asm(\"nop\"); return pte;", "inline assembly"),
    ("while (pte_val(pte)) pte_val(pte) >>= 1; return pte;", "a loop"),
    ("do { pte_val(pte)--; } while (pte_val(pte)); return pte;", "a loop"),
    ("switch (pte_val(pte)) { case 1: pte_val(pte) = 2; case 2: return pte; } return pte;", "a switch"),
    ("again: goto again;", "a jump or label"),
    ("for (;;) goto out; out: return pte;", "a jump or label"),
    ("switch (1) { case 1: goto out; } out: return pte;", "a jump or label"),
    ("{ goto out; } out: return pte;", "a jump or label"),
    ("if (pte_val(pte)) { if (pte_val(pte) & 1) goto out; pte_val(pte) = 1; } pte_val(pte) |= 4; out: return pte;",
     "a jump or label"),
    ("if (pte_val(pte) & 1) goto one; if (pte_val(pte) & 2) goto two; pte_val(pte) = 0; one: pte_val(pte) |= 4; "
     "two: return pte;", "a jump or label"),
    ("unused: return pte;", "a jump or label"),
    ("if (pte_val(pte)) goto out; " * (MAX_BRANCHES + 2) + "out: return pte;", "a jump or label"),
    ("return *pte;", "a pointer whose target is not known"),
    ("return frobnicate(pte);", "frobnicate() is not known"),
    ("return __pte(frobnicator);", "frobnicator is not known"),
    ("return __pte(run_time);", "run_time is a variable whose value is only known at run time"),
    ("strange_t v = 1; return pte;", "the type strange_t is not known"),
    ("return __pte(1UL << 64);", "a shift of 64 bits by 64"),
    ("return __pte(1 << 32);", "a shift of 32 bits by 32"),
    ("return __pte(1UL << pte_val(pte));", "an amount that is not constant"),
    ("return __pte(pte_val(pte) / 3);", "a division that is no shift"),
    ("return __pte(pte_val(pte) / 0);", "a division by zero"),
    ("unsigned long v; return __pte(v);", "never set"),
    ("unsigned long v; if (pte_val(pte)) v = 1; return __pte(v);", "never set"),
    ("if (pte_val(pte)) return pte;", "may end without a value"),
    ("return pte_mkdirty(pte);", "calls itself"),
    ("static int count; return pte;", "a static local variable"),
    ("float f = 1; return pte;", "the type float"),
    ("return __pte(1.5);", "no integer constant"),
    ("return __pte(run_time_array[1]);", "an array element is not understood"),
    ("return declared_only(pte);", "is declared in"),
    ("return pte.nothing;", "there is no member nothing"),
    ("return __pte(vma->vm_flags);", "reads memory"),
    ("unsigned long v[2]; return pte;", "the array or function v"),
    ("return (pte_t) { 1, 2 };", "there is no member for this value"),
    ("if (pte_val(pte)) BUG(); return pte;", "BUG()"),
    ("WARN_ON(pte_val(pte) = 3); return pte;", "an assignment inside WARN_ON()"),
    ("return __pte((unsigned long)vma_of());", "vma_of() is not known"),
    ("void *p = (void *)1UL; return p == p ? pte : pte;", "arithmetic on a pointer"),
    ("return __pte(*(unsigned long *)pte_val(pte));", "it reads memory"),
]  # fmt: skip
BEFORE = "extern unsigned long run_time; extern int run_time_array[4]; pte_t declared_only(pte_t pte);"


@pytest.mark.parametrize(("body", "why"), REFUSED, ids=[body for body, _ in REFUSED])
def test_what_is_not_understood_is_refused_at_its_place(lift: Lift, body: str, why: str) -> None:
    found = helper_of(lift, body, before=BEFORE)
    assert isinstance(found, NotLifted)
    assert why in found.reason
    assert found.file == "arch/loongarch/include/asm/pgtable.h"
    assert found.line in (3, 4)


ADDRESS = "#include <asm/page.h>\n#define PAGE_SHIFT 14\n#define __va(x) ((void *)((unsigned long)(x) + 0x9000UL))\n"
MAKER = "#define mk_pte(page, prot) __pte((unsigned long)page_address(page) - 0x9000UL | pgprot_val(prot))\n"


def test_a_page_has_its_address_where_the_kernel_maps_all_memory(lift: Lift) -> None:
    made = lift(ADDRESS + MAKER).helpers["mk_pte"]
    assert made(3, 5) == 3 << 14 | 5


def test_a_page_has_no_known_address_in_a_kernel_with_high_memory(lift: Lift, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = PLATFORMS["loongarch"]
    config = {**platform.config, "CONFIG_HIGHMEM": "1"}
    monkeypatch.setitem(PLATFORMS, "loongarch", replace(platform, config=config))
    assert reason(lift(ADDRESS + MAKER), "mk_pte").reason == "page_address() is not known"


def test_a_struct_page_is_no_number(lift: Lift) -> None:
    header = ADDRESS + "#define mk_pte(page, prot) __pte((unsigned long)(page) | pgprot_val(prot))\n"
    assert "another type is needed" in reason(lift(header), "mk_pte").reason


def test_masks_and_addresses_have_the_width_of_the_machine(lift: Lift, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = replace(PLATFORMS["loongarch"], abi=Abi(bits=32, physical=32))
    monkeypatch.setitem(PLATFORMS, "loongarch", narrow)
    found = lift(
        ADDRESS + MAKER + "#define _PAGE_LOW GENMASK(11, 4)\n#define _PAGE_TOP GENMASK(31, 30)\n"
        "#define pte_mkold(p) __pte((unsigned long)(void *)(pte_val(p) + (1ULL << 40)))\n"
    )
    assert (found.constants["_PAGE_LOW"], found.constants["_PAGE_TOP"]) == (0xFF0, 0xC0000000)
    assert found.helpers["pte_mkold"](0x12345678) == 0x12345678
    assert found.helpers["mk_pte"](1 << 18 | 1, 0) == 1 << 14


def test_a_refusal_names_the_line_of_the_construct(lift: Lift) -> None:
    found = lift(
        "#include <asm/page.h>\n/* two\n lines */\n#define USELESS \\\n  1\nstatic inline pte_t pte_mkold(pte_t pte)\n"
        "{\n\tif (pte_val(pte))\n\t\tasm(\"\");\n\treturn pte;\n}\n"
    )  # fmt: skip
    assert str(reason(found, "pte_mkold")).startswith(
        "arch/loongarch/include/asm/pgtable.h:9: pte_mkold: inline assembly"
    )


def test_a_refusal_inside_a_macro_names_the_line_of_the_macro(lift: Lift) -> None:
    header = (
        '#include <asm/page.h>\n#define odd(x) \\\n\t({ \\\n\tasm(""); \\\n\tx; })\n'
        "static inline pte_t pte_mkold(pte_t p)\n{ return odd(p); }\n"
    )
    assert reason(lift(header), "pte_mkold").line == 4


def test_a_helper_that_is_not_there_is_reported_as_such(lift: Lift) -> None:
    found = lift("#include <asm/page.h>\n")
    assert reason(found, "pte_mkdirty").reason == "not present"
    assert reason(found, "pte_mkdirty").supplies == "nothing"
    assert not found.helpers


def test_a_helper_that_is_only_a_bug_is_not_there(lift: Lift) -> None:
    found = helper_of(lift, "int unused = 1; BUG(); return pte;")
    assert isinstance(found, NotLifted)
    assert (found.reason, found.supplies, found.absent, found.line) == ("not present", "BUG()", True, 4)
    assert str(found).endswith("pte_mkdirty: not present (the tree has BUG())")


def test_macros_are_helpers_too(lift: Lift) -> None:
    found = lift(
        "#include <asm/page.h>\n#define pte_mkdirty(pte) (pte_val(pte) |= 2, pte)\n"
        "#define pte_write(p) (pte_val(p) & 2)\n"
    )
    assert found.helpers["pte_mkdirty"](4) == 6
    assert found.helpers["pte_write"](2) is True
    assert [p.kind for p in found.helpers["pte_mkdirty"].parameters] == ["pte"]
    assert found.helpers["pte_mkdirty"].line == 2


def test_generated_functions_are_helpers(lift: Lift) -> None:
    found = lift(
        "#include <asm/page.h>\n"
        "#define PTE_BIT_FUNC(fn, op) static inline pte_t pte_##fn(pte_t pte) { pte_val(pte) op; return pte; }\n"
        "PTE_BIT_FUNC(mkdirty, |= 2);\nPTE_BIT_FUNC(mkclean, &= ~2UL)\nPTE_BIT_FUNC(mkold, &= ~(4UL));\n"
    )
    assert found.helpers["pte_mkdirty"](1) == 3
    assert found.helpers["pte_mkclean"](3) == 1
    assert found.helpers["pte_mkold"](7) == 3


def test_the_definition_that_counts_is_the_one_at_the_place_of_use(lift: Lift) -> None:
    found = lift(
        "#include <asm/page.h>\n#define BIT_A 1\n"
        "static inline pte_t pte_mkdirty(pte_t p) { return __pte(pte_val(p) | BIT_A); }\n"
        "#undef BIT_A\n#define BIT_A 8\nstatic inline pte_t pte_mkold(pte_t p) { return __pte(pte_val(p) | BIT_A); }\n"
    )
    assert (found.helpers["pte_mkdirty"](0), found.helpers["pte_mkold"](0)) == (1, 8)


def test_an_override_before_the_common_header_wins(lift: Lift) -> None:
    found = lift(
        "#include <asm/page.h>\nstatic inline pte_t pte_mkdirty(pte_t p) { return __pte(2); }\n"
        "#define pte_mkdirty pte_mkdirty\n"
        "#ifndef pte_mkdirty\nstatic inline pte_t pte_mkdirty(pte_t p) { return __pte(3); }\n#endif\n"
    )
    assert found.helpers["pte_mkdirty"](0) == 2


def test_conditionals_choose(lift: Lift) -> None:
    found = lift(
        "#include <asm/page.h>\n#if CONFIG_PGTABLE_LEVELS == 3 && !defined(CONFIG_NOPE) && (1 ? 2 : 3) << 1 == 4\n"
        "#define _PAGE_X 1\n#elif 1\n#define _PAGE_X 2\n#else\n#error not this one\n#endif\n"
        "#ifdef CONFIG_SMP\n#define _PAGE_Y (1UL << 63)\n#endif\n#if 0\n#if nonsense (\n#endif\n#else\n"
        "#define _PAGE_Z -1\n#endif\n"
        "#if -1 > 0u\n#define _PAGE_U 1\n#endif\n"
    )
    assert found.constants == {"_PAGE_X": 1, "_PAGE_Y": 1 << 63, "_PAGE_Z": ALL, "_PAGE_U": 1}
    assert found.configuration["CONFIG_NOPE"] == ""
    assert found.configuration["CONFIG_PGTABLE_LEVELS"] == "3"


ARRAYS = """
typedef unsigned long pair_t[2];
typedef struct { pair_t words; } both_t;
typedef unsigned long none_t[0];
typedef unsigned long many_t[99];
static inline unsigned long decayed(pair_t words) { return words[0]; }
"""


@pytest.mark.parametrize(
    ("body", "means"),
    [
        (
            "both_t b; b.words[0] = 3; b.words[1] = pte_val(pte); return __pte(b.words[0] + b.words[1]);",
            lambda w: w + 3,
        ),
        ("both_t b = { }; b.words[1] |= 5; return __pte(b.words[0] << 4 | b.words[1]);", lambda w: 5),
        ("pair_t p = { 1, 2 }; return __pte(p[0] | pte_val(pte) | p[1]);", lambda w: w | 3),
        ("return __pte(sizeof(int) + 0 * sizeof(both_t));", "the size of this type"),
        ("both_t b; b.words[0] = 1; return __pte(b.words[1]);", "never set"),
        ("both_t b = { }; return __pte(b.words[2]);", "an array element"),
        ("both_t b = { }; return __pte(b.words[pte_val(pte) & 1]);", "an array element"),
        ("both_t b = { }; return __pte(b.words[010]);", "an array element"),
        ("none_t n; return pte;", "the array type none_t"),
        ("many_t m; return pte;", "the array type many_t"),
        ("pair_t p = { 1, 2 }; return __pte(decayed(p));", "an array as a parameter"),
    ],
)
def test_arrays_of_known_length_are_structures(lift: Lift, body: str, means: Any) -> None:
    found = helper_of(lift, body, before=ARRAYS)
    if isinstance(means, str):
        assert isinstance(found, NotLifted)
        assert means in found.reason
    else:
        assert not isinstance(found, NotLifted), str(found)
        assert [found(w) for w in (0, 7, 1 << 40)] == [means(w) for w in (0, 7, 1 << 40)]


def test_enumerators_count_on(lift: Lift) -> None:
    found = lift("enum shifts { A_SHIFT, B_SHIFT = 5, C_SHIFT, D_SHIFT = C_SHIFT + 2 };\n"
        "#define _PAGE_C (1UL << C_SHIFT)\n"
                 "#define _PAGE_D (1UL << D_SHIFT)\n#define _PAGE_A (1UL << A_SHIFT)\n")  # fmt: skip
    assert found.constants == {"_PAGE_C": 64, "_PAGE_D": 256, "_PAGE_A": 1}


def test_variadic_and_pasting_macros(lift: Lift) -> None:
    found = lift("#define FIRST(a, ...) a\n#define NAME(x) _PAGE_##x\n#define REST(fmt, args...) FIRST(fmt, ## args)\n"
                 "#define _PAGE_B 6\n#define _PAGE_P NAME(B)\n#define _PAGE_F FIRST(3, 4, 5)\n"
                     "#define _PAGE_R REST(9)\n")  # fmt: skip
    assert found.constants == {"_PAGE_B": 6, "_PAGE_P": 6, "_PAGE_F": 3, "_PAGE_R": 9}


def test_a_macro_that_names_itself_is_left_alone(lift: Lift) -> None:
    found = lift(
        "#define _PAGE_LOOP (_PAGE_LOOP | 1)\n#define _PAGE_OK 4\n#define _PAGE_M1 _PAGE_M2\n"
        "#define _PAGE_M2 _PAGE_M1\n"
    )
    assert found.constants == {"_PAGE_OK": 4}


def test_run_time_values_are_named_only_when_used(lift: Lift) -> None:
    header = (
        "#include <asm/page.h>\nextern pte_t invalid_pte_table[4];\n"
        "static inline int pmd_none(pmd_t pmd)\n{ return pmd_val(pmd) == (unsigned long)invalid_pte_table; }\n"
    )
    used = lift(header)
    assert used.helpers["pmd_none"](0) is True
    assert used.assumptions == used.helpers["pmd_none"].assumptions
    assert "invalid_pte_table" in used.assumptions[0]


def test_a_bug_on_is_an_assumption(lift: Lift) -> None:
    helper = helper_of(lift, "BUG_ON(pte_val(pte) & 1); return pte;")
    assert helper.assumptions == ("BUG_ON() at arch/loongarch/include/asm/pgtable.h:4 does not fire",)


def test_nothing_is_assumed_without_need(lift: Lift) -> None:
    assert lift("#include <asm/page.h>\n").assumptions == ()


def test_a_failed_helper_leaves_no_assumption(lift: Lift) -> None:
    header = (
        "#include <asm/page.h>\nstatic inline int pmd_none(pmd_t pmd)\n"
        "{ return pmd_val(pmd) == (unsigned long)invalid_pte_table + unknown; }\n"
    )
    assert lift(header).assumptions == ()


def test_helpers_take_integers_terms_and_z3(lift: Lift) -> None:
    import z3

    helper = helper_of(lift, "if (pte_val(pte) & 1) pte_val(pte) |= 2; return pte;")
    x = terms.variable("x", 64)
    assert terms.evaluate([helper(x)], {x: 5}) == [7]
    y = z3.BitVec("y", 64)
    solver = z3.Solver()
    solver.add(helper(y) != z3.If(y & 1 == 1, y | 2, y))
    assert solver.check() == z3.unsat
    with pytest.raises(TypeError, match="takes 1 arguments, not 2"):
        helper(1, 2)


def test_every_operator_means_the_same_to_z3(lift: Lift) -> None:
    import z3

    for body, _ in BODIES:
        found = lift_tree(_fresh(lift, body), "loongarch").helpers["pte_mkdirty"]
        for word in (0, 3, 1 << 63, ALL):
            assert z3.simplify(found(z3.BitVecVal(word, 64))).as_long() == found(word), body


def _fresh(lift: Lift, body: str) -> Path:
    """The fixture's tree with another body."""
    root = lift.__closure__[0].cell_contents  # type: ignore[attr-defined]
    header = f"#include <asm/page.h>\nstatic inline pte_t pte_mkdirty(pte_t pte)\n{{ {body} }}\n"
    if not (root / "arch").exists():
        return made_up_tree(root, header)
    (root / "arch/loongarch/include/asm/pgtable.h").write_text(header)
    return Path(root)


def test_the_protection_table_is_read(lift: Lift, tmp_path: Path) -> None:
    (tmp_path / "arch/loongarch/mm").mkdir(parents=True)
    (tmp_path / "arch/loongarch/mm/cache.c").write_text(
        "static const pgprot_t protection_map[16] = {\n\t[VM_NONE] = __pgprot(1),\n\t[VM_READ] = __pgprot(2),\n"
        "\t[VM_WRITE | VM_READ] = __pgprot(3),\n\t[VM_SHARED | VM_WRITE | VM_READ] = __pgprot(1UL << 40),\n"
        "};\nDECLARE_VM_GET_PAGE_PROT\n"
    )
    asm = tmp_path / "arch/loongarch/include"
    made = made_up_tree(tmp_path / "other", "#include <asm/page.h>\n")
    (made / "arch/loongarch/include").rename(asm)
    (made / "include").rename(tmp_path / "include")
    found = lift_tree(tmp_path, "loongarch")
    assert found.protections == {"NONE": 1, "READONLY": 2, "PRIVATE": 3, "SHARED": 1 << 40}
    assert found.protection_source["SHARED"] == "arch/loongarch/mm/cache.c:5"


def test_protections_fall_back_on_macros_and_say_so(lift: Lift) -> None:
    found = lift(
        "#include <asm/page.h>\n#define PAGE_NONE __pgprot(1)\n#define PAGE_READONLY __pgprot(2)\n"
        "#define PAGE_SHARED __pgprot(3)\n"
    )
    assert found.protections == {"NONE": 1, "READONLY": 2, "PRIVATE": 2, "SHARED": 3}
    assert any("PAGE_* macros" in sentence for sentence in found.assumptions)


@pytest.mark.parametrize(
    ("makefile", "version"),
    [
        ("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\n", "6.12.117"),
        ("VERSION = 6\nPATCHLEVEL = 13\nSUBLEVEL = 0\nEXTRAVERSION = -rc2\n", "6.13.0-rc2"),
        ("VERSION = \x1b[31m\n", "unknown"),
        ("all:\n", "unknown"),
    ],
)
def test_the_version_comes_from_the_makefile(tmp_path: Path, makefile: str, version: str) -> None:
    root = made_up_tree(tmp_path / "tree", "")
    (root / "Makefile").write_text(makefile)
    assert lift_tree(root, "loongarch").version == version


def test_the_version_may_come_from_elsewhere(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path / "linux-headers-6.12.117+deb12-common", "")
    assert lift_tree(root, "loongarch").version == "6.12.117+deb12-common"
    (root / "include/generated").mkdir()
    (root / "include/generated/utsrelease.h").write_text('#define UTS_RELEASE "6.12.9-mine"\n')
    assert lift_tree(root, "loongarch").version == "6.12.9-mine"


def token(text: str) -> Token:
    """A number token."""
    return Token("number", text, "f", 1, 0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1", INT), ("2147483648", LONG), ("0x80000000", UINT), ("0x100000000", LONG), ("1U", UINT), ("1UL", ULONG),
     ("1ull", ULONG), ("0xffffffffffffffff", ULONG), ("4294967296u", ULONG), ("1L", LONG)],
)  # fmt: skip
def test_constants_have_the_type_c_gives_them(text: str, kind: object) -> None:
    assert literal(token(text))[1] == kind


@pytest.mark.parametrize("text", ["18446744073709551616", "9223372036854775808", "08", "1.0", "0x", "1ulul", "1" * 80])
def test_what_is_no_constant_is_refused(text: str) -> None:
    with pytest.raises(Undefined):
        literal(token(text))


def test_conversions_extend_the_sign() -> None:
    assert convert(number(-4, INT), ULONG).term.data == ALL - 3
    assert convert(number(0xFFFFFFFC, UINT), ULONG).term.data == 0xFFFFFFFC
    assert binary(">>", number(-8, LONG), number(1, INT)).term.data == ALL - 3
    assert binary("/", number(-7, INT), number(2, INT)).term.data == (1 << 32) - 3
    assert binary("%", number(-7, INT), number(2, INT)).term.data == (1 << 32) - 1


COMPLETE = """#include <asm/page.h>
#define _PAGE_VALID (1UL << 0)
#define _PAGE_DIRTY (1UL << 1)
#define _PAGE_PRESENT (1UL << 7)
#define _PAGE_WRITE (1UL << 8)
#define _PAGE_MODIFIED (1UL << 9)
#define _PAGE_SPECIAL (1UL << %d)
#define _PAGE_HUGE (1UL << 6)
#define PAGE_NONE __pgprot(0)
#define PAGE_READONLY __pgprot(_PAGE_PRESENT)
#define PAGE_SHARED __pgprot(_PAGE_PRESENT | _PAGE_WRITE)
#define pfn_pte(pfn, prot) __pte(((pfn) << 14) | pgprot_val(prot))
#define pfn_pmd(pfn, prot) __pmd(((pfn) << 14) | pgprot_val(prot))
#define CHANGE(level, name, op) static inline level##_t level##_##name(level##_t x) { level##_val(x) op; return x; }
#define LEVEL(l) CHANGE(l, mkdirty, |= _PAGE_MODIFIED) CHANGE(l, mkclean, &= ~_PAGE_MODIFIED) \\
	CHANGE(l, mkwrite, |= _PAGE_WRITE) \\
	CHANGE(l, wrprotect, &= ~_PAGE_WRITE) CHANGE(l, mkold, &= ~_PAGE_VALID) CHANGE(l, mkyoung, |= _PAGE_VALID)
LEVEL(pte) LEVEL(pmd)
CHANGE(pmd, mkinvalid, &= ~_PAGE_PRESENT)
CHANGE(pmd, mkhuge, |= _PAGE_HUGE)
#define pte_modify(pte, prot) __pte((pte_val(pte) & 3) | pgprot_val(prot))
#define pmd_modify(pmd, prot) __pmd((pmd_val(pmd) & 3) | pgprot_val(prot))
#define pte_present(x) (pte_val(x) & _PAGE_PRESENT)
#define pte_write(x) (pte_val(x) & _PAGE_WRITE)
#define pte_dirty(x) (pte_val(x) & _PAGE_MODIFIED)
#define pte_young(x) (pte_val(x) & _PAGE_VALID)
#define pmd_present(x) (pmd_val(x) & _PAGE_PRESENT)
#define pmd_write(x) (pmd_val(x) & _PAGE_WRITE)
#define pmd_dirty(x) (pmd_val(x) & _PAGE_MODIFIED)
#define pmd_young(x) (pmd_val(x) & _PAGE_VALID)
"""


def test_a_tree_becomes_an_architecture(lift: Lift) -> None:
    built = architecture_from_tree(architecture("loongarch/linux-6.12"), lift(COMPLETE % 13))
    assert built.config == "loongarch/tree"
    assert built.mk_pte(0x180) == 0x180
    assert built.mk_huge_pmd(0x180) == 0x1C0
    assert built.pte_mkdirty(0) == 0x200
    assert {bit.name: bit.position for bit in built.bits}["_PAGE_SPECIAL"] == 13
    assert "_PAGE_PROTNONE" not in {bit.name for bit in built.bits}
    assert built.protections["PRIVATE"] == 0x80


def test_a_bit_that_the_hardware_knows_must_not_move(lift: Lift) -> None:
    found = lift((COMPLETE % 11).replace("_PAGE_WRITE (1UL << 8)", "_PAGE_WRITE (1UL << 20)"))
    with pytest.raises(
        KernelError, match="_PAGE_WRITE is 0x100 in the hardware description of loongarch, the tree has 0x100000"
    ):
        architecture_from_tree(architecture("loongarch/linux-6.12"), found)


def test_a_missing_helper_leaves_the_model_undecided(lift: Lift) -> None:
    found = lift(
        (COMPLETE % 11).replace("CHANGE(l, mkdirty, |= _PAGE_MODIFIED)", "CHANGE(l, mkdirty, |= frobnicate())")
    )
    with pytest.raises(CannotLift, match=r"pgtable.h:15: pte_mkdirty: frobnicate\(\) is not known") as caught:
        architecture_from_tree(architecture("loongarch/linux-6.12"), found)
    assert [entry.name for entry in caught.value.missing] == ["pte_mkdirty", "pmd_mkdirty"]


def test_a_tree_without_protections_is_undecided(lift: Lift) -> None:
    with pytest.raises(CannotLift, match="page protection SHARED: not found"):
        architecture_from_tree(
            architecture("loongarch/linux-6.12"), lift((COMPLETE % 11).replace("PAGE_SHARED", "PAGE_OTHER"))
        )


def test_headers_are_found_in_an_architectures_own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = made_up_tree(tmp_path, "#include <own/bits.h>\n#define _PAGE_X _PAGE_OWN\n")
    (tree / "arch" / "loongarch" / "variant" / "own").mkdir(parents=True)
    (tree / "arch" / "loongarch" / "variant" / "own" / "bits.h").write_text("#define _PAGE_OWN 64\n")
    platform = replace(PLATFORMS["loongarch"], headers={**PLATFORMS["loongarch"].headers, "own/bits.h": False})
    monkeypatch.setitem(PLATFORMS, "loongarch", platform)
    with pytest.raises(KernelError, match="own/bits.h that is included here is missing"):
        lift_tree(tree, "loongarch")
    monkeypatch.setitem(PLATFORMS, "loongarch", replace(platform, folders=("arch/loongarch/variant",)))
    assert lift_tree(tree, "loongarch").constants["_PAGE_X"] == 64
