"""What can go wrong while reading a kernel tree, and the bounds that keep a hostile tree from doing harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_FILE_BYTES = 1_000_000
"""The largest source file that is read; the kernel's largest page-table header is below 100 kB."""

MAX_TOTAL_BYTES = 2_000_000
"""The most text that is read from one tree."""

MAX_TOKENS = 400_000
"""The most tokens that are kept of one tree; Linux 6.12 on x86-64 has 12,000."""

MAX_LOGICAL_LINE = 65_536
"""The longest line, continuations included."""

MAX_INCLUDE_DEPTH = 30
MAX_INCLUDES = 400
MAX_CONDITIONALS = 100
"""How deep #if may nest in one file."""

MAX_CONDITION = 400
"""The longest condition of an #if, in tokens after macro expansion."""

MAX_EXPANSION = 400_000
"""The tokens that macro expansion may look at in one tree; Linux 6.12 on x86-64 needs 20,000."""

MAX_MACRO_DEPTH = 100
"""How many macros may stand inside each other's bodies or arguments."""

MAX_WORD = 4_096
"""The longest word that ## and # may build."""

MAX_DECLARATION = 20_000
"""The longest declaration, function bodies aside, in tokens."""

MAX_NESTING = 100
"""How deep parentheses, blocks and operators may nest in one helper."""

MAX_DEPTH = 150
"""How deep the evaluation of one helper may go, the helpers that it calls included."""

MAX_STEPS = 200_000
"""The expressions and statements that all helpers of a tree may take; Linux 6.12 on x86-64 needs 4,300."""

MAX_VARIABLES = 64
"""The most local variables of one function."""

MAX_ROUNDS = 16
"""The rounds of a loop that are run one after another; a kernel's contiguous entries are at most that many."""

MAX_CASES = 64
"""The most cases of one switch."""

MAX_MEMBERS = 64
"""The most integers in one structure, structures inside it included."""

MAX_CONSTANTS = 2_000
"""The most macros with page-table names in one tree."""


NOTHING, BUG, DECLARED = "nothing", "BUG()", "a declaration only"
"""What a tree has in the place of a helper that is not there."""

NOT_PRESENT = "not present"
"""The reason of a helper that is not there."""


class KernelError(Exception):
    """A tree that cannot be read at all; one sentence that names the file and line where there is one."""


class LimitExceeded(KernelError):
    """A tree that takes more time or memory than any real one."""


@dataclass(frozen=True)
class NotLifted:
    """A helper that was not lifted, and why.

    Attributes:
        name: the helper's kernel name.
        file: path inside the tree of the construct that stopped the lifter, or "" if there is none.
        line: its line, or 0.
        reason: half a sentence.
        supplies: of a helper that is not there: what the tree has in its place, ``nothing`` or ``BUG()``; else "".
    """

    name: str
    file: str
    line: int
    reason: str
    supplies: str = ""

    @property
    def absent(self) -> bool:
        """The tree does not have it, rather than the lifter not understanding it."""
        return bool(self.supplies)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        stub = f" (the tree has {self.supplies})" if self.supplies not in ("", NOTHING) else ""
        return f"{place}{self.name}: {self.reason}{stub}"


class CannotLift(KernelError):
    """Helpers that a model needs were not lifted, so that the tree's verdict is not decided.

    Attributes:
        missing: each of them with its reason.
    """

    def __init__(self, missing: Sequence[NotLifted]) -> None:
        self.missing = tuple(missing)
        super().__init__("the tree's helpers cannot be modelled: " + "; ".join(str(entry) for entry in self.missing))


class Place(Protocol):
    """Anything that stands somewhere in a file."""

    file: str
    line: int


class Unsupported(Exception):
    """A construct outside the subset of C that the lifter knows; becomes a :class:`NotLifted`.

    Attributes:
        file, line: where it stands; "" and 0 if it stands nowhere.
    """

    def __init__(self, reason: str, place: Place | None = None) -> None:
        super().__init__(reason)
        self.file, self.line = (place.file, place.line) if place else ("", 0)


class Bug(Unsupported):
    """A helper that may end in BUG().

    Attributes:
        always: it does nothing else: it is there for the compiler only.
    """

    def __init__(self, reason: str, place: Place, always: bool) -> None:
        super().__init__(reason, place)
        self.always = always


class NotThere(Unsupported):
    """A helper that the tree does not have.

    Attributes:
        supplies: what it has in its place.
    """

    def __init__(self, supplies: str, place: Place | None = None) -> None:
        super().__init__(NOT_PRESENT, place)
        self.supplies = supplies


def fault(place: Place, what: str) -> KernelError:
    """The error at a place of the tree."""
    return KernelError(f"{place.file}:{place.line}: {what}")


@dataclass
class Budget:
    """A number of steps that may be taken before the tree is refused.

    Attributes:
        left: steps still allowed.
        what: what is counted, for the message.
    """

    left: int
    what: str

    def spend(self, steps: int, place: Place) -> None:
        """Takes steps off.

        Raises:
            LimitExceeded: none are left.
        """
        self.left -= steps
        if self.left < 0:
            raise LimitExceeded(f"{place.file}:{place.line}: {self.what}")
