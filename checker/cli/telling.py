"""A trace told: at each step the entries, what changed, the helper calls behind it, and what is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from checker.cli.jobs import Job, build_system, find_architecture, system_with
from checker.records import dataclass
from checker.trace import Trace, concrete_run

if TYPE_CHECKING:
    from checker.system import Invariant, TransitionSystem
    from models.narrate import Call
    from models.pte import Architecture


@dataclass(frozen=True)
class Row:
    """One printed line of a trace.

    Attributes:
        who: whose entry it is; "" in the PTE world.
        entry: the word; None when nothing is mapped.
        cells: further columns, in the order of the world's headings.
        calls: the helper calls behind the entry in this step.
        note: what is wrong with it, or "".
    """

    who: str
    entry: int | None
    cells: tuple[str, ...]
    calls: tuple[Call, ...]
    note: str


def _mark(value: Any) -> str:
    return "yes" if value else "-"


def _pte_rows(arch: Architecture, state: Any) -> list[Row]:
    from models.narrate import calls_behind
    from models.pte_world import apply

    entry = state.entry
    cells = (
        "pmd" if state.huge else "pte",
        "local" if state.local else _mark(arch.hardware_at("pmd" if state.huge else "pte").writable(entry)),
        _mark(apply(arch, state, "write")),
        _mark(apply(arch, state, "dirty")),
        _mark(state.cow_shared),
        _mark(state.unsaved),
    )
    return [Row("", int(entry), cells, calls_behind(entry), "")]


def _helper_rows(arch: Architecture, state: Any, level: str) -> list[Row]:
    """One entry for each level that the world is about."""
    if not hasattr(state, "left"):
        return [_entry_row(arch, state.entry, level, "")]
    names = level.split("+")
    return [_entry_row(arch, s.entry, name, name) for s, name in zip((state.left, state.right), names, strict=True)]


def _entry_row(arch: Architecture, entry: Any, level: str, who: str) -> Row:
    from models.narrate import calls_behind

    hardware = arch.hardware_at(level)
    cells = (
        _mark(hardware.writable(entry)),
        _mark(hardware.readable(entry)),
        _mark(arch.helper(level, "write")(entry)),
        _mark(arch.helper(level, "dirty")(entry)),
        f"{int(entry):#x}",
    )
    return Row(who, int(entry), cells, calls_behind(entry), "")


def _code_rows(state: Any) -> list[Row]:
    """The numbers of a code that are not zero."""
    fields = {name: int(getattr(state, name)) for name in ("frame", "type", "offset", "entry")}
    marks = [name for name in ("exclusive", "soft_dirty", "uffd_wp") if getattr(state, name)]
    note = ", ".join([f"{name} {value:#x}" for name, value in fields.items() if value] + marks)
    return [Row("", None, (), (), note)]


def _mm_rows(arch: Architecture, state: Any) -> list[Row]:
    from models.mm.state import names

    return [_process_row(arch, state, p, name) for p, name in enumerate(names(len(state.processes)))]


def _process_row(arch: Architecture, state: Any, p: int, name: str) -> Row:
    from models.mm.state import ABSENT, ELSEWHERE, LEVELS, NONE, PMD, PTE, entry_test, hardware_writable, reads_right
    from models.narrate import calls_behind

    process = state.processes[p]
    note = "" if reads_right(state, p) else f"{name} reads what it never wrote or inherited"
    if process.level in (ABSENT, NONE, ELSEWHERE):
        return Row(name, None, ("-" if process.level == ABSENT else LEVELS[process.level], "", "", "", ""), (), note)
    present = process.level in (PTE, PMD)
    cells = (
        LEVELS[process.level].replace("migration ", "mig-"),
        _mark(hardware_writable(arch, process)) if present else "",
        _mark(entry_test(arch, process, "write")) if present else _held(process.held),
        _mark(entry_test(arch, process, "dirty")) if present else "",
        _page(state, p),
    )
    return Row(name, int(process.entry) if present else None, cells, calls_behind(process.entry), note)


def _held(held: Any) -> str:
    """What a swap or migration entry remembers: Write, eXclusive, Young, Dirty, soft-dirty, uffd-wp."""
    marks = (
        ("W", held.writable),
        ("X", held.exclusive),
        ("Y", held.young),
        ("D", held.dirty),
        ("s", held.soft_dirty),
        ("u", held.uffd_wp),
    )
    return "".join(letter for letter, on in marks if on) or "-"


def _page(state: Any, p: int) -> str:
    """The page's number, who has it, and what is known of it."""
    from models.mm.state import exclusive, on_zero_page, page_of, shared

    if on_zero_page(state, state.processes[p]):
        return "zero"
    page = page_of(state, p)
    owner = "shared" if shared(state, p) else "excl" if exclusive(state, p) else "alone"
    marks = "".join(letter for letter, (_, holds) in PAGE_MARKS.items() if holds(page))
    return f"{state.processes[p].page} {owner}" + (f" +{marks}" if marks else "")


PAGE_MARKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "D": ("PG_dirty", lambda page: page.dirty),
    "B": ("backed by a slot or file", lambda page: page.slot),
    "O": ("on backing store only", lambda page: page.slot and not page.memory),
    "F": ("lazily freed", lambda page: page.lazyfree),
    "K": ("a KSM page", lambda page: page.ksm),
    "P": ("pinned", lambda page: bool(page.pin.kind)),
}
"""What is known of a page, each in a letter."""


