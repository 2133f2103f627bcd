"""The flags that stand for contents, beside what pages, slots and the zero page really hold: numbers never used twice.

On random runs of whole kernels, and in every reachable state of small worlds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from checker.search import search
from checker.system import TransitionSystem
from models.mm.state import ABSENT, World, names, reads_right, refers, refers_to
from models.registry import architecture
from models.worlds import mm_system
from tests import builtin_systems
from tests.builtin_systems import VIOLATED_MM
from tests.mm_runs import WRITES, Walker, whole

ZEROES = 0
COPIES = ("wp_page_copy", "wp_page_unshare", "collapse_huge_page", "ksm_unmerge", "ksm_merge", "ksm_merge_freed")
TO_ZERO_PAGE = ("first_touch_read", "first_touch_huge_read", "uffdio_zeropage", "ksm_zero")
FRESH_ZEROES = ("first_touch_write", "first_touch_huge_write")
FILLED = ("uffdio_copy", "uffdio_copy_wp")
DROPS = ("zap", "lazyfree_discard")
READS_IN = ("swap_in", "unuse_pte", "file_read_fault", "file_write_fault")


@dataclass(eq=False)
class Real:
    """One page: what is in its frame and on its place on backing store; None: nothing is there."""

    memory: int | None
    slot: int | None = None


ZERO_PAGE = Real(ZEROES)


@dataclass
class Tokens:
    """The pages processes refer to and what each process may rightly read, told without the model's flags.

    Attributes:
        page: for each process, the page, :data:`ZERO_PAGE` or None.
        expected: for each process, the contents it may find; two after MADV_FREE.
        fresh: the last number given out.
    """

    page: list[Real | None]
    expected: list[set[int]]
    fresh: int = 0
    seen: set[str] = field(default_factory=set)

    def new(self) -> int:
        """A content that was never there before."""
        self.fresh += 1
        return self.fresh

    def follow(self, operation: str, before: World, after: World) -> None:
        """What an operation does to contents."""
        what, _, who = operation.rstrip(")").partition("(")
        p = list(names(len(self.page))).index(who)
        self.seen.add(what)
        if what in WRITES:
            self._write(p)
        if what.startswith("fork"):
            self._fork(p, what, before, after)
        elif what == "exit":
            self.page[p], self.expected[p] = None, {ZEROES}
        else:
            self._of_one_process(what, p)
        self._backing(what, p, after)

    def _write(self, p: int) -> None:
        page, content = self.page[p], self.new()
        assert page is not None
        page.memory, self.expected[p] = content, {content}

    def _fork(self, p: int, what: str, before: World, after: World) -> None:
        born = [q.level == ABSENT and a.level != ABSENT for q, a in zip(before.processes, after.processes, strict=True)]
        child, mine = born.index(True), self.page[p]
        self.expected[child] = set(self.expected[p])
        self.page[child] = Real(mine.memory) if what.startswith("fork_pinned") and mine else mine

    def _of_one_process(self, what: str, p: int) -> None:
        mine = self.page[p]
        if what in COPIES:
            assert mine is not None
            self.page[p] = Real(mine.memory)
        elif what == "ksm_zero":
            self._is_zero(mine)
            self.page[p] = ZERO_PAGE
        elif what in TO_ZERO_PAGE:
            self.page[p] = ZERO_PAGE
            self.expected[p] |= {ZEROES} if what == "uffdio_zeropage" else set()
        elif what in FRESH_ZEROES:
            self.page[p] = Real(ZEROES)
        elif what in FILLED:
            content = self.new()
            self.page[p], self.expected[p] = Real(content), {content}
        elif what in DROPS:
            self.page[p] = None
            self.expected[p] = {ZEROES} if what == "zap" else self.expected[p]
        elif what in ("madv_free_pte", "madv_free_pmd"):
            self.expected[p].add(ZEROES)

    def _is_zero(self, page: Real | None) -> None:
        """The content turns out to be zero, so whoever has the page and may read it may as well read zeroes."""
        for q, other in enumerate(self.page):
            if other is page and page is not None and page.memory in self.expected[q]:
                self.expected[q].add(ZEROES)

    def _backing(self, what: str, p: int, after: World) -> None:
        """What is in memory and on backing store afterwards; whether there is a frame and a slot the model says."""
        mine = self.page[p]
        if mine is None or mine is ZERO_PAGE:
            return
        if what in ("pageout", "writeback"):
            mine.slot = mine.memory
        if what == "add_to_swap":
            mine.slot = -self.new()
        if what.startswith(READS_IN) and mine.memory is None:
            mine.memory = mine.slot
        page = after.pages[after.processes[p].page]
        mine.memory = mine.memory if page.memory else None
        mine.slot = mine.slot if page.slot else None

    def check(self, world: World, slots: bool) -> Iterator[tuple[str, bool, bool]]:
        """For each flag of the model its name, its value, and what the tokens say."""
        for p, q in enumerate(world.processes):
            if q.level == ABSENT:
                continue
            page, expected = self.page[p], self.expected[p]
            yield f"{p} zero", bool(q.right.zero), ZEROES in expected
            if refers(world, q):
                assert page is not None
                yield f"{p} memory", bool(q.right.memory), page.memory in expected
                if slots:
                    yield f"{p} slot", bool(q.right.slot), page.slot in expected
            for other in range(p):
                same_page = bool(
                    refers_to(world, q, world.processes[other].page) and refers(world, world.processes[other])
                )
                yield f"{p} and {other}", same_page, page is self.page[other] and page not in (None, ZERO_PAGE)
            found = ZEROES if page is None else page.memory if page.memory is not None else page.slot
            yield f"{p} reads", bool(reads_right(world, p)), found in expected


def _started(world: World) -> Tokens:
    """The tokens of an initial state: one process with a page it has written, with a file's page, or with none."""
    count = len(world.processes)
    first = world.processes[0]
    tokens = Tokens([None] * count, [{ZEROES} for _ in range(count)])
    if refers(world, first):
        content = tokens.new()
        page = world.pages[0]
        tokens.page[0] = Real(content if page.memory else None, content if page.slot else None)
        tokens.expected[0] = {content}
    return tokens


