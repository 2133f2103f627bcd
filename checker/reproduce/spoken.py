"""The model run on C: helpers whose values are the text of their call, so that steps and requirements print themselves.

Every helper call gives a variable of the checker's terms that stands for a piece of C, beside its value in the trace. What the
model's functions make of such variables (a guard, the next entry, a requirement) is then a term over calls of the kernel's own
helpers, whatever the world and whatever the requirement: nothing is written down twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from checker import terms
from checker.export.ctext import bare
from checker.reproduce import CannotReproduce
from checker.terms import Term
from models.helper_world import FRESH, VM_EXEC, VM_READ, VM_SHARED, VM_WRITE, protections
from models.pte import Architecture, Hardware

if TYPE_CHECKING:
    from models.pte import Helper

WORD, TEST = "word", "test"
"""Kinds of values besides the levels of entries."""

HARDWARE_TESTS = ("readable", "writable", "silent", "recording", "handler", "traps", "executable")
HARDWARE_CHANGES = ("store", "records", "handled", "loaded")
"""What a machine is asked of an entry, and what it makes of one."""

NOVMA = ("mkwrite",)
"""Helpers that since Linux 6.6 take the VMA under this name, and have the plain form under ``..._novma``."""


@dataclass(frozen=True)
class Said:
    """A piece of C.

    Attributes:
        text: the expression.
        kind: ``pte``, ``pmd`` or ``pud`` for an entry of the level, ``word`` or ``test``.
        value: what it is in the trace.
        of: the entry that a helper was applied to, or None.
        call: the helper's call with ``{}`` for that entry.
    """

    text: str
    kind: str
    value: int
    of: Said | None = None
    call: str = ""

    @property
    def number(self) -> str:
        """The expression as a number or a condition."""
        return f"{self.kind}_val({self.text})" if self.kind in FRESH else self.text


@dataclass
class Speech:
    """What was said so far.

    Attributes:
        said: each variable with the C that it stands for.
        machine: each C function that answers for the machine, with its level and what it tells.
        preferred: protection word -> flags, where a step names its protection.
        fallback: protection word -> flags, any that has this word.
    """

    fallback: Mapping[int, str]
    said: dict[Term, Said] = field(default_factory=dict)
    machine: dict[str, tuple[str, str]] = field(default_factory=dict)
    preferred: dict[int, str] = field(default_factory=dict)

    def say(self, said: Said) -> Term:
        """The variable that stands for a piece of C."""
        term = terms.variable(said.text, terms.BOOL if said.kind == TEST else 64)
        self.said[term] = said
        return term

    def apply(self, call: str, of: Said, kind: str, value: int) -> Term:
        """What a call makes of an entry; ``{}`` stands for the entry in it."""
        return self.say(Said(call.format(of.text), kind, value, of, call))

    def value(self, term: Any) -> int:
        """The value of a term in the trace."""
        if not isinstance(term, Term):
            return int(term)
        return int(terms.evaluate([term], {v: _typed(v, said.value) for v, said in self.said.items()})[0])

    def entry(self, term: Any) -> Said:
        """An entry as C.

        Raises:
            CannotReproduce: it is not made by the kernel's helpers alone.
        """
        if isinstance(term, Term) and term in self.said:
            return self.said[term]
        if isinstance(term, Term) and term.op == "ite":
            then, otherwise = self.entry(term.args[1]), self.entry(term.args[2])
            text = f"({self.condition(term.args[0])} ? {then.text} : {otherwise.text})"
            return Said(text, then.kind, self.value(term))
        raise CannotReproduce("an entry is made by arithmetic, not by the kernel's own helpers")

    def condition(self, term: Any) -> str:
        """A condition as C."""
        return bare(self._part(term if isinstance(term, Term) else terms.constant(bool(term), terms.BOOL)))

    def _part(self, term: Term) -> str:
        if term in self.said:
            return self.said[term].number
        if term.op == "const":
            return f"{term.data:#x}" if term.width else str(term.data).lower()
        parts = [self._part(arg) for arg in term.args]
        if term.op in ("and", "or"):
            return "(" + {"and": " && ", "or": " || "}[term.op].join(parts) + ")"
        if term.op not in _PATTERNS:
            raise CannotReproduce("a requirement computes with bits of its own, not with the kernel's helpers")
        return _PATTERNS[term.op].format(*parts)

    def flags(self, word: int) -> str:
        """The VM_* flags of a page protection word."""
        found = self.preferred.get(word, self.fallback.get(word))
        if found is None:
            raise CannotReproduce(f"no vm_flags have the page protection {word:#x}")
        return found


def _typed(variable: Term, value: int) -> int | bool:
    return bool(value) if variable.width == terms.BOOL else value


_PATTERNS = {"not": "!{0}", "eq": "({0} == {1})", "ite": "({0} ? {1} : {2})"}


def vm_flags(name: str) -> str:
    """A protection as /proc/PID/maps has it, or as the PTE world calls it, in the kernel's flags."""
    classes = {"NONE": "---p", "READONLY": "r--p", "PRIVATE": "rw-p", "SHARED": "rw-s"}
    letters = classes.get(name, name)
    names = {"r": "VM_READ", "w": "VM_WRITE", "x": "VM_EXEC", "s": "VM_SHARED"}
    return " | ".join(names[letter] for letter in letters if letter in names) or "VM_NONE"


