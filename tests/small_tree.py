"""A small kernel tree of our own, complete enough to be judged: C-SKY's names and bits, helpers that keep every rule."""

from __future__ import annotations

from pathlib import Path

PGTABLE_PATH = "arch/csky/include/asm/pgtable.h"

PAGE_H = """\
typedef struct { unsigned long pte_low; } pte_t;
typedef struct { unsigned long pgprot; } pgprot_t;
#define pte_val(x) ((x).pte_low)
#define pgprot_val(x) ((x).pgprot)
#define __pte(x) ((pte_t) { (x) })
#define __pgprot(x) ((pgprot_t) { (x) })
"""

BITS_H = """\
#define _PAGE_GLOBAL 0x001
#define _PAGE_VALID 0x002
#define _PAGE_DIRTY 0x004
#define _PAGE_READ 0x008
#define _PAGE_ACCESSED 0x080
#define _PAGE_WRITE 0x200
#define _PAGE_PRESENT 0x400
#define _PAGE_MODIFIED 0x800
"""

PGTABLE_H = """\
#include <asm/page.h>
#include <abi/pgtable-bits.h>
#define _PAGE_KEPT (0xfffff000 | _PAGE_ACCESSED | _PAGE_MODIFIED)

static inline int pte_none(pte_t pte) { return !pte_val(pte); }
static inline int pte_present(pte_t pte) { return (pte_val(pte) & _PAGE_PRESENT) != 0; }
static inline int pte_write(pte_t pte) { return (pte_val(pte) & _PAGE_WRITE) != 0; }
static inline int pte_dirty(pte_t pte) { return (pte_val(pte) & _PAGE_MODIFIED) != 0; }
static inline int pte_young(pte_t pte) { return (pte_val(pte) & _PAGE_ACCESSED) != 0; }
static inline unsigned long pte_pfn(pte_t pte) { return pte_val(pte) >> 12; }

static inline unsigned long for_hardware(unsigned long word)
{
	word &= ~(_PAGE_VALID | _PAGE_DIRTY);
	if ((word & _PAGE_ACCESSED) && (word & _PAGE_READ))
		word |= _PAGE_VALID;
	if ((word & _PAGE_MODIFIED) && (word & _PAGE_WRITE))
		word |= _PAGE_DIRTY;
	return word;
}

static inline pte_t pfn_pte(unsigned long pfn, pgprot_t prot)
{
	return __pte(pfn << 12 | pgprot_val(prot));
}

static inline pte_t pte_mkdirty(pte_t pte)
{
	pte_val(pte) |= _PAGE_MODIFIED;
	if (pte_val(pte) & _PAGE_WRITE)
		pte_val(pte) |= _PAGE_DIRTY;
	return pte;
}

static inline pte_t pte_mkclean(pte_t pte)
{
	pte_val(pte) &= ~(_PAGE_MODIFIED | _PAGE_DIRTY);
	return pte;
}

static inline pte_t pte_mkwrite(pte_t pte) { return __pte(for_hardware(pte_val(pte) | _PAGE_WRITE)); }
static inline pte_t pte_wrprotect(pte_t pte) { return __pte(for_hardware(pte_val(pte) & ~_PAGE_WRITE)); }
static inline pte_t pte_mkold(pte_t pte) { return __pte(for_hardware(pte_val(pte) & ~_PAGE_ACCESSED)); }
static inline pte_t pte_mkyoung(pte_t pte) { return __pte(for_hardware(pte_val(pte) | _PAGE_ACCESSED)); }

static inline pte_t pte_modify(pte_t pte, pgprot_t prot)
{
	return __pte(for_hardware((pte_val(pte) & _PAGE_KEPT) | pgprot_val(prot)));
}

#define __swp_type(x) (((x).val >> 12) & 0x1f)
#define __swp_offset(x) ((x).val >> 17)
#define __swp_entry(type, offset) ((swp_entry_t) { ((type) & 0x1f) << 12 | (offset) << 17 })
#define __pte_to_swp_entry(pte) ((swp_entry_t) { pte_val(pte) })
#define __swp_entry_to_pte(x) ((pte_t) { (x).val })
"""

INIT_C = """\
static const pgprot_t protection_map[16] = {
	[VM_NONE ... 15] = __pgprot(_PAGE_PRESENT | _PAGE_READ),
	[VM_NONE] = __pgprot(_PAGE_PRESENT),
	[VM_SHARED] = __pgprot(_PAGE_PRESENT),
	[VM_SHARED | VM_WRITE] = __pgprot(_PAGE_PRESENT | _PAGE_READ | _PAGE_WRITE),
	[VM_SHARED | VM_WRITE | VM_READ] = __pgprot(_PAGE_PRESENT | _PAGE_READ | _PAGE_WRITE),
	[VM_SHARED | VM_WRITE | VM_EXEC] = __pgprot(_PAGE_PRESENT | _PAGE_READ | _PAGE_WRITE),
	[VM_SHARED | VM_WRITE | VM_EXEC | VM_READ] = __pgprot(_PAGE_PRESENT | _PAGE_READ | _PAGE_WRITE),
};
"""

CONDITION = "\tif (pte_val(pte) & _PAGE_WRITE)\n\t\tpte_val(pte) |= _PAGE_DIRTY;\n"
ALWAYS = "\tpte_val(pte) |= _PAGE_DIRTY;\n"
"""What makes mkdirty right, and what breaks it as LoongArch's was."""


def small_tree(root: Path, *changes: tuple[str, str]) -> Path:
    """The tree in an empty folder, with some texts of its asm/pgtable.h replaced.

    Args:
        root: the folder.
        *changes: what is replaced, and by what; each must be there.
    """
    header = PGTABLE_H
    for old, new in changes:
        assert old in header
        header = header.replace(old, new)
    files = {
        PGTABLE_PATH: header,
        "arch/csky/include/asm/page.h": PAGE_H,
        "arch/csky/abiv2/inc/abi/pgtable-bits.h": BITS_H,
        "arch/csky/mm/init.c": INIT_C,
        "include/linux/pgtable.h": "#include <asm/pgtable.h>\n",
        "Makefile": "VERSION = 6\nPATCHLEVEL = 99\nSUBLEVEL = 0\nEXTRAVERSION = -made-up\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def patch_between(old: str, new: str) -> str:
    """A patch that turns one text of the header into another."""
    from difflib import unified_diff

    lines = unified_diff(old.splitlines(True), new.splitlines(True), f"a/{PGTABLE_PATH}", f"b/{PGTABLE_PATH}")
    return "".join(lines)
