"""What an answer is kept under, and what would change it."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

import msgspec

from mocha_actors.pipeline.notices import Subject

FORMAT: Final = 1
"""Of what is kept in Redis, to be raised when a number changes its meaning; with the fields of the answer it is part of every key."""


class Kind(StrEnum):
    """The caches, each with a size and a time to live of its own: a flood of one kind evicts nothing of another."""

    USER = "user"
    GUILD = "guild"
    LEADERBOARD = "leaderboard"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question as the cache sees it.

    Attributes:
        kind: which cache.
        key: of the question; equal keys want the same answer.
        guild_id: the guild that it is about.
        subjects: what of the guild it reads.
        first_hour: the first hour that it reads, in hours since the Unix epoch.
        last_hour: the last one, included.
        moving: whether the range reaches the present: such an answer ages by itself and is never served for longer than the bounded staleness.
        as_of_ms: when it was asked, milliseconds since the Unix epoch: no answer that is computed for it is older.
        answer: the type of its answer.

    """

    kind: Kind
    key: tuple[Hashable, ...]
    guild_id: int
    subjects: Subject
    first_hour: int
    last_hour: int
    moving: bool
    as_of_ms: int
    answer: Any

    def shared_key(self, stamp: str) -> str:
        """The key for other processes; ``stamp`` is the state of the database that the answer was read from."""
        return f"mocha:{FORMAT}.{shape(self.answer)}:{self.guild_id}:{stamp}:{digest(msgspec.msgpack.encode(self.key))}"


@cache
def shape(answer: Any) -> str:
    """A digest of the fields of a type of answer: a program with other fields uses other keys, and neither reads what the other one meant."""
    return digest(msgspec.json.encode(msgspec.json.schema(answer), order="sorted"))[:8]


def digest(data: bytes) -> str:
    """A short name for ``data``."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
