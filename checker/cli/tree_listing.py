"""``ptecheck list ... --kernel TREE``: the machines of a tree, and what became of each helper that was looked for."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from checker.cli.kernels import KernelTree, opened
from checker.cli.main import UsageError
from checker.cli.trees import fill, short, tree_configs

if TYPE_CHECKING:
    from models.kernel import LiftedTree
    from models.kernel.architectures import Platform
    from models.kernel.coverage import Coverage

Entry = Callable[[str, str, str], str]
"""How a list prints one thing: its name, a sentence, a source."""

STATES = ("lifted", "absent", "not lifted")


def machines(kernel: KernelTree | None, entry: Entry) -> Iterator[str]:
    """Every machine that can be read from a tree, with its options; of one tree, those that it has."""
    from models.kernel.platforms import PLATFORMS

    names = [short(c) for c in tree_configs([], kernel)] if kernel else list(PLATFORMS)
    for name in names:
        platform = (kernel.platforms if kernel else PLATFORMS)[name]
        yield entry(name, f"{platform.says} (arch/{platform.folder}, {_levels(platform)})", "")
        for feature, found in platform.features.items():
            without = f"; not with {', '.join(sorted(found.excludes))}" if found.excludes else ""
            yield entry(f"{name}+{feature}", found.says + without, "")


def _levels(platform: Platform) -> str:
    return f"pages at {', '.join(platform.levels)}" if len(platform.levels) > 1 else "small pages only"


def run_helpers(names: Sequence[str], kernel: KernelTree) -> int:
    """Prints what became of each helper; 3 if some could not be read."""
    configs = tree_configs(list(names), kernel)
    lifted = {config: _lifted(config, kernel) for config in configs}
    if len(configs) == 1:
        print("\n".join(_one(short(configs[0]), lifted[configs[0]])))
    else:
        print("\n".join(_table(lifted)))
    open_ = any(isinstance(tree, str) or _of_state(tree, "not lifted") for tree in lifted.values())
    return 3 if open_ else 0


def _lifted(config: str, kernel: KernelTree) -> LiftedTree | str:
    """What was read for a machine, or why nothing was."""
    from models.kernel import KernelError, lift_tree
    from models.registry import split_config

    name, features, _ = split_config(config)
    try:
        return lift_tree(opened(kernel), kernel.platforms[name], features)
    except KernelError as why:
        return str(why)


def _of_state(tree: LiftedTree, state: str) -> list[Coverage]:
    return [found for found in tree.coverage.values() if found.state == state]


def _table(lifted: dict[str, LiftedTree | str]) -> Iterator[str]:
    width = max(len(short(config)) for config in lifted) + 1
    yield f"{'':{width}}{'lifted: own':>12}{'generic':>9}{'absent':>8}{'not lifted':>12}"
    for config, tree in lifted.items():
        if isinstance(tree, str):
            yield fill(f"{short(config)}: {tree}", "").rstrip()
            continue
        own = Counter(found.says for found in _of_state(tree, "lifted"))
        counts = [own["architecture"], own["generic"], *(len(_of_state(tree, state)) for state in STATES[1:])]
        cells = (f"{count or '-':>{w}}" for count, w in zip(counts, (12, 9, 8, 12), strict=True))
        yield f"{short(config):{width}}{''.join(cells)}"
    for config, tree in lifted.items():
        for found in () if isinstance(tree, str) else _of_state(tree, "not lifted"):
            yield fill(f"{short(config)}: {found.name}: {_where(found)}{found.says}", "").rstrip()


def _one(name: str, tree: LiftedTree | str) -> Iterator[str]:
    if isinstance(tree, str):
        raise UsageError(tree)
    yield f"{name}, Linux {tree.version}"
    for state in STATES:
        found = _of_state(tree, state)
        if found:
            yield f"\n{state}"
        for helper in found:
            yield from textwrap.wrap(
                f"{helper.name}: {_where(helper)}{helper.says}", 78, initial_indent="  ", subsequent_indent="    ",
                break_on_hyphens=False,
            )  # fmt: skip


def _where(found: Coverage) -> str:
    return f"{found.file}:{found.line}: " if found.file else ""
