"""The lifted helpers against the same C, run through the host's own preprocessor and compiler.

The compiler is used by these tests only. It reads the very headers that the lifter read; every other header is
an empty file, and only the functions that the helpers need are compiled.
"""

from __future__ import annotations

import ctypes
import itertools
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.kernel import LiftedHelper, LiftedTree, lift_tree
from models.kernel.platforms import PLATFORMS
from tests import kernel_trees

CC = shutil.which("cc") or shutil.which("gcc") or ""
needs_cc = pytest.mark.skipif(not CC, reason="no C compiler (cc or gcc) on this machine")
ALL = (1 << 64) - 1
RANDOM_WORDS = 1000

PRELUDE = """
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef signed char s8; typedef short s16; typedef int s32; typedef long long s64; typedef _Bool bool;
typedef u64 phys_addr_t; typedef unsigned long size_t; typedef unsigned long vm_flags_t;
typedef struct { unsigned long val; } swp_entry_t; struct page; struct vm_area_struct { unsigned long vm_flags; };
static struct vm_area_struct no_vma;
#define true 1
#define false 0
#define __always_inline inline
#define __init
#define __visible
#define __ro_after_init
#define likely(x) (x)
#define unlikely(x) (x)
#define WARN_ONCE(...) ((void)0)
#define WARN_ON_ONCE(...) ((void)0)
#define VM_WARN_ON_ONCE(...) ((void)0)
#define VM_BUG_ON(...) ((void)0)
#define VM_SHADOW_STACK (1UL << 37)
#define VM_NONE 0
#define VM_READ 1
#define VM_WRITE 2
#define VM_EXEC 4
#define VM_SHARED 8
#define page_to_pfn(page) ((unsigned long)(page))
#define __AC(x, y) (x##y)
#define _AC(x, y) __AC(x, y)
#define _AT(t, x) ((t)(x))
"""
"""What the headers that are not read would have given."""


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