FLAG_VALUES = {"VM_READ": VM_READ, "VM_WRITE": VM_WRITE, "VM_EXEC": VM_EXEC, "VM_SHARED": VM_SHARED, "VM_NONE": 0}


class SpokenHardware(Hardware):
    """A machine whose answers are C: ``hw_writable(pte_val(pte))``."""

    ask: Callable[[str, Any], Any]

    def writable(self, entry: Any) -> Any:
        return self.ask("writable", entry)

    def traps(self, entry: Any) -> Any:
        return self.ask("traps", entry)

    def store(self, entry: Any) -> Any:
        return self.ask("store", entry)


def machine_function(arch: Architecture, level: str, name: str) -> str:
    """The C function that answers for the machine; one for all levels where they behave alike."""
    alike = arch.hardware_at(level) is arch.hardware_at("pte")
    return f"hw_{name}" if alike else f"hw_{name}_{level}"


def _spoken_hardware(arch: Architecture, level: str, speech: Speech) -> Hardware:
    plain = arch.hardware_at(level)

    def ask(name: str, entry: Any) -> Any:
        said = speech.entry(entry)
        kind = said.kind
        function = machine_function(arch, level, name)
        speech.machine[function] = (level, name)
        call = f"{function}({kind}_val({{}}))"
        answer = getattr(plain, name)(said.value)
        always = getattr(plain, name)(terms.variable("entry", 64)) if name in HARDWARE_TESTS else None
        if always is terms.TRUE or always is terms.FALSE or isinstance(always, bool):
            return bool(answer)  # this machine gives every entry the same answer
        if name in HARDWARE_CHANGES:
            return speech.apply(f"__{kind}({call})", said, kind, int(answer))
        return speech.apply(call, said, TEST, bool(answer))

    def asking(name: str) -> Helper:
        return lambda entry: ask(name, entry)

    fields = {name: getattr(plain, name) for name in plain.__dataclass_fields__}
    own = {name for name in (*HARDWARE_TESTS, *HARDWARE_CHANGES) if fields.get(name) is not None}
    found = SpokenHardware(**{**fields, **{name: asking(name) for name in own}})
    object.__setattr__(found, "ask", ask)
    return found


def _spoken_helper(name: str, helper: Helper, speech: Speech) -> Helper:
    level = name.partition("_")[0]
    public = f"{name}_novma" if name.removeprefix(f"{level}_") in NOVMA else name

    def call(entry: Any, *args: Any) -> Any:
        said = speech.entry(entry)
        result = helper(said.value, *args)
        words = [f"vm_get_page_prot({speech.flags(word)})" for word in args]
        text = f"{public}({', '.join(['{}', *words])})"
        kind = TEST if isinstance(result, bool) else WORD if name.endswith("_pfn") else level
        return speech.apply(text, said, kind, int(result) & ((1 << 64) - 1))

    call.term = getattr(helper, "term", None)  # type: ignore[attr-defined]
    return call


def fresh_text(level: str, flags: str) -> str:
    """A fresh entry of a level and a protection, as mm/debug_vm_pgtable.c makes them."""
    made = f"pfn_{level}(pfn, vm_get_page_prot({flags}))"
    return made if level == "pte" else f"{level}_mkhuge({made})"


def _spoken_maker(level: str, helper: Helper, speech: Speech) -> Helper:
    def call(word: int) -> Any:
        return speech.say(Said(fresh_text(level, speech.flags(word)), level, int(helper(word))))

    return call


@dataclass(frozen=True)
class _NotSpoken:
    """A helper on an entry in a page table, of which no test is made."""

    helper: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.helper, name)

    def __call__(self, *args: Any) -> Any:
        raise CannotReproduce(f"{self.helper.name}() works on an entry in a page table, and this test has none")

    def after(self, *args: Any) -> Any:
        """The entry that is left in memory: nothing that a test on values shows."""
        return self(*args)


def spoken(arch: Architecture) -> tuple[Architecture, Speech]:
    """The architecture whose helpers and hardware give C, and what they say."""
    speech = Speech({p.word: vm_flags(p.name) for p in reversed(protections(arch))})
    makers = {name: level for level, name in FRESH.items()}
    helpers = {
        name: _spoken_maker(makers[name], helper, speech) if name in makers else _spoken_helper(name, helper, speech)
        for name, helper in arch.helpers.items()
    }
    by_level = {level: _spoken_hardware(arch, level, speech) for level in arch.hardwares}
    return (
        replace(
            arch,
            helpers=helpers,
            hardware=by_level.get("pte") or _spoken_hardware(arch, "pte", speech),
            hardwares=by_level,
            in_place={name: _NotSpoken(helper) for name, helper in arch.in_place.items()},
            smp=False,  # whether a helper works in one step is told by its C, not by entries
        ),
        speech,
    )
