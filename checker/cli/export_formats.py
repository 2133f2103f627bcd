"""The languages that ``ptecheck export`` writes."""

FORMATS = {
    "smt2": ("checker.export.smt2", "text"),
    "btor2": ("checker.export.btor2", "text"),
    "aiger": ("checker.export.aiger", "text"),
    "promela": ("checker.export.promela", "text"),
    "c": ("checker.export.cprogram", "text"),
}
"""Each format's module, and its function from an exported system to text."""
