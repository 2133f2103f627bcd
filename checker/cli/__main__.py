"""``python -m checker.cli`` is ``ptecheck``: one command, one process."""

import gc
import sys

from checker.cli.main import main


def run() -> None:
    """Runs the command and ends the process with its exit status.

    Nearly everything that is made here lives as long as the process. So the garbage collector looks at it rarely, and
    not once more at the end.
    """
    gc.set_threshold(100_000, 20, 20)
    status = main()
    gc.freeze()
    sys.exit(status)


if __name__ == "__main__":
    run()
