"""AIGER: the circuit as and-gates, as text (``aag``) or packed (``aig``), with the bad outputs of AIGER 1.9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.export.gates import Bits, Gates
from checker.export.hardware import Circuit, circuit, explanation
from checker.export.model import Exported
from checker.terms import BOOL, Term


@dataclass(frozen=True)
class _Netlist:
    """Literals, as AIGER counts them: inputs first, then latches, then gates.

    Attributes:
        inputs, latches: the names of their bits.
        nexts: the next value of each latch bit.
        bads: the literal of each bad output.
        gates: the two literals of each gate, the greater one first.
    """

    inputs: tuple[str, ...]
    latches: tuple[str, ...]
    nexts: tuple[int, ...]
    bads: tuple[int, ...]
    gates: tuple[tuple[int, int], ...]

    @property
    def header(self) -> str:
        counts = (len(self.inputs), len(self.latches), 0, len(self.gates), len(self.bads))
        return " ".join(map(str, (len(self.inputs) + len(self.latches) + len(self.gates), *counts)))


def text(model: Exported) -> str:
    """A system in the ascii format."""
    made = circuit(model)
    net = _netlist(made)
    first = len(net.inputs) + 1
    lines = [f"aag {net.header}", *(str(2 * k) for k in range(1, first))]
    lines += [f"{2 * (first + k)} {value}" for k, value in enumerate(net.nexts)]
    lines += map(str, net.bads)
    first += len(net.latches)
    lines += [f"{2 * (first + k)} {left} {right}" for k, (left, right) in enumerate(net.gates)]
    return "\n".join([*lines, *_symbols(made, net)]) + "\n"


def binary(model: Exported) -> bytes:
    """A system in the binary format, which is the one that Berkeley ABC reads."""
    made = circuit(model)
    net = _netlist(made)
    head = "\n".join([f"aig {net.header}", *map(str, net.nexts), *map(str, net.bads)]) + "\n"
    body = bytearray()
    first = len(net.inputs) + len(net.latches) + 1
    for k, (left, right) in enumerate(net.gates):
        _append(body, 2 * (first + k) - left)
        _append(body, left - right)
    return head.encode() + bytes(body) + ("\n".join(_symbols(made, net)) + "\n").encode()


def _append(body: bytearray, number: int) -> None:
    """Seven bits to a byte, the lowest first; the eighth bit says that more follow."""
    while number > 0x7F:
        body.append(number & 0x7F | 0x80)
        number >>= 7
    body.append(number)


def _symbols(made: Circuit, net: _Netlist) -> list[str]:
    lines = [f"i{k} {name}" for k, name in enumerate(net.inputs)]
    lines += [f"l{k} {name}" for k, name in enumerate(net.latches)]
    lines += [f"b{k} {name}" for k, (name, _) in enumerate(made.bads)]
    return [*lines, "c", *explanation(made)]


def _netlist(made: Circuit) -> _Netlist:
    gates = Gates()
    _, latches = ([gates.unknown(part.term, part.mask) for part in parts] for parts in (made.inputs, made.latches))
    nexts: list[int] = []
    for latch, bits in zip(made.latches, latches, strict=True):
        updates = [(gates.word(condition)[0], gates.word(value)) for condition, value in latch.updates]
        nexts += [_next_bit(gates, updates, bits, i) for i in positions(latch.term, latch.mask)]
    bads = [gates.word(bad)[0] for _, bad in made.bads]
    roots, kept = gates.needed([*nexts, *bads])
    return _Netlist(
        tuple(name for part in made.inputs for name in _bit_names(part.name, part.term, part.mask)),
        tuple(name for part in made.latches for name in _bit_names(part.name, part.term, part.mask)),
        tuple(roots[: len(nexts)]),
        tuple(roots[len(nexts) :]),
        tuple(kept),
    )


def _next_bit(gates: Gates, updates: Sequence[tuple[int, Bits]], bits: Bits, i: int) -> int:
    """One bit of a latch: since at most one update applies, a flat choice among all that do not leave the bit alone."""
    changes = [(condition, then[i]) for condition, then in updates if then[i] != bits[i]]
    stays = gates.all([condition ^ 1 for condition, _ in changes])
    return gates.any([gates.both(stays, bits[i]), *(gates.both(condition, value) for condition, value in changes)])


def positions(term: Term, mask: int) -> list[int]:
    """Which bits of a variable there are in the file."""
    return [i for i in range(max(1, term.width)) if mask >> i & 1]


def _bit_names(name: str, term: Term, mask: int) -> list[str]:
    return [name if term.width == BOOL else f"{name}[{i}]" for i in positions(term, mask)]
