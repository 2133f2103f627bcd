"""Hostile headers and patches for the fuzzer: from a grammar of C that hypothesis walks, and from bytes changed at random."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from models.kernel.architectures import COMMON_HEADERS, HELPERS, SWAP, TEST, WORD
from tests.kernel_trees import MADE_UP_TYPES
from tests.patch_texts import mail, reply, unified

HELPER_NAMES = sorted(HELPERS)
TYPES = ("pte_t", "pmd_t", "pud_t", "pgprot_t", "unsigned long", "int", "u64", "bool", "long long", "void", "swp_entry_t",
         "struct page *", "struct vm_area_struct *", "struct s", "union u", "enum e", "nothing_t", "char")  # fmt: skip
MACROS = (
    "_PAGE_PRESENT",
    "_PAGE_DIRTY",
    "_PAGE_WRITE",
    "PAGE_SHIFT",
    "PAGE_NONE",
    "__P010",
    "__S111",
    "A",
    "B",
    "F",
    "G",
)
LOCALS = ("pte", "pmd", "x", "y", "ptep", "vma", "prot")
CALLS = ("pte_val", "__pte", "pmd_val", "__pmd", "pgprot_val", "__pgprot", "F", "G", "IS_ENABLED", "sizeof", "READ_ONCE", "BUG",
         "BUILD_BUG", "likely", "__builtin_constant_p", "set_pte", "defined", "cmpxchg")  # fmt: skip
BINARY = "+ - * / % << >> & | ^ && || == != < > <= >= ,".split()
ASSIGN = "= |= &= += <<= >>= ^= -=".split()
NUMBERS = ("0", "1", "2", "3", "63", "64", "12", "0x200", "1UL", "(1ULL << 63)", "~0UL", "0x", "08", "1e9", "1.5f",
           "18446744073709551615", "18446744073709551616", "0xffffffffffffffffULL", "2147483648", "9" * 40, "0b1")  # fmt: skip
ODD = ("##", "#", "\\\n", "\\", '"', "'", "/*", "*/", "//", "...", "@", "$", "`", "\x01", "\x02", "\0", "\xe9", "\r", "\f", "?",
       "__VA_ARGS__", "__attribute__((packed))", "asm volatile(\"nop\")", "__asm__", "({", "})", "(", ")", "{", "}", "[", "]",
       "goto x;", "for (;;) ;", "while (1) ;", "do { } while (0);", "switch (x) { case 1: default: break; }", "return", "typedef",
       "static inline", "else", "if (1)", "if (", "\n", "%:", "??=", "<%", "L\"x\"", "->", ".", "= ;", "'ab'")  # fmt: skip

USUAL = "#define _PAGE_WRITE (1UL << 8)\n#define _PAGE_DIRTY 2\n#define A 5\n#define F(x) ((x) | (1UL << A))\n"

names = st.sampled_from((*HELPER_NAMES, *MACROS, *LOCALS))
types = st.sampled_from(TYPES)
_some = st.one_of(
    st.just(""),
    st.just(""),
    st.sampled_from(ODD),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=8),
)
odd = st.shared(st.booleans(), key="odd").flatmap(lambda wanted: _some if wanted else st.just(""))
"""What breaks the grammar; in half of the headers nothing does, so that what is behind the reader is reached as well."""


def _grown(inner: SearchStrategy[str]) -> SearchStrategy[str]:
    """Larger expressions out of smaller ones."""
    arguments = st.lists(inner, max_size=4).map(", ".join)
    return st.one_of(
        st.tuples(inner, st.sampled_from(BINARY), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(st.sampled_from((*LOCALS, "pte_val(pte)")), st.sampled_from(ASSIGN), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        st.tuples(names, st.sampled_from((".pte", "->pte", ".x", "->vm_flags"))).map("".join),
        st.tuples(st.sampled_from("~ ! - + * & ++ --".split()), inner).map("".join),
        st.tuples(st.sampled_from((*CALLS, *HELPER_NAMES)), arguments).map(lambda parts: f"{parts[0]}({parts[1]})"),
        st.tuples(types, inner).map(lambda parts: f"(({parts[0]})({parts[1]}))"),
        st.tuples(types, arguments).map(lambda parts: f"(({parts[0]}){{ {parts[1]} }})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} ? {parts[1]} : {parts[2]})"),
        st.tuples(inner, inner).map(lambda parts: f"{parts[0]}[{parts[1]}]"),
        st.tuples(inner, inner).map(lambda parts: f"({{ unsigned long x = {parts[0]}; {parts[1]}; }})"),
        inner.map(lambda text: f"({text})"),
        st.tuples(inner, odd).map(" ".join),
    )


_words = st.recursive(
    st.sampled_from(("pte_val(pte)", "pte_val(pte)", "_PAGE_DIRTY", "_PAGE_WRITE", "0xfffUL", "1", "63", "x", "A")),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(BINARY), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(st.sampled_from("~!-"), inner).map("".join),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} ? {parts[1]} : {parts[2]})"),
        st.tuples(st.sampled_from(("unsigned long", "u32", "int", "bool", "s64", "u8")), inner).map(
            lambda p: f"(({p[0]}){p[1]})"
        ),
        inner.map(lambda text: f"({{ unsigned long y = {text}; y += 1; y; }})"),
        inner.map(lambda text: f"F({text})"),
    ),
    max_leaves=10,
)
"""Expressions that the lifter mostly understands."""

_usual = st.one_of(
    st.tuples(st.sampled_from(ASSIGN), _words).map(lambda parts: f"pte_val(pte) {parts[0]} {parts[1]};"),
    _words.map(lambda text: f"unsigned long x = {text};"),
    st.tuples(_words, _words).map(lambda parts: f"if ({parts[0]})\npte_val(pte) |= {parts[1]};"),
    st.tuples(_words, _words).map(lambda parts: f"if ({parts[0]}) return pte; else {{ int x = {parts[1]}; }}"),
)

expressions = _words | st.recursive(st.sampled_from(NUMBERS) | names, _grown, max_leaves=12)


def _blocks(inner: SearchStrategy[str]) -> SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: "{ " + "\n".join(parts) + " }"),
        st.tuples(expressions, inner).map(lambda parts: f"if ({parts[0]}) {parts[1]}"),
        st.tuples(expressions, inner, inner).map(lambda parts: f"if ({parts[0]}) {parts[1]} else {parts[2]}"),
        st.tuples(expressions, inner).map(lambda parts: f"while ({parts[0]}) {parts[1]}"),
        st.tuples(expressions, inner).map(lambda parts: f"for (int i = 0; {parts[0]}; i++) {parts[1]}"),
        st.tuples(expressions, inner).map(lambda parts: f"do {parts[1]} while ({parts[0]});"),
        st.tuples(expressions, inner).map(
            lambda parts: f"switch ({parts[0]}) {{ case 1: {parts[1]} break; default: ; }}"
        ),
    )


_simple = st.one_of(
    expressions.map(lambda text: f"{text};"),
    expressions.map(lambda text: f"return {text};"),
    st.tuples(types, st.sampled_from(LOCALS), expressions).map(lambda parts: f"{parts[0]} {parts[1]} = {parts[2]};"),
    st.tuples(st.sampled_from(LOCALS), expressions).map(lambda parts: f"{parts[0]} = {parts[1]};"),
    odd,
)
statements = st.recursive(_simple, _blocks, max_leaves=8)


def _type_of(kind: str) -> str:
    """The C type of a kind of value."""
    return {"vma": "struct vm_area_struct *", "page": "struct page *", "pgprot": "pgprot_t", "swp": "swp_entry_t"}.get(
        kind, f"{kind}_t" if kind in ("pte", "pmd", "pud") else "unsigned long"
    )


@st.composite
def helpers(draw: st.DrawFn) -> str:
    """A helper with the parameters that it has in kernels, and a body that is mostly understood."""
    name = draw(st.sampled_from(HELPER_NAMES))
    result, kinds = HELPERS[name]
    level = next((level for level in ("pmd", "pud") if level in name), "pte")
    params = ", ".join(f"{_type_of(kind)} {local}" for kind, local in zip(kinds, ("pte", "prot", "x"), strict=False))
    body = draw(st.lists(_usual | _usual | statements, max_size=3))
    value = draw(_words)
    end = (
        f"return {value};"
        if result in (TEST, WORD)
        else f"return {'__swp_entry' if result == SWAP else f'__{level}'}({value});"
    )
    kind = {TEST: "int", WORD: "unsigned long", SWAP: "swp_entry_t"}.get(result, f"{level}_t")
    text = f"static inline {kind} {name}({params})\n{{\n" + "\n".join((*body, end)) + draw(odd) + "\n}"
    return text.replace("pte_val(", f"{level}_val(")


@st.composite
def functions(draw: st.DrawFn) -> str:
    """Any function."""
    params = draw(st.lists(st.tuples(types, st.sampled_from(LOCALS)).map(" ".join), max_size=3))
    body = draw(st.lists(statements, max_size=5))
    end = draw(st.sampled_from(("return pte;", "return pte;", "", "return __pte(x);"))) + draw(odd)
    return f"static inline {draw(types)} {draw(names)}({', '.join(params)})\n{{\n" + "\n".join((*body, end)) + "\n}"


@st.composite
def macros(draw: st.DrawFn) -> str:
    """A macro, with or without parameters."""
    name = draw(names)
    params = draw(st.sampled_from(("", "", "(x)", "(pte)", "(x, y)", "(x, ...)", "(...)", "()", "(args...)"))) + draw(
        odd
    )
    body = draw(st.lists(expressions | odd | statements, max_size=4).map(" ".join))
    return f"#define {name}{params} " + body.replace("\n", " \\\n")


@st.composite
def declarations(draw: st.DrawFn) -> str:
    """Types, enumerations, objects."""
    members = draw(
        st.lists(st.tuples(types, st.sampled_from(LOCALS)).map(lambda parts: f"{parts[0]} {parts[1]};"), max_size=4)
    )
    values = draw(st.lists(st.tuples(names, expressions).map(" = ".join) | names, max_size=5))
    indices = draw(
        st.lists(st.tuples(expressions, expressions).map(lambda parts: f"[{parts[0]}] = {parts[1]}"), max_size=5)
    )
    return draw(
        st.sampled_from(
            (
                f"typedef struct {{ {' '.join(members)} }} {draw(types)};",
                f"struct s {{ {' '.join(members)} }};",
                f"union u {{ {' '.join(members)} }};",
                f"enum e {{ {', '.join(values)} }};",
                f"static pgprot_t protection_map[16] = {{ {', '.join(indices)} }};",
                f"typedef {draw(types)} {draw(types)};",
                f"extern {draw(types)} {draw(names)}({', '.join(members)});",
                f"{draw(types)} {draw(names)} = {draw(expressions)};",
                f"DECLARE_VM_GET_PAGE_PROT {draw(odd)}",
            )
        )
    )


@st.composite
def directives(draw: st.DrawFn) -> str:
    """Conditionals, includes, and directives that are none."""
    inner = draw(st.lists(helpers() | functions() | macros(), max_size=2).map("\n".join))
    condition = draw(
        st.sampled_from(("1", "A > 3 && defined(B)", "F(1)", "CONFIG_64BIT", "(1 << A) / 2")) | expressions
    )
    header = draw(st.sampled_from((*COMMON_HEADERS, "../asm/page.h", "asm/../asm/page.h")))
    return draw(
        st.sampled_from(
            (
                f"#if {condition}\n{inner}\n#else\n#endif",
                f"#ifdef {draw(names)}\n{inner}\n#elif {condition}\n#endif",
                f"#ifndef {draw(names)}{draw(odd)}\n{inner}\n#endif",
                f"#if {condition}\n{draw(odd)}\n#endif",
                f"#{draw(odd)}",
                f"#include <{header}>",
                f'#include "{header}"',
                f"#undef {draw(names)}",
                f"#pragma {draw(odd)}",
            )
        )
    )


@st.composite
def headers(draw: st.DrawFn) -> str:
    """A whole header; now and then one piece of it many times over."""
    pieces = draw(
        st.lists(
            st.one_of(helpers(), helpers(), functions(), macros(), declarations(), directives(), odd),
            min_size=1,
            max_size=10,
        )
    )
    if draw(st.integers(0, 9)) == 0:
        which = draw(st.integers(0, len(pieces) - 1))
        pieces[which] = draw(st.sampled_from(("\n", " ", "("))).join([pieces[which]] * draw(st.integers(2, 3_000)))
    types_first = f"{MADE_UP_TYPES}{USUAL}" if draw(st.integers(0, 9)) else ""
    return (types_first + "\n".join(pieces))[:400_000]


SAMPLES = (
    MADE_UP_TYPES
    + """#define _PAGE_WRITE (1UL << 8)
