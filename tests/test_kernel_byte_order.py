"""Entries that memory holds in the order of bytes that is not the CPU's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker import terms
from models.kernel import LiftedTree, lift_tree
from models.kernel.platforms import PLATFORMS
from models.kernel.words import Abi, IntType, Word, binary, convert, number, reversed_bytes
from tests.kernel_trees import made_up_tree

ALL = (1 << 64) - 1
WORDS = [0, 1, 2, 0x80, 0x8000000000000000, 0x0102030405060708, 0xFFFFFFFF, ALL, 0xDEADBEEF00000001]
TYPES = """
#undef pte_val
typedef struct { __be64 pte; } pte_t;
#define __pte(x) ((pte_t) { cpu_to_be64(x) })
#define __pte_raw(x) ((pte_t) { (x) })
static inline unsigned long pte_val(pte_t x) { return be64_to_cpu(x.pte); }
static inline __be64 pte_raw(pte_t x) { return x.pte; }
"""


def swapped(word: int) -> int:
    """The word with its bytes in the opposite order."""
    return int.from_bytes(word.to_bytes(8, "little"), "big")


def lifted(root: Path, body: str, name: str = "pte_mkdirty", result: str = "pte_t", big_endian: bool = False) -> Any:
    """A helper over big-endian entries, on a CPU of either order."""
    header = f"{TYPES}static inline {result} {name}(pte_t pte) {{ {body} }}\n"
    platform = replace(PLATFORMS["loongarch"], abi=Abi(big_endian=big_endian))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLATFORMS, "loongarch", platform)
        found: LiftedTree = lift_tree(made_up_tree(root, header), "loongarch")
    unlifted = [str(entry) for entry in found.missing if entry.name == name]
    assert not unlifted, unlifted
    return found.helpers[name]


EITHER_ORDER = [
    ("return __pte_raw(pte_raw(pte) | cpu_to_be64(0x80));", lambda w: w | 0x80),
    ("return __pte_raw(pte_raw(pte) & cpu_to_be64(~0x80UL));", lambda w: w & ~0x80),
    ("return __pte_raw((pte_raw(pte) & cpu_to_be64(7)) | cpu_to_be64(pte_val(pte) << 8));",
     lambda w: w & 7 | w << 8 & ALL),
    ("u64 mask = cpu_to_be64(0x81); return __pte((pte_raw(pte) & mask) == mask);", lambda w: int(w & 0x81 == 0x81)),
    ("return __pte(!pte_raw(pte));", lambda w: int(not w)),
    ("__be64 v = pte_raw(pte); v ^= cpu_to_be64(1); return __pte_raw(v);", lambda w: w ^ 1),
    ("return __pte_raw(pte_val(pte) & 1 ? pte_raw(pte) : cpu_to_be64(6));", lambda w: w if w & 1 else 6),
    ("return __pte_raw(~pte_raw(pte));", lambda w: ~w & ALL),
]  # fmt: skip


@pytest.mark.parametrize("big_endian", [False, True], ids=["little", "big"])
@pytest.mark.parametrize(("body", "means"), EITHER_ORDER, ids=[body for body, _ in EITHER_ORDER])
def test_an_entry_is_the_number_that_pte_val_yields(
    tmp_path: Path, body: str, means: Callable[[int], int], big_endian: bool
) -> None:
    helper = lifted(tmp_path, body, big_endian=big_endian)
    assert [helper(w) for w in WORDS] == [means(w) for w in WORDS]


MOVED = [
    ("u64 v = pte_raw(pte); return __pte(v);", swapped),
    ("return __pte((unsigned long)pte_raw(pte) + 1);", lambda w: (swapped(w) + 1) & ALL),
    ("return __pte(pte_raw(pte) >> 8);", lambda w: swapped(w) >> 8),
    ("return __pte(-pte_raw(pte));", lambda w: -swapped(w) & ALL),
    ("return __pte(pte_raw(pte) < 256);", lambda w: int(swapped(w) < 256)),
    ("return __pte((pte_raw(pte) & pte_val(pte)) ^ 3);", lambda w: swapped(w) & w ^ 3),
    ("return __pte((unsigned int)pte_raw(pte));", lambda w: swapped(w) & 0xFFFFFFFF),
    ("return __pte_raw(5);", lambda w: swapped(5)),
    ("return __pte(be32_to_cpu(pte_raw(pte)));",
     lambda w: int.from_bytes((swapped(w) & 0xFFFFFFFF).to_bytes(4, "little"), "big")),
    ("return __pte(le64_to_cpu(pte_raw(pte)));", swapped),
]  # fmt: skip


@pytest.mark.parametrize(("body", "means"), MOVED, ids=[body for body, _ in MOVED])
def test_arithmetic_on_raw_words_sees_the_bytes_as_they_stand(
    tmp_path: Path, body: str, means: Callable[[int], int]
) -> None:
    helper = lifted(tmp_path, body)
    assert [helper(w) for w in WORDS] == [means(w) for w in WORDS]


def test_a_mask_leaves_no_bytes_to_move(tmp_path: Path) -> None:
    """A test of a bit stays the test of a bit, so that proofs stay easy."""
    helper = lifted(tmp_path, "return !!(pte_raw(pte) & cpu_to_be64(0x80));", "pte_dirty", "int")
    operators = {term.op for term in terms.subterms([helper.term])}
    assert operators <= {"var", "const", "band", "eq", "not"}


def test_a_test_that_forgets_the_order_is_not_what_it_seems(tmp_path: Path) -> None:
    helper = lifted(tmp_path, "return !!(pte_raw(pte) & 0x80);", "pte_dirty", "int")
    assert helper(0x80) is False
    assert helper(0x80 << 56) is True


def test_bytes_turned_round_twice_are_where_they_were() -> None:
    word = terms.variable("w", 64)
    for value in WORDS:
        twice = terms.substitute([reversed_bytes(reversed_bytes(word))], {word: terms.constant(value, 64)})[0]
        assert twice.data == value
        assert reversed_bytes(terms.constant(value, 64)).data == swapped(value)


def test_two_orders_in_one_operator() -> None:
    big, plain = IntType(64, False, swapped=True), IntType(64, False)
    stored = Word(big, terms.constant(swapped(0x1234), 64))
    for op, value in (("&", 0x1234 & 0xFF), ("+", 0x1234 + 0xFF), ("|", 0x1234 | 0xFF)):
        found = binary(op, stored, number(0xFF, plain))
        assert convert(found, plain).term.data == value
