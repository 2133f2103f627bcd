"""Transition systems in the languages of other tools, from the one definition."""