def followed(walker: Walker, seed: int, steps: int) -> Iterator[tuple[str, World, Tokens]]:
    """A random run with its tokens: operation, state after it, tokens after it.

    It ends when a process gives what it cannot read any more to MADV_FREE: by chance it may find zeroes there, which it
    may read from then on, and which the flags go on to call wrong.
    """
    tokens: Tokens | None = None
    for name, before, after in walker.run(seed, steps):
        tokens = tokens or _started(before)
        wrong = [who for p, who in enumerate(names(len(before.processes))) if not reads_right(before, p)]
        if name.startswith("madv_free") and any(f"({who})" in name for who in wrong):
            return
        tokens.follow(name, before, after)
        yield name, after, tokens


CONTENTS = [
    ("loongarch/original", 2, True), ("loongarch/original", 3, False), ("sparc64/original", 3, True),
    ("x86-64/linux-6.12", 2, False), ("x86-64/linux-6.12", 3, True),
]  # fmt: skip


@pytest.mark.parametrize(("config", "processes", "repaired"), CONTENTS)
def test_the_flags_say_exactly_what_real_contents_would(config: str, processes: int, repaired: bool) -> None:
    system = whole(config, processes, repaired)
    walker = Walker(system)
    seen: set[str] = set()
    for seed in range(40):
        for name, after, tokens in followed(walker, seed, 100):
            for what, flag, truth in tokens.check(after, slots=True):
                assert flag == truth, (seed, name, what)
            seen |= tokens.seen
    known = {op.name.partition("(")[0] for op in system.operations}
    missed = known - seen - {"fault_mkdirty_pte", "fault_mkdirty_pmd"}
    assert len(missed) <= len(known) // 5, missed
    assert {"store", "wp_page_copy", "fork_pte", "pageout", "ksm_zero", "madv_free_pte", "dma_write"} <= seen


