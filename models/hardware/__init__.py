"""What the CPUs do with entries, one module for each folder of the kernel's ``arch/``.

A description is a function of the tree's own bit masks: low-level handlers use the same macros as the helpers, and
where the CPU fixes a bit's place the description says so and refuses a tree that has it elsewhere.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from checker.records import dataclass, field
from models.pte import Hardware

Constants = Mapping[str, int]
"""Name of a macro -> its value in the tree (:attr:`models.kernel.LiftedTree.constants`)."""


@dataclass(frozen=True)
class NamedBit:
    """A bit to be shown by name, wherever the tree has it.

    Attributes:
        macro: the kernel's name.
        letter: one character that stands for it in a trace; unique among the bits that are shown together.
        says: what it means, in a few words.
        shift: how far the kernel shifts the macro's value to put it into an entry: 32 in a second word.
        only: the features of which one must be in force for the bit to be there, "" for none of them; empty: always.
    """

    macro: str
    letter: str
    says: str
    shift: int = 0
    only: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The macro, told apart from the same one in the first word."""
        return f"{self.macro} (high)" if self.shift else self.macro

    def shown(self, features: frozenset[str]) -> bool:
        """Whether the bit is there with these features."""
        return not self.only or bool(self.only & (features or {""}))


@dataclass(frozen=True)
class Machine:
    """One architecture's hardware.

    Attributes:
        name: the architecture's name in ptecheck, as in :data:`models.kernel.platforms.PLATFORMS`.
        bits: the named bits.
        describe: (the tree's constants, features in force) -> level -> behaviour. Raises KeyError for a constant that
            the tree does not have.
        fixed: macros whose value the CPU fixes -> that value; a tree with another one is a tree of another machine.
    """

    name: str
    bits: tuple[NamedBit, ...]
    describe: Callable[[Constants, frozenset[str]], Mapping[str, Hardware]]
    fixed: Mapping[str, int] = field(default_factory=dict)


def machines() -> dict[str, Machine]:
    """Every description by the architecture's name."""
    import pkgutil

    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return {machine.name: machine for module in modules for machine in module.MACHINES}
