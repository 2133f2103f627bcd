"""Broken and hostile trees: one clear sentence each, within the lifter's limits, and never a file from outside the tree."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from models.kernel import KernelError, NotLifted, lift_tree
from models.kernel.errors import MAX_FILE_BYTES, LimitExceeded
from tests.kernel_trees import made_up_tree

PGTABLE = "arch/loongarch/include/asm/pgtable.h"
HEAD = "#include <asm/page.h>\n"


def refusal(root: Path, architecture: str = "loongarch") -> str:
    """The one sentence a tree is refused with."""
    with pytest.raises(KernelError) as caught:
        lift_tree(root, architecture)
    message = str(caught.value)
    assert "\n" not in message and message.isprintable() and len(message) < 400
    return message


def refused_header(tmp_path: Path, header: str | bytes, **others: str) -> str:
    """The sentence for a tree with this asm/pgtable.h."""
    return refusal(made_up_tree(tmp_path, header, **others))


def not_lifted(tmp_path: Path, header: str, name: str = "pte_mkdirty") -> NotLifted:
    """Why a helper of this header is not lifted."""
    found = lift_tree(made_up_tree(tmp_path, HEAD + header), "loongarch")
    return next(entry for entry in found.missing if entry.name == name)


def mkdirty(body: str) -> str:
    """A header whose pte_mkdirty() has this body, on line 2."""
    return f"{HEAD}static inline pte_t pte_mkdirty(pte_t pte) {{ {body} }}\n"


def test_no_such_folder(tmp_path: Path) -> None:
    assert "cannot be opened: No such file or directory" in refusal(tmp_path / "nowhere")


def test_a_file_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "is not a folder" in refusal(tmp_path / "file")


def test_a_malformed_path_is_refused(tmp_path: Path) -> None:
    assert "cannot be opened: the path is malformed" in refusal(Path("a\0b"))


def test_a_folder_that_is_no_kernel_tree_says_what_was_looked_for(tmp_path: Path) -> None:
    message = refusal(tmp_path)
    assert "is no kernel tree" in message and PGTABLE in message and "include/linux/pgtable.h" in message


def test_a_missing_architecture_is_named(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    message = refusal(root, "x86-64")
    assert "has no arch/x86" in message and "arch/ has loongarch" in message


def test_an_architecture_that_cannot_be_lifted_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, "pdp11")
    assert message == "helpers of pdp11 cannot be read from a kernel tree: see ptecheck list architectures"
    assert refusal(tmp_path, "loongson").endswith("did you mean loongarch?")


def test_a_missing_main_header_is_named(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    (root / PGTABLE).unlink()
    assert f"{PGTABLE} is missing" in refusal(root)


def test_a_missing_included_header_is_named(tmp_path: Path) -> None:
    assert refused_header(tmp_path, "\n#include <asm/pgtable-bits.h>\n").startswith(
        f"{PGTABLE}:2: the header asm/pgtable-bits.h that is included here is missing"
    )


def test_headers_that_are_not_on_the_list_are_not_read(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "#include <asm/other.h>\n#include <linux/nothing.h>\n", other="#error read\n")
    assert PGTABLE in lift_tree(root, "loongarch").files


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return pte", "';' expected before '}'"),
        ("pte_val(pte) |= ; return pte;", "an expression expected before ';'"),
        ("if pte return pte;", "'(' expected before 'pte'"),
        ("return pte 3;", "';' expected before '3'"),
        ("unsigned = 3;", "a name expected before '='"),
        ("return pte + (1, );", "an expression expected before ')'"),
        ("else return pte;", "a statement expected before 'else'"),
        ("return @;", "an expression expected before '@'"),
        ("return pte ? pte;", "':' expected before ';'"),
        ("if (1)", "an expression expected before '}'"),
    ],
)  # fmt: skip
def test_a_syntax_error_in_a_helper_names_its_line(tmp_path: Path, body: str, what: str) -> None:
    message = refused_header(tmp_path, mkdirty(body))
    assert message == f"{PGTABLE}:2: syntax error: {what}"


def test_brackets_that_do_not_match(tmp_path: Path) -> None:
    header = mkdirty("\nreturn (pte;\n") + "static inline int f(int a) { return (a); }\n"
    assert refused_header(tmp_path, header) == f"{PGTABLE}:4: syntax error: '}}' where '(' of line 3 is open"


def test_an_open_brace_names_where_it_stands(tmp_path: Path) -> None:
    message = refused_header(
        tmp_path, HEAD + "\nstatic inline pte_t pte_mkdirty(pte_t p)\n{\n  if (1) {\n  return p;\n}\n"
    )
    assert message == f"{PGTABLE}:4: syntax error: '{{' is never closed"


@pytest.mark.parametrize(
    ("header", "line", "what"),
    [
        ("}\n", 1, "'}' without its counterpart"),
        ("int x);\n", 1, "')' without its counterpart"),
        ("\nint f(int a];\n", 2, "']' where '(' of line 2 is open"),
        ("\n/* open\n", 2, "never closed"),
        ("#if 1\n", 1, "no #endif"),
        ("#endif\n", 1, "#endif without #if"),
        ("#if 1\n#else\n#else\n#endif\n", 3, "#else after #else"),
        ("#if (\n#endif\n", 1, "an expression expected"),
        ("#if 1 1\n#endif\n", 1, "nothing more expected"),
        ("#if 1 << 64\n#endif\n", 1, "undefined"),
        ("#if 1 / 0\n#endif\n", 1, "division by zero"),
        ("#if defined\n#endif\n", 1, "defined needs a name"),
        ("#if defined(A\n#endif\n", 1, "is not closed"),
        ("#ifdef\n#endif\n", 1, "needs one name"),
        ("#if f(1)\n#endif\n", 1, "cannot be evaluated"),
        ("#if 99999999999999999999999\n#endif\n", 1, "does not fit"),
        ("#define\n", 1, "#define needs a name"),
        ("#define f(a b) a\n", 1, "cannot be read"),
        ("#frobnicate\n", 1, "#frobnicate is not known"),
        ("#include PLACE\n", 1, "is not understood"),
        ("#error no \x1b[31m colours\n", 1, "control character 0x1b"),
        ("#error stop here\n", 1, "#error stop here"),
        ("int a\\\nb;\n", 1, "a word is split"),
    ],
)  # fmt: skip
def test_broken_headers_name_file_and_line(tmp_path: Path, header: str, line: int, what: str) -> None:
    message = refused_header(tmp_path, header)
    assert message.startswith(f"{PGTABLE}:{line}: ") and what in message


def test_an_include_loop(tmp_path: Path) -> None:
    assert "an include loop" in refused_header(
        tmp_path, "#include <asm/pgtable-bits.h>\n", pgtable_bits="#include <asm/pgtable.h>\n"
    )


def test_a_guarded_loop_is_no_loop(tmp_path: Path) -> None:
    header = "#ifndef G\n#define G\n#include <asm/pgtable-bits.h>\n#define _PAGE_A 1\n#endif\n"
    root = made_up_tree(tmp_path, header, pgtable_bits="#include <asm/pgtable.h>\n")
    assert lift_tree(root, "loongarch").constants == {"_PAGE_A": 1}


@pytest.mark.parametrize("name", ["/etc/passwd", "../../../../../../../../etc/passwd", "../../../../../secret.h"])
def test_includes_that_leave_the_tree_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.h").write_text("#define _PAGE_SECRET 1\n")
    message = refusal(made_up_tree(tmp_path / "tree", f'#include "{name}"\n'))
    assert message.startswith(f"{PGTABLE}:1: ") and "leaves the tree" in message


def test_links_that_leave_the_tree_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.h").write_text("#define _PAGE_SECRET 1\n")
    root = made_up_tree(tmp_path / "tree", "")
    (root / PGTABLE).unlink()
    (root / PGTABLE).symlink_to(tmp_path / "secret.h")
    assert f"{PGTABLE} is a link that leaves the tree" in refusal(root)


def test_links_inside_the_tree_are_followed(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path / "tree", "#define _PAGE_A 2\n")
    (root / PGTABLE).rename(root / "elsewhere.h")
    (root / PGTABLE).symlink_to("../../../../elsewhere.h")
    assert lift_tree(root, "loongarch").constants == {"_PAGE_A": 2}


def test_a_link_that_points_at_itself(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    (root / PGTABLE).unlink()
    (root / PGTABLE).symlink_to("pgtable.h")
    assert f"{PGTABLE} cannot be opened" in refusal(root)


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    (root / PGTABLE).unlink()
    os.mkfifo(root / PGTABLE)
    assert f"{PGTABLE} is not a regular file" in refusal(root)


def test_a_folder_is_no_header(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    (root / PGTABLE).unlink()
    (root / PGTABLE).mkdir()
    assert f"{PGTABLE} is not a regular file" in refusal(root)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_header(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    (root / PGTABLE).chmod(0)
    assert f"{PGTABLE} cannot be read: Permission denied" in refusal(root)


def test_folders_that_are_links(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path / "tree", "")
    (root / "arch" / "loongarch").rename(tmp_path / "moved")
    (root / "arch" / "loongarch").symlink_to(tmp_path / "moved")
    assert "is a link that leaves the tree" in refusal(root)
    (root / "arch" / "loongarch").unlink()
    (root / "arch" / "loongarch").symlink_to("loongarch")
    message = refusal(root)
    assert "cannot be opened" in message or "has no arch/loongarch" in message or "is missing" in message
    (root / "arch" / "loongarch").unlink()
    (root / "arch" / "loongarch").symlink_to("../arch")
    assert f"{PGTABLE} is missing" in refusal(root)


def test_an_include_through_a_link_that_leaves_the_tree(tmp_path: Path) -> None:
    (tmp_path / "secret.h").write_text("#define _PAGE_SECRET 1\n")
    root = made_up_tree(tmp_path / "tree", "#include <asm/pgtable-bits.h>\n")
    (root / "arch" / "loongarch" / "include" / "asm" / "pgtable-bits.h").symlink_to("../../../../../secret.h")
    message = refusal(root)
    assert "pgtable-bits.h is a link that leaves the tree" in message and "SECRET" not in message


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/stdin", "/proc/self/mem", "/proc/self/fd/0", "/dev/tty"])
def test_links_to_devices_leave_the_tree(tmp_path: Path, target: str) -> None:
    root = made_up_tree(tmp_path, "")
    (root / PGTABLE).unlink()
    (root / PGTABLE).symlink_to(target)
    message = refusal(root)
    assert "is a link that leaves the tree" in message or "cannot be opened" in message


@pytest.mark.parametrize("path", [PGTABLE, "Makefile", "include/linux/pgtable.h", "include/generated/utsrelease.h"])
@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, path: str, kind: str) -> None:
    root = made_up_tree(tmp_path, "")
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(root / path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made, pytest.MonkeyPatch.context() as patch:
            patch.chdir((root / path).parent)
            made.bind((root / path).name)
    else:
        try:
            os.mknod(root / path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        except OSError:
            pytest.skip("only root may make devices")
    assert f"{path} is not a regular file" in refusal(root)


def test_pipes_among_the_sources_are_not_opened(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    (root / "arch" / "loongarch" / "mm").mkdir()
    os.mkfifo(root / "arch" / "loongarch" / "mm" / "cache.c")
    assert "arch/loongarch/mm/cache.c is not a regular file" in refusal(root)


def test_nul_bytes(tmp_path: Path) -> None:
    assert refused_header(tmp_path, b"int x;\n\0\n") == f"{PGTABLE}:2: a NUL byte: this is no C source"


def test_bytes_that_are_no_utf8_do_no_harm_in_comments(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, b"/* \xe9\xff */\n#define _PAGE_A 4\n")
    assert lift_tree(root, "loongarch").constants == {"_PAGE_A": 4}


def test_bytes_that_are_no_utf8_are_refused_in_helpers(tmp_path: Path) -> None:
    header = mkdirty("return ?;").encode().replace(b"?", b"\xe9")
    assert refused_header(tmp_path, header) == f"{PGTABLE}:2: syntax error: an expression expected before '?'"


def test_a_huge_file(tmp_path: Path) -> None:
    assert f"larger than the limit of {MAX_FILE_BYTES} bytes" in refused_header(tmp_path, "\n" * (MAX_FILE_BYTES + 1))


def test_a_file_with_a_hole_of_a_terabyte(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    os.truncate(root / PGTABLE, 1 << 40)
    assert f"larger than the limit of {MAX_FILE_BYTES} bytes" in refusal(root)


def test_very_many_files_of_some_size(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "#include <asm/pgtable-bits.h>\n" * 9, pgtable_bits="\n" * 900_000)
    assert "the sources read so far are larger than the limit" in refusal(root)


def test_a_macro_of_a_million_lines(tmp_path: Path) -> None:
    assert "larger than the limit" in refused_header(tmp_path, "#define X \\\n" + "1 \\\n" * 1_000_000 + "1\n")


def test_a_macro_defined_a_hundred_thousand_times(tmp_path: Path) -> None:
    header = "#define X X + 1\n" * 50_000 + "#define pte_mkdirty(p) X\n"
    assert not_lifted(tmp_path, header).reason == "X is not known"


def test_a_macro_of_very_many_lines(tmp_path: Path) -> None:
    message = refused_header(tmp_path, "#define X " + "\\\n" * 200_000 + "1\n")
    assert message.startswith(f"{PGTABLE}:1: a line of ") and "limit" in message


@pytest.mark.parametrize(
    "line", ['"' + '\\"' * 400_000, "'" * 800_000, "/ *" * 250_000, '"' * 900_001, "\\ " * 400_000]
)
def test_lines_made_to_be_slow(tmp_path: Path, line: str) -> None:
    assert "longer than the limit" in refused_header(tmp_path, line + "\n")


def test_many_slow_lines(tmp_path: Path) -> None:
    line = ('"' + '\\"' * 30_000 + "\n") * 15
    assert refused_header(tmp_path, line + "}").endswith("'}' without its counterpart")


def slowly(*values: str) -> list[object]:
    """More of the same for CI."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


