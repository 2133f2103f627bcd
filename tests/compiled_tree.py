"""The very headers and C files that the lifter read of a tree, as C that the host's compiler takes.

Every other header is an empty file, and only the functions that the helpers need are compiled.
"""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.kernel import LiftedTree
from models.kernel.architectures import MM_CONSTANTS, Platform
from models.kernel.preprocess import LOWMEM
from models.kernel.preprocess import PRELUDE as LIFTER_PRELUDE
from models.kernel.quiet import QUIET
from models.kernel.words import Abi
from tests import sparc_assembly
from tests.compiled import ATOMICS, CC, TYPES, Program, build, compile_errors

PRELUDE = """
typedef __SIZE_TYPE__ size_t; typedef unsigned long vm_flags_t;
typedef struct { unsigned long val; } swp_entry_t; struct cpumask; typedef int cydp_t;
struct page { union { char other_members; }; };
typedef struct { int counter; } atomic_t; typedef struct { long counter; } atomic_long_t;
typedef struct { s64 counter; } atomic64_t;
struct mm_struct { atomic_t tlb_flush_pending, mm_users; unsigned long other_members;
	struct { unsigned long other_members; } context; };
struct folio { unsigned long other_members; };
struct vm_area_struct { unsigned long vm_flags; struct mm_struct *vm_mm; };
static struct mm_struct no_mm;
struct task_struct { struct mm_struct *mm, *active_mm; };
#define current ((struct task_struct *)0)
static struct mm_struct init_mm;
static struct vm_area_struct no_vma = { .vm_mm = &no_mm };
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
    headers = [_include_name(path, platform) for path in platform.first if path in lifted.files] + ["linux/pgtable.h"]
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
    if platform.protection_setup and not _names_the_table(tree, sources):
        # that of mm/mmap.c, which is not read
        text += ["static pgprot_t protection_map[16];"]
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
    # Linux 7.2 has the flags of a folio in a structure of their own
    preprocessed = done.stdout.replace("->flags.f", "->flags")
    stored = _as_stored(preprocessed, platform.abi)
    source = _needed(f"{stored}\n{preprocessed}", list(functions), {*calls, *platform.runtime})
    if platform.assembly == "sparc64":
        for name, piece in source.functions.items():
            source.functions[name] = sparc_assembly.translated(piece, platform.chosen)
    return _without_the_unreadable(work, _given(platform, calls), source, counts, platform.abi.bits)


def _names_the_table(tree: Path, sources: list[str]) -> bool:
    """Whether some C file defines the table of page protections."""
    return any(
        re.search(r"\bpgprot_t\s+protection_map\[", (tree / path).read_text(errors="replace")) for path in sources
    )


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
        errors = compile_errors(work, before + source.text(), counts, bits)
        if not errors:
            break
        _supply(source, errors, counts)
    return build(work, before + source.text(), counts, bits)


def _supply(source: Source, errors: str, wanted: Collection[str]) -> None:
    """Gives what the compiler misses: calls and names that are 0, members of structures, or an end to a function."""
    calls = sorted(set(re.findall(r"undefined reference to \W(\w+)", errors)))
    names = sorted(set(re.findall(r"error: \W(\w+)\W undeclared", errors)))
    there = "".join(piece for piece in source.types if "other_members" in piece)
    members = sorted(
        m for m in set(re.findall(r"has no member named \W(\w+)", errors)) if not re.search(rf"\b{m}\b", there)
    )
    source.types.extend(f"long {name}() {{ return 0; }}" for name in calls)
    source.types.extend(f"static const unsigned long {name} = 0;" for name in names)
    more = ", ".join(("other_members", *members))
    source.types[:] = [piece.replace("other_members", more) for piece in source.types]
    if calls or names or members:
        return
    broken = set(re.findall(r"In function \W(\w+)", errors)) & set(source.functions)
    if "Assembler messages" in errors:
        broken |= {name for name, piece in source.functions.items() if re.search(r"\b(__asm__|asm)\b", piece)}
    for name in broken - set(wanted):
        source.functions[name] = source.functions[name].split("{")[0] + "{ __builtin_trap(); }"


def _atomics() -> list[str]:
    """The atomic operations under all their names."""
    names = re.findall(r"#define ((?:try_)?(?:cmp)?xchg|atomic(?:_long|64)_xchg)\(", ATOMICS)
    orders = ("", "_relaxed", "_acquire", "_release", "_local", "64", "64_relaxed")
    others = {f"{prefix}{name}{order}": name for name in names for order in orders for prefix in ("", "arch_")}
    return [ATOMICS, *(f"#define {other} {name}" for other, name in others.items() if other not in names)]


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
