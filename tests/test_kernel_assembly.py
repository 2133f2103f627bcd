"""Inline assembly of sparc64: what instructions mean, which of the replaced ones run, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from checker import terms
from models.kernel import KernelError, LiftedTree, NotLifted, lift_tree
from models.kernel.architectures import Feature, Patch
from models.kernel.assembly import Instruction, Register, Registers
from models.kernel.errors import Unsupported
from models.kernel.helper import LiftedHelper
from models.kernel.platforms import PLATFORMS
from models.kernel.sparc import execute
from models.kernel.tokens import Token
from tests.compiled import WORDS as EVERY_WORD
from tests.compiled import build, needs_cc
from tests.kernel_trees import made_up_tree
from tests.sparc_assembly import translated

ALL = (1 << 64) - 1
WORDS = [0, 1, 0x802, 0xFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, 1 << 58, 1 << 63, ALL, 0x123456789ABCDEF0]
PLACE = Token("string", '""', "pgtable.h", 7, 0)

PATCHES = {
    ".one_patch": Patch(1, frozenset({"new", "newer"})),
    ".two_patch": Patch(2, frozenset({"new", "newer"})),
    ".newer_patch": Patch(2, frozenset({"newer"})),
}
FEATURES = {"new": Feature("a newer machine"), "newer": Feature("the newest machine")}


def lifted(root: Path, body: str, features: tuple[str, ...] = (), assembly: str = "sparc64") -> LiftedTree:
    """A made-up tree whose pte_mkdirty() has this body, on a platform that knows assembly; the body starts in line 3."""
    header = f"#include <asm/page.h>\nstatic inline pte_t pte_mkdirty(pte_t pte) {{\n{body}\n}}\n"
    platform = replace(PLATFORMS["loongarch"], assembly=assembly, patches=PATCHES, features=FEATURES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLATFORMS, "loongarch", platform)
        return lift_tree(made_up_tree(root, header), "loongarch", features)


def helper(root: Path, body: str, features: tuple[str, ...] = ()) -> LiftedHelper:
    """That helper."""
    found = lifted(root, body, features)
    assert "pte_mkdirty" in found.helpers, [str(entry) for entry in found.missing if entry.line]
    return found.helpers["pte_mkdirty"]


def reason(found: LiftedTree) -> NotLifted:
    """Why it was not lifted."""
    return next(entry for entry in found.missing if entry.name == "pte_mkdirty")


def asm(*lines: str, operands: str = ': "=r" (r) : "0" (v), "i" (2), "i" (0x123456789abcdef0UL)') -> str:
    """A body with a statement of assembly: ``v`` is the entry, ``r`` the result."""
    template = "\n".join(f'"{line}\\n"' for line in lines)
    return f"unsigned long v = pte_val(pte), r, t = 5;\nasm volatile({template}\n{operands}); return __pte(r);"


MEANS: list[tuple[str, Callable[[int], int]]] = [
    ("or %0, %2, %0", lambda w: w | 2),
    ("or %0, 1, %0", lambda w: w | 1),
    ("or %0, -1, %0", lambda w: ALL),
    ("or\\t%0, 0xff, %0", lambda w: w | 0xFF),
    ("and %0, %2, %0", lambda w: w & 2),
    ("and %0, -4096, %0", lambda w: w & ALL - 0xFFF),
    ("andn %0, %2, %0", lambda w: w & ~2),
    ("andn %0, -2, %0", lambda w: w & 1),
    ("sllx %0, %2, %0", lambda w: w << 2 & ALL),
    ("sllx %0, 32, %0", lambda w: w << 32 & ALL),
    ("srlx %0, 63, %0", lambda w: w >> 63),
    ("srlx %0, 0, %0", lambda w: w),
    ("mov %2, %0", lambda w: 2),
    ("mov %0, %0", lambda w: w),
    ("mov -1, %0", lambda w: ALL),
    ("nop", lambda w: w),
    ("sethi %%hi(%3), %0", lambda w: 0x9ABCDEF0 & ~0x3FF),
    ("sethi %%uhi(%3), %0", lambda w: 0x12345678 & ~0x3FF),
    ("or %0, %%lo(%3), %0", lambda w: w | 0x2F0),
    ("or %0, %%ulo(%3), %0", lambda w: w | 0x278),
    ("mov %%lo( %3 ), %0", lambda w: 0x2F0),
    ("sethi %%uhi(%3), %0; or %0, %%ulo(%3), %0; sllx %0, 32, %0", lambda w: 0x12345678 << 32),
    ("", lambda w: w),
]


@pytest.mark.parametrize(("line", "means"), MEANS, ids=[line for line, _ in MEANS])
def test_an_instruction_means_what_the_manual_says(line: str, means: Callable[[int], int], tmp_path: Path) -> None:
    found = helper(tmp_path, asm(line))
    assert [found(w) for w in WORDS] == [means(w) for w in WORDS]


@needs_cc
def test_every_instruction_is_that_of_the_independent_translation(tmp_path: Path) -> None:
    lines = [line for line, _ in MEANS if ";" not in line]
    functions = {
        f"check_{k}": (f"u64 check_{k}(u64 v) {{ u64 r; {_statement(line)} return r; }}", 1)
        for k, line in enumerate(lines)
    }
    text = "typedef unsigned long u64;\n" + translated("\n".join(text for text, _ in functions.values()), frozenset())
    program = build(tmp_path, text, {name: count for name, (_, count) in functions.items()})
    for k, line in enumerate(lines):
        root = tmp_path / str(k)
        root.mkdir()
        found = helper(root, asm(line))
        assert program.run(f"check_{k}", [(w,) for w in EVERY_WORD[:300]]) == [found(w) for w in EVERY_WORD[:300]], line


def _statement(line: str) -> str:
    operands = '"=r" (r) : "0" (v), "i" (2), "i" (0x123456789abcdef0UL)'
    return f'__asm__ __volatile__("{line}\\n" : {operands});'


REPLACED = (
    "661: or %0, 1, %0", "662: nop", "nop",
    '.section .one_patch, \\"ax\\"', ".word 661b", "or %0, 2, %0", ".previous",
    '.section .two_patch, \\"ax\\"', ".word 662b", "or %0, 4, %0", "or %0, 8, %0", ".previous",
    '.section .newer_patch, \\"ax\\"', ".word 661b", "or %0, 16, %0", "or %0, 32, %0", ".previous",
)  # fmt: skip


@pytest.mark.parametrize(("features", "bits"), [((), 1), (("new",), 2 | 4 | 8), (("newer",), 16 | 32 | 8)])
def test_replaced_instructions_run_where_the_kernel_puts_them(
    features: tuple[str, ...], bits: int, tmp_path: Path
) -> None:
    found = helper(tmp_path, asm(*REPLACED), features)
    assert [found(w) for w in WORDS] == [w | bits for w in WORDS]


def test_a_label_is_the_last_one_of_its_number(tmp_path: Path) -> None:
    lines = ("1: nop", "1: or %0, 1, %0", '.section .one_patch, \\"ax\\"', ".word 1b", "or %0, 2, %0", ".previous")
    assert helper(tmp_path, asm(*lines), ("new",))(0) == 2


@pytest.mark.parametrize(
    ("operands", "lines", "means"),
    [
        (': "=&r" (r) : "r" (v)', ("mov 1, %0", "or %0, %1, %0"), lambda w: w | 1),
        (': "=r" (r) : "r" (v)', ("or %1, 1, %0", "or %0, 2, %0"), lambda w: w | 3),
        (': "=r" (r), "=r" (t) : "0" (v)', ("mov 4, %1", "or %0, %1, %0"), lambda w: w | 4),
        (': "=r" (r), "=r" (t) : "0" (v)', ("nop",), lambda w: w),
        (': "=r" (r) : "0" (v) : "memory", "cc"', ("nop",), lambda w: w),
        (': "=r" (pte.pte) : "0" (v)); r = pte_val(pte); (void)(0', ("or %0, 2, %0",), lambda w: w | 2),
    ],
)
def test_operands_are_registers(
    operands: str, lines: tuple[str, ...], means: Callable[[int], int], tmp_path: Path
) -> None:
    found = helper(tmp_path, asm(*lines, operands=operands))
    assert [found(w) for w in WORDS] == [means(w) for w in WORDS]


REFUSED = [
    ("xor %0, 1, %0", "the instruction 'xor %0, 1, %0' is not understood"),
    ("or %0, 1", "is not understood"),
    ("nop %0", "is not understood"),
    ("or %0, 4096, %0", "does not fit the 13 bits"),
    ("or %0, -4097, %0", "does not fit the 13 bits"),
    ("or %0, %3, %0", "does not fit the 13 bits"),
    ("or %0, %%hi(%3), %0", "'%%hi(%3)' is not understood"),
    ("sethi %%lo(%3), %0", "sethi of '%%lo(%3)' is not understood"),
    ("sethi 5, %0", "sethi of '5' is not understood"),
    ("sethi %%hi(%0), %0", "%0 is no constant"),
    ("or %0, %9, %0", "%9 is no operand"),
    ("or %0, %99999999999999999999, %0", "is no operand"),
    ("or %0, %%g1, %0", "'%%g1' is not understood"),
    ("or %%g0, 1, %0", "the register '%%g0' is not understood"),
    ("or %0, %%%lo(%3), %0", "is not understood"),
    ("or 1, %0, %0", "the register '1' is not understood"),
    ("or %2, %0, %0", "%2 is read and has no value"),
    ("mov 1, %2", "%2 is written and is no output"),
    ("sllx %0, 64, %0", "a shift by 64 bits"),
    ("sllx %0, -1, %0", "a shift by -1 bits"),
    ("sllx %0, %0, %0", "%0 is no constant"),
    ("or %0, 08, %0", "'08' is not understood"),
    ("or %0, 1 + 1, %0", "'1 + 1' is not understood"),
    ("or %0, 1, %0 ! a remark", "the register '%0 ! a remark'"),
    ("ba,pt %%xcc, 1f", "is not understood"),
    ("again: nop", "'again: nop' is not understood"),
    ("ldx [%0], %0", "is not understood"),
    (".word 5", "'.word 5' in inline assembly"),
    (".align 4", "'.align 4' in inline assembly"),
    (".previous", "'.previous' in inline assembly"),
    ('.section .other_patch, \\"ax\\"', "in inline assembly is not understood"),
    ('.section .one_patch, \\"a\\"', "in inline assembly is not understood"),
    ("nop\\x0a", "the escape \\x"),
    ("OR %0, 1, %0", "is not understood"),
    ("[ %0 ]", "is not understood"),
    ("%0", "is not understood"),
]


@pytest.mark.parametrize(("line", "says"), REFUSED, ids=[line for line, _ in REFUSED])
def test_an_instruction_that_is_not_known_is_refused_with_its_place(line: str, says: str, tmp_path: Path) -> None:
    found = reason(lifted(tmp_path, asm("nop", line)))
    assert says in found.reason
    assert (found.file, found.line) == ("arch/loongarch/include/asm/pgtable.h", 5)


@pytest.mark.parametrize(
    "lines",
    [
        ("661: nop", '.section .one_patch, \\"ax\\"', ".word 661b", "nop"),
        ("661: nop", '.section .one_patch, \\"ax\\"', ".word 662b", "nop", ".previous"),
        ("661: nop", '.section .one_patch, \\"ax\\"', "nop", ".previous"),
        ("661: nop", '.section .one_patch, \\"ax\\"', ".word 661b", ".previous"),
        ("661: nop", '.section .one_patch, \\"ax\\"', ".word 661b", "nop", "nop", ".previous"),
        ("661: nop", '.section .two_patch, \\"ax\\"', ".word 661b", "nop", "nop", ".previous"),
        ("661: nop", '.section .one_patch, \\"ax\\"', ".word 661b", "662: nop", ".previous"),
        ("661: nop", '.section .one_patch, \\"ax\\"', '.section .two_patch, \\"ax\\"', ".previous", ".previous"),
        ("nop", "661:", '.section .one_patch, \\"ax\\"', ".word 661b", "nop", ".previous"),
        ('.section .one_patch, \\"ax\\"', ".word 661b", "nop", ".previous", "661: nop"),
    ],
)
@pytest.mark.parametrize("features", [(), ("new",)])
def test_replacements_that_do_not_fit_are_refused(
    lines: tuple[str, ...], features: tuple[str, ...], tmp_path: Path
) -> None:
    found = reason(lifted(tmp_path, asm(*lines), features))
    assert found.line >= 4


@pytest.mark.parametrize(
    ("operands", "lines", "says"),
    [
        (': "+r" (v)', ("nop",), "the output '+r'"),
        (': "=m" (v)', ("nop",), "the output '=m'"),
        (': "=r" (r) : "rI" (v)', ("nop",), "the input 'rI'"),
        (': "=r" (r) : "1" (v)', ("nop",), "the input '1'"),
        (': "=r" (r) : "i" (v)', ("nop",), "the input 'i'"),
        (': "=r" (r) : "r" ((int)v)', ("nop",), "the input 'r'"),
        (': "=r" (r) : "r" (v)', ("mov 1, %0", "or %1, 2, %0"), "that may be in its register"),
        (': "=r" (r) : "r" (v)', ("or %0, %1, %0",), "%0 is read and has no value"),
        (': "=r" (r) : "r" (v)', ("mov 1, %1",), "%1 is written and is no output"),
        (': "=r" (r) : "r" (v)', ("nop",), "never set"),
        (': "=r" (pte.pte) : "r" (v)', ("nop",), "never set"),
        (': "=r" (r) : [name] "r" (v)', ("nop",), "'[' in inline assembly"),
        (': "=r" (r) : "r" (v) : : out', ("nop",), "':' in inline assembly"),
        (': "=r" (absent) : "r" (v)', ("mov 1, %0",), "no local variable"),
    ],
)
def test_operands_that_have_no_one_meaning_are_refused(
    operands: str, lines: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    found = reason(lifted(tmp_path, asm(*lines, operands=operands)))
    assert says in found.reason and found.line >= 3


def test_assembly_is_refused_on_a_machine_without_an_instruction_set(tmp_path: Path) -> None:
    assert reason(lifted(tmp_path, asm("nop"), assembly="")).reason == "inline assembly is not understood"


def test_assembly_that_jumps_is_refused(tmp_path: Path) -> None:
    body = 'asm goto("nop" : : : : out); out: return pte;'
    assert "inline assembly of this form" in reason(lifted(tmp_path, body)).reason


def test_assembly_inside_a_check_counts_as_an_effect(tmp_path: Path) -> None:
    body = 'unsigned long v = 1; VM_BUG_ON(({ asm("mov 2, %0" : "=r" (v)); v; })); return __pte(v);'
    assert "an assignment inside VM_BUG_ON()" in reason(lifted(tmp_path, body)).reason


def test_a_syntax_error_in_operands_has_a_place(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"pgtable\.h:\d+: syntax error"):
        lifted(tmp_path, asm("nop", operands=': "=r" (r +)'))


def test_very_long_assembly_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="more than 200000 steps"):
        lifted(tmp_path, asm(*["nop;" * 1000] * 205))


def test_a_register_shared_with_an_input_is_noticed_for_that_input_only() -> None:
    registers = Registers(
        [Register(output=True), Register(output=True, early=True), Register(value=terms.constant(3, 64))]
    )
    execute(Instruction("mov 1, %1", PLACE), registers)
    assert registers.read("2", PLACE).data == 3
    execute(Instruction("mov 1, %0", PLACE), registers)
    with pytest.raises(Unsupported, match="may be in its register"):
        registers.read("2", PLACE)
    assert registers.read("1", PLACE).data == 1
