"""Directives: includes from a restricted list of headers, conditionals, definitions.

Only headers on the architecture's list are read. A name that another header would define stays unknown, so
whatever expression depends on it is refused later instead of being guessed; in #if it counts as undefined, as in C.
The list therefore holds every header that defines a name which the conditions of the others ask for.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.kernel.conditions import holds
from models.kernel.errors import (
    MAX_CONDITIONALS,
    MAX_INCLUDE_DEPTH,
    MAX_INCLUDES,
    MAX_TOKENS,
    Budget,
    KernelError,
    Unsupported,
)
from models.kernel.macros import Arguments, Computed, Macro, Macros
from models.kernel.source import Tree
from models.kernel.tokens import JOIN, Token, logical_lines, printable, tokenize

_DIRECTIVE = re.compile(r"[ \t\f\v\x02]*#[ \t\f\v\x02]*([a-z_]*)[ \t\f\v\x02]*(.*)", re.DOTALL)
_DEFINE = re.compile(r"([A-Za-z_$][A-Za-z0-9_$]*)(\(([^()]*)\))?(.*)", re.DOTALL)
_INCLUDE = re.compile(r'(<([^>"]+)>|"([^">]+)")[ \t\x02]*$')
_PARAMETER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*$")

PRELUDE = {
    "__KERNEL__": "1", "__AC(x, suffix)": "(x##suffix)", "_AC(x, suffix)": "__AC(x, suffix)",
    "_AT(type, x)": "((type)(x))",
    "_UL(x)": "(_AC(x, UL))", "_ULL(x)": "(_AC(x, ULL))", "UL(x)": "(_UL(x))", "ULL(x)": "(_ULL(x))",
    "__pfn_to_phys(pfn)": "PFN_PHYS(pfn)", "__phys_to_pfn(address)": "PHYS_PFN(address)",
    "BIT(n)": "(1UL << (n))", "BIT_ULL(n)": "(1ULL << (n))",
    "GENMASK(high, low)": "((~0UL << (low)) & (~0UL >> (8 * sizeof(long) - 1 - (high))))",
    "GENMASK_ULL(high, low)": "((~0ULL << (low)) & (~0ULL >> (63 - (high))))",
}  # fmt: skip
"""Plain arithmetic macros that every architecture uses; a tree's own definitions replace them."""

LOWMEM = {
    "page_to_virt(page)": "(__va((phys_addr_t)page_to_pfn(page) << PAGE_SHIFT))",
    "page_address(page)": "(page_to_virt(page))",
}
"""Where the kernel sees a page (include/linux/mm.h), if it maps all memory: in no kernel with CONFIG_HIGHMEM."""


@dataclass
class _Conditional:
    """One open #if: whether its present branch counts, and whether one has counted already."""

    line: int
    active: bool
    taken: bool
    outer: bool
    after_else: bool = False


