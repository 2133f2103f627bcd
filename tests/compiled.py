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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from models.kernel import LiftedHelper, LiftedTree
from models.kernel.architectures import Platform
from models.kernel.preprocess import LOWMEM
from models.kernel.preprocess import PRELUDE as LIFTER_PRELUDE
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
typedef struct { unsigned long val; } swp_entry_t; struct page { char none; }; struct vm_area_struct { unsigned long vm_flags; };
static struct vm_area_struct no_vma;
#define true 1
#define false 0
#define __always_inline inline
#define __init
#define __visible
#define __ro_after_init
#define __read_mostly
#define likely(x) (x)
#define unlikely(x) (x)
#define READ_ONCE(x) (x)
#define WARN_ONCE(...) ((void)0)
#define WARN_ON_ONCE(...) ((void)0)
#define VM_WARN_ON_ONCE(...) ((void)0)
#define VM_BUG_ON(...) ((void)0)
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
    assert done.returncode == 0, done.stderr[:2000]
    return Program(target, counts)


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
    ]
    text += [f"#define {name}(...) {given.value}" for name, given in platform.calls.items()]
    text += [f"#define {name}(flag) PTECHECK_##flag" for name in platform.cpu_tests]
    text += [f"#define PTECHECK_{flag} {int(name in platform.chosen)}" for flag, name in platform.cpu_features.items()]
    text += [f"#define {name}(option) PTECHECK_##option" for name in ("IS_ENABLED", "IS_BUILTIN", "IS_REACHABLE")]
    text += [f"#define PTECHECK_{name} {int(value == '1')}" for name, value in lifted.configuration.items()]
    boot = platform.boot_protection
    text += [f"#include <{path}>" for path in headers + sources] + [MEM_MAP]
    text += [f"static const u64 boot_protection = {boot.bits if boot else 0};"]
    (work / "shim.c").write_text("\n".join([*text, *(definition for definition, _ in functions.values())]))
    folders = [part for name in ("include", "include/uapi") for part in ("-I", str(work / name))]
    command = (CC, "-E", "-P", "-w", "-nostdinc", "-undef", *folders, str(work / "shim.c"))
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    stored = _as_stored(done.stdout, platform.abi)
    fixed = "".join(
        f"static const unsigned {'long' if run.value < 1 << platform.abi.bits else 'long long'} {name} = {run.value}ULL;\n"
        for name, run in platform.runtime.items()
    )
    counts = {name: count for name, (_, count) in functions.items()}
    text = _needed(f"{stored}\n{done.stdout}", list(functions), frozenset(platform.runtime))
    if platform.assembly == "sparc64":
        text = sparc_assembly.translated(text, platform.chosen)
    return build(work, fixed + text, counts, platform.abi.bits)


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


def _overlay(tree: Path, lifted: LiftedTree, folder: Path) -> None:
    """An include folder with the headers that the lifter read, and empty files for the others."""
    included: set[str] = set()
    given = "|".join(map(re.escape, (*lifted.platform.runtime, *lifted.platform.calls))) or "(?!)"
    for path in lifted.files:
        text = (tree / path).read_text(errors="replace")
        included.update(re.findall(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', text, re.M))
        # what the lifter takes as given is given here, too
        text = re.sub(rf"^[ \t]*#[ \t]*define[ \t]+({given})\b(.*\\\n)*.*", "", text, flags=re.M)
        text = re.sub(rf"\b({given})(\([^()]*\)\s*\{{)", r"unused_\1\2", text)
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
_OTHERS = {"page": "(struct page *)(unsigned long){}", "word": "(unsigned long){}", "vma": "&no_vma"}


def level_of(name: str) -> str:
    """The level of the entry that a helper of this name yields."""
    return next((level for level in ("pmd", "pud") if level in name), "pte")


def wrapper(helper: LiftedHelper) -> tuple[str, int]:
    """A C function of plain words around a helper, and how many it takes."""
    before, call = [], []
    for index, parameter in enumerate(helper.parameters):
        kind = _TYPES.get(parameter.kind, "")
        if kind:
            word = f"stored_{kind}(a{index})" if kind in ENTRY_TYPES else f"a{index}"
            before.append(
                f"u64 w{index} = {word}; {kind} x{index}; __builtin_memcpy(&x{index}, &w{index}, sizeof(x{index}));"
            )
        call.append(f"x{index}" if kind else _OTHERS[parameter.kind].format(f"a{index}"))
    taken = ", ".join(f"u64 a{i}" for i, p in enumerate(helper.parameters) if p.kind != "vma")
    called = f"{helper.name}({', '.join(call)})"
    narrow = "sizeof(r) > sizeof(long) ? (u64)r : (u64)(unsigned long)r"
    result = {
        "test": f"return !!({called});",
        "word": f"__typeof__({called}) r = {called}; return {narrow};",
        "swap": f"__typeof__({called}) r = {called}; u64 w = 0; __builtin_memcpy(&w, &r, sizeof(r)); return w;",
    }
    entry = _TYPES[level_of(helper.name)]
    result["entry"] = result["swap"].replace("return w;", f"return stored_{entry}(w);")
    text = f"u64 check_{helper.name}({taken or 'void'}) {{ {' '.join(before)} {result[helper.result]} }}\n"
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


_OBJECT = re.compile(r"(?:\w+[\s*]+)+(\w+)\s*(?:\[[^\]]*\]\s*)?(?:=[^;]*)?;", re.DOTALL)


def _needed(preprocessed: str, wanted: list[str], given: frozenset[str]) -> str:
    """The types and enumerations, and what the wanted functions need of functions and objects, in their order."""
    types, objects, functions = [], {}, {}
    for piece in _chunks(preprocessed):
        if piece.startswith("typedef") or re.match(r"(struct|enum|union)\s*\w*\s*([{;])", piece):
            types.append(piece)
        elif piece.endswith("}"):
            functions[re.search(r"(\w+)\s*\(", piece).group(1)] = piece  # type: ignore[union-attr]
        elif (found := _OBJECT.fullmatch(piece)) and found.group(1) not in given:
            # a variable that another file defines is one of this program
            objects.setdefault(found.group(1), re.sub(r"^extern\b", "", piece))
    reached: dict[str, None] = {}
    pending = list(wanted)
    while pending:
        name = pending.pop()
        if name in functions and name not in reached:
            reached[name] = None
            pending += re.findall(r"\w+", functions[name])
    kept = [functions[name] for name in functions if name in reached]
    heads = [piece.split("{")[0].strip() + ";" for piece in kept]
    named = {name for piece in kept for name in re.findall(r"\w+", piece)}
    return "\n".join([*types, *heads, *(text for name, text in objects.items() if name in named), *kept])
