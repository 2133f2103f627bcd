"""C functions of plain words around lifted helpers."""

from __future__ import annotations

from models.kernel import InPlaceHelper, LiftedHelper
from models.kernel.architectures import NO_VALUE
from models.kernel.helper import NO_ARGUMENT

_TYPES = {"pte": "pte_t", "pmd": "pmd_t", "pud": "pud_t", "pgprot": "pgprot_t", "swp": "swp_entry_t"}
ENTRY_TYPES = frozenset(_TYPES[level] for level in ("pte", "pmd", "pud"))
_POINTERS = {"ptep": "pte_t", "pmdp": "pmd_t", "pudp": "pud_t"}
_OTHERS = {
    "page": "(struct page *)(unsigned long){}", "word": "(unsigned long){}", "wide": "{}", "vma": "&no_vma",
    "mm": "&no_mm", "address": "0UL", "one": "1",
}  # fmt: skip


def level_of(name: str) -> str:
    """The level of the entry that a helper of this name yields."""
    return next((level for level in ("pmd", "pud") if level in name), "pte")


def _call(helper: LiftedHelper) -> tuple[str, str, str]:
    """A call of a helper on plain words: their declaration, what precedes it, and itself."""
    before, call = [], []
    for index, parameter in enumerate(helper.parameters):
        pointer = _POINTERS.get(parameter.kind, "")
        kind = _TYPES.get(parameter.kind, pointer)
        if kind:
            word = f"stored_{kind}(a{index})" if kind in ENTRY_TYPES else f"a{index}"
            before.append(
                f"u64 w{index} = {word}; {kind} x{index}; __builtin_memcpy(&x{index}, &w{index}, sizeof(x{index}));"
            )
        call.append("&" * bool(pointer) + f"x{index}" if kind else _OTHERS[parameter.kind].format(f"a{index}"))
    taken = ", ".join(f"u64 a{i}" for i, p in enumerate(helper.parameters) if p.kind not in NO_ARGUMENT)
    return taken or "void", " ".join(before), f"{helper.name}({', '.join(call)})"


def left_wrapper(helper: InPlaceHelper) -> tuple[str, int]:
    """A C function of plain words that yields what a helper leaves in memory, and how many it takes."""
    taken, before, called = _call(helper)
    index, kind = next((i, _POINTERS[p.kind]) for i, p in enumerate(helper.parameters) if p.kind in _POINTERS)
    after = f"u64 w = 0; __builtin_memcpy(&w, &x{index}, sizeof(x{index})); return stored_{kind}(w);"
    return f"u64 left_{helper.name}({taken}) {{ {before} {called}; {after} }}\n", len(helper.variables)


def wrapper(helper: LiftedHelper) -> tuple[str, int]:
    """A C function of plain words around a helper, and how many it takes."""
    taken, before, called = _call(helper)
    narrow = "sizeof(r) > sizeof(long) ? (u64)r : (u64)(unsigned long)r"
    result = {
        "test": f"return !!({called});",
        "word": f"__typeof__({called}) r = {called}; return {narrow};",
        "swap": f"__typeof__({called}) r = {called}; u64 w = 0; __builtin_memcpy(&w, &r, sizeof(r)); return w;",
    }
    entry = _TYPES[level_of(helper.name)]
    result["entry"] = result["swap"].replace("return w;", f"return stored_{entry}(w);")
    result[NO_VALUE] = f"{called}; return 0;"
    text = f"u64 check_{helper.name}({taken}) {{ {before} {result[helper.result]} }}\n"
    return text, len(helper.variables)
