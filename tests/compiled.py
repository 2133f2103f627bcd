"""The same C through the host's own preprocessor and compiler: programs that apply helpers of a tree to words.

The compiler is used by tests only. It reads the very headers that the lifter read; every other header is an empty
file, and only the functions that the helpers need are compiled. A machine of 32 bits is compiled as the host's own
32-bit program, so that ``long`` is what it is there.
"""

from __future__ import annotations

import itertools
import random
import re
import shutil
import subprocess
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from models.kernel import InPlaceHelper, LiftedHelper, LiftedTree
from models.kernel.architectures import MM_CONSTANTS, NO_VALUE, Platform
from models.kernel.helper import NO_ARGUMENT
from models.kernel.preprocess import LOWMEM
from models.kernel.preprocess import PRELUDE as LIFTER_PRELUDE
from models.kernel.quiet import QUIET
from models.kernel.words import Abi
from tests import kernel_trees, sparc_assembly

CC = shutil.which("cc") or shutil.which("gcc") or ""
needs_cc = pytest.mark.skipif(not CC, reason="no C compiler (cc or gcc) on this machine")
ALL = (1 << 64) - 1
RANDOM_WORDS = 1000

TYPES = """
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef signed char s8; typedef short s16; typedef int s32; typedef long long s64; typedef _Bool bool;
typedef u8 __u8; typedef u16 __u16; typedef u32 __u32; typedef u64 __u64; typedef u8 uint8_t; typedef u16 uint16_t;
typedef u32 uint32_t; typedef u64 uint64_t; typedef unsigned long uintptr_t;
typedef u16 __be16; typedef u32 __be32; typedef u64 __be64; typedef u16 __le16; typedef u32 __le32; typedef u64 __le64;
"""
PRELUDE = """
typedef __SIZE_TYPE__ size_t; typedef unsigned long vm_flags_t;
typedef struct { unsigned long val; } swp_entry_t; struct page { char none; }; struct cpumask; typedef int cydp_t;
typedef struct { int counter; } atomic_t; typedef struct { long counter; } atomic_long_t;
typedef struct { s64 counter; } atomic64_t;
struct mm_struct { atomic_t tlb_flush_pending, mm_users; struct { unsigned long other_members; } context; };
struct folio { unsigned long other_members; };
struct vm_area_struct { unsigned long vm_flags; struct mm_struct *vm_mm; };
static struct mm_struct no_mm;
struct task_struct { struct mm_struct *mm, *active_mm; };
#define current ((struct task_struct *)0)
static struct mm_struct init_mm;
static struct vm_area_struct no_vma;
#define NULL ((void *)0)
#define true 1
#define false 0
#define __always_inline inline
#define __init
#define __always_unused
#define noinstr
#define BUG_ON(...) ((void)0)
#define __visible
#define __ro_after_init
#define __read_mostly
#define likely(x) (x)
#define unlikely(x) (x)
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, value) ((x) = (value))
#define BUG() __builtin_trap()
#define BUILD_BUG() ((void)0)
#define __force
#define BUILD_BUG_ON(...) ((void)0)
#define VM_SHADOW_STACK (1UL << 37)
#define VM_NONE 0
#define VM_READ 1
#define VM_WRITE 2
#define VM_EXEC 4
#define VM_SHARED 8
#define VM_ACCESS_FLAGS 7
#define page_to_pfn(page) ((unsigned long)(page))
#define __page_to_pfn(page) ((unsigned long)(page))
#define pfn_to_page(pfn) ((struct page *)(unsigned long)(pfn))
"""
"""What the headers that are not read would have given; a page's address is its number."""

MEM_MAP = """
#ifndef ARCH_PFN_OFFSET
#define ARCH_PFN_OFFSET 0
#endif
static inline struct page *first_page(void) { return (struct page *)(unsigned long)(ARCH_PFN_OFFSET); }
#define mem_map first_page()
"""
"""The pages of memory as FLATMEM has them, behind all headers."""

