"""Jumps ahead to a label of the same function's outermost block: ``if (test) { a; goto out; } b; out: c``.

That is ``if (test) { a; } else { b; } c``: what stands between moves into the branch that does not jump. Where both
branches might come to it, or a loop or switch stands around the jump, nothing is changed, and the jump is refused when
it is reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.kernel.syntax import Block, If, Jump, Label, Return, Statement

MAX_BRANCHES = 40
"""The most branches that are put into each other for one label."""


def without_jumps(body: Block) -> Block:
    """A function's body with those jumps ahead put into branches that can be; the others stay."""
    statements = body.statements
    for label in [statement for statement in statements if isinstance(statement, Label)]:
        end = statements.index(label)
        before = statements[:end]
        if any(isinstance(statement, Label) for statement in before) or not any(_jumps(s, label) for s in before):
            continue
        branched = _branched(before, label, MAX_BRANCHES)
        if branched is not None:
            statements = (*branched, *statements[end + 1 :])
    return replace(body, statements=statements)


def _jumps(statement: Statement | None, label: Label) -> bool:
    """Whether a statement jumps to a label, loops and switches aside."""
    if isinstance(statement, Block):
        return any(_jumps(inner, label) for inner in statement.statements)
    if isinstance(statement, If):
        return _jumps(statement.then, label) or _jumps(statement.otherwise, label)
    return isinstance(statement, Jump) and statement.label == label.token.text


def _branched(statements: Sequence[Statement], label: Label, left: int) -> tuple[Statement, ...] | None:
    """The statements before a label without their jumps to it; None where that is not understood."""
    place = next((index for index, statement in enumerate(statements) if _jumps(statement, label)), None)
    if place is None:
        return tuple(statements)
    statement, rest = statements[place], statements[place + 1 :]
    if isinstance(statement, Jump):
        return tuple(statements[:place])
    if not isinstance(statement, If) or not left:
        return None
    branches = [statement.then, statement.otherwise]
    goes_on = [not _ends(branch) for branch in branches]
    if all(goes_on):
        return None
    blocks = []
    for branch, on in zip(branches, goes_on, strict=True):
        found = _branched((*_inside(branch), *(rest if on else ())), label, left - 1)
        if found is None:
            return None
        blocks.append(Block(statement.token, found))
    return (*statements[:place], replace(statement, then=blocks[0], otherwise=blocks[1]))


def _inside(branch: Statement | None) -> tuple[Statement, ...]:
    """The statements of a branch."""
    if branch is None:
        return ()
    return branch.statements if isinstance(branch, Block) else (branch,)


def _ends(branch: Statement | None) -> bool:
    """Whether a branch ends in a jump or a return."""
    inner = _inside(branch)
    return bool(inner) and isinstance(inner[-1], Jump | Return)
