"""Which helpers made an entry what it is: the same model run on integers that remember the calls behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checker.records import dataclass, replace
from models.helper_world import protections
from models.pte import Architecture, Hardware


@dataclass(frozen=True)
class Call:
    """One helper call on an entry: its name, with the protection if it takes one, and the entry before and after."""

    name: str
    before: int
    after: int

    @property
    def helper(self) -> str:
        """The helper's name alone."""
        return self.name.partition("(")[0]


class Remembering(int):
    """An entry that carries the calls that produced it; any other arithmetic gives a plain integer."""

    calls: tuple[Call, ...]

    def __new__(cls, value: int, calls: tuple[Call, ...]) -> Remembering:
        entry = super().__new__(cls, value)
        entry.calls = calls
        return entry


def calls_behind(value: Any) -> tuple[Call, ...]:
    """The helper calls that led to a value, oldest first; none for a value nobody changed."""
    return value.calls if isinstance(value, Remembering) else ()


def _remember(
    name: str, helper: Callable[..., Any], width: int, arguments: Mapping[int, str] | None = None
) -> Callable[..., Any]:
    def call(entry: Any, *args: Any) -> Any:
        result = helper(entry, *args)
        if isinstance(result, bool):
            return result
        after = int(result) & ((1 << width) - 1)
        said = [arguments[a] for a in args if a in arguments] if arguments else []
        told = f"{name}({', '.join(said)})" if said else name
        return Remembering(after, (*calls_behind(entry), Call(told, int(entry), after)))

    return call


def narrated(arch: Architecture) -> Architecture:
    """The same architecture for integers only, whose entries know which helpers and hardware steps made them."""
    words = {protection.word: protection.name for protection in reversed(protections(arch))}
    return replace(
        arch,
        helpers={
            name: _remember(name, helper, arch.width, words if name.endswith("_modify") else None)
            for name, helper in arch.helpers.items()
        },
        hardware=_narrated_hardware(arch.hardware, arch.width),
        hardwares={level: _narrated_hardware(found, arch.width) for level, found in arch.hardwares.items()},
    )


def _narrated_hardware(hardware: Hardware, width: int) -> Hardware:
    return replace(
        hardware,
        loaded=_remember("the load", hardware.loaded, width),
        records=_remember("the CPU", hardware.records, width),
        handled=_remember("the TLB handler", hardware.handled, width),
    )


def describe(arch: Architecture, call: Call) -> str:
    """A call and the named bits it changed, ``pte_mkdirty +D +M``; without any it says so."""
    changes = [
        f"{'+' if call.after & bit.mask else '-'}{bit.letter}"
        for bit in arch.bits
        if (call.before ^ call.after) & bit.mask
    ]
    return " ".join([call.name, *(changes or ["(no change)"])])
