"""Fuzzes the lifter: no header and no patch may make it crash, hang or take much memory.

Usage: python -m tests.fuzz_lifter [--seconds N] [--seed N] [--target headers|bytes|patches]
Half of the inputs come from a grammar of hostile C, which hypothesis walks and makes smaller when something is found; the others
are made-up headers and patches with bytes changed. All that may come out is a lifted tree or one short printable sentence.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from hypothesis import HealthCheck, given, seed, settings

from models.hardware import machines
from models.kernel import CannotLift, KernelError, LiftedTree, Patch, Tree, architecture_from_tree, lift_tree
from models.kernel.build import machine_from_tree
from models.kernel.lift import MAIN_HEADER
from models.kernel.patches import patched
from models.kernel.platforms import PLATFORMS
from models.registry import architecture
from tests.hostile_headers import PATCH_TOKENS, PATCHES, SAMPLES, TOKENS, changed, headers

SECONDS = 10
"""The CPU time that one input may take; none needs more than two."""

MEMORY = 600_000_000
"""The memory that one input may take on top of what the inputs before it took."""

SMALLER = 10.0
"""The seconds in which an input that does what it must not is made smaller."""

WORDS = (0, 1, 0x200, 0xFFFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0001)
TARGETS = ("headers", "bytes", "patches")


class TooSlow(BaseException):
    """An input takes longer than it may; nothing in the lifter catches it."""


@dataclass(frozen=True)
class Memory:
    """Files of a tree that never was on disk: those given, and every other one, which is empty, if that is wanted."""

    given: dict[str, bytes]
    others: bool = True

    def exists(self, path: str) -> bool:
        """Whether there is something under this path."""
        below = path.startswith(("arch/", "include/"))
        return path in self.given or path in ("", "arch", "include", "include/linux") or (self.others and below)

    def folders(self, path: str) -> list[str]:
        """No names are needed."""
        return []

    def real(self, path: str) -> str:
        """There are no links."""
        return path

    def content(self, path: str, limit: int) -> bytes:
        """The bytes of a file."""
        return self.given.get(path, b"")[:limit]


@dataclass
class Found:
    """What came of the inputs.

    Attributes:
        outcomes: how many ended how.
        failure: the smallest input that did what it must not, and what that was.
        since: when the first one did.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    failure: tuple[bytes, str] | None = None
    since: float = 0.0

    def fail(self, data: bytes, why: str) -> None:
        """Notes an input that did what it must not."""
        self.since = self.since or time.monotonic()
        if self.failure is None or len(data) <= len(self.failure[0]):
            self.failure = (data, why)


def lifted(header: bytes, name: str) -> LiftedTree:
    """An architecture of a tree with this asm/pgtable.h."""
    path = f"arch/{PLATFORMS[name].folder}/include/asm/pgtable.h"
    given = {path: header, MAIN_HEADER: b"#include <asm/pgtable.h>\n"}
    return lift_tree(Tree(Path("made-up"), Memory(given), "made-up"), name)


def try_header(header: bytes, name: str = "loongarch") -> str:
    """Lifts a header and uses what was lifted; how that ended."""
    try:
        found = lifted(header, name)
        for entry in found.missing:
            assert str(entry).isprintable() and len(str(entry)) < 1_000, str(entry)
        for helper in found.helpers.values():
            for word in WORDS:
                assert isinstance(helper(*[word] * len(helper.variables)), (int, bool))
        if name in machines():
            machine_from_tree(found, machines()[name])
        else:
            architecture_from_tree(architecture(f"{name}/linux-6.12"), found)
    except CannotLift:
        return "lifted"
    except KernelError as error:
        _check_sentence(error)
        return "refused"
    return "modelled"


def try_patch(data: bytes) -> str:
    """Puts a patch in front of a small tree; how that ended."""
    files = {"include/linux/x.h": b"a\nb\nc\nd\n", MAIN_HEADER: b"#include <asm/pgtable.h>\n"}
    for reverse in (False, True):
        try:
            tree = patched(Tree(Path("made-up"), Memory(files, others=False), "made-up"), [Patch("p", data)], reverse)
            for path in tree.overlay:
                assert ".." not in path.split("/") and not path.startswith("/"), path
                if tree.has(path):
                    tree.read(path)
        except KernelError as error:
            _check_sentence(error)
        else:
            return "applied"
    return "refused"


