"""The same function on several tasks, each in a process of its own where there are CPUs for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from checker.cli.jobs import cores
from checker.limits import stop_if_interrupted

Task = TypeVar("Task")
Answer = TypeVar("Answer")


def on_every(tasks: Sequence[Task], work: Callable[[Task], Answer], processes: int | None = None) -> list[Answer]:
    """What the function gives for each task, in the order of the tasks.

    Args:
        tasks: what to work on; sent to other processes.
        work: a function of a module.
        processes: how many processes to use; None for one on each CPU.
    """
    count = min(cores(processes), len(tasks))
    if count <= 1:
        found = []
        for task in tasks:
            stop_if_interrupted()
            found.append(work(task))
        return found
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Fork where there is fork, as in jobs.py: a tree that was read already is then there in every process.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    with ProcessPoolExecutor(count, multiprocessing.get_context(method)) as pool:
        return list(pool.map(work, tasks))
