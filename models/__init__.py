"""What a machine and a kernel do, as data and pure functions."""
