"""Projections: how facts become rows and rollups, inside the writer's transaction."""
