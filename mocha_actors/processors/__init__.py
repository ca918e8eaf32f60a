"""Processors: one module per kind of event, typed event in, facts out; :mod:`.base` is the actor around them."""
