"""The values that a start's inputs can have, for languages in which every initial state is written out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from checker.export.model import CannotExport, Exported, ExportedStart, Variable
from checker.terms import evaluate

MAX_CHOICES = 1 << 12
"""No more initial states than these are written out."""


def start_choices(model: Exported) -> list[tuple[ExportedStart, tuple[int, ...]]]:
    """Every start with every value of its inputs that its domain allows.

    Raises:
        CannotExport: there are more than :data:`MAX_CHOICES`.
    """
    found = [(start, values) for start in model.starts for values in _of_start(start)]
    if len(found) > MAX_CHOICES:
        raise CannotExport(
            f"{model.system.name}: the language lists initial states, and there are more than {MAX_CHOICES}"
        )
    return found


def _of_start(start: ExportedStart) -> Iterator[tuple[int, ...]]:
    if 1 << sum(v.mask.bit_count() for v in start.inputs) > MAX_CHOICES:
        raise CannotExport(
            f"start {start.name}: the language lists the values of its inputs, and there are more than {MAX_CHOICES}"
        )
    for values in itertools.product(*map(_values, start.inputs)):
        chosen = dict(zip((v.term for v in start.inputs), values, strict=True))
        if evaluate([start.domain], chosen)[0]:
            yield values


def _values(variable: Variable) -> list[int]:
    """Every value of an input."""
    places = [1 << i for i in range(variable.mask.bit_length()) if variable.mask >> i & 1]
    chosen = itertools.product((False, True), repeat=len(places))
    return sorted(sum(bit for bit, on in zip(places, which, strict=True) if on) for which in chosen)