#define _PAGE_DIRTY (_PAGE_WRITE >> 7)
#define PAGE_NONE __pgprot(0)
#define pte_mkyoung(pte) __pte(pte_val(pte) | 4)
static inline pte_t pte_mkdirty(pte_t pte)
{
	if (pte_val(pte) & _PAGE_WRITE)
		pte_val(pte) |= _PAGE_DIRTY;
	return pte;
}
static inline int pte_dirty(pte_t pte) { return !!(pte_val(pte) & _PAGE_DIRTY); }
""",
    MADE_UP_TYPES
    + """#ifdef CONFIG_64BIT
enum { BIT_A, BIT_B = 5, BIT_C };
#define set(x, n) ({ unsigned long v = pte_val(x); v |= 1UL << BIT_##n; __pte(v); })
#else
#error no
#endif
#define pte_mkwrite(pte) set(pte, B) /* a comment */
static pgprot_t protection_map[16] = { [0] = __pgprot(1), [1 ... 15] = __pgprot(3) };
struct two { unsigned int low, high; };
static inline pte_t pte_modify(pte_t pte, pgprot_t prot)
{
	return __pte((pte_val(pte) & ~0xfffUL) | pgprot_val(prot));
}
""",
)
"""Headers that are whole, to be damaged."""

TOKENS = [
    token.encode("latin-1") for token in (*BINARY, *ASSIGN, *NUMBERS, *ODD, *MACROS, *TYPES, *CALLS, *HELPER_NAMES)
]
_DIFF = unified("include/linux/x.h", "a\nb\nc\nd\n", "a\nb\nC\nd\n")
PATCHES = tuple(
    text.encode()
    for text in (
        _DIFF, mail(_DIFF), mail(_DIFF, mailbox=True) * 2, reply(mail(_DIFF)),
        f"diff --git a/include/linux/x.h b/include/linux/y.h\nsimilarity index 90%\nrename from include/linux/x.h\n"
        f"rename to include/linux/y.h\nindex 1..2 100644\n{_DIFF.replace('+++ b/include/linux/x', '+++ b/include/linux/y')}",
        "diff --git a/n.h b/n.h\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/n.h\n@@ -0,0 +1 @@\n+x\n",
        "From: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\nLS0tIGEK\n--b--\n",
    )
)  # fmt: skip
PATCH_TOKENS = [token.encode() for token in (
    "--- a/", "+++ b/", "@@ -1,3 +1,3 @@", "diff --git ", "rename from ", "rename to ", "/dev/null", "../", "> ", "From ",
    "\n\n", "\n", "+", "-", " ", "\\ No newline", "Binary files ", "GIT binary patch", "index 1..2 120000", "\0", "\r\n", '"',
    "Content-Type: multipart/mixed; boundary=b\n", "Content-Transfer-Encoding: quoted-printable\n", "=", "--b", "copy to x",
)]  # fmt: skip


def changed(text: bytes, tokens: list[bytes], others: tuple[bytes, ...], chance: Random) -> bytes:
    """A text with some bytes and tokens changed, moved, repeated or put in."""
    for _ in range(chance.choice((1, 1, 2, 3, 5, 9, 30))):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice((0, 1, 2, 4, 16, 64, 200)))
        match chance.randrange(8):
            case 0:
                text = text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
            case 1:
                text = text[:at] + text[end:]
            case 2:
                text = text[:at] + text[at:end] * chance.choice((2, 3, 50, 2_000)) + text[end:]
            case 3 | 4:
                text = text[:at] + chance.choice(tokens) + text[end if chance.randrange(2) else at :]
            case 5:
                to = chance.randrange(len(text) + 1)
                text = text[:to] + text[at:end] + text[to:]
            case 6:
                other = chance.choice(others)
                start = chance.randrange(len(other))
                text = text[:at] + other[start : start + 200] + text[at:]
            case _:
                bit = 1 << chance.randrange(8)
                text = text[:at] + bytes(byte ^ bit for byte in text[at : at + 1]) + text[at + 1 :]
    return text[:400_000]
