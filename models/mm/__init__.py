"""The mm world: what generic mm does with the helpers."""
