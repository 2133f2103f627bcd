"""Plain integers that behave like machine words."""

from __future__ import annotations


class Word(int):
    """A plain integer of a fixed width, whose arithmetic wraps as a machine word's does."""

    width: int

    def __new__(cls, value: int, width: int) -> Word:
        word = super().__new__(cls, value & ((1 << width) - 1))
        word.width = width
        return word

    def _wrap(self, value: int) -> Word:
        return Word(value, self.width)

    def __add__(self, other: int) -> Word:
        return self._wrap(int(self) + int(other))

    def __sub__(self, other: int) -> Word:
        return self._wrap(int(self) - int(other))

    def __rsub__(self, other: int) -> Word:
        return self._wrap(int(other) - int(self))

    def __mul__(self, other: int) -> Word:
        return self._wrap(int(self) * int(other))

    def __lshift__(self, other: int) -> Word:
        return self._wrap(int(self) << int(other) if other < self.width else 0)

    def __rshift__(self, other: int) -> Word:
        return self._wrap(int(self) >> int(other))

    def __and__(self, other: int) -> Word:
        return self._wrap(int(self) & int(other))

    def __or__(self, other: int) -> Word:
        return self._wrap(int(self) | int(other))

    def __xor__(self, other: int) -> Word:
        return self._wrap(int(self) ^ int(other))

    def __invert__(self) -> Word:
        return self._wrap(~int(self))

    __radd__, __rmul__, __rand__, __ror__, __rxor__ = __add__, __mul__, __and__, __or__, __xor__
