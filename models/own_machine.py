"""A described machine as what the rest of ptecheck works with: a platform for the lifter, and hardware."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

from models.hardware import Constants, Machine, NamedBit
from models.kernel.architectures import COMMON_HEADERS, CONSTANTS, TEST, WORD, Instead, Platform, RunTime
from models.kernel.errors import KernelError
from models.kernel.lift import LiftedTree
from models.kernel.words import Abi
from models.machine_file import CONDITIONS, Description, MachineFile, description
from models.pte import Hardware

PREFIX = "ptecheck_cpu"
"""What the functions are called that hold the rules of the CPU."""


@lru_cache(maxsize=4)
def platform(file: MachineFile) -> Platform:
    """The described machine for the lifter: the rules are C functions beside those of the tree."""
    from models.kernel.platforms import PLATFORMS

    own = description(file)
    if own.name in PLATFORMS:
        raise KernelError(f"{own.path}: {own.name} is a machine that ptecheck has already: choose another name")
    functions = {
        _function(level, name): Instead(
            _text(_function(level, name), name, rule.text), _assumption(own), file=own.path, line=rule.line
        )
        for level, rules in own.rules.items()
        for name, rule in rules.items()
    }
    return Platform(
        name=own.name,
        folder=own.arch,
        headers={**COMMON_HEADERS, "asm/page.h": True, **dict.fromkeys(own.headers, False)},
        # A header that is not read would include it before asm/pgtable.h.
        first=(f"arch/{own.arch}/include/asm/page.h",),
        config={"CONFIG_MMU": "1", "CONFIG_PAGE_SHIFT": str(own.page_shift), **_wide(own), **own.config},
        sources=dict.fromkeys((own.protections, *own.sources), ()),
        protection_map=own.protections,
        abi=Abi(bits=own.word, big_endian=own.big_endian, physical=64 if own.physical_bits > 32 else 32),
        folders=own.folders,
        runtime={name: RunTime(value, f"{name} is taken as {value:#x}") for name, value in own.given.items()},
        instead=functions,
        hardware={function: TEST if _rule(function) in CONDITIONS else WORD for function in functions},
        constants=(*CONSTANTS, *own.bits, *own.fixed),
        page_shift=own.page_shift,
        physical_bits=own.physical_bits,
        levels=own.levels,
        says=own.says,
    )


def _wide(own: Description) -> dict[str, str]:
    return {"CONFIG_64BIT": "1", "CONFIG_PHYS_ADDR_T_64BIT": "1"} if own.word == 64 else {}


def _function(level: str, rule: str) -> str:
    return f"{PREFIX}_{level}_{rule}"


def _rule(function: str) -> str:
    return function.rpartition("_")[2]


def _text(function: str, rule: str, expression: str) -> str:
    """A rule as a C function; ``pte`` is the entry as a plain word, wide enough for any."""
    test = rule in CONDITIONS
    kind, value = ("int", f"!!({expression})") if test else ("unsigned long long", f"({expression})")
    return f"static inline {kind} {function}(unsigned long long pte) {{ return {value}; }}"


def _assumption(own: Description) -> str:
    return f"the CPU does what {own.path} says, after {own.source}"


def machine(file: MachineFile, lifted: LiftedTree) -> Machine:
    """The hardware of a described machine, with the macros of a tree.

    Raises:
        KernelError: the tree has not got a macro that the description speaks of, or a rule is not understood.
    """
    own = description(file)
    for macro in (*own.bits, *own.fixed):
        line = own.lines[macro]
        if macro not in lifted.constants:
            raise KernelError(f"{own.path}:{line}: {macro}: the tree has no macro of this name with a plain number")
    _check_exceptions(own)
    reasons = {entry.name: entry for entry in lifted.missing}
    for level, rules in own.rules.items():
        for name, rule in rules.items():
            if _function(level, name) not in lifted.hardware:
                reason = reasons[_function(level, name)]
                place = f"{reason.file}:{reason.line}" if reason.file else f"{own.path}:{rule.line}"
                raise KernelError(f"{place}: {name}: {reason.reason}")
    bits = tuple(NamedBit(macro, letter, says) for macro, (letter, says) in own.bits.items())
    return Machine(own.name, bits, partial(_describe, own, lifted), own.fixed)


def _check_exceptions(own: Description) -> None:
    """Refuses an exception to a requirement that does not exist."""
    from models.registry import architecture, suggest
    from models.worlds import every_requirement

    known = [invariant.name for invariant in every_requirement(architecture("x86-64/linux-6.12"))]
    for name in own.exceptions:
        if name not in known:
            raise KernelError(f"{own.path}:{own.lines[name]}: {suggest(name, known, 'requirement')}")


def _describe(
    own: Description, lifted: LiftedTree, _constants: Constants, _features: frozenset[str]
) -> Mapping[str, Hardware]:
    return {level: _hardware(own, lifted, level) for level in own.levels}


def _never(entry: Any) -> Any:
    return (entry & 0) != 0


def _same(entry: Any) -> Any:
    return entry


def _hardware(own: Description, lifted: LiftedTree, level: str) -> Hardware:
    rules = {name: lifted.hardware[_function(level, name)] for name in own.rules[level]}
    return Hardware(
        readable=rules["readable"],
        silent=rules["silent"],
        recording=rules.get("recording", _never),
        records=rules.get("records", _same),
        handler=rules.get("handler", _never),
        handled=rules.get("handled", _same),
        source=own.source,
        serves_writable=own.serves_writable,
        young_gates=own.young_gates,
        executable=rules.get("executable"),
        loaded=rules.get("loaded", _same),
        exceptions=own.exceptions,
    )