ATOMICS = """
#define xchg(p, n) ({ __typeof__(*(p)) n_ = (n), o_; __atomic_exchange((p), &n_, &o_, 5); o_; })
#define cmpxchg(p, o, n) ({ __typeof__(*(p)) o_ = (o), n_ = (n); \
	__atomic_compare_exchange((p), &o_, &n_, 0, 5, 5); o_; })
#define try_cmpxchg(p, o, n) ({ __typeof__(*(p)) n_ = (n); __atomic_compare_exchange((p), (o), &n_, 0, 5, 5); })
#define atomic_read(p) ((p)->counter)
#define mm_tlb_flush_pending(mm) 0
#define atomic_long_xchg(p, n) xchg(&(p)->counter, n)
#define atomic_long_and(v, p) ((void)__atomic_fetch_and(&(p)->counter, (v), 5))
#define atomic_long_or(v, p) ((void)__atomic_fetch_or(&(p)->counter, (v), 5))
#define BIT_OF(n) (1UL << (n))
#define set_bit(n, p) ((void)__atomic_fetch_or((p), BIT_OF(n), 5))
#define clear_bit(n, p) ((void)__atomic_fetch_and((p), ~BIT_OF(n), 5))
#define test_bit(n, p) (!!(*(p) & BIT_OF(n)))
#define test_and_set_bit(n, p) (!!(__atomic_fetch_or((p), BIT_OF(n), 5) & BIT_OF(n)))
#define test_and_clear_bit(n, p) (!!(__atomic_fetch_and((p), ~BIT_OF(n), 5) & BIT_OF(n)))
"""
"""Atomic operations by the compiler's own; with an order added to the name, they are the same."""

MAIN = """
extern long read(int, void *, unsigned long);
extern long write(int, const void *, unsigned long);
static u64 words[1 << 16], answers[1 << 14];
static unsigned long fill(void)
{{
	unsigned long have = 0;
	long got;
	while (have < sizeof(words) && (got = read(0, (char *)words + have, sizeof(words) - have)) > 0)
		have += got;
	return have / sizeof(*words);
}}
static void put(unsigned long count)
{{
	unsigned long done = 0;
	while (done < count * sizeof(*answers))
		done += write(1, (char *)answers + done, count * sizeof(*answers) - done);
}}
int main(int argc, char **argv)
{{
	int which = 0;
	for (const char *digit = argv[1]; *digit; digit++)
		which = which * 10 + *digit - '0';
	unsigned long have = fill();
	switch (which) {{
{cases}
	}}
	return 0;
}}
"""
"""A program that takes the number of a function and raw words, and writes raw answers."""

CASE = "\tcase {number}: for (unsigned long i = 0; i < have / {count}; i++) answers[i] = {call}; put(have / {count}); break;"
LARGEST = 1 << 14
"""Calls at a time."""


