"""What became of every helper that was looked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.kernel.errors import NotLifted
from models.kernel.helper import InPlaceHelper, LiftedHelper

LIFTED, ABSENT, NOT_LIFTED = "lifted", "absent", "not lifted"


@dataclass(frozen=True)
class Coverage:
    """One helper.

    Attributes:
        name: its kernel name.
        state: ``lifted``; ``absent``: the architecture has none, and generic code has at most a stub; or ``not lifted``.
        file, line: where it, its stub, or what stopped the lifter is; "" and 0 if there is no such place.
        says: ``architecture`` or ``generic``; what there is in its place; or the reason.
    """

    name: str
    state: str
    file: str
    line: int
    says: str


def coverage(
    wanted: Iterable[str], helpers: Mapping[str, LiftedHelper], missing: Iterable[NotLifted]
) -> dict[str, Coverage]:
    """What became of each of some helpers, in their order."""
    reasons = {entry.name: entry for entry in missing}
    found = {}
    for name in wanted:
        if name in helpers:
            found[name] = _of_helper(helpers[name])
        elif name in reasons:
            entry = reasons[name]
            state = ABSENT if entry.absent else NOT_LIFTED
            found[name] = Coverage(name, state, entry.file, entry.line, entry.supplies or entry.reason)
    return found


def _of_helper(helper: LiftedHelper) -> Coverage:
    stub = _stub(helper)
    state, says = (ABSENT, stub) if stub else (LIFTED, "generic" if helper.generic else "architecture")
    return Coverage(helper.name, state, helper.file, helper.line, says)


def _stub(helper: LiftedHelper) -> str:
    """What a generic helper yields that looks at nothing."""
    if not helper.generic or isinstance(helper, InPlaceHelper):
        return ""
    if helper.term.op == "const":
        value = helper.term.data
        return f"a stub that yields {str(value).lower() if isinstance(value, bool) else hex(value)}"
    return "a stub that yields its argument" if helper.term is helper.variables[0] else ""
