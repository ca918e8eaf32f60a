"""The errors of Mocha, by who has to act.

Every error that Mocha raises on purpose is a :class:`MochaError` of one of four categories. Code that has to choose between
retrying, giving up, setting one event aside or stopping the program looks at the category and never at the text.
"""

from __future__ import annotations


class MochaError(Exception):
    """Base of all errors of Mocha; only its four categories and their subclasses are raised."""


class TransientError(MochaError):
    """The same call may succeed later: a lost connection, a locked database, a rate limit. Retry with back-off."""


class PermanentError(MochaError):
    """The same call can never succeed: a refused token, a forbidden intent, a wrong configuration. A person must act."""


class DataError(MochaError):
    """One piece of data is wrong. It becomes a dead letter; its neighbours are handled."""


class SystemFailure(MochaError):  # SystemError is a builtin
    """The ground gives way: disk full, database file damaged, ownership lost. The program must stop or wait for the operator."""


class ConfigError(PermanentError):
    """A configuration or command line that cannot work; the text names file, key path, what was found and what is allowed."""


class FencedOutError(SystemFailure):
    """Another process took this shard over (promise P10). The loser stops with exit code 3 and writes nothing more."""
