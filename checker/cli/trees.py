"""``check --kernel``: which machines of a kernel tree to look at, and what is printed about many of them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, pairwise

from checker.cli.jobs import HELPER_WORLDS, UNREAD, Job, NotModelled, Outcome, build_system, find_architecture
from checker.cli.kernels import KernelTree, opened
from checker.cli.main import UsageError
from checker.cli.traces import ending
from checker.records import dataclass
from checker.trace import Trace
from checker.verdict import Result, Verdict

MM_MACHINES = ("loongarch", "sparc64", "x86-64")
"""Machines whose choices in generic mm the model knows (models/mm/kernel.py)."""


def tree_configs(configs: list[str], kernel: KernelTree) -> list[str]:
    """The machines to look at: as asked for, or every one of the tree, each without options.

    Args:
        configs: names, ``riscv64+svadu``, or folders of ``arch/``, ``powerpc``.
        kernel: the tree; where the user has described a machine for it, that one stands for every machine.

    Raises:
        UsageError: there is no such machine or option, or the tree cannot be read.
    """
    from models.kernel import KernelError, liftable
    from models.registry import split_config

    found = []
    for config in configs:
        name, features, variant = split_config(config)
        if variant not in (None, "tree"):
            raise UsageError(f"{config}: with --kernel the helpers come from the tree; leave out /{variant}")
        found += [_checked(kernel, machine, features) for machine in _machines_named(name, kernel)]
    if not found and kernel.machine is not None:
        return [f"{list(kernel.platforms)[-1]}/tree"]
    try:
        present = liftable(opened(kernel), kernel.platforms)
    except KernelError as why:
        raise UsageError(str(why)) from None
    return list(dict.fromkeys(found)) or [f"{machine}/tree" for machine in present]


def _machines_named(name: str, kernel: KernelTree) -> list[str]:
    import difflib

    platforms = kernel.platforms
    if name in platforms:
        return [name]
    folder = [machine for machine, platform in platforms.items() if platform.folder == name]
    if folder:
        return folder
    known = [*platforms, *(platform.folder for platform in platforms.values())]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "see ptecheck list architectures"
    raise UsageError(f"no architecture {name!r}: {hint}")


def _checked(kernel: KernelTree, machine: str, features: tuple[str, ...]) -> str:
    known = kernel.platforms[machine].features
    for feature in features:
        if feature not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise UsageError(f"{machine} has no option {feature!r}: {has}")
        clash = known[feature].excludes & set(features)
        if clash:
            raise UsageError(f"{machine}: {feature} and {min(clash)} exclude each other")
    return "+".join((machine, *sorted(set(features)))) + "/tree"


def contract_jobs(
    config: str, kernel: KernelTree | None, levels: Iterable[str], worlds: Iterable[str]
) -> Iterator[Job]:
    """Everything that is required of one machine's helpers, as jobs.

    Args:
        config: its full name.
        kernel: the tree, if the helpers come from one.
        levels: the levels that may map pages.
        worlds: of ``pte`` and ``helpers``, those wanted.
    """
    names = list(levels)
    if "pte" in worlds:
        yield Job(config, "pte", kernel=kernel)
    if "helpers" in worlds:
        yield from (Job(config, "helpers", kernel=kernel, level=level) for level in names)
        yield from (Job(config, "levels", kernel=kernel, level="+".join(p)) for p in pairwise(names))
        yield from (Job(config, "codes", kernel=kernel, level=level) for level in names if kernel)


@dataclass(frozen=True)
class Told:
    """What a report on many machines says of one outcome besides its verdicts.

    Attributes:
        policy: who notices a store through a clean writable entry of the machine.
        endings: invariant -> how its trace ends, where it is broken.
        says: invariant -> what is required, where it is broken, intended or a cost.
    """

    policy: str
    endings: Mapping[str, str]
    says: Mapping[str, str]


def tell(outcome: Outcome) -> Told:
    """Works out what the report says of an outcome, from the helpers of its machine."""
    violated = {r.invariant: r for r in outcome.results if r.verdict is Verdict.VIOLATED}
    traces = {name: r.trace for name, r in violated.items() if r.trace and not r.exception and not r.cost}
    return Told(
        store_policy_words(outcome.job),
        {name: _ending(outcome.job, trace) for name, trace in traces.items()},
        {i.name: i.says for i in build_system(outcome.job).invariants if i.name in violated} if violated else {},
    )


def _told_of(outcome: Outcome) -> Told:
    """What is told of an outcome; worked out here where the process that should have done it was stopped."""
    return outcome.made.told if outcome.made and outcome.made.told else tell(outcome)


def tree_report(outcomes: list[Outcome], kernel: KernelTree) -> str:
    """The report on many machines of one tree: a table, then what is broken, intended and not decided."""
    machines = {config: list(group) for config, group in groupby(outcomes, key=lambda o: o.job.config)}
    text = "\n".join([_heading(machines, kernel), *_table(machines)]) + "\n"
    for title, wanted in _SECTIONS.items():
        paragraphs = [p for config, group in machines.items() for p in _paragraphs(config, group, wanted)]
        text += f"\n{title}\n" + "".join(paragraphs) if paragraphs else ""
    return text + _requirements(outcomes) + f"\nStep by step: ptecheck check MACHINE {kernel.option}\n"


def _heading(machines: dict[str, list[Outcome]], kernel: KernelTree) -> str:
    count = len(machines)
    return f"Linux {opened(kernel).version()}: what generic mm relies on, for {count} machines"


def _table(machines: dict[str, list[Outcome]]) -> Iterator[str]:
    width = max(len(short(config)) for config in machines) + 1
    yield f"{'':{width}}proved broken intended open  a store to a clean entry is seen by"
    for config, group in machines.items():
        results = [result for outcome in group for result in outcome.results]
        counts = [sum(r.verdict is Verdict.PROVED for r in results)]
        counts += [sum(r.failed for r in results), *(sum(map(wanted, results)) for wanted in (_intended, _open))]
        cells = [f"{count or '-':>{w}}" for count, w in zip(counts, (6, 7, 9, 5), strict=True)]
        yield f"{short(config):{width}}{''.join(cells)}  {_told_of(group[0]).policy}".rstrip()


def short(config: str) -> str:
    """A configuration of a tree without saying so."""
    return config.removesuffix("/tree")


def store_policy_words(job: Job) -> str:
    """Who notices a store through a clean writable entry of a job's machine."""
    from models.helper_world import Level, store_policy

    try:
        arch = find_architecture(job.config, job.kernel)
    except (NotModelled, UsageError):
        return ""
    policies = {level: " or ".join(store_policy(Level(arch, level))) for level in arch.levels}
    if len(set(policies.values())) == 1:
        return policies["pte"]
    return ", ".join(f"{level}: {policy}" for level, policy in policies.items())


