"""An exported C program compiled and driven from any state, so that it can be held against the model itself."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from checker.explicit import start_state
from checker.export import cprogram
from checker.export.ctext import mentioned
from checker.export.model import Exported

CC = shutil.which("cc") or shutil.which("gcc") or ""
STRICT = ("-std=gnu11", "-Wall", "-Wextra", "-Werror")

Values = tuple[int, ...]

_DRIVER = """
#define main main_of_the_model
#include "system.c"
#undef main
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf impossible;
static word next(void) {{ word read; if (scanf("%llu", &read) != 1) exit(1); return read; }}
unsigned int __VERIFIER_nondet_uint(void) {{ return (unsigned int)next(); }}
unsigned long long __VERIFIER_nondet_ulonglong(void) {{ return next(); }}
_Bool __VERIFIER_nondet_bool(void) {{ return next() != 0; }}
void __VERIFIER_assume(int condition) {{ if (!condition) longjmp(impossible, 1); }}
static void load(const word *v) {{ {load} }}
static void show(void) {{ printf("{format}\\n"{shown}); }}

int main(void)
{{
    char what;
    while (scanf(" %c", &what) == 1) {{
        if (what == 's') {{
            if (setjmp(impossible)) puts("-"); else {{ start((unsigned int)next()); show(); }}
            continue;
        }}
        word v[{leaves} + 1];
        for (int i = 0; i < {leaves}; i++) v[i] = next();
        load(v);
        printf("{flags}\\n"{holds});
        for (volatile unsigned int k = 0; k < {steps}; k++) {{
            load(v);
            if (setjmp(impossible)) puts("-"); else {{ step(k); show(); }}
        }}
    }}
    (void)main_of_the_model;
    return 0;
}}
"""


class Program:
    """The compiled program of a system."""

    def __init__(self, model: Exported, folder: Path) -> None:
        self.model = model
        text = cprogram.text(model)
        (folder / "system.c").write_text(text)
        names = [line.split()[2].rstrip(";") for line in text.splitlines() if line.startswith("static") and ";" in line]
        checks = [
            line.split()[2].partition("(")[0]
            for line in text.splitlines()
            if line.startswith("static _Bool holds_") and "(" in line
        ]
        pairs = zip(names, model.variables, strict=True)
        load = [f"{name} = {'!!' * (not v.term.width)}v[{i}];" for i, (name, v) in enumerate(pairs)]
        driver = _DRIVER.format(
            load=" ".join(load) or "(void)v;",
            format=" ".join(["%llu"] * len(names)),
            shown="".join(f", (word){name}" for name in names),
            flags=" ".join(["%d"] * len(checks)),
            holds="".join(f", {check}()" for check in checks),
            leaves=len(names),
            steps=len(model.steps),
        )
        (folder / "driver.c").write_text(driver)
        self._binary = folder / "driver"
        command = [CC, "-std=gnu11", "-w", "-O0", "-o", str(self._binary), str(folder / "driver.c")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        alone = [CC, *STRICT, "-fsyntax-only", str(folder / "system.c")]
        done = subprocess.run(alone, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def _lines(self, said: str) -> list[str]:
        done = subprocess.run([str(self._binary)], input=said, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def starts(self, asked: Sequence[tuple[int, Sequence[int]]]) -> list[Values | None]:
        """The state after each (start, values of all its inputs); None where the values are not possible."""
        said = []
        for number, inputs in asked:
            start = self.model.starts[number]
            read = mentioned(start.inputs, [start.domain, *start.values])
            values = dict(zip(start.inputs, inputs, strict=True))
            said.append(" ".join(map(str, ["s", number, *(values[v] for v in read)])))
        return [_values(line) for line in self._lines("\n".join(said))]

    def steps(self, states: Sequence[Values]) -> list[tuple[Values, list[Values | None]]]:
        """For each state: which properties hold, and where each operation leads, None where it is not possible."""
        lines = self._lines("\n".join(" ".join(map(str, ["l", *map(int, state)])) for state in states))
        size = 1 + len(self.model.steps)
        assert len(lines) == size * len(states)
        chunks = [lines[i : i + size] for i in range(0, len(lines), size)]
        return [(_values(chunk[0]) or (), [_values(line) for line in chunk[1:]]) for chunk in chunks]


def _values(line: str) -> Values | None:
    return None if line == "-" else tuple(map(int, line.split()))


class Plain:
    """The same system by the model's own functions on plain integers, cut to the bits that matter."""

    def __init__(self, model: Exported) -> None:
        self.model, self.system = model, model.system

    @cached_property
    def _places(self) -> dict[str, int]:
        return {leaf.path: i for i, leaf in enumerate(self.system.layout.leaves)}

    def _whole(self, state: Values) -> Values:
        values = [0] * len(self._places)
        for v, value in zip(self.model.variables, state, strict=True):
            values[self._places[v.path]] = value
        return tuple(values)

    def _cut(self, whole: Values) -> Values:
        return tuple(whole[self._places[v.path]] & v.mask for v in self.model.variables)

    def start(self, number: int, inputs: Values) -> Values:
        """An initial state."""
        return self._cut(start_state(self.system, number, inputs))

    def steps(self, state: Values) -> tuple[Values, list[Values | None]]:
        """As :meth:`Program.steps`, of one state."""
        before = self.system.layout.state(self._whole(state))
        held = {i.name: bool(i.holds(before)) for i in self.system.invariants}
        after: list[Values | None] = []
        for operation in self.system.operations:
            guard, then = operation.run(before)
            after.append(self._cut(self.system.layout.concrete(then)) if guard else None)
        return tuple(int(held[name]) for name, _ in self.model.properties), after

    def walk(self, seed: int, states: int) -> list[Values]:
        """States along random runs."""
        rng, found = random.Random(seed), []
        while len(found) < states:
            number = rng.randrange(len(self.system.starts))
            exported = {v.path: v.mask for v in self.model.starts[number].inputs}
            inputs = self.system.relation.starts[number].inputs
            state = self.start(number, tuple(rng.getrandbits(64) & exported.get(str(t.data), 0) for t in inputs))
            for _ in range(20):
                found.append(state)
                options = [after for after in self.steps(state)[1] if after is not None and after != state]
                if not options or len(found) == states:
                    break
                state = rng.choice(options)
        return found
