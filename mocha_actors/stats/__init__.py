"""Asking: questions about a guild, their ranges, and the engine that answers them from rollups and raw rows."""