def _intended(result: Result) -> bool:
    return result.verdict is Verdict.VIOLATED and bool(result.exception)


def _costs(result: Result) -> bool:
    return result.verdict is Verdict.VIOLATED and result.cost


def _open(result: Result) -> bool:
    return result.verdict not in (Verdict.PROVED, Verdict.VIOLATED)


Wanted = Callable[[Result], bool]

_SECTIONS: dict[str, Wanted] = {
    "Broken (shortest way, entry, helper)": lambda result: result.failed,
    "Intended": _intended,
    "At a cost": _costs,
    "Not decided": _open,
}
"""What follows the table, and which results belong to it."""


def _paragraphs(config: str, outcomes: list[Outcome], wanted: Wanted) -> Iterator[str]:
    """What is to be said of one machine: a paragraph for each requirement, for all its levels together."""
    found: dict[tuple[str, str], list[tuple[Outcome, Result]]] = {}
    for outcome in outcomes:
        for result in outcome.results:
            if wanted(result):
                key = ("" if _open(result) else result.invariant, result.exception or result.reason)
                found.setdefault(key, []).append((outcome, result))
    for (_, reason), pairs in found.items():
        yield _paragraph(config, reason, pairs)


def _paragraph(config: str, reason: str, pairs: list[tuple[Outcome, Result]]) -> str:
    outcome, result = pairs[0]
    if result.trace is None:
        names = ", ".join(dict.fromkeys(r.invariant for _, r in pairs if r.invariant != UNREAD))
        return fill(f"{short(config)}: {reason}" + (f" ({names})" if names else ""))
    where = ", ".join(dict.fromkeys(place(other.job) for other, _ in pairs))
    head = f"{short(config)}: {result.invariant} ({where})"
    if result.exception:
        return fill(f"{head}: {result.exception}")
    run = ", ".join([result.trace.start, *(step.operation for step in result.trace.steps[1:])])
    text = fill(f"{head}: {run}")
    if result.cost:
        return text
    return text + _told_of(outcome).endings[result.invariant]


def told(job: Job, result: Result) -> str:
    """A violation in short: the shortest way, the entry, the helpers."""
    assert result.trace is not None
    run = ", ".join([result.trace.start, *(step.operation for step in result.trace.steps[1:])])
    return fill(run, "    ") + _ending(job, result.trace)


def _ending(job: Job, trace: Trace) -> str:
    end = ending(job, trace)
    values = ", ".join(f"{name} {value:#x}" for name, value in end.values.items())
    made = [f"{calls} {value:#x}" for calls, value in end.judged[:_SHOWN_JUDGED] if calls]
    text = fill("; ".join([values, *made]), "    ")
    return text + "".join(fill(f"{helper} {where}", "    ") for helper, where in end.places.items())


_SHOWN_JUDGED = 2
"""How many of the entries that a requirement judges are shown; the others are in the trace."""


def _requirements(outcomes: list[Outcome]) -> str:
    """What was required, once for each requirement that is broken somewhere."""
    said: dict[str, str] = {}
    for outcome in outcomes:
        names = {r.invariant for r in outcome.results if r.verdict is Verdict.VIOLATED} - set(said)
        if names:
            said |= {name: says for name, says in _told_of(outcome).says.items() if name in names}
    lines = "".join(fill(f"{name}: {says}") for name, says in said.items())
    return f"\nWhat is required\n{lines}" if lines else ""


def place(job: Job) -> str:
    """Which entries of a machine a job is about."""
    return job.level.replace("+", " and ") if job.world in HELPER_WORLDS else "in any order"


def fill(text: str, indent: str = "  ") -> str:
    """A paragraph of at most 78 columns, continued two further in."""
    return (
        textwrap.fill(text, 78, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False) + "\n"
    )