@pytest.mark.parametrize(
    "text",
    ["f(){}" * 180_000, "(" * 900_000, *slowly(";" * 900_000, "a " * 450_000, "x{}" * 300_000, "{" * 900_000)],
)
def test_very_many_tokens(tmp_path: Path, text: str) -> None:
    pieces = "\n".join(text[i : i + 60_000] for i in range(0, len(text), 60_000))
    assert PGTABLE in refused_header(tmp_path, pieces)


def test_a_recursive_macro_is_an_unknown_name(tmp_path: Path) -> None:
    found = not_lifted(
        tmp_path, "#define LOOP (LOOP + 1)\n" + "static inline pte_t pte_mkdirty(pte_t pte) { return __pte(LOOP); }\n"
    )
    assert found.reason == "LOOP is not known"


def test_mutually_recursive_function_macros_end(tmp_path: Path) -> None:
    header = "#define f(x) g(x) + g(x)\n#define g(x) f(x) + f(x)\n#define pte_mkdirty(p) h\n#define h f(f(1))\n"
    assert not_lifted(tmp_path, header).reason == "f() is not known"


def doubling(step: str) -> str:
    """Sixty macros, each of which holds the next one twice."""
    return "".join(f"#define {step.replace('NEXT', f'B{i + 1}').replace('THIS', f'B{i}')}\n" for i in range(60))


