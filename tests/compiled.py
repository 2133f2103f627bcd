"""The same C through the host's own compiler: programs that apply functions of words to many words.

The compiler is used by tests only. A machine of 32 bits is compiled as the host's own 32-bit program, so that ``long`` is
what it is there.
"""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests import kernel_trees

CC = shutil.which("cc") or shutil.which("gcc") or ""
needs_cc = pytest.mark.skipif(not CC, reason="no C compiler (cc or gcc) on this machine")
ALL = (1 << 64) - 1
RANDOM_WORDS = 1000

TYPES = """
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef signed char s8; typedef short s16; typedef int s32; typedef long long s64; typedef _Bool bool;
typedef u8 __u8; typedef u16 __u16; typedef u32 __u32; typedef u64 __u64; typedef u8 uint8_t; typedef u16 uint16_t;
typedef u32 uint32_t; typedef u64 uint64_t; typedef unsigned long uintptr_t;
typedef u16 __be16; typedef u32 __be32; typedef u64 __be64; typedef u16 __le16; typedef u32 __le32; typedef u64 __le64;
"""

ATOMICS = """
#define xchg(p, n) ({ __typeof__(*(p)) n_ = (n), o_; __atomic_exchange((p), &n_, &o_, 5); o_; })
#define cmpxchg(p, o, n) ({ __typeof__(*(p)) o_ = (o), n_ = (n); \
	__atomic_compare_exchange((p), &o_, &n_, 0, 5, 5); o_; })
#define try_cmpxchg(p, o, n) ({ __typeof__(*(p)) n_ = (n); __atomic_compare_exchange((p), (o), &n_, 0, 5, 5); })
#define atomic_read(p) (*(const int *)(p))
#define mm_tlb_flush_pending(mm) 0
#define atomic_long_xchg(p, n) xchg(&(p)->counter, n)
#define atomic64_xchg(p, n) xchg(&(p)->counter, n)
#define set_64bit(p, n) ((void)(*(p) = (n)))
#define atomic_long_set(p, v) ((void)((p)->counter = (v)))
#define atomic_long_and(v, p) ((void)__atomic_fetch_and(&(p)->counter, (v), 5))
#define atomic_long_or(v, p) ((void)__atomic_fetch_or(&(p)->counter, (v), 5))
#define BIT_OF(n) (1UL << (n))
#define set_bit(n, p) ((void)__atomic_fetch_or((p), BIT_OF(n), 5))
#define clear_bit(n, p) ((void)__atomic_fetch_and((p), ~BIT_OF(n), 5))
#define test_bit(n, p) (!!(*(p) & BIT_OF(n)))
#define test_and_set_bit(n, p) (!!(__atomic_fetch_or((p), BIT_OF(n), 5) & BIT_OF(n)))
#define test_and_clear_bit(n, p) (!!(__atomic_fetch_and((p), ~BIT_OF(n), 5) & BIT_OF(n)))
"""
"""Atomic operations by the compiler's own; with an order added to the name, they are the same."""

MAIN = """
extern long read(int, void *, unsigned long);
extern long write(int, const void *, unsigned long);
static u64 words[1 << 16], answers[1 << 14];
static unsigned long fill(void)
{{
	unsigned long have = 0;
	long got;
	while (have < sizeof(words) && (got = read(0, (char *)words + have, sizeof(words) - have)) > 0)
		have += got;
	return have / sizeof(*words);
}}
static void put(unsigned long count)
{{
	unsigned long done = 0;
	while (done < count * sizeof(*answers))
		done += write(1, (char *)answers + done, count * sizeof(*answers) - done);
}}
int main(int argc, char **argv)
{{
	int which = 0;
	for (const char *digit = argv[1]; *digit; digit++)
		which = which * 10 + *digit - '0';
	unsigned long have = fill();
	switch (which) {{
{cases}
	}}
	return 0;
}}
"""
"""A program that takes the number of a function and raw words, and writes raw answers."""

