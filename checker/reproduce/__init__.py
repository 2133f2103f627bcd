"""Reproducers: a counterexample as a small C program that a kernel maintainer can run.

A trace about entries becomes a test that calls the kernel's own helpers (:mod:`checker.reproduce.entries`), a trace about
processes becomes a program of system calls (:mod:`checker.reproduce.selftest`). Both are pure functions from a trace to text.
"""


class CannotReproduce(ValueError):
    """A trace that C cannot show; the message says which step or requirement stands in the way, and why."""
