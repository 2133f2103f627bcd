"""Traces, results and state graphs in the forms that other tools and people's mail programs take."""