CASE = "\tcase {number}: for (unsigned long i = 0; i < have / {count}; i++) answers[i] = {call}; put(have / {count}); break;"
LARGEST = 1 << 14
"""Calls at a time."""


def boundary_words() -> list[int]:
    """Every single bit, every bit but one, neighbours and pairs, and seeded random words."""
    chance = random.Random(20221121)
    bits = [1 << i for i in range(64)]
    pairs = [a | b for a, b in itertools.combinations(bits, 2)]
    words = [0, ALL, *bits, *(ALL ^ bit for bit in bits), *pairs]
    dense = [chance.getrandbits(64) for _ in range(RANDOM_WORDS)]
    return words + dense + [chance.getrandbits(64) & chance.getrandbits(64) for _ in range(RANDOM_WORDS // 2)]


WORDS = boundary_words()


def arguments(count: int) -> Iterator[tuple[int, ...]]:
    """Argument tuples: every word first, and shuffled words beside it."""
    chance = random.Random(count)
    others = [chance.sample(WORDS, len(WORDS)) for _ in range(count - 1)]
    return zip(WORDS, *others, strict=True)


@dataclass(frozen=True)
class Program:
    """Compiled functions of words.

    Attributes:
        path: the program.
        counts: function -> how many words it takes, in the order of their numbers.
    """

    path: Path
    counts: Mapping[str, int]

    def run(self, name: str, calls: Iterable[Sequence[int]] = ((),)) -> list[int]:
        """What a function answers to each tuple of words."""
        number, count = list(self.counts).index(name), self.counts[name]
        words = [word for call in calls for word in (call if count else (0,))]
        size = LARGEST * max(count, 1)
        return [answer for k in range(0, len(words), size) for answer in self._some(number, words[k : k + size])]

    def _some(self, number: int, words: list[int]) -> list[int]:
        done = subprocess.run(
            (self.path, str(number)), input=array("Q", words).tobytes(), capture_output=True, check=True
        )
        found = array("Q")
        found.frombytes(done.stdout)
        return found.tolist()


@cache
def runs_32_bits() -> bool:
    """Whether this machine compiles and runs 32-bit programs (Debian: gcc-multilib)."""
    if not CC:
        return False
    command = (CC, "-m32", "-x", "c", "-o", "/dev/null", "-")
    return (
        subprocess.run(command, input=b"int main(void) { return 0; }", capture_output=True, check=False).returncode == 0
    )


def needs_width(bits: int) -> None:
    """Skips where a program of this width cannot be compiled."""
    if bits == 32 and not runs_32_bits():
        pytest.skip("the compiler makes no 32-bit programs here: install gcc-multilib")


def wanted_tree(version: str) -> Path:
    """The tree, or a skip that says how to get it."""
    found = kernel_trees.tree(version)
    if found is None:
        pytest.skip(kernel_trees.why_not(version))
    return found


def build(work: Path, text: str, counts: Mapping[str, int], bits: int = 64) -> Program:
    """Compiles C text with a ``main`` around functions of words; kernel C wraps on signed overflow."""
    errors = compile_errors(work, text, counts, bits)
    assert not errors, errors[:2000]
    return Program(work / "checked", counts)


def compile_errors(work: Path, text: str, counts: Mapping[str, int], bits: int) -> str:
    """Compiles a program; what the compiler says if it cannot."""
    cases = [
        CASE.format(
            number=k,
            count=max(count, 1),
            call=f"{name}({', '.join(f'words[i * {count} + {j}]' for j in range(count))})",
        )
        for k, (name, count) in enumerate(counts.items())
    ]
    source, target = work / "checked.c", work / "checked"
    source.write_text(f"{text}\n{MAIN.format(cases=chr(10).join(cases))}")
    command = (CC, f"-m{bits}", "-O1", "-fwrapv", "-fno-strict-aliasing", "-w", "-o", str(target), str(source))
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stderr or "no message" if done.returncode else ""
