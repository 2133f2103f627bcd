"""Constant tables in a tree, and the function that turns a mapping's flags into a page protection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.kernel import KernelError, LiftedTree, lift_tree
from models.kernel.platforms import PLATFORMS
from tests.kernel_trees import made_up_tree

TABLE = """
const pgprot_t protection_map[16] = {
	[VM_NONE ... 15] = __pgprot(1),
	[VM_EXEC] = __pgprot(9),
};
"""
FUNCTION = """
pgprot_t vm_get_page_prot(unsigned long vm_flags)
{
	if ((vm_flags & VM_ACCESS_FLAGS) == VM_EXEC)
		vm_flags |= VM_READ;
	return __pgprot(pgprot_val(protection_map[vm_flags & (VM_ACCESS_FLAGS | VM_SHARED)]) | (vm_flags << 8));
}
"""


def lifted(root: Path, source: str, functions: tuple[str, ...]) -> LiftedTree:
    """A made-up tree whose mm/cache.c has this text."""
    tree = made_up_tree(root, "#include <asm/page.h>\n")
    (tree / "arch/loongarch/mm").mkdir()
    (tree / "arch/loongarch/mm/cache.c").write_text(source)
    platform = replace(PLATFORMS["loongarch"], sources={"arch/loongarch/mm/cache.c": functions})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLATFORMS, "loongarch", platform)
        return lift_tree(tree, "loongarch")


def test_the_function_decides_where_it_is_one_to_read(tmp_path: Path) -> None:
    found = lifted(
        tmp_path,
        TABLE.replace("15] = __pgprot(1)", "3] = __pgprot(1), [5 ... 15] = __pgprot(2)") + FUNCTION,
        ("vm_get_page_prot",),
    )
    assert found.protection_map == {
        index: (1 if index < 4 else 2) | (index | (index & 7 == 4)) << 8 for index in range(16)
    }
    assert found.protections["SHARED"] == found.protection_map[11]
    assert found.protection_source["SHARED"] == "arch/loongarch/mm/cache.c:7"


def test_otherwise_the_table_does(tmp_path: Path) -> None:
    found = lifted(tmp_path, TABLE + FUNCTION, ())
    assert found.protection_map == {**dict.fromkeys(range(16), 1), 4: 9}


REFUSED = [
    ("protection_map[vm_flags & 16]", "protection_map has no entry of this index"),
    ("other[vm_flags]", "an array element is not understood"),
    ("positional[vm_flags]", "an entry of a form that is not understood"),
    ("unknown_index[vm_flags]", "somewhere is not known"),
    ("__pgprot(frobnicate(vm_flags))", "frobnicate() is not known"),
]


@pytest.mark.parametrize(("value", "why"), REFUSED, ids=[value for value, _ in REFUSED])
def test_what_is_no_constant_table_is_refused(tmp_path: Path, value: str, why: str) -> None:
    source = (
        "extern pgprot_t other[16];\nconst pgprot_t positional[2] = { __pgprot(1), __pgprot(2) };\n"
        "const pgprot_t unknown_index[2] = { [somewhere] = __pgprot(1) };\n"
        "const pgprot_t protection_map[16] = { [0 ... 15] = __pgprot(1) };\n"
        f"pgprot_t vm_get_page_prot(unsigned long vm_flags)\n{{ return {value.replace('& 16', '+ 16')}; }}\n"
    )
    with pytest.raises(KernelError, match=r"cache\.c:5: vm_get_page_prot\(\) cannot be read") as refusal:
        lifted(tmp_path, source, ("vm_get_page_prot",))
    assert why in str(refusal.value)


def test_an_index_that_is_not_constant_is_refused(tmp_path: Path) -> None:
    header = (
        "#include <asm/page.h>\nconst unsigned long table[2] = { [0] = 1, [1] = 2 };\n"
        "static inline pte_t pte_mkdirty(pte_t pte) { return __pte(table[pte_val(pte) & 1]); }\n"
        "static inline pte_t pte_mkclean(pte_t pte) { return __pte(table[1]); }\n"
    )
    found = lift_tree(made_up_tree(tmp_path, header), "loongarch")
    assert found.helpers["pte_mkclean"](0) == 2
    refused = next(entry for entry in found.missing if entry.name == "pte_mkdirty")
    assert (refused.reason, refused.line) == ("an array element whose index is not known", 3)


def test_a_huge_range_of_indices_takes_no_time(tmp_path: Path) -> None:
    header = (
        "#include <asm/page.h>\nconst unsigned long table[2] = { [0 ... 0xffffffffffffffff] = 3 };\n"
        "static inline pte_t pte_mkdirty(pte_t pte) { return __pte(table[0xfffffffffffffffe]); }\n"
    )
    assert lift_tree(made_up_tree(tmp_path, header), "loongarch").helpers["pte_mkdirty"](0) == 3


def test_a_string_over_several_lines_is_no_split_word(tmp_path: Path) -> None:
    header = (
        "#include <asm/page.h>\n"
        'static inline void pause(void) { asm volatile("nop\\n\\\n1:	b 1b\\n"); }\n'
        "static inline pte_t pte_mkdirty(pte_t pte) { return __pte(pte_val(pte) | 4); }\n"
    )
    assert lift_tree(made_up_tree(tmp_path, header), "loongarch").helpers["pte_mkdirty"](0) == 4