def boundary_words() -> list[int]:
    """Every single bit, every bit but one, neighbours and pairs, and seeded random words."""
    chance = random.Random(20221121)
    bits = [1 << i for i in range(64)]
    pairs = [a | b for a, b in itertools.combinations(bits, 2)]
    words = [0, ALL, *bits, *(ALL ^ bit for bit in bits), *pairs]
    dense = [chance.getrandbits(64) for _ in range(RANDOM_WORDS)]
    return words + dense + [chance.getrandbits(64) & chance.getrandbits(64) for _ in range(RANDOM_WORDS // 2)]


WORDS = boundary_words()


def arguments(count: int) -> Iterator[tuple[int, ...]]:
    """Argument tuples: every word first, and shuffled words beside it."""
    chance = random.Random(count)
    others = [chance.sample(WORDS, len(WORDS)) for _ in range(count - 1)]
    return zip(WORDS, *others, strict=True)


@dataclass(frozen=True)
class Program:
    """Compiled functions of words.

    Attributes:
        path: the program.
        counts: function -> how many words it takes, in the order of their numbers.
    """

    path: Path
    counts: Mapping[str, int]

    def run(self, name: str, calls: Iterable[Sequence[int]] = ((),)) -> list[int]:
        """What a function answers to each tuple of words."""
        number, count = list(self.counts).index(name), self.counts[name]
        words = [word for call in calls for word in (call if count else (0,))]
        size = LARGEST * max(count, 1)
        return [answer for k in range(0, len(words), size) for answer in self._some(number, words[k : k + size])]

    def _some(self, number: int, words: list[int]) -> list[int]:
        done = subprocess.run(
            (self.path, str(number)), input=array("Q", words).tobytes(), capture_output=True, check=True
        )
        found = array("Q")
        found.frombytes(done.stdout)
        return found.tolist()


@cache
def runs_32_bits() -> bool:
    """Whether this machine compiles and runs 32-bit programs (Debian: gcc-multilib)."""
    if not CC:
        return False
    command = (CC, "-m32", "-x", "c", "-o", "/dev/null", "-")
    return (
        subprocess.run(command, input=b"int main(void) { return 0; }", capture_output=True, check=False).returncode == 0
    )


def needs_width(bits: int) -> None:
    """Skips where a program of this width cannot be compiled."""
    if bits == 32 and not runs_32_bits():
        pytest.skip("the compiler makes no 32-bit programs here: install gcc-multilib")


def wanted_tree(version: str) -> Path:
    """The tree, or a skip that says how to get it."""
    found = kernel_trees.tree(version)
    if found is None:
        pytest.skip(kernel_trees.why_not(version))
    return found


def build(work: Path, text: str, counts: Mapping[str, int], bits: int = 64) -> Program:
    """Compiles C text with a ``main`` around functions of words; kernel C wraps on signed overflow."""
    errors = _errors(work, text, counts, bits)
    assert not errors, errors[:2000]
    return Program(work / "checked", counts)


def _errors(work: Path, text: str, counts: Mapping[str, int], bits: int) -> str:
    """Compiles a program; what the compiler says if it cannot."""
    cases = [
        CASE.format(
            number=k,
            count=max(count, 1),
            call=f"{name}({', '.join(f'words[i * {count} + {j}]' for j in range(count))})",
        )
        for k, (name, count) in enumerate(counts.items())
    ]
    source, target = work / "checked.c", work / "checked"
    source.write_text(f"{text}\n{MAIN.format(cases=chr(10).join(cases))}")
    command = (CC, f"-m{bits}", "-O1", "-fwrapv", "-fno-strict-aliasing", "-w", "-o", str(target), str(source))
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stderr or "no message" if done.returncode else ""


def compiled(tree: Path, lifted: LiftedTree, work: Path, functions: Mapping[str, tuple[str, int]]) -> Program:
    """A program of functions compiled behind the tree's headers.

    Args:
        tree: the tree.
        lifted: what the lifter read of it.
        work: an empty folder.
        functions: name -> definition and number of words; may use everything that the headers define.
    """
    platform = lifted.platform
    _overlay(tree, lifted, work / "include")
    headers = [_include_name(path, platform) for path in platform.first] + ["linux/pgtable.h"]
    sources = [path for path in lifted.files if path.endswith(".c")]
    text = [f"#define {name} {value}" for name, value in platform.config.items()]
    text += [f"#define {head} {body}" for head, body in {**LIFTER_PRELUDE, **LOWMEM}.items()]
    physical = "u64" if platform.abi.physical == 64 else "u32"
    text += [
        *_byte_orders(platform.abi),
        TYPES,
        f"typedef {physical} phys_addr_t; typedef phys_addr_t resource_size_t;",
        PRELUDE,
        *_atomics(),
    ]
    text += [f"#define {name} {value}" for name, value in MM_CONSTANTS.items()]
    text += [f"#define {name}(flag) PTECHECK_##flag" for name in platform.cpu_tests]
    text += [f"#define PTECHECK_{flag} {int(name in platform.chosen)}" for flag, name in platform.cpu_features.items()]
    text += [f"#define {name}(option) PTECHECK_##option" for name in ("IS_ENABLED", "IS_BUILTIN", "IS_REACHABLE")]
    text += [f"#define PTECHECK_{name} {int(value == '1')}" for name, value in lifted.configuration.items()]
    boot = platform.boot_protection
    text += [f"#include <{path}>" for path in headers] + [MEM_MAP]
    text += [f"#undef arch_{does}_lazy_mmu_mode\n" for does in ("enter", "leave")]
    text += [f"#include <{path}>" for path in sources]
    text += [f"static const u64 boot_protection = {boot.bits if boot else 0};"]
    text += [platform.instead[name].text for name in lifted.replaced]
    (work / "shim.c").write_text("\n".join([*text, *(definition for definition, _ in functions.values())]))
    folders = [part for name in ("include", "include/uapi") for part in ("-I", str(work / name))]
    command = (CC, "-E", "-P", "-w", "-nostdinc", "-undef", *folders, str(work / "shim.c"))
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    counts = {name: count for name, (_, count) in functions.items()}
    calls = {**dict.fromkeys((*QUIET, *platform.quiet), "((void)0)"), **_calls(platform)}
    stored = _as_stored(done.stdout, platform.abi)
    source = _needed(f"{stored}\n{done.stdout}", list(functions), {*calls, *platform.runtime})
    if platform.assembly == "sparc64":
        for name, piece in source.functions.items():
            source.functions[name] = sparc_assembly.translated(piece, platform.chosen)
    return _without_the_unreadable(work, _given(platform, calls), source, counts, platform.abi.bits)


def _byte_orders(abi: Abi) -> Iterator[str]:
    """The calls that turn the bytes of a number round; the host's own order does not matter."""
    for order, bits in itertools.product(("be", "le"), (16, 32, 64)):
        does = f"__builtin_bswap{bits}" if abi.big_endian != (order == "be") else ""
        yield f"#define cpu_to_{order}{bits}(x) ((__{order}{bits}){does}(x))"
        yield f"#define {order}{bits}_to_cpu(x) ((u{bits}){does}(x))"


def _as_stored(preprocessed: str, abi: Abi) -> str:
    """For each type of entry, how the number that the CPU reads stands in memory; twice is nothing."""
    found = []
    for kind in ("pte_t", "pmd_t", "pud_t"):
        order = re.search(rf"typedef\s+struct\s*{{\s*__([bl]e)\w+\s+\w+;\s*}}\s*{kind}\s*;", preprocessed)
        swapped = order is not None and abi.big_endian != (order.group(1) == "be")
        found.append(f"static u64 stored_{kind}(u64 w) {{ return {'__builtin_bswap64(w)' if swapped else 'w'}; }}")
    return "\n".join(found)


def _include_name(path: str, platform: Platform) -> str:
    """What ``#include`` calls a header of the tree."""
    folder = next((folder for folder in platform.folders if path.startswith(f"{folder}/")), "")
    return path[len(folder) + 1 :] if folder else path.split("include/", 1)[1]


def _without_the_unreadable(work: Path, before: str, source: Source, counts: Mapping[str, int], bits: int) -> Program:
    """A program where what cannot be compiled here, such as assembly, ends it if it is ever reached.

    What no header has that was read yields 0: the lifter does not know it either, so that nothing may depend on it.
    """
    for _ in range(6):
        errors = _errors(work, before + source.text(), counts, bits)
        if not errors:
            break
        _supply(source, errors, counts)
    return build(work, before + source.text(), counts, bits)


def _supply(source: Source, errors: str, wanted: Collection[str]) -> None:
    """Gives what the compiler misses: calls and names that are 0, members of structures, or an end to a function."""
    calls = sorted(set(re.findall(r"undefined reference to \W(\w+)", errors)))
    names = sorted(set(re.findall(r"error: \W(\w+)\W undeclared", errors)))
    members = sorted(set(re.findall(r"has no member named \W(\w+)", errors)))
    source.types.extend(f"long {name}() {{ return 0; }}" for name in calls)
    source.types.extend(f"static const unsigned long {name} = 0;" for name in names)
    if members:
        more = ", ".join(("other_members", *members))
        source.types[:] = [piece.replace("other_members", more) for piece in source.types]
    if not (calls or names or members):
        for name in (set(re.findall(r"In function \W(\w+)", errors)) & set(source.functions)) - set(wanted):
            source.functions[name] = source.functions[name].split("{")[0] + "{ __builtin_trap(); }"


def _atomics() -> list[str]:
    """The atomic operations under all their names."""
    names = re.findall(r"#define ((?:try_)?(?:cmp)?xchg|atomic_long_xchg)\(", ATOMICS)
    orders = ("_relaxed", "_acquire", "_release", "_local", "64", "64_relaxed")
    return [ATOMICS, *(f"#define {name}{order} {name}" for name in names for order in orders)]


def _calls(platform: Platform) -> dict[str, str]:
    return {name: str(given.value) for name, given in platform.calls.items()}


def _given(platform: Platform, calls: Mapping[str, str]) -> str:
    """What the lifter takes as given: variables with a value, and calls that are not looked into."""
    kinds = {
        name: "long" if run.value < 1 << platform.abi.bits else "long long" for name, run in platform.runtime.items()
    }
    variables = [
        f"static const unsigned {kinds[name]} {name} = {run.value}ULL;\n" for name, run in platform.runtime.items()
    ]
    return "".join([*variables, *(f"#define {name}(...) {value}\n" for name, value in calls.items())])


def _overlay(tree: Path, lifted: LiftedTree, folder: Path) -> None:
    """An include folder with the headers that the lifter read, and empty files for the others."""
    included: set[str] = set()
    platform = lifted.platform
    names = (*platform.runtime, *platform.calls, *lifted.replaced, *platform.quiet, *QUIET)
    given = "|".join(map(re.escape, names))
    for path in lifted.files:
        text = (tree / path).read_text(errors="replace")
        included.update(re.findall(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', text, re.M))
        # what the lifter takes as given is given here, too
        text = re.sub(rf"^[ \t]*#[ \t]*define[ \t]+({given})\b(.*\\\n)*.*", "", text, flags=re.M)
        name = _include_name(path, lifted.platform) if path.endswith(".h") else path
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    for name in included:
        target = folder / name
        if not target.exists() and not (folder / "uapi" / name).exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("")


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


def _chunks(text: str) -> Iterator[str]:
    """The top-level declarations of preprocessed C."""
    depth, start = 0, 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[{};()]', text):
        token = match.group()
        depth += (token in "{(") - (token in "})")
        piece = text[start : match.end()]
        ends = token == ";" or (token == "}" and "=" not in piece.split("{")[0] and re.search(r"\)\s*\{", piece))
        if depth == 0 and ends:
            yield piece.strip()
            start = match.end()


_ENTRY_CALL = re.compile(r"(?:extern\s+)?((?:pte|pmd|pud)_t\s+(\w+)\s*\([^{}]*\))\s*;", re.DOTALL)
_OBJECT = re.compile(r"(?:\w+[\s*]+)+(\w+)\s*(?:\[[^\]]*\]\s*)?(?:=[^;]*)?;", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """C in parts: types, and objects and functions by name."""

    types: list[str]
    objects: dict[str, str]
    functions: dict[str, str]

    def text(self) -> str:
        """The whole."""
        heads = [piece.split("{")[0].strip() + ";" for piece in self.functions.values()]
        return "\n".join([*self.types, *heads, *self.objects.values(), *self.functions.values()])


def _needed(preprocessed: str, wanted: list[str], given: Collection[str]) -> Source:
    """The types, and what the wanted functions need of functions and objects that are not given, in their order."""
    types: list[str] = []
    objects: dict[str, str] = {}
    functions: dict[str, str] = {}
    for piece in _chunks(preprocessed):
        if piece.startswith("typedef") or re.match(r"(struct|enum|union)\s*\w*\s*([{;])", piece):
            types.append(piece)
        elif piece.endswith("}"):
            functions[re.search(r"(\w+)\s*\(", piece).group(1)] = piece  # type: ignore[union-attr]
        elif found := _ENTRY_CALL.fullmatch(piece):
            # declared only: it ends the program if it is ever reached
            functions.setdefault(found.group(2), f"{found.group(1)} {{ __builtin_trap(); }}")
        elif (found := _OBJECT.fullmatch(piece)) and ("=" in piece or found.group(1) not in objects):
            # a variable that another file defines is one of this program
            objects[found.group(1)] = re.sub(r"^extern\b", "", piece)
    functions = {name: piece for name, piece in functions.items() if name not in given}
    reached: dict[str, None] = {}
    pending = list(wanted)
    while pending:
        name = pending.pop()
        if name in functions and name not in reached:
            reached[name] = None
            pending += re.findall(r"\w+", functions[name])
    kept = {name: piece for name, piece in functions.items() if name in reached}
    named = {name for piece in kept.values() for name in re.findall(r"\w+", piece)} - set(given)
    return Source(types, {name: text for name, text in objects.items() if name in named}, kept)
