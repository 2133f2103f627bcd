"""Hunks put to a file's lines as patch(1) does: at their place, else at the nearest one that fits, else with less context."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.kernel.difftext import Hunk
from models.kernel.errors import KernelError
from models.kernel.tokens import printable

MAX_FUZZ = 2
"""The lines of context at each end of a hunk that need not fit."""

MAX_COMPARED = 20_000_000
"""The lines that may be compared for one file."""

MAX_SHOWN = 50
"""The longest part of a line in messages."""

END = "(the end of the file)"


@dataclass(frozen=True)
class Misfit(Exception):
    """A hunk that fits nowhere.

    Attributes:
        hunk: which one.
        guess: the line where it was looked for first, from 0.
    """

    hunk: Hunk
    guess: int


@dataclass(frozen=True)
class Fit:
    """Where a hunk was put.

    Attributes:
        hunk: which one.
        at: the line, from 0.
        left_out: the lines of context left out at the start and at the end.
    """

    hunk: Hunk
    at: int
    left_out: tuple[int, int]

    @property
    def core(self) -> tuple[int, int]:
        """The lines that change, without the context around them: the first one, and the first one behind."""
        first = self.at - self.left_out[0]
        return first + self.hunk.lead, first + len(self.hunk.old) - self.hunk.trail

    @property
    def remark(self) -> str:
        """What a reader should know of how it was put; "" if it fits as it stands."""
        if not any(self.left_out):
            return ""
        return f"{self.hunk.place}: the hunk fits line {self.at + 1} only without {sum(self.left_out)} of its lines of context"


class Lines:
    """The lines of one file, to which hunks are put from the top."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = list(lines)
        self.where: defaultdict[str, list[int]] = defaultdict(list)
        for index, line in enumerate(self.lines):
            self.where[line].append(index)
        self.compared = 0

    def place(self, hunks: Sequence[Hunk], fuzz: int = MAX_FUZZ) -> list[Fit]:
        """Where the hunks fit, none before or over what an earlier one changes.

        Raises:
            Misfit: one of them fits nowhere.
            KernelError: the search takes too long.
        """
        found: list[Fit] = []
        done = moved = 0
        for hunk in hunks:
            guess = hunk.starts[0] + moved
            fit = next(filter(None, (self._find(hunk, guess, done, allowed) for allowed in range(fuzz + 1))), None)
            if fit is None:
                raise Misfit(hunk, guess)
            moved = fit.at - fit.left_out[0] - hunk.starts[0]
            done = fit.core[1]
            found.append(fit)
        return found

    def put(self, fits: Sequence[Fit]) -> list[str]:
        """The lines with every hunk applied."""
        out: list[str] = []
        done = 0
        for fit in fits:
            start, end = fit.core
            new = fit.hunk.new
            out += [*self.lines[done:start], *new[fit.hunk.lead : len(new) - fit.hunk.trail]]
            done = end
        return out + self.lines[done:]

    def _find(self, hunk: Hunk, guess: int, done: int, fuzz: int) -> Fit | None:
        """The nearest place where a hunk fits with this much of its context left out."""
        context = max(hunk.lead, hunk.trail)
        head, tail = fuzz + hunk.lead - context, fuzz + hunk.trail - context
        if fuzz > context:
            return None
        left_out = (max(head, 0), max(tail, 0))
        wanted = list(hunk.old[left_out[0] : len(hunk.old) - left_out[1]])
        guess += left_out[0]
        for at in self._candidates(wanted, guess, done + left_out[0]):
            # less context at one end than at the other: the file ends there
            starts = head >= 0 or hunk.starts[0] > 0 or at == 0
            ends = tail >= 0 or at + len(wanted) == len(self.lines)
            self.compared += len(wanted)
            if self.compared > MAX_COMPARED:
                raise KernelError(f"{hunk.place}: looking for the place of this hunk takes too long")
            if starts and ends and self.lines[at : at + len(wanted)] == wanted:
                return Fit(hunk, at, left_out)
        return None

    def _candidates(self, wanted: Sequence[str], guess: int, done: int) -> Iterator[int]:
        """The places where the rarest of the lines is right, the nearest first and those below before those above."""
        if not wanted:
            return iter(() if self.lines else (0,))
        rarest = min(range(len(wanted)), key=lambda index: len(self.where.get(wanted[index], ())))
        places = [at - rarest for at in self.where.get(wanted[rarest], ()) if at - rarest >= done]
        return iter(sorted(places, key=lambda at: (abs(at - guess), at < guess)))

    def difference(self, misfit: Misfit) -> tuple[int, str, str]:
        """The first line that differs where most of a hunk's lines fit: its index, the file's line and the hunk's."""
        wanted = misfit.hunk.old
        starts = [misfit.guess, *self.where.get(wanted[0] if wanted else "", ())[:1_000]]
        best = min(starts, key=lambda at: (-self._same(wanted, at), abs(at - misfit.guess)))
        same = self._same(wanted, best)
        here = self.lines[best + same] if 0 <= best + same < len(self.lines) else END
        return best + same, here, wanted[same] if same < len(wanted) else END

    def _same(self, wanted: Sequence[str], at: int) -> int:
        """How many lines fit from a place on."""
        for count, line in enumerate(wanted):
            if not (0 <= at + count < len(self.lines) and self.lines[at + count] == line):
                return count
        return len(wanted)


def applied(lines: Lines, hunks: Sequence[Hunk], path: str, reverse: bool) -> tuple[list[str], tuple[str, ...]]:
    """The lines with the hunks applied, and remarks on how.

    Args:
        lines: the file's.
        hunks: what to change, turned round already if a patch is taken back.
        path: the file's name.
        reverse: whether a patch is taken back.

    Raises:
        KernelError: a hunk fits nowhere; says where it was looked for and what differs.
    """
    shown = printable(path, 90)
    bare = next((hunk for hunk in hunks if not hunk.old and lines.lines), None)
    if bare:
        raise KernelError(f"{bare.place}: the hunk has no line of {shown} from which its place could be told")
    try:
        return lines.put(lines.place(hunks, fuzz=0)), ()
    except Misfit:
        if _has_already(lines, hunks):
            has = "does not have this change, so that it cannot be taken back" if reverse else "has this change already"
            advice = "leave out --reverse" if reverse else "--reverse takes it back"
            raise KernelError(f"{hunks[0].place}: {shown} {has}: {advice}") from None
    try:
        fits = lines.place(hunks)
    except Misfit as misfit:
        raise KernelError(_complaint(lines, misfit, shown)) from None
    return lines.put(fits), tuple(fit.remark for fit in fits if fit.remark)


def _has_already(lines: Lines, hunks: Sequence[Hunk]) -> bool:
    """Whether the lines are what the hunks would make of them."""
    turned = [hunk.reversed() for hunk in hunks]
    try:
        return all(hunk.old for hunk in turned) and bool(lines.place(turned, fuzz=0))
    except Misfit:
        return False


def _complaint(lines: Lines, misfit: Misfit, shown: str) -> str:
    """Where a hunk was looked for, and what differs."""
    index, here, there = lines.difference(misfit)
    space = ", which differs in white space only" if here.split() == there.split() else ""
    return (
        f"{misfit.hunk.place}: the hunk does not fit {shown}:{misfit.guess + 1}: line {index + 1} there is "
        f"{printable(here.strip(), MAX_SHOWN)!r}, the hunk has {printable(there.strip(), MAX_SHOWN)!r}{space}"
    )