BOMBS = {
    "objects": doubling("THIS NEXT + NEXT") + "#define B60 1\n#define pte_mkdirty(p) B0\n",
    "functions": doubling("THIS(x) NEXT(x x) NEXT(x x)") + "#define pte_mkdirty(p) B0(1)\n",
    "arguments": doubling("THIS(x) NEXT(x + x)") + "#define B60(x) x\n#define pte_mkdirty(p) B0(p)\n",
    "wide": f"#define W {'V ' * 20_000}\n#define V {'U ' * 20_000}\n#define U 1\n#define pte_mkdirty(p) W\n",
    "condition": doubling("THIS NEXT + NEXT") + "#define B60 1\n#if B0\n#endif\n",
    "constant": doubling("THIS NEXT + NEXT") + "#define B60 1\n#define _PAGE_X B0\n",
    "top level": doubling("THIS NEXT NEXT") + "#define B60 int x;\nB0\n",
}


@pytest.mark.parametrize(
    "name", ["condition", *slowly("objects", "wide", "functions", "arguments", "constant", "top level")]
)
def test_a_macro_bomb(tmp_path: Path, name: str) -> None:
    message = refused_header(tmp_path, BOMBS[name])
    assert message.startswith(f"{PGTABLE}:") and "macro bomb" in message