@dataclass
class Sources:
    """What was read from a tree: the tokens that are left of the headers, and the macros.

    Attributes:
        tree: where the files come from.
        folder: the architecture's folder under ``arch/``.
        allowed: include names that are read; True if one of them may be absent.
        config: the kernel configuration, option -> value.
        folders: further folders where included headers are looked for.
        tokens: what remains, macros not expanded.
        files: the files read, in order.
    """

    tree: Tree
    folder: str
    allowed: Mapping[str, bool]
    config: Mapping[str, str]
    folders: tuple[str, ...] = ()
    tokens: list[Token] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    _includes: int = 0

    def __post_init__(self) -> None:
        enabled: dict[str, Computed] = dict.fromkeys(("IS_ENABLED", "IS_BUILTIN", "IS_REACHABLE"), self._is_enabled)
        self.macros = Macros(enabled)
        self._budget = Budget(MAX_TOKENS, f"the sources have more than {MAX_TOKENS} tokens by here")
        lowmem = {} if "CONFIG_HIGHMEM" in self.config else LOWMEM
        for head, text in {**PRELUDE, **lowmem}.items():
            self._define(head + " " + text, "(built in)", 0)
        for name, value in self.config.items():
            self._define(f"{name} {value}", "(configuration)", 0)

    def _is_enabled(self, macros: Macros, arguments: Arguments, call: Token) -> list[Token]:
        if len(arguments) != 1 or len(arguments[0]) != 1:
            raise Unsupported(f"{call.text} needs one option", call)
        option = arguments[0][0].text
        macros.asked.add(option)
        value = "1" if self.config.get(option) == "1" else "0"
        return [Token("number", value, call.file, call.line, call.seq)]

    def read(self, path: str, depth: int = 0) -> None:
        """Reads a file of the tree with everything that it includes from the list.

        Raises:
            KernelError: the file or its directives cannot be read.
        """
        self._includes += 1
        if path not in self.files:
            self.files.append(path)
        stack: list[_Conditional] = []
        for line, text in logical_lines(self.tree.read(path), path):
            directive = _DIRECTIVE.match(text)
            if directive:
                # joined breaks inside the directive's start would shift its line by as many
                place = line + text.count(JOIN, 0, directive.start(2))
                self._directive(directive.group(1), directive.group(2), path, place, stack, depth)
            elif not stack or stack[-1].active:
                found = tokenize(text, path, line, self.macros.seq)
                if found:
                    self._budget.spend(len(found), found[0])
                    self.tokens.extend(found)
        if stack:
            raise KernelError(f"{path}:{stack[-1].line}: this #if has no #endif")

    def _directive(self, name: str, rest: str, path: str, line: int, stack: list[_Conditional], depth: int) -> None:
        active = not stack or stack[-1].active
        if name in ("if", "ifdef", "ifndef"):
            if len(stack) >= MAX_CONDITIONALS:
                raise KernelError(f"{path}:{line}: #if nests deeper than the limit of {MAX_CONDITIONALS}")
            truth = active and self._test(name, rest, path, line)
            stack.append(_Conditional(line, truth, truth, active))
        elif name in ("elif", "else", "endif"):
            self._continue(name, rest, path, line, stack)
        elif not active or not name:
            return
        elif name == "define":
            self._define(rest, path, line)
        elif name == "undef":
            self.macros.define(rest.strip(" \t" + JOIN), None)
        elif name == "include":
            self._include(rest, path, line, depth)
        elif name == "error":
            raise KernelError(
                f"{path}:{line}: the headers refuse the configuration: #error {printable(rest.strip(), 200)}"
            )
        elif name not in ("pragma", "warning", "ident", "line"):
            raise KernelError(f"{path}:{line}: the directive #{printable(name)} is not known")

    def _continue(self, name: str, rest: str, path: str, line: int, stack: list[_Conditional]) -> None:
        if not stack:
            raise KernelError(f"{path}:{line}: #{name} without #if")
        top = stack[-1]
        if name == "endif":
            stack.pop()
            return
        if top.after_else:
            raise KernelError(f"{path}:{line}: #{name} after #else")
        top.after_else = name == "else"
        top.active = top.outer and not top.taken and (name == "else" or self._test("if", rest, path, line))
        top.taken = top.taken or top.active

    def _test(self, name: str, rest: str, path: str, line: int) -> bool:
        tokens = tokenize(rest, path, line, self.macros.seq)
        if name == "if":
            return holds(tokens, self.macros, path, line)
        if len(tokens) != 1 or tokens[0].kind != "word":
            raise KernelError(f"{path}:{line}: #{name} needs one name")
        return self.macros.defined(tokens[0].text) == (name == "ifdef")

    def _define(self, rest: str, path: str, line: int) -> None:
        found = _DEFINE.match(rest)
        if not found:
            raise KernelError(f"{path}:{line}: #define needs a name")
        name, parens, inner, text = found.groups()
        params = (
            tuple(part.strip(" \t" + JOIN) for part in inner.split(",")) if parens and inner.strip(" \t" + JOIN) else ()
        )
        variadic = bool(params) and params[-1].endswith("...")
        if variadic:
            params = (*params[:-1], params[-1][:-3].strip() or "__VA_ARGS__")
        if not all(_PARAMETER.match(param) for param in params):
            raise KernelError(f"{path}:{line}: the parameters of the macro {printable(name)} cannot be read")
        line += rest.count(JOIN, 0, found.start(4))
        self.macros.define(name, Macro(name, params if parens else None, variadic, text, path, line))

    def _include(self, rest: str, path: str, line: int, depth: int) -> None:
        found = _INCLUDE.match(rest)
        if not found:
            raise KernelError(f"{path}:{line}: #include {printable(rest)} is not understood")
        name = found.group(2) or found.group(3)
        target = self._resolve(name, path, line, quoted=bool(found.group(3)))
        if target and (depth >= MAX_INCLUDE_DEPTH or self._includes >= MAX_INCLUDES):
            raise KernelError(
                f"{path}:{line}: headers include each other more than {MAX_INCLUDE_DEPTH} deep or {MAX_INCLUDES} times: "
                "an include loop"
            )
        if target:
            self.read(target, depth + 1)

    def _resolve(self, name: str, path: str, line: int, quoted: bool) -> str:
        """The path of an included header, "" if it is not on the list."""
        leaves = posixpath.normpath(posixpath.join(posixpath.dirname(path), name)).startswith("../")
        if name.startswith("/") or (".." in name.split("/") and leaves):
            raise KernelError(f"{path}:{line}: #include {printable(name)} leaves the tree; it is not followed")
        if name not in self.allowed:
            return ""
        near = [posixpath.dirname(path)] if quoted else []
        own = (f"arch/{self.folder}/include", f"arch/{self.folder}/include/uapi")
        places = [*near, *own, *self.folders, "include", "include/uapi"]
        generic = [f"include/asm-generic/{name[4:]}"] if name.startswith("asm/") else []
        for candidate in [*(posixpath.join(place, name) for place in places), *generic]:
            if self.tree.has(candidate):
                return candidate
        if self.allowed[name]:
            return ""
        raise KernelError(f"{path}:{line}: the header {name} that is included here is missing from the tree")
