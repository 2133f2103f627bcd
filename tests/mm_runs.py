"""Random runs of mm worlds on whole states, by the compiled definitions of the explicit engine."""

from __future__ import annotations

import random
from collections.abc import Iterator

from checker.codegen import compile_successors
from checker.system import TransitionSystem
from checker.terms import BOOL
from models.mm.catalogue import ALL, SWITCHES
from models.mm.kernel import REPAIRS
from models.mm.state import PMD, PTE, World, names, zero_page
from models.registry import architecture
from models.worlds import mm_system

WRITES = (
    "store", "force_write", "dma_write", "stale_store", "fork_pte_race", "fork_pmd_race", "load_race", "age_race",
)  # fmt: skip
"""Operations in which a process writes its page."""

OFTEN = ("store", "fork_pte", "fork_nonpresent", "wp_page_copy", "first_touch_write", "try_to_unmap", "pageout")
"""Operations that random runs take more often than their share."""


class Walker:
    """Takes random steps in a system, on whole states."""

    def __init__(self, system: TransitionSystem) -> None:
        self.system = system
        widths = [leaf.sort.width for leaf in system.layout.leaves]
        self._successors = compile_successors(
            system.relation, tuple(1 if width == BOOL else (1 << width) - 1 for width in widths)
        )

    def successors(self, values: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
        """(operation, leaf values after it) for every operation that is possible."""
        for number, after in self._successors(values):
            yield self.system.operations[number].name, after

    def run(self, seed: int, steps: int) -> Iterator[tuple[str, World, World]]:
        """(operation, state before, state after) for each step; stores, forks and new pages come up more often."""
        rng = random.Random(seed)
        layout = self.system.layout
        values = layout.concrete(self.system.starts[seed % len(self.system.starts)].run(()))
        for _ in range(steps):
            before = layout.state(values)
            options = [
                (self.system.operations[number].name, after)
                for number, after in self._successors(values)
                if not _stores_into_zeroes(self.system.operations[number].name, before)
            ]
            if not options:
                return
            by_kind: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
            for option in options:
                by_kind.setdefault(option[0].partition("(")[0], []).append(option)
            often = [kind for kind in by_kind if kind in OFTEN]
            kind = rng.choice(often if often and rng.random() < 0.4 else list(by_kind))
            name, values = rng.choice(by_kind[kind])
            yield name, before, layout.state(values)


def _stores_into_zeroes(name: str, before: World) -> bool:
    """A store through a writable mapping of the zero page, after which the model's zeroes are nobody's zeroes."""
    what, _, who = name.rstrip(")").partition("(")
    process = before.processes[list(names(len(before.processes))).index(who)]
    return what in WRITES and process.level in (PTE, PMD) and process.page == zero_page(before)


def whole(config: str, processes: int, repaired: bool = True) -> TransitionSystem:
    """The whole world of a configuration, switches included, with or without the repairs of generic mm."""
    repairs = frozenset(REPAIRS) if repaired else frozenset()
    return mm_system(architecture(config), processes=processes, features=ALL | SWITCHES, repairs=repairs)
