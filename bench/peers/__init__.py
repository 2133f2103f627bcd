"""Other model checkers, each asked about an exported system in its own language."""
