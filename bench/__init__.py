"""Measurements: whole processes, medians, ratios within one run."""