def test_a_long_chain_of_macros(tmp_path: Path) -> None:
    chain = "".join(f"#define C{i} C{i + 1}\n" for i in range(5_000))
    assert "macros nest deeper than the limit" in refused_header(tmp_path, chain + "#define pte_mkdirty(p) C0\n")


def test_macro_arguments_nested_deep(tmp_path: Path) -> None:
    text = "#define f(x) x\n#define pte_mkdirty(p) " + "f(" * 5_000 + "p" + ")" * 5_000 + "\n"
    assert "macros nest deeper than the limit" in refused_header(tmp_path, text)


@pytest.mark.parametrize("operator", ["##", "#"])
def test_words_that_grow_by_pasting(tmp_path: Path, operator: str) -> None:
    step = "x##x" if operator == "##" else "g(#x)"
    text = (
        "".join(f"#define P{i}(x) P{i + 1}({step})\n" for i in range(40))
        + "#define g(x) #x#x\n#define pte_mkdirty(p) P0(ab)\n"
    )
    root = made_up_tree(tmp_path, HEAD + text)
    try:
        found = lift_tree(root, "loongarch")
    except KernelError as error:
        assert "longer than the limit" in str(error) or "macro bomb" in str(error)
    else:
        assert "pte_mkdirty" in {entry.name for entry in found.missing}


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 50_000 + "1" + ")" * 50_000,
        "~" * 50_000 + "1",
        "!" * 300 + "1",
        "1" + " + 1" * 20_000,
        "1 ? " * 10_000 + "1" + " : 1" * 10_000,
        "f(" * 5_000 + ")" * 5_000,
        "({ " * 5_000 + "1;" + " });" * 5_000,
        "(int)" * 10_000 + "1",
        "a.b" + ".b" * 20_000,
        "1 || 2 && 3 | 4 ^ 5 & 6 == 7 < 8 << 9 + 10 * (" * 60 + "1" + ")" * 60,
        "(" * 40 + "1" + (" | 1" * 90 + ")") * 40,
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_deep_nesting(tmp_path: Path, expression: str) -> None:
    lines = expression.replace(" ", "\n") if len(expression) > 60_000 else expression
    message_or_reason = ""
    root = made_up_tree(tmp_path, mkdirty(f"return __pte({lines});"))
    try:
        found = lift_tree(root, "loongarch")
        message_or_reason = next((entry.reason for entry in found.missing if entry.name == "pte_mkdirty"), "")
    except KernelError as error:
        message_or_reason = str(error)
    assert any(word in message_or_reason for word in ("deeper than", "in a row", "longer than")), message_or_reason


