"""A table of page protections that a function fills when the kernel boots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.kernel import KernelError, LiftedTree, lift_tree
from models.kernel.architectures import CLASSES
from models.kernel.platforms import PLATFORMS
from tests.kernel_trees import made_up_tree

SOURCE = """#define PM(p) __pgprot(p)
static pgprot_t protection_map[16];
unsigned long other[4], scratch;
struct config { int member; } config;
static void half(unsigned long read, unsigned long write)
{
	protection_map[1] = __pgprot(read);
	protection_map[3] = PM(read);
	protection_map[0xb] = __pgprot(write);
}
"""
FILL = "unsigned long none = 1; int i; protection_map[0] = __pgprot(none); half(2, 4);"


def lifted(root: Path, body: str, source: str = SOURCE, setup: str = "fill") -> LiftedTree:
    """A made-up tree whose function fill(), in the last lines of its source, has this body."""
    tree = made_up_tree(root, "#include <asm/page.h>\n")
    (tree / "arch/loongarch/mm").mkdir()
    (tree / "arch/loongarch/mm/cache.c").write_text(f"{source}static void fill(void)\n{{\n{body}\n}}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLATFORMS, "loongarch", replace(PLATFORMS["loongarch"], protection_setup=setup))
        return lift_tree(tree, "loongarch")


@pytest.mark.parametrize(
    "body",
    [
        FILL,
        f"scratch = 7; other[1] = other[0] | 3; other[2] |= scratch; config.member = 1; {FILL}",
        f"{FILL} for (i = 1; i < 4; i++) other[i] = other[0];",
        f"{FILL} for (i = 0; i < 1; i++) protection_map[i] = __pgprot(i + 1);",
        "unsigned long none; for (none = 7; none > 1; none--) scratch = none; "
        "protection_map[0] = __pgprot(none); half(2, 4);",
        f"{FILL} switch (none) {{ case 1: scratch = 2; break; default: protection_map[0] = __pgprot(9); }}",
        f"{FILL} scratch = &none; {{ unsigned long none = 2; none++; }}",
        f"{FILL} protection_map[0].pgprot = 9; protection_map[0].pgprot = none;",
        f"if (1) {{ {FILL} }} else {{ protection_map[0] = __pgprot(9); }}",
        f"{FILL} if (none == 2) protection_map[0] = __pgprot(9);",
        f"{FILL} return; protection_map[0] = __pgprot(9);",
        f"{FILL} if (none) return; protection_map[0] = __pgprot(9);",
        "protection_map[0] = __pgprot(9); protection_map[2 - 2] = __pgprot(1); half(2, 4);",
        f"do {{ {FILL} }} while (0);",
        "pgprot_t *map = protection_map; map[0] = __pgprot(9); map[0] = __pgprot(1); half(2, 4);",
        f"{FILL} if (none) goto out; protection_map[0] = __pgprot(9); out: scratch = 1;",
    ],
)
def test_what_a_function_gives_to_the_table_is_the_table(body: str, tmp_path: Path) -> None:
    found = lifted(tmp_path, body)
    assert found.protections == {"NONE": 1, "READONLY": 2, "PRIVATE": 2, "SHARED": 4}
    assert found.protection_map == {0: 1, 1: 2, 3: 2, 11: 4}
    assert found.protection_source["READONLY"] == "arch/loongarch/mm/cache.c:7"
    assert set(found.protections) == set(CLASSES)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("half(2, 4);", "does not fill protection_map"),
        (f"{FILL} protection_map[0] = __pgprot(scratch);", "scratch is a variable whose value"),
        (f"{FILL} scratch = 1; protection_map[0] = __pgprot(scratch);", "scratch is a variable whose value"),
        (f"{FILL} for (i = 0; i < 99; i++) other[i] = 0;", "a loop of more than 16 rounds"),
        (f"{FILL} while (scratch) return;", "scratch is a variable whose value"),
        (f"{FILL} switch (scratch) {{ case 1: half(1, 1); }}", "scratch is a variable whose value"),
        (f'{FILL} for (i = 0; i < 4; i++) asm volatile("nop");', "inline assembly is not understood"),
        (f"{FILL} protection_map[16] = __pgprot(1);", "there is no element [16]"),
        (f"{FILL} protection_map[0] = protection_map[2];", "never set"),
        (f"{FILL} if (scratch) half(1, 1);", "scratch is a variable whose value"),
        (f"{FILL} protection_map[scratch] = __pgprot(1);", "scratch is a variable whose value"),
        (f"{FILL} protection_map[0] |= 1;", "an integer is needed here"),
        (f"{FILL} scratch = (none = 2);", "a variable of the kernel of this form"),
        (f"{FILL} scratch = half(1, 1);", "a variable of the kernel of this form"),
        (f"{FILL} other[none = 2] = 1;", "a variable of the kernel of this form"),
        (f"{FILL} *other = 1;", "it reads memory"),
        (f"{FILL} frobnicate(1);", "frobnicate() is not known"),
        (f"{FILL} half(1);", "half() takes 2 arguments"),
        (f"{FILL} fill();", "calls itself"),
        (f"{FILL} {{ unsigned int *map = protection_map; map[0] = 1; }}", "a pointer whose target is not known"),
        (f"{FILL} {{ pgprot_t *map = protection_map; map[16] = __pgprot(1); }}", ""),
        (f"{FILL} for (i = 0; i < 1; i++) goto out; out: ;", "a jump or label"),
        (f"{FILL} protection_map[0] = scratch;", "scratch is a variable whose value"),
        (f"{FILL} protection_map[0] = 1;", "a value of another type"),
    ],
)
def test_a_table_that_may_hold_something_else_is_refused(body: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(KernelError) as raised:
        lifted(tmp_path, body)
    assert says in str(raised.value)
    assert str(raised.value).startswith("arch/loongarch/mm/cache.c:")


def test_a_function_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"cache\.c:1: .*filler\(\) is not there"):
        lifted(tmp_path, FILL, setup="filler")


def test_functions_that_call_each_other_in_a_chain_are_stopped(tmp_path: Path) -> None:
    chain = "".join(f"static void f{k}(void) {{ f{k + 1}(); f{k + 1}(); }}\n" for k in range(80))
    source = f"{SOURCE}static void f80(void) {{ }}\n{chain}"
    with pytest.raises(KernelError, match="nest deeper than the limit"):
        lifted(tmp_path, f"{FILL} f0();", source)
    doubling = "".join(f"static void f{k}(void) {{ f{k + 1}(); f{k + 1}(); }}\n" for k in range(18))
    source = f"{SOURCE}static void f18(void) {{ }}\n{doubling}"
    (tmp_path / "other").mkdir()
    with pytest.raises(KernelError, match="more than 200000 steps"):
        lifted(tmp_path / "other", f"{FILL} f0();", source)
