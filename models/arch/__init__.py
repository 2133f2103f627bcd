"""One module for each architecture, with the variants of its helpers."""
