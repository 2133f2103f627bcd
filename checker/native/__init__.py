"""The explicit engine compiled: the array engine's search with its inner loops in C, for states by the million.

One C source, the same for every system, is compiled by the machine's own compiler while the arrays already search, and
takes over from them where they are. Without a compiler the arrays go on.
"""
