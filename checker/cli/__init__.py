"""The command line: the one place where checker, models and invariants are put together."""