def overlay(tree: Path, lifted: LiftedTree, folder: Path) -> None:
    """An include folder with the headers that the lifter read, and empty files for the others."""
    included: set[str] = set()
    for path in lifted.files:
        text = (tree / path).read_text(errors="replace")
        included.update(re.findall(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', text, re.M))
        name = path.split("include/", 1)[1] if path.endswith(".h") else path
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    for name in included:
        target = folder / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("")


def wrapper(helper: LiftedHelper) -> str:
    """A C function of plain words around a helper."""
    making = {
        "pte": "(pte_t){{ {} }}",
        "pmd": "(pmd_t){{ {} }}",
        "pud": "(pud_t){{ {} }}",
        "swp": "(swp_entry_t){{ {} }}",
        "pgprot": "(pgprot_t){{ {} }}",
        "page": "(struct page *){}",
        "word": "{}",
        "vma": "&no_vma",
    }
    types = {"pte": "pte_t", "pmd": "pmd_t", "pud": "pud_t", "pgprot": "pgprot_t", "swp": "swp_entry_t"}
    before, call = [], []
    for index, parameter in enumerate(helper.parameters):
        value = making[parameter.kind].format(f"a{index}")
        kind = types.get(parameter.kind, "")
        before.append(f"{kind} x{index} = {value};" if kind else "")
        call.append(f"x{index}" if kind else value)
    taken = ", ".join(f"unsigned long a{i}" for i, p in enumerate(helper.parameters) if p.kind != "vma")
    called = f"{helper.name}({', '.join(call)})"
    result = {
        "test": f"return !!({called});",
        "word": f"return {called};",
        "entry": f"__typeof__({called}) r = {called}; return *(unsigned long *)&r;",
    }
    result["swap"] = result["entry"]
    return f"unsigned long check_{helper.name}({taken}) {{ {' '.join(before)} {result[helper.result]} }}\n"


def chunks(text: str) -> Iterator[str]:
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


def needed(preprocessed: str, wanted: list[str]) -> str:
    """The types and enumerations, and the functions that the wanted ones need, in their order."""
    types, objects, functions = [], [], {}
    for piece in chunks(preprocessed):
        if piece.startswith(("typedef", "enum", "struct")) and not re.match(r"struct \w+\s*\**\s*\w+\s*\(", piece):
            types.append(piece)
        elif re.match(r"static .*\b(no_vma|protection_map)\b", piece):
            objects.append(piece)
        elif piece.endswith("}"):
            functions[re.search(r"(\w+)\s*\(", piece).group(1)] = piece  # type: ignore[union-attr]
    reached: dict[str, None] = {}
    pending = list(wanted)
    while pending:
        name = pending.pop()
        if name in functions and name not in reached:
            reached[name] = None
            pending += re.findall(r"\w+", functions[name])
    kept = [functions[name] for name in functions if name in reached]
    heads = [piece.split("{")[0].strip() + ";" for piece in kept]
    return "\n".join([*types, *heads, *objects, *kept])


def compiled(tree: Path, lifted: LiftedTree, work: Path, functions: Mapping[str, str], cpu: int = 0) -> ctypes.CDLL:
    """A shared object with these functions, compiled behind the tree's headers.

    Args:
        tree: the tree.
        lifted: what the lifter read of it.
        work: an empty folder.
        functions: name -> definition; may use everything that the headers define.
        cpu: what every question for a CPU feature answers.
    """
    platform = PLATFORMS[lifted.architecture]
    overlay(tree, lifted, work / "include")
    headers = [path.split("include/", 1)[1] for path in platform.first] + ["linux/pgtable.h"]
    sources = [path for path in lifted.files if path.endswith(".c")]
    text = [f"#define {name} {value}" for name, value in platform.config.items()]
    text += [PRELUDE, f"#define cpu_feature_enabled(flag) {cpu}", *(f"#include <{path}>" for path in headers + sources)]
    (work / "shim.c").write_text("\n".join([*text, *functions.values()]))
    command = (CC, "-E", "-P", "-nostdinc", "-undef", "-I", str(work / "include"), str(work / "shim.c"))
    preprocessed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    fixed = "".join(f"static const unsigned long {name} = {run.value}UL;\n" for name, run in platform.runtime.items())
    return build(work, fixed + needed(preprocessed, list(functions)))


def build(work: Path, text: str) -> ctypes.CDLL:
    """Compiles C text; kernel C wraps on signed overflow."""
    source, target = work / "checked.c", work / "checked.so"
    source.write_text(text)
    command = (CC, "-O1", "-fwrapv", "-w", "-shared", "-fPIC", "-nostdlib", "-o", str(target), str(source))
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    return ctypes.CDLL(str(target))


def function(library: ctypes.CDLL, name: str, count: int) -> ctypes._NamedFuncPointer:
    """A compiled function of words."""
    found = library[name]
    found.restype = ctypes.c_uint64
    found.argtypes = [ctypes.c_uint64] * count
    return found


def wanted_tree(version: str) -> Path:
    """The tree, or a skip that says how to get it."""
    found = kernel_trees.tree(version)
    if found is None:
        pytest.skip(kernel_trees.why_not(version))
    return found


@needs_cc
@pytest.mark.kernel
@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
@pytest.mark.parametrize(
    ("architecture", "features"), [("loongarch", ()), ("x86-64", ()), ("x86-64", ("shstk",))], ids=str
)
def test_lifted_helpers_do_what_the_compiled_ones_do(
    version: str, architecture: str, features: tuple[str, ...], tmp_path: Path
) -> None:
    tree = wanted_tree(version)
    lifted = lift_tree(tree, architecture, features)
    wrappers = {f"check_{name}": wrapper(helper) for name, helper in lifted.helpers.items()}
    library = compiled(tree, lifted, tmp_path, wrappers, cpu=len(features))
    assert len(lifted.helpers) > 45
    for name, helper in lifted.helpers.items():
        count = len(helper.variables)
        run = function(library, f"check_{name}", count)
        wrong = [words for words in arguments(count) if run(*words) != int(helper(*words))]
        assert not wrong, f"{name} differs on {len(wrong)} words, first {[hex(word) for word in wrong[0]]}"


@needs_cc
@pytest.mark.kernel
@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
@pytest.mark.parametrize("architecture", PLATFORMS)
def test_constants_are_the_compilers(version: str, architecture: str, tmp_path: Path) -> None:
    tree = wanted_tree(version)
    lifted = lift_tree(tree, architecture)
    functions = {f"check_{name}": f"unsigned long check_{name}(void) {{ return {name}; }}" for name in lifted.constants}
    library = compiled(tree, lifted, tmp_path, functions)
    assert {name: function(library, f"check_{name}", 0)() for name in lifted.constants} == lifted.constants
    assert len(lifted.constants) > 40


@needs_cc
@pytest.mark.kernel
@pytest.mark.parametrize("version", kernel_trees.VERSIONS)
@pytest.mark.parametrize("architecture", PLATFORMS)
def test_protections_are_the_compilers(version: str, architecture: str, tmp_path: Path) -> None:
    tree = wanted_tree(version)
    lifted = lift_tree(tree, architecture)
    index = {"NONE": 0, "READONLY": 1, "PRIVATE": 3, "SHARED": 11}
    functions = {
        f"check_{name}": f"unsigned long check_{name}(void) {{ return protection_map[{index[name]}].pgprot; }}"
        for name in lifted.protections
    }
    library = compiled(tree, lifted, tmp_path, functions)
    assert {name: function(library, f"check_{name}", 0)() for name in index} == lifted.protections


TRICKY = """
static inline unsigned long widths(unsigned long x)
{
	int i = x; unsigned int u = x; u8 c = x; s16 s = x; bool b = x & ~1UL;
	return (i >> 3) + (u >> 3) + c * s + b - (c << 7) + (unsigned long)(s < (int)u) + (i < u) + -c;
}
static inline unsigned long masks(unsigned long x)
{ return (x & ~0xfU) ^ (x & ~0xf) ^ (x | 1 << 31) ^ (x + 0x80000000) ^ (x - 1U); }
static inline unsigned long chosen(unsigned long x) { return x & 1 ? -1 : 1U; }
static inline unsigned long shorted(unsigned long x)
{ u16 h = x; h += 40000; h <<= 3; h ^= ~h >> 2; return h - 70000; }
static inline unsigned long signs(unsigned long x)
{ s8 c = x; long l = c; c >>= 1; return l * 3 + (c == -1) - (l > c); }
static inline unsigned long early(unsigned long x)
{
	unsigned long r = x;
	if (x & 1) { if (x & 2) return r << 1; r |= 8; } else if (x & 4) r = ~r;
	if (r & 16) return r ^ 32;
	return r + 1;
}
"""
TRICKY_NAMES = re.findall(r"unsigned long (\w+)\(", TRICKY)


def lifted_words(folder: Path, text: str, names: list[str]) -> Mapping[str, LiftedHelper]:
    """Functions of one word, lifted as pfn-less helpers of a made-up tree."""
    macros = "".join(f"#define pte_mk{name}(p) __pte({name}(pte_val(p)))\n" for name in names)
    tree = kernel_trees.made_up_tree(folder, f"#include <asm/page.h>\n{text}\n{macros}")
    platform = PLATFORMS["loongarch"]
    wanted = {f"pte_mk{name}": ("entry", ("pte",)) for name in names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLATFORMS, "loongarch", type(platform)(**{**vars(platform), "helpers": wanted}))
        found = lift_tree(tree, "loongarch")
    unlifted = [str(entry) for entry in found.missing if entry.name in wanted]
    assert not unlifted, unlifted
    return {name: found.helpers[f"pte_mk{name}"] for name in names}


def compiled_words(folder: Path, text: str, names: list[str]) -> ctypes.CDLL:
    """The same functions, compiled."""
    wrappers = "".join(f"unsigned long check_{name}(unsigned long x) {{ return {name}(x); }}\n" for name in names)
    types = PRELUDE.split("#define", maxsplit=1)[0]
    return build(folder, f"{types}{text}{wrappers}")


@needs_cc
def test_integer_promotions_are_the_compilers(tmp_path: Path) -> None:
    lifted = lifted_words(tmp_path / "tree", TRICKY, TRICKY_NAMES)
    library = compiled_words(tmp_path, TRICKY, TRICKY_NAMES)
    for name in TRICKY_NAMES:
        run = function(library, f"check_{name}", 1)
        assert [hex(w) for w in WORDS if run(w) != lifted[name](w)] == []


LEAVES = [
    "x",
    "1",
    "2U",
    "~0",
    "~0U",
    "-1L",
    "0x80000000",
    "(u8)x",
    "(s8)x",
    "(s16)x",
    "(int)x",
    "(unsigned int)x",
    "(long)x",
    "(bool)x",
]
BINARY = ["+", "-", "*", "&", "|", "^", "<", "<=", ">", ">=", "==", "!=", "&&", "||"]


def expressions() -> st.SearchStrategy[str]:
    """Random C expressions over one word."""
    return st.recursive(
        st.sampled_from(LEAVES),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(BINARY), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            st.tuples(inner, st.sampled_from(["<<", ">>"]), st.integers(0, 31)).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            st.tuples(st.sampled_from(["-", "~", "!", "(int)", "(u16)", "(unsigned long)", "(bool)"]), inner).map(
                lambda t: f"({t[0]} {t[1]})"
            ),
            st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} ? {t[1]} : {t[2]})"),
        ),
        max_leaves=12,
    )


@needs_cc
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(expressions(), min_size=20, max_size=20))
def test_random_expressions_mean_what_the_compiler_says(
    batch: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("random")
    names = [f"f{i}" for i in range(len(batch))]
    text = "".join(
        f"static inline unsigned long {n}(unsigned long x) {{ return {e}; }}\n"
        for n, e in zip(names, batch, strict=True)
    )
    lifted = lifted_words(folder / "tree", text, names)
    library = compiled_words(folder, text, names)
    some = WORDS[:140] + WORDS[-60:]
    for name, expression in zip(names, batch, strict=True):
        run = function(library, f"check_{name}", 1)
        assert [hex(w) for w in some if run(w) != lifted[name](w)] == [], expression