@pytest.mark.parametrize(("config", "split"), [("loongarch/original", "carry-dirty"), ("x86-64/linux-6.12", "reorder")])
def test_the_tokens_see_what_the_verdict_says(config: str, split: str) -> None:
    """In the core: contents go wrong on random runs exactly where isolation is violated."""
    walker = Walker(builtin_systems.mm(config, split))
    wrong = 0
    for seed in range(12):
        for name, after, tokens in followed(walker, seed, 60):
            told = list(tokens.check(after, slots=False))
            assert all(flag == truth for _, flag, truth in told), name
            wrong += sum(not truth for what, _, truth in told if what.endswith("reads"))
    assert (wrong > 0) is ((config, split) in VIOLATED_MM)


# Every reachable state of small worlds, with contents numbered in the order in which they are met.


def copied(tokens: Tokens) -> Tokens:
    """The same pages and numbers as objects of their own."""
    pages = {id(page): replace(page) for page in tokens.page if page not in (None, ZERO_PAGE)}
    return replace(
        tokens,
        page=[page if page in (None, ZERO_PAGE) else pages[id(page)] for page in tokens.page],
        expected=[set(expected) for expected in tokens.expected],
        seen=set(),
    )


def settled(tokens: Tokens) -> tuple[Tokens, tuple[object, ...]]:
    """The same with contents numbered from 1, in the order of processes, and a key that equal ones have in common."""
    tokens, numbers, places = copied(tokens), {ZEROES: ZEROES}, {}
    pages = list(dict.fromkeys(page for page in tokens.page if page not in (None, ZERO_PAGE)))
    for content in (
        *(c for page in pages for c in (page.memory, page.slot)),
        *(c for e in tokens.expected for c in sorted(e)),
    ):
        if content is not None:
            numbers.setdefault(content, len(numbers))
    for place, page in enumerate(pages):
        page.memory, page.slot = (None if c is None else numbers[c] for c in (page.memory, page.slot))
        places[page] = (place, page.memory, page.slot)
    tokens.expected = [{numbers[c] for c in expected} for expected in tokens.expected]
    tokens.fresh = len(numbers)
    shown = tuple("zero" if page is ZERO_PAGE else places.get(page) for page in tokens.page)
    return tokens, (shown, tuple(tuple(sorted(expected)) for expected in tokens.expected))


def everywhere(system: TransitionSystem) -> int:
    """Holds the flags against the tokens in every reachable state; how many states with tokens there are."""
    walker, layout = Walker(system), system.layout
    todo = [layout.concrete(start.run(())) for start in system.starts]
    queue = deque((values, settled(_started(layout.state(values)))[0]) for values in todo)
    known = {(values, settled(tokens)[1]) for values, tokens in queue}
    while queue:
        values, tokens = queue.popleft()
        before = layout.state(values)
        for name, after in walker.successors(values):
            there, state = copied(tokens), layout.state(after)
            there.follow(name, before, state)
            assert all(flag == truth for _, flag, truth in there.check(state, slots=True)), name
            there, key = settled(there)
            if (after, key) not in known:
                known.add((after, key))
                queue.append((after, there))
    return len(known)


EVERYWHERE = [("x86-64/linux-6.12", 2), ("x86-64/linux-6.12", 3), ("sparc64/linux-6.12", 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("config", "processes"), [*EVERYWHERE, ("loongarch/original", 2)])
def test_the_flags_are_exact_in_every_state_of_the_core(config: str, processes: int) -> None:
    system = mm_system(architecture(config), "carry-dirty", processes)
    assert everywhere(system) > len(search(system).states)


@pytest.mark.parametrize("config", ["x86-64/linux-6.12", "sparc64/linux-6.12"])
def test_the_flags_are_exact_in_every_state_of_two_processes(config: str) -> None:
    assert everywhere(mm_system(architecture(config), "reorder")) > 1
