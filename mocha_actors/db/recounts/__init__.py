"""Recounts: for each table of numbers, how the same numbers come out of the raw rows (promise P7); see :mod:`.base` and :mod:`.registry`."""
