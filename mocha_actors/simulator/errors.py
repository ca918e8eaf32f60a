"""What the simulator refuses, in sentences for the person who started it."""

from __future__ import annotations


class SimulatorError(Exception):
    """The simulator cannot run: its port is taken, or its ledger is not usable."""


class SettingsError(SimulatorError, ValueError):
    """A setting has a value with which the simulator cannot run."""
