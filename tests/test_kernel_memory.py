"""Pointers, atomic operations, loops and switches on made-up headers: what they mean, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker import terms
from models.kernel import InPlaceHelper, KernelError, LiftedTree, NotLifted, lift_tree
from models.kernel.architectures import IN_PLACE, MM_CONSTANTS
from models.kernel.coverage import ABSENT, LIFTED, NOT_LIFTED
from models.kernel.errors import MAX_CASES, MAX_ROUNDS, LimitExceeded
from models.kernel.platforms import PLATFORMS
from models.kernel.values import Struct, StructType, Word
from models.kernel.views import seen_as
from models.kernel.words import INT, UINT, ULONG, Abi, Undefined, number
from tests import kernel_trees
from tests.compiled import ATOMICS, TYPES, WORDS, build, needs_cc
from tests.kernel_trees import made_up_tree
from tests.test_kernel_compiled import lifted_words

PGTABLE = "arch/loongarch/include/asm/pgtable.h"
HEAD = "#include <asm/page.h>\n"
SET = (
    "static inline void set_pte(pte_t *p, pte_t v) { WRITE_ONCE(*p, v); }\n"
    "static inline pte_t mkold(pte_t pte) { pte_val(pte) &= ~4UL; return pte; }\n"
)
CHANGER = "static inline {result} {name}({parameters})\n{{ {body} }}\n"
MM, VMA = (
    "struct mm_struct *mm, unsigned long addr, pte_t *ptep",
    "struct vm_area_struct *vma, unsigned long addr, pte_t *ptep",
)
HEADS = {
    "ptep_set_wrprotect": ("void", MM),
    "ptep_get_and_clear": ("pte_t", MM),
    "ptep_test_and_clear_young": ("int", VMA),
    "ptep_set_access_flags": ("int", VMA + ", pte_t entry, int dirty"),
    "clear_young_dirty_ptes": ("void", VMA + ", unsigned int nr, cydp_t flags"),
}

Lift = Callable[[str], LiftedTree]


@pytest.fixture
def lift(tmp_path: Path) -> Lift:
    """Lifts a made-up asm/pgtable.h."""
    return lambda header: lift_tree(made_up_tree(tmp_path, HEAD + header), "loongarch")


def changed_by(lift: Lift, body: str, name: str = "ptep_set_wrprotect", before: str = SET) -> Any:
    """The helper on an entry in memory with a body, or the reason why it was not lifted."""
    result, parameters = HEADS[name]
    found = lift(f"{before}\n{CHANGER.format(result=result, name=name, parameters=parameters, body=body)}")
    return found.in_place.get(name) or next(entry for entry in found.missing if entry.name == name)


LEFT = [
    ("*ptep = __pte(7);", lambda w: 7, False),
    ("pte_val(*ptep) |= 2;", lambda w: w | 2, False),
    ("ptep->pte ^= 2;", lambda w: w ^ 2, False),
    ("ptep[0].pte = 3; (&ptep[0])->pte++;", lambda w: 4, False),
    ("(*ptep).pte--; --ptep->pte;", lambda w: w - 2, False),
    ("unsigned long *v = &ptep->pte; *v += 8;", lambda w: w + 8, False),
    ("unsigned long *v = (unsigned long *)ptep; *v |= 8;", lambda w: w | 8, False),
    ("pmd_t *p = (pmd_t *)ptep; p->pmd = 5;", lambda w: 5, False),
    ("pte_t *p = ptep; *p++ = __pte(5);", lambda w: 5, False),
    ("*(unsigned int *)ptep = 0;", lambda w: w >> 32 << 32, False),
    ("u8 *first = (u8 *)ptep; *first |= 3; first[0] ^= 1;", lambda w: (w | 3) ^ 1, False),
    ("atomic_set((atomic_t *)ptep, -1);", lambda w: w | 0xFFFFFFFF, False),
    ("set_64bit((u64 *)ptep, 5);", lambda w: 5, False),
    ("clear_bit(2, (u32 *)ptep);", lambda w: w & ~4, True),
    ("*(long *)ptep = -1;", lambda w: ALL, False),
    ("void *p = ptep; ((pte_t *)p)->pte = 9;", lambda w: 9, False),
    ("pte_t old = READ_ONCE(*ptep); set_pte(ptep, mkold(old));", lambda w: w & ~4, False),
    ("pte_t other = *ptep; set_pte(&other, __pte(0)); *ptep = other;", lambda w: 0, False),
    ("if (pte_val(*ptep) & 1) set_pte(ptep, __pte(0)); else ptep->pte |= 16;", lambda w: 0 if w & 1 else w | 16, False),
    ("if (pte_val(*ptep) & 1) { ptep->pte = 2; return; } ptep->pte = 4;", lambda w: 2 if w & 1 else 4, False),
    ("ptep->pte & 1 && (ptep->pte = 6);", lambda w: 6 if w & 1 else w, False),
    ("pte_t pte; pte.pte = 1; pte_t *p = &pte, **q = &p; (*q)->pte = 5; *ptep = **q;", lambda w: 5, False),
    ("unsigned long x = 1; { unsigned long *p = &x; unsigned long x = 2; *p = x; } ptep->pte = x;", lambda w: 2, False),
    ("clear_bit(2, (unsigned long *)&ptep->pte);", lambda w: w & ~4, True),
    ("set_bit(63, (unsigned long *)ptep); change_bit(0, (unsigned long *)ptep);", lambda w: w ^ 1 | 1 << 63, True),
    ("__set_bit(1, (unsigned long *)ptep);", lambda w: w | 2, False),
    ("atomic_long_and(~6UL, (atomic_long_t *)ptep); atomic_long_or(1, (atomic_long_t *)ptep);", lambda w: w & ~6 | 1, True),
    ("atomic64_andnot(6, (atomic64_t *)ptep); atomic64_xor(8, (atomic64_t *)ptep);", lambda w: (w & ~6) ^ 8, True),
    ("atomic_long_set((atomic_long_t *)ptep, 1 + atomic_long_read((atomic_long_t *)ptep));", lambda w: w + 1, False),
    ("pte_t old = *ptep, new; do { new = mkold(old); } while (!try_cmpxchg(&ptep->pte, &old.pte, new.pte));",
     lambda w: w & ~4, True),
    ("pte_t old, pte = READ_ONCE(*ptep); do { old = pte; pte = mkold(pte); pte_val(pte) = "
     "cmpxchg_relaxed(&pte_val(*ptep), pte_val(old), pte_val(pte)); } while (pte_val(pte) != pte_val(old));",
     lambda w: w & ~4, True),
    ("cmpxchg(&ptep->pte, 0, 5);", lambda w: w or 5, True),
    ("unsigned long old = 9; if (!try_cmpxchg(&ptep->pte, &old, 5)) set_bit(old & 0, &ptep->pte);",
     lambda w: 5 if w == 9 else w | 1, True),
    ("xchg(&ptep->pte, 0);", lambda w: 0, True),
    ("pte_t old = *ptep; xchg(ptep, mkold(old));", lambda w: w & ~4, False),
    ("xchg(ptep, mkold(*ptep));", lambda w: w & ~4, False),
    ("pte_t pte = xchg(ptep, __pte(0)); set_pte(ptep, mkold(pte));", lambda w: w & ~4, True),
    ("pte_t pte = xchg(ptep, __pte(0)); set_pte(ptep, mkold(pte)); set_pte(ptep, pte);", lambda w: w, False),
    ("pte_t pte = *ptep; xchg(ptep, __pte(0)); set_pte(ptep, mkold(pte));", lambda w: w & ~4, False),
    ("pte_t pte = *ptep; *ptep = __pte(0); *ptep = mkold(pte);", lambda w: w & ~4, False),
    ("set_pte(ptep, mkold(xchg(ptep, __pte(1))));", lambda w: w & ~4, True),
]  # fmt: skip
ALL = (1 << 64) - 1
SOME = [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 1 << 32, 1 << 63, ALL, 0x123456789ABCDEF0]


@pytest.mark.parametrize(("body", "leaves", "atomic"), LEFT, ids=[body for body, _, _ in LEFT])
def test_what_is_left_in_memory(lift: Lift, body: str, leaves: Callable[[int], int], atomic: bool) -> None:
    found = changed_by(lift, body)
    assert isinstance(found, InPlaceHelper), str(found)
    assert [found.after(w) for w in SOME] == [leaves(w) & ALL for w in SOME]
    assert found(1) is None
    assert found.atomic is atomic


def test_an_exchange_that_leaves_a_present_entry_owns_nothing(lift: Lift) -> None:
    body = "set_pte(ptep, mkold(xchg(ptep, __pte(1))));"
    present = "static inline int pte_present(pte_t pte) { return pte_val(pte) & 1; }\n"
    assert changed_by(lift, body, before=SET + present).atomic is False


@pytest.mark.parametrize(
    ("body", "value", "atomic"),
    [
        ("return xchg(ptep, __pte(0));", lambda w: w, True),
        ("pte_t pte = *ptep; xchg(ptep, __pte(0)); return pte;", lambda w: w, False),
        ("return *ptep = __pte(3);", lambda w: 3, False),
        ("pte_t pte = *ptep; if (pte_val(pte) & 1) return pte; return xchg(ptep, mkold(pte));", lambda w: w, False),
        ("return xchg(ptep, mkold(*ptep));", lambda w: w, True),
        ("return __pte(atomic_long_fetch_or(2, (atomic_long_t *)ptep));", lambda w: w, True),
    ],
)
def test_an_entry_that_is_yielded(lift: Lift, body: str, value: Callable[[int], int], atomic: bool) -> None:
    found = changed_by(lift, body, "ptep_get_and_clear")
    assert isinstance(found, InPlaceHelper), str(found)
    assert [found(w) for w in SOME] == [value(w) for w in SOME]
    assert found.atomic is atomic


def test_a_truth_that_is_yielded(lift: Lift) -> None:
    body = "int r = 0; if (pte_val(*ptep) & 4) r = test_and_clear_bit(2, (unsigned long *)ptep); return r;"
    found = changed_by(lift, body, "ptep_test_and_clear_young")
    assert [(found(w), found.after(w)) for w in (5, 3, 4)] == [(True, 1), (False, 3), (True, 0)]
    assert found.atomic


def test_further_arguments(lift: Lift) -> None:
    body = "int changed = pte_val(*ptep) != pte_val(entry); if (changed && dirty) set_pte(ptep, entry); return changed;"
    found = changed_by(lift, body, "ptep_set_access_flags")
    assert (found.after(1, 2, 0), found.after(1, 2, 1), found(1, 2, 0), found(1, 1, 1)) == (1, 2, True, False)
    assert found.after("vma", "address", 1, 2, 1) == 2
    with pytest.raises(TypeError, match="takes 3 arguments, not 1"):
        found.after(1)
    x = terms.variable("x", 64)
    assert terms.evaluate([found.after(x, 2, 1)], {x: 5}) == [2]


def test_a_count_of_entries_is_one(lift: Lift) -> None:
    body = (
        "for (;;) { if (flags & CYDP_CLEAR_YOUNG) clear_bit(2, &ptep->pte); if (flags & CYDP_CLEAR_DIRTY) "
        "clear_bit(1, &ptep->pte); if (--nr == 0) break; ptep++; addr += 4096; }"
    )
    found = changed_by(lift, body, "clear_young_dirty_ptes")
    assert [found.after(15, flags) for flags in range(4)] == [15, 11, 13, 9]
    assert found.atomic


def test_an_address_is_a_users(lift: Lift) -> None:
    body = "set_pte(ptep, __pte(addr >= 0x80000000UL ? 1 : 2)); if (0xC0000000 <= addr) set_pte(ptep, __pte(3));"
    found = changed_by(lift, body)
    assert found.after(0) == 2
    assert found.assumptions == ("addresses are a user's: below 0x40000000, and below the kernel's",)


def test_macros_work_in_place_too(lift: Lift) -> None:
    found = lift(
        SET + "#define set_pte_at(mm, a, p, v) do { set_pte(p, v); flush_tlb_page(mm, a); } while (0)\n"
        "#define ptep_get(p) READ_ONCE(*(p))\n#define pte_clear(mm, a, p) ({ pte_val(*(p)) = 0; })\n"
    )
    assert found.in_place["set_pte_at"].after(1, 2) == 2
    assert found.in_place["pte_clear"].after(1) == 0
    assert (found.in_place["ptep_get"](7), found.in_place["ptep_get"].after(7)) == (7, 7)
    assert [p.kind for p in found.in_place["set_pte_at"].parameters] == ["mm", "address", "ptep", "pte"]


@pytest.mark.parametrize(
    "body",
    [
        "flush_tlb_page(vma, addr); smp_wmb(); page_table_check_pte_clear(mm, *ptep); VM_WARN_ON_ONCE(!pte_val(*ptep));",
        "if (mm->something || strange(mm)) flush_tlb_page(mm, addr);",
        "mm->context.count++; mm->context.last = pte_val(*ptep); counted--; log[3] = ptep->pte;",
        "if (strange(*ptep)) { mm->context.count++; counted = 1; }",
        "pte_t *p = ptep; p++; ++p;",
        "if (likely(mm != &init_mm) && strange(*ptep)) flush_tlb_page(mm, addr);",
        "keep(ptep, SIZE_OF_A_PAGE);",
        "if (strange(*ptep)) { if (1) barrier(); } else flush_tlb_all();",
        "WARN_ON(pte_val(READ_ONCE(*ptep)));",
        "unsigned long page = strange(*ptep), paddr = page + 1; flush_dcache_range(paddr, paddr + 1);",
        "pte_t old = *ptep; int odd = pte_val(old) & 1 ? strange(1) : strange(2); if (pte_val(old) & 2) odd = 1;",
    ],
)
def test_calls_that_leave_entries_alone(lift: Lift, body: str) -> None:
    before = (
        f"{SET}extern unsigned long counted, log[4]; static inline void keep(pte_t *p, int no) {{ pte_t old = *p; }}"
    )
    found = changed_by(lift, body, before=before)
    assert isinstance(found, InPlaceHelper), str(found)
    assert found.after(5) == 5 and found.atomic


REFUSED = [
    ("used(ptep, SIZE_OF_A_PAGE);", "SIZE_OF_A_PAGE is not known"),
    ("used(ptep, ptep->pte++ + SIZE_OF_A_PAGE);", "SIZE_OF_A_PAGE is not known"),
    ("ptep++; *ptep = __pte(0);", "arithmetic on a pointer"),
    ("*(ptep + 1) = __pte(0);", "arithmetic on a pointer"),
    ("ptep[1] = __pte(0);", "an array element other than [0]"),
    ("ptep[addr] = __pte(0);", "an array element whose index is not known"),
    ("*(pte_t *)addr = __pte(0);", "a pointer whose target is not known"),
    ("*(struct wide *)ptep = (struct wide) { 1, 2 };", "a type of another size"),
    ("struct three *t = (struct three *)ptep; t->a = 1;", "a type of another size"),
    ("*(struct two *)ptep = (struct two) { 1, 2 };", None),
    ("struct mixed m; *(unsigned long *)&m = 1;", "a type of another form"),
    ("pte_val(*ptep) = (unsigned long)ptep;", "the address of a variable or entry is not known"),
    ("pte_t *p = pte_val(*ptep) ? ptep : (pte_t *)0; *p = __pte(0);", "pointers"),
    ("pte_t a, b; pte_t *p; if (addr) p = &a; else p = &b; *p = *ptep;", "a choice between two pointers"),
    ("*gone() = 1;", "a pointer to a variable that is gone"),
    ("pte_t *p; *p = __pte(1);", "never set"),
    ("&set_pte;", "the address of, something that is no local variable"),
    ("*&mkold(*ptep) = __pte(1);", "something that is no local variable"),
    ("(*ptep ? 1 : 2);", "an integer is needed"),
    ("pte_val(*ptep) = addr;", "its effect depends on the address"),
    ("mm->context = ptep->pte++;", "a variable of the kernel of this form"),
    ("pte_val(*ptep) = mm->context++;", "no value where one is needed"),
    ("pte_t *p = ptep; p++; *p = __pte(0);", "arithmetic on a pointer"),
    ("gone()->context = 1;", "a pointer to a variable that is gone"),
    ("pte_val(*ptep) = mm->context;", "reads memory"),
    ("clear_bit(64, (unsigned long *)ptep);", "the number of a bit"),
    ("clear_bit(ptep->pte, (unsigned long *)ptep);", "the number of a bit"),
    ("clear_bit(1);", "clear_bit() takes 2 arguments"),
    ("xchg(mm, 0);", "a pointer whose target is not known"),
    ("atomic_set((struct wide *)ptep, 0);", "a type of another size"),
    ("asm(\"\" : \"+m\" (*ptep));", "inline assembly"),
    ("while (pte_val(*ptep)) pte_val(*ptep) >>= 1;", "a loop whose end depends on an unknown"),
    ("do { pte_val(*ptep)++; } while (pte_val(*ptep) != 5);", "a loop whose end depends on an unknown"),
    ("for (;;) ;", f"a loop of more than {MAX_ROUNDS} rounds"),
    ("int i; for (i = 0; i < 17; i++) pte_val(*ptep) += i;", f"a loop of more than {MAX_ROUNDS} rounds"),
    ("for (;;) { if (pte_val(*ptep) & 1) break; pte_val(*ptep) += 2; }", f"a loop of more than {MAX_ROUNDS} rounds"),
    ("for (;;) goto out; out: return;", "a jump or label"),
    ("switch (pte_val(*ptep)) { case 1: pte_val(*ptep) = 2; case 2: return; }", "falls through"),
    ("switch (pte_val(*ptep)) { case 1: if (addr) break; default: return; }", "falls through"),
    ("switch (pte_val(*ptep)) { case 1 ... 3: return; }", "a range of cases"),
    ("switch (pte_val(*ptep)) { int x; case 1: return; }", "starts without a case"),
    ("switch (pte_val(*ptep)) { default: default: return; case 2: return; }", None),
    ("switch (pte_val(*ptep)) { default: return; case 2: return; default: break; }", "two defaults"),
    ("switch (1) { case 1: break; case addr: break; }", "a case that is no constant"),
    ("WARN_ON(pte_val(*ptep)++);", "an assignment inside WARN_ON()"),
    ("flush_tlb_page(mm, xchg(&ptep->pte, 0));", "an assignment inside flush_tlb_page()"),
    ("WARN_ON(strange(ptep));", "an assignment inside WARN_ON()"),
    ("if (strange(ptep)) flush_tlb_page(mm, addr);", "strange() is not known"),
    ("if (pte_val(*ptep)) BUG();", "BUG() ends the helper"),
    ("unsigned long v = strange(addr); pte_val(*ptep) = v;", "strange() is not known"),
    ("unsigned long v = strange(addr), w = v + 1; if (addr) w = 1; pte_val(*ptep) = w;", "strange() is not known"),
    ("unsigned long v = strange(ptep);", "strange() is not known"),
    ("unsigned long v = pte_val(*ptep) ? buggy(addr) : 0;", "BUG() ends the helper"),
    ("if (addr < 4096) pte_val(*ptep) = 0;", "its effect depends on the address"),
]  # fmt: skip
BEFORE = (
    SET + "struct two { unsigned int a, b; }; struct wide { u64 a, b; }; struct three { u8 a, b, c; }; "
    "struct mixed { char a, b; short c; int d; };\n"
    "static inline unsigned long *gone(void) { unsigned long x = 1; return &x; } "
    "static inline unsigned long buggy(unsigned long a) { BUG(); return 1; }"
    "static inline void used(pte_t *p, int by) { p->pte = by; }\n"
)


@pytest.mark.parametrize(("body", "why"), REFUSED, ids=[body for body, _ in REFUSED])
def test_what_is_not_understood_is_refused_at_its_place(lift: Lift, body: str, why: str | None) -> None:
    found = changed_by(lift, body, before=BEFORE)
    if why is None:
        assert isinstance(found, InPlaceHelper), str(found)
        return
    assert isinstance(found, NotLifted)
    assert why in found.reason, found
    assert not found.absent
    assert found.file == PGTABLE and found.line in (5, 7, 8)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("void ptep_set_wrprotect(struct mm_struct *mm, pte_t *ptep)", "its parameters are not the known ones"),
        (
            "void ptep_set_wrprotect(struct mm_struct *mm, unsigned long a, pmd_t *p)",
            "its parameters are not the known ones",
        ),
        (
            "void ptep_set_wrprotect(struct mm_struct *mm, unsigned long a, pte_t **p)",
            "its parameters are not the known ones",
        ),
    ],
)
def test_other_parameters_are_refused(lift: Lift, head: str, why: str) -> None:
    found = lift(f"static inline {head} {{ }}\n")
    assert why in next(entry.reason for entry in found.missing if entry.name == "ptep_set_wrprotect")


def test_a_failed_helper_leaves_the_next_one_alone(lift: Lift) -> None:
    bad = (
        "static inline pte_t ptep_get_and_clear("
        + MM
        + ") { if (pte_val(*ptep) & 1) { *ptep = __pte(0); strange(); } }\n"
    )
    good = CHANGER.format(result="void", name="ptep_set_wrprotect", parameters=MM, body="pte_val(*ptep) |= 1;")
    found = lift(bad + good)
    assert "ptep_get_and_clear" not in found.in_place
    assert found.in_place["ptep_set_wrprotect"].after(2) == 3


PAIR = StructType("pair", (("low", UINT), ("high", UINT)))


@pytest.mark.parametrize("big_endian", [False, True])
def test_two_words_seen_as_one(big_endian: bool) -> None:
    abi = Abi(big_endian=big_endian)
    pair = Struct(PAIR, {"low": number(1, UINT), "high": number(2, UINT)})
    whole = seen_as(pair, ULONG, abi)
    assert isinstance(whole, Word) and whole.term.data == (0x0000000100000002 if big_endian else 0x0000000200000001)
    again = seen_as(whole, PAIR, abi)
    assert isinstance(again, Struct)
    assert [m.term.data for m in again.members.values() if isinstance(m, Word)] == [1, 2]


def test_memory_of_another_size_is_refused() -> None:
    for value, kind in ((number(1, INT), ULONG), (number(1, ULONG), StructType("one", (("a", UINT),)))):
        with pytest.raises(Undefined, match="another size"):
            seen_as(value, kind, Abi())


TRICKY = """
struct pair { unsigned long a, b; };
static inline void add(unsigned long *p, unsigned long v) { if (v & 1) { *p += v; return; } *p ^= v; }
static inline void turn(struct pair *p) { unsigned long t = p->a; p->a = p->b; p->b = t; }
static inline unsigned long *chosen(struct pair *p) { return &p->b; }
static inline unsigned long written(unsigned long x)
{ unsigned long y = x; add(&y, 3); add(&y, x); add(&x, y); return x ^ y; }
static inline unsigned long members(unsigned long x)
{ struct pair p = { x, 5 }; turn(&p); *chosen(&p) += 2; if (x & 4) turn(&p); return p.a * 3 + p.b; }
static inline unsigned long counted(unsigned long x)
{ int i; unsigned long r = 0; for (i = 0; i < 5; ++i) { if (i == 3) continue; r = r * 3 + (x >> i); } return r + i; }
static inline unsigned long searched(unsigned long x)
{
	int i; unsigned long r = 1;
	for (i = 0; i < 8; i++) { if (x & (1UL << i)) break; if (x & (2UL << i)) continue; r += 5; }
	return r * 16 + i;
}
static inline unsigned long found(unsigned long x)
{ int i = 0; while (i < 6) { if (x & (1UL << i)) return i; i += 2; } return 77; }
static inline unsigned long once(unsigned long x)
{ do { if (x & 1) break; x += 6; if (x & 8) continue; x *= 3; } while (0); return x; }
static inline unsigned long nested(unsigned long x)
{ int i, j; for (i = 0; i < 3; i++) for (j = 0; j < 3; j++) { if (x & (1UL << (i + j))) break; x += i * 8 + j; } return x; }
static inline unsigned long cases(unsigned long x)
{
	unsigned long r = 9;
	switch ((int)x & 7) {
	case 0: return 1;
	case 1: case 2: r = 3; break;
	case 3: if (x & 16) break; r += x; break;
	case 1 + 3: { if (x & 8) return 4; else return 5; }
	default: add(&r, x); break;
	case 6: ;
	}
	return r ^ 128;
}
static inline unsigned long loops_and_cases(unsigned long x)
{
	int i;
	for (i = 0; i < 4; i++) {
		switch (x & 3) { case 0: x += 5; continue; case 1: x ^= 6; break; default: return x + i; }
		x += 1;
	}
	return x;
}
static inline unsigned long steps(unsigned long x)
{ s8 c = x; u16 h = x; unsigned long r = c++ * 2; r += --h; r += c-- + ++h; return r + c + h; }
static inline unsigned long narrow(unsigned long x)
{ u8 b = x; u8 *p = &b; *p += 200; s8 *q = (s8 *)p; return *q * 2 + b; }
static inline unsigned long atoms(unsigned long x)
{
	unsigned long y = x, old = 5, r;
	r = xchg(&y, x * 2) + cmpxchg(&y, 8, 1);
	r += try_cmpxchg(&y, &old, 9) + old * 2;
	r += test_and_clear_bit(3, &y) + test_and_set_bit(0, &y) + test_bit(5, &y);
	clear_bit(6, &y);
	return r * 3 + y;
}
static inline unsigned long repeated(unsigned long x)
{ unsigned long y = x, old = y; do { } while (!try_cmpxchg(&y, &old, old | 4)); return y ^ old << 1; }
"""
NAMES = re.findall(r"unsigned long (\w+)\(unsigned long x\)", TRICKY)


@needs_cc
def test_memory_and_flow_are_the_compilers(tmp_path: Path) -> None:
    lifted = lifted_words(tmp_path / "tree", TRICKY, NAMES)
    program = build(tmp_path, f"{TYPES}{ATOMICS}{TRICKY}", dict.fromkeys(NAMES, 1))
    assert len(NAMES) == 13
    for name in NAMES:
        answers = program.run(name, [(w,) for w in WORDS])
        assert [hex(w) for w, answer in zip(WORDS, answers, strict=True) if answer != lifted[name](w)] == [], name


LABELS = "".join(f"case {i}:\n" for i in range(20_000))
RETURNS = LABELS.replace(":", ": return;")
LOOPS = "".join(f"for ({v} = 0; {v} < 16; {v}++) " for v in "ijklm")
HOSTILE = [
    ("void *p; p = &p; p = *(void **)p; *(void **)p = *(void **)p;", ""),
    ("struct ring r; r.next = &r; r.next->next->next->next = r.next->next; pte_val(*ptep) = r.next != 0;", "arithmetic on a"),
    ("struct ring r; *(unsigned long *)&r = 1;", "a type that holds no integer"),
    ("for (;;) for (;;) for (;;) ;", "a loop of more than"),
    (f"switch (pte_val(*ptep)) {{ {RETURNS} }}", f"more than {MAX_CASES} cases"),
    (f"switch (pte_val(*ptep)) {{ {LABELS} return; }}", f"more than {MAX_CASES} cases"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "why"), HOSTILE, ids=[body[:60] for body, _ in HOSTILE])
def test_hostile_memory_and_flow(lift: Lift, body: str, why: str) -> None:
    found = changed_by(lift, body, before="struct ring { struct ring *next; };")
    assert why in found.reason if why else isinstance(found, InPlaceHelper), str(found)


@pytest.mark.parametrize(
    "body",
    [
        f"unsigned i, j, k, l, m; {LOOPS} pte_val(*ptep) += i;",
        "".join(f"if (pte_val(*ptep) & {1 << i % 60}) pte_val(*ptep) += {i};\n" for i in range(30_000)),
        "f0(ptep);",
    ],
    ids=["loops", "branches", "calls"],
)
def test_too_many_steps_are_refused(lift: Lift, body: str) -> None:
    calls = "".join(f"static inline void f{i}(pte_t *p) {{ f{i + 1}(p); f{i + 1}(p); }}\n" for i in range(20))
    before = "".join(f"static inline void f{i}(pte_t *p);\n" for i in range(21)) + calls
    with pytest.raises((LimitExceeded, KernelError), match=r"more than|larger than"):
        changed_by(lift, body, before=before + "static inline void f20(pte_t *p) { pte_val(*p)++; }\n")


@pytest.mark.parametrize(
    "what", ["do { ", "switch (pte_val(*ptep)) { case 1: ", "while (1) { ", "if (pte_val(*ptep)) { "]
)
def test_deep_nesting_is_refused(lift: Lift, what: str) -> None:
    ends = "} while (0); " if what.startswith("do") else "} "
    with pytest.raises(KernelError, match="nest deeper"):
        changed_by(lift, what * 1_500 + ends * 1_500)


def test_pointers_nested_deep_are_refused(lift: Lift) -> None:
    with pytest.raises(KernelError, match="nest deeper"):
        changed_by(lift, "*" * 2_000 + "ptep;")


def test_coverage_names_what_there_is_in_place_of_a_helper(lift: Lift) -> None:
    found = lift(
        "#define pte_write(p) (pte_val(p) & 2)\nstatic inline int pmd_write(pmd_t p) { BUG(); return 0; }\n"
        "#define pte_young(p) strange(p)\nstatic inline pte_t ptep_get(pte_t *p) { return *p; }\n"
    ).coverage
    assert (found["pte_write"].state, found["pte_write"].says) == (LIFTED, "architecture")
    assert (found["ptep_get"].state, found["ptep_get"].file) == (LIFTED, PGTABLE)
    assert (found["pmd_write"].state, found["pmd_write"].says, found["pmd_write"].line) == (ABSENT, "BUG()", 3)
    assert (found["pte_dirty"].state, found["pte_dirty"].says, found["pte_dirty"].line) == (ABSENT, "nothing", 0)
    assert (found["pte_young"].state, found["pte_young"].line) == (NOT_LIFTED, 4)
    assert set(found) == {*PLATFORMS["loongarch"].wanted, *IN_PLACE}


def test_generic_stubs_are_named(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, HEAD + "#define pte_dirty(p) (pte_val(p) & 2)\n")
    generic = "static inline int pte_soft_dirty(pte_t p) { return 0; }\n#define pte_mksoft_dirty(p) (p)\n"
    (root / "include/linux/pgtable.h").write_text("#include <asm/pgtable.h>\n" + generic)
    found = lift_tree(root, "loongarch").coverage
    assert (found["pte_soft_dirty"].state, found["pte_soft_dirty"].says) == (ABSENT, "a stub that yields false")
    assert (found["pte_mksoft_dirty"].state, found["pte_mksoft_dirty"].says) == (
        ABSENT,
        "a stub that yields its argument",
    )
    assert found["pte_dirty"].state == LIFTED


def real(version: str, architecture: str) -> LiftedTree:
    """What is lifted of a real tree."""
    tree = kernel_trees.tree(version)
    if tree is None:
        pytest.skip(kernel_trees.why_not(version))
    return lift_tree(tree, architecture)


EXISTING = ("loongarch", "m68k", "m68k-coldfire", "m68k-sun3", "s390", "x86-64")


@pytest.mark.kernel
@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
@pytest.mark.parametrize("architecture", EXISTING)
def test_every_helper_of_a_real_tree_is_lifted_or_not_there(version: str, architecture: str) -> None:
    lifted = real(version, architecture)
    assert [str(entry) for entry in lifted.missing if not entry.absent] == []
    assert {"ptep_get", "ptep_get_and_clear", "ptep_set_wrprotect", "ptep_modify_prot_start"} <= set(lifted.in_place)


@pytest.mark.kernel
@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
@pytest.mark.parametrize("architecture", EXISTING)
def test_helpers_in_place_do_what_their_pure_ones_do(version: str, architecture: str) -> None:
    lifted = real(version, architecture)
    place, pure = lifted.in_place, lifted.helpers
    for word in WORDS[::20]:
        entry = place["ptep_get"](word)
        assert place["ptep_get_and_clear"](word) == entry
        cleared = place["ptep_get_and_clear"].after(word)
        assert not pure["pte_present"](cleared) and cleared == place["pte_clear"].after(word)
        if pure["pte_write"](word):
            assert place["ptep_set_wrprotect"].after(word) == pure["pte_wrprotect"](word)
        assert place["ptep_test_and_clear_young"](word) == pure["pte_young"](word)
        if pure["pte_young"](word):
            assert place["ptep_test_and_clear_young"].after(word) == pure["pte_mkold"](word)


@pytest.mark.kernel
@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
def test_x86_is_atomic_where_it_says_so(version: str) -> None:
    place = real(version, "x86-64").in_place
    atomic = {name for name, helper in place.items() if helper.atomic}
    assert {"ptep_get_and_clear", "ptep_set_wrprotect", "pmdp_set_wrprotect", "ptep_test_and_clear_young"} <= atomic
    assert {"pmdp_invalidate", "pmdp_establish", "ptep_modify_prot_start", "ptep_clear_flush"} <= atomic
    # written from what was read before, not from what is there
    assert not {"pudp_set_wrprotect", "ptep_set_access_flags", "set_pte_at", "ptep_modify_prot_commit"} & atomic
    assert place["pudp_set_wrprotect"].file == "include/linux/pgtable.h"


@pytest.mark.kernel
def test_constants_of_headers_that_are_not_read_are_the_trees() -> None:
    tree = kernel_trees.tree("6.12")
    if tree is None:
        pytest.skip(kernel_trees.why_not("6.12"))
    text = (tree / "include/linux/mm_types.h").read_text()
    for name, value in MM_CONSTANTS.items():
        found = re.search(rf"#define {name}\s+\(\(__force cydp_t\)BIT\((\d)\)\)", text)
        assert found and 1 << int(found.group(1)) == value