def _check_sentence(error: KernelError) -> None:
    text = str(error)
    assert text.isprintable() and 0 < len(text) < 400, f"no short printable sentence: {text[:500]!r}"


def guarded(run: Callable[[], str], data: bytes, found: Found) -> None:
    """Runs one input within its bounds.

    Raises:
        AssertionError: it exceeded them, or ended in something else than a sentence; noted in ``found``.
    """
    before = _memory()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        outcome = run()
    except (Exception, TooSlow) as error:
        found.fail(data, "".join(traceback.format_exception(error)))
        raise AssertionError("an input did what it must not") from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if _memory() - before > MEMORY:
        found.fail(data, f"it took {_memory() - before} bytes")
        raise AssertionError("an input took too much memory")
    found.outcomes[outcome] += 1


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _stop(number: int, frame: FrameType | None) -> None:
    raise TooSlow(f"more than {SECONDS} seconds")


def _grammar(number: int, found: Found, until: float) -> None:
    """Headers from the grammar."""

    @seed(number)
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(headers())
    def check(text: str) -> None:
        if time.monotonic() < (found.since + SMALLER if found.failure else until):
            data = text.encode("latin-1", "replace")
            guarded(lambda: try_header(data), data, found)

    check()


def _bytes(number: int, found: Found, until: float) -> None:
    """Headers with bytes changed, for any architecture."""
    chance = Random(number)
    samples = tuple(sample.encode() for sample in SAMPLES)
    for _ in range(150):
        if time.monotonic() >= until:
            return
        data = changed(chance.choice(samples), TOKENS, samples, chance)
        name = chance.choice(sorted(PLATFORMS)) if chance.randrange(3) == 0 else "loongarch"
        guarded(lambda data=data, name=name: try_header(data, name), data, found)  # type: ignore[misc]


def _patches(number: int, found: Found, until: float) -> None:
    """Patches with bytes changed."""
    chance = Random(number)
    for _ in range(150):
        if time.monotonic() >= until:
            return
        data = changed(chance.choice(PATCHES), PATCH_TOKENS, PATCHES, chance)
        guarded(lambda data=data: try_patch(data), data, found)  # type: ignore[misc]


ROUNDS = {"headers": _grammar, "bytes": _bytes, "patches": _patches}


def fuzz(seconds: float, number: int, targets: tuple[str, ...] = TARGETS) -> Found:
    """Tries inputs until the time is over or one does what it must not.

    Args:
        seconds: how long.
        number: the seed; the same one tries the same inputs.
        targets: which kinds of them.
    """
    signal.signal(signal.SIGPROF, _stop)
    found = Found()
    until = time.monotonic() + seconds
    turn = 0
    try:
        while time.monotonic() < until:
            ROUNDS[targets[turn % len(targets)]](number * 1_000_003 + turn, found, until)
            turn += 1
    except Exception:
        # hypothesis has words of its own for an input that was given no time to fail again
        if found.failure is None:
            raise
    return found


def main() -> int:
    """Prints the seed, what came of it, and the input that must become a test if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--target", choices=TARGETS, default=None)
    args = parser.parse_args()
    number = Random().randrange(1 << 32) if args.seed is None else args.seed
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
    print(f"seed {number}", flush=True)
    found = fuzz(args.seconds, number, (args.target,) if args.target else TARGETS)
    total = sum(found.outcomes.values())
    print(f"{total} inputs: {', '.join(f'{count} {name}' for name, count in sorted(found.outcomes.items()))}")
    if found.failure is None:
        return 0
    data, why = found.failure
    name = f"fuzz-{hashlib.sha256(data).hexdigest()[:12]}.txt"
    Path(name).write_bytes(data)
    print(f"{why}\nseed {number}: the input is in {name}; it begins with {data[:2_000]!r}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
