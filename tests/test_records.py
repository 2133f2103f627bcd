"""Records are data classes: whatever is used of ``dataclasses`` is the same here, and the rest is refused."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checker import records

STANDARD = SimpleNamespace(dataclass=dataclasses.dataclass, field=dataclasses.field, replace=dataclasses.replace)
BOTH = pytest.mark.parametrize("kind", [records, STANDARD], ids=["records", "dataclasses"])


@records.dataclass(frozen=True)
class Point:
    """A record of a module, as pickle wants it."""

    x: int
    y: int = 2

    @cached_property
    def total(self) -> int:
        return self.x + self.y


@BOTH
def test_arguments_defaults_and_messages(kind: Any) -> None:
    @kind.dataclass(frozen=True)
    class Pair:
        first: int
        second: list[int] = kind.field(default_factory=list)
        third: str = kind.field(default="c", kw_only=True)

    assert repr(Pair(1)).endswith("Pair(first=1, second=[], third='c')")
    assert Pair(1).second is not Pair(1).second
    assert Pair(1, [2], third="d") == Pair(third="d", second=[2], first=1) != Pair(1, [2])
    assert Pair.__match_args__ == ("first", "second")
    assert Pair.third == "c" and not hasattr(Pair, "second")
    for wrong in (Pair, lambda: Pair(1, [], "d"), lambda: Pair(1, forth=2), lambda: Pair(1, first=2)):
        for _ in range(2):  # the first call of a class and a later one
            with pytest.raises(TypeError, match=r"Pair\.__init__\(\)"):
                wrong()


@BOTH
def test_frozen_records_stay_as_they_are_and_hash_by_value(kind: Any) -> None:
    @kind.dataclass(frozen=True)
    class Frozen:
        a: int
        b: int = kind.field(default=0, compare=False, repr=False)

        @cached_property
        def twice(self) -> int:
            return 2 * self.a

    value = Frozen(1)
    assert value.twice == 2
    for wrong in (lambda: setattr(value, "a", 2), lambda: setattr(value, "c", 2), lambda: delattr(value, "a")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            wrong()
    assert value == Frozen(1, 5) and hash(value) == hash(Frozen(1, 5)) and len({value, Frozen(1), Frozen(2)}) == 2
    assert repr(value).endswith("Frozen(a=1)")
    assert value not in (1, (1,))


@BOTH
def test_open_records_change_and_do_not_hash(kind: Any) -> None:
    @kind.dataclass
    class Open:
        a: int

        def __post_init__(self) -> None:
            self.b = self.a + 1

    value = Open(1)
    assert value.b == 2
    value.a = 3
    assert value == Open(3) and kind.replace(value, a=4).b == 5
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)


@BOTH
def test_without_eq_a_record_is_only_itself(kind: Any) -> None:
    @kind.dataclass(frozen=True, eq=False)
    class Alone:
        a: int

    value = Alone(1)
    assert value != Alone(1) and value == value and len({value, Alone(1)}) == 2


@BOTH
def test_a_class_adds_to_what_it_inherits(kind: Any) -> None:
    @kind.dataclass
    class Base:
        a: int
        late: int = kind.field(default=0, kw_only=True)

    @kind.dataclass
    class More(Base):
        b: int = 7

    with pytest.raises(TypeError):
        More()
    assert More(1, 2).a == 1 and More(1, late=3) == More(a=1, b=7, late=3) != More(1)
    assert Base(1) != More(1, 2)
    with pytest.raises(TypeError, match="frozen"):

        @kind.dataclass(frozen=True)
        class Mixed(Base):
            c: int


@BOTH
def test_replace_makes_a_new_record_by_the_constructor(kind: Any) -> None:
    @kind.dataclass(frozen=True)
    class Checked:
        a: int
        b: int = 1

        def __post_init__(self) -> None:
            if self.a < 0:
                raise ValueError(self.a)

    assert kind.replace(Checked(1, 2), a=3) == Checked(3, 2)
    with pytest.raises(ValueError, match="-1"):
        kind.replace(Checked(1), a=-1)
    with pytest.raises(TypeError, match="c"):
        kind.replace(Checked(1), c=1)


@BOTH
def test_a_default_that_all_records_would_share_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="list"):

        @kind.dataclass
        class Shared:
            a: list[int] = []


def test_the_standard_functions_take_records_for_data_classes() -> None:
    point = Point(1)
    assert dataclasses.is_dataclass(point) and [f.name for f in dataclasses.fields(Point)] == ["x", "y"]
    assert dataclasses.asdict(point) == {"x": 1, "y": 2} and dataclasses.astuple(point) == (1, 2)
    assert dataclasses.replace(point, x=3) == Point(3) == copy.copy(Point(3)) == copy.deepcopy(Point(3))

    @dataclasses.dataclass(frozen=True)
    class Standard(Point):
        z: int = 3

    assert repr(Standard(1)).endswith("Standard(x=1, y=2, z=3)")
    assert records.replace(Standard(1), z=4).z == 4


def test_records_know_other_data_classes() -> None:
    @dataclasses.dataclass(slots=True)
    class Standard:
        a: int

    assert records.replace(Standard(1), a=2) == Standard(2)
    assert records.is_record(Standard(1)) and records.is_record(Point(1)) and not records.is_record(1)
    assert records.field_names(Standard) == ("a",) and records.field_names(Point) == ("x", "y")
    assert records.field_names(int) == ()


def test_records_go_to_other_processes_and_keep_what_they_know() -> None:
    point = Point(1)
    assert point.total == 3
    assert pickle.loads(pickle.dumps(point)) == point
    assert records.replace(point, x=5).total == 7


def test_what_would_be_another_class_in_dataclasses_is_refused() -> None:
    with pytest.raises(TypeError, match="__repr__"):

        @records.dataclass
        class Own:
            a: int

            def __repr__(self) -> str:
                return "own"

    @dataclasses.dataclass
    class Standard:
        a: int

    with pytest.raises(TypeError, match="Standard"):

        @records.dataclass
        class Derived(Standard):
            b: int


def test_declaring_records_loads_no_more_than_their_module() -> None:
    code = (
        "import sys\nfrom checker.records import dataclass\n@dataclass(frozen=True)\nclass A:\n    a: int\n"
        "assert A(1) == A(1) and repr(A(1)) == 'A(a=1)'\nassert not {'dataclasses', 'inspect'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)