def test_blocks_nested_deep(tmp_path: Path) -> None:
    assert "deeper than" in refused_header(tmp_path, mkdirty("{" * 5_000 + "}" * 5_000 + " return pte;"))
    assert "deeper than" in refusal(_other(tmp_path, mkdirty("if (1) " * 5_000 + "return pte;")))


def _other(tmp_path: Path, header: str) -> Path:
    (tmp_path / PGTABLE).write_text(header)
    return tmp_path


def test_nesting_in_a_condition(tmp_path: Path) -> None:
    assert "nest deeper" in refused_header(tmp_path, "#if " + "(" * 190 + "1" + ")" * 190 + "\n#endif\n")
    assert "more than 400 tokens" in refusal(_other(tmp_path, "#if " + "1 + " * 1_000 + "1\n#endif\n"))
    assert "nests deeper" in refusal(_other(tmp_path, "#if 1\n" * 200 + "#endif\n" * 200))


def test_helpers_that_call_each_other_exponentially(tmp_path: Path) -> None:
    chain = "".join(
        f"static inline pte_t f{i}(pte_t p) {{ p = f{i + 1}(p); p = f{i + 1}(p); return f{i + 1}(p); }}\n"
        for i in range(20)
    )
    header = HEAD + chain + "static inline pte_t f20(pte_t p) { return p; }\n#define pte_mkdirty(p) f0(p)\n"
    with pytest.raises(LimitExceeded, match="the helpers take more than"):
        lift_tree(made_up_tree(tmp_path, header), "loongarch")


