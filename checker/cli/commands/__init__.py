"""The commands: one small module each, with its options and a ``run`` that loads what does the work.

A module has ``add_options(parser)`` and ``run(args)``, which returns the exit status. Nothing here loads an engine, a solver or a
library at import, so that ``--help`` answers at once.
"""