HEADINGS = {
    "helpers": ("hw-wr", "hw-rd", "write", "dirty", "value"),
    "levels": ("hw-wr", "hw-rd", "write", "dirty", "value"),
    "codes": (),
    "pte": ("", "hw-wr", "write", "dirty", "shared", "unsaved"),
    "mm": ("", "hw-wr", "write", "dirty", "page"),
    "kernel": ("", "hw-wr", "write", "dirty", "page"),
}


def rows_of_state(job: Job, arch: Architecture, state: Any) -> list[Row]:
    """The rows of any state of a job's system, on plain integers."""
    return row_maker(job)(arch, state)


def row_maker(job: Job) -> Callable[[Architecture, Any], list[Row]]:
    """What makes the rows of a job's states, from the architecture and a state."""
    if job.world in ("helpers", "levels"):
        return lambda arch, state: _helper_rows(arch, state, job.level)
    if job.world == "codes":
        return lambda _, state: _code_rows(state)
    return _pte_rows if job.world == "pte" else _mm_rows


def _letters(arch: Architecture, entries: Iterable[int | None]) -> list[Any]:
    """The bits that are set in some entry of the trace, lowest first."""
    union = 0
    for entry in entries:
        union |= entry or 0
    return [bit for bit in sorted(arch.bits, key=lambda b: b.position) if union & bit.mask]


@dataclass(frozen=True)
class ToldStep:
    """One step of a trace with all that can be said of it.

    Attributes:
        number: 0 for the start, then one for each transition.
        operation: its name; ``(start)`` for the start.
        rows: every entry of the state it led to: one for each process, level, or alone.
        changed: which of the rows differ from the step before, or were made anew; all of them at the start.
        broken: the invariants that this state breaks and the one before did not.
    """

    number: int
    operation: str
    rows: tuple[Row, ...]
    changed: tuple[int, ...]
    broken: tuple[str, ...]

    @property
    def changed_rows(self) -> list[Row]:
        """The rows that changed."""
        return [self.rows[k] for k in self.changed]


@dataclass(frozen=True)
class ToldTrace:
    """A trace run again over entries that remember their calls: what every form of output is made from.

    Attributes:
        job: whose system it is.
        trace: the run.
        arch: the architecture, whose helpers remember being called.
        invariant: what the last state violates, over the same architecture.
        headings: what the rows' cells are, in their order; "" is the entry's kind.
        steps: the start, then one for each transition.
        states: the state before and after each step, on plain integers.
        last: the last state, its entries with the calls behind them.
    """

    job: Job
    trace: Trace
    arch: Architecture
    invariant: Invariant
    headings: tuple[str, ...]
    steps: tuple[ToldStep, ...]
    states: tuple[Any, ...]
    last: Any

    @property
    def bits(self) -> list[Any]:
        """The bits of the architecture that are set in some entry of the trace, lowest first."""
        return _letters(self.arch, (row.entry for step in self.steps for row in step.changed_rows))

    @property
    def judged(self) -> tuple[Any, ...]:
        """The derived entries that the invariant judges in the last state, each with the calls that made it."""
        return tuple(self.invariant.looks_at(self.last))

    @property
    def places(self) -> dict[str, str]:
        """File and line of every helper that was called, where they come from a kernel tree."""
        from models.narrate import calls_behind

        calls = [call for step in self.steps for row in step.changed_rows for call in row.calls]
        calls += [call for value in self.judged for call in calls_behind(value)]
        return {call.helper: self.arch.places[call.helper] for call in calls if call.helper in self.arch.places}


def narrated_system(job: Job) -> tuple[Architecture, TransitionSystem]:
    """The job's architecture and system, over integers that know the helper calls behind them."""
    from models.narrate import narrated

    arch = narrated(find_architecture(job.config, job.kernel))
    return arch, system_with(job, arch)


def told(job: Job, trace: Trace) -> ToldTrace:
    """Runs a trace again and says of every step what changed, which calls changed it, and what it breaks.

    Raises:
        BadTrace: the trace is no run of the job's system.
    """
    arch, narrated = narrated_system(job)
    system = build_system(job)
    operations = [step.operation for step in trace.steps[1:]]
    states = concrete_run(system, trace.start, trace.inputs, operations)
    named = {op.name: op for op in narrated.operations}
    rows_of = row_maker(job)
    steps: list[ToldStep] = []
    before: list[Row] = []
    known: list[str] = []
    for number, step in enumerate(trace.steps):
        # Each step starts from plain integers, so that an entry shows this step's calls only.
        after = states[0] if number == 0 else named[step.operation].run(states[number - 1])[1]
        rows = rows_of(arch, after)
        broken = _broken(system, trace.invariant, states[number])
        changed = tuple(k for k, row in enumerate(rows) if not before or _differs(row, before[k]))
        fresh = tuple(name for name in broken if name not in known)
        steps.append(ToldStep(number, step.operation, tuple(rows), changed, fresh))
        before, known = rows, broken
    invariant = next(i for i in narrated.invariants if i.name == trace.invariant)
    return ToldTrace(job, trace, arch, invariant, HEADINGS[job.world], tuple(steps), tuple(states), states[-1])


def _broken(system: TransitionSystem, wanted: str, state: Any) -> list[str]:
    """The invariants this state breaks: the trace's own, and others that speak of the state as it is."""
    return [
        i.name
        for i in system.invariants
        if (i.name == wanted or not (i.cost or i.looks_at(state))) and not i.holds(state)
    ]


def _differs(row: Row, before: Row) -> bool:
    return (row.entry, row.cells, row.note) != (before.entry, before.cells, before.note) or bool(row.calls)