def test_helpers_that_call_each_other_deep(tmp_path: Path) -> None:
    chain = "".join(f"static inline pte_t f{i}(pte_t p) {{ return f{i + 1}(p); }}\n" for i in range(400))
    header = HEAD + chain + "static inline pte_t f400(pte_t p) { return p; }\n#define pte_mkdirty(p) f0(p)\n"
    assert "nest deeper than" in refused_header(tmp_path, header)


def test_structures_that_grow_exponentially(tmp_path: Path) -> None:
    types = "struct s0 { int a; };\n" + "".join(f"struct s{i + 1} {{ struct s{i} a, b, c; }};\n" for i in range(40))
    found = not_lifted(tmp_path, types + "static inline pte_t pte_mkdirty(pte_t p) { struct s40 s; return p; }\n")
    assert "is not understood" in found.reason or "defined by itself" in found.reason


def test_types_that_are_defined_by_themselves(tmp_path: Path) -> None:
    found = not_lifted(
        tmp_path, "typedef a_t b_t; typedef b_t a_t;\nstatic inline pte_t pte_mkdirty(pte_t p) { a_t x; return p; }\n"
    )
    assert "is defined by itself" in found.reason


@pytest.mark.parametrize("name", ["pte_t", "unsigned", "new_t", "const"])
def test_a_typedef_of_nothing_defines_nothing(tmp_path: Path, name: str) -> None:
    header = f"{HEAD}typedef {name};\n#define pte_mkdirty(pte) __pte(pte_val(pte) | 2)\n"
    found = lift_tree(made_up_tree(tmp_path, header), "loongarch")
    assert found.helpers["pte_mkdirty"](1) == 3


def test_enumerators_that_are_defined_by_themselves(tmp_path: Path) -> None:
    message = refused_header(
        tmp_path, HEAD + "enum e { A = B, B = A };\nstatic inline pte_t pte_mkdirty(pte_t p) { return __pte(A); }\n"
    )
    assert "nest deeper" in message


def test_very_many_variables(tmp_path: Path) -> None:
    body = "".join(f"int v{i} = 0;\n" for i in range(5_000)) + "return pte;"
    assert "variables" in refused_header(tmp_path, mkdirty(body))


def test_a_protection_that_is_no_value(tmp_path: Path) -> None:
    message = refused_header(tmp_path, HEAD + "#define __P010 pte_mkdirty\n")
    assert message == f"{PGTABLE}:2: the protection __P010 cannot be read: pte_mkdirty is not known"


def test_very_many_constants(tmp_path: Path) -> None:
    assert "macros with page-table names" in refused_header(
        tmp_path, "".join(f"#define _PAGE_{i} {i}\n" for i in range(30_000))
    )


def test_names_of_folders_are_made_fit_to_print(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    (root / "arch" / "evil\x1b[31m\nname").mkdir()
    refusal(root, "x86-64")


def test_nothing_of_the_tree_is_run(tmp_path: Path) -> None:
    root = made_up_tree(tmp_path, "")
    (root / "Makefile").write_text(f"VERSION = $(shell touch {tmp_path}/ran)\nPATCHLEVEL = 1\n")
    assert lift_tree(root, "loongarch").version == "unknown"
    assert not (tmp_path / "ran").exists()
