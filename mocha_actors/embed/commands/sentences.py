"""What somebody is told when there is no answer: a sentence, and never the error itself, which is for the log."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.errors import DeadlineExceededError
from mocha_actors.embed.commands.asked import RefusedError
from mocha_actors.errors import TransientError
from mocha_actors.runtime import ActorDead, ActorError, RuntimeClosed
from mocha_actors.stats.errors import QuestionError

ELSEWHERE: Final = "This works on servers alone."
SOMEBODY_ELSE: Final = "Only who asked the question can answer it."
NOT_KNOWN: Final = "I do not know this server's channels yet. Try again in a minute."
TOO_LONG: Final = "That took too long. Try a shorter period."
AWAY: Final = "The statistics cannot be reached at the moment. Try again in a few minutes."
GIVEN_UP: Final = (
    "The statistics are switched off at the moment. Whoever operates this bot finds the reason in its log."
)
BROKEN: Final = "That went wrong. Whoever operates this bot finds the reason in its log."


def sentence(error: Exception) -> str:
    """What is said about an error."""
    match error:
        case RefusedError():
            return str(error)
        case QuestionError():
            return f"That has no answer: {error}."
        case DeadlineExceededError():
            return TOO_LONG
        case RuntimeClosed() | ActorDead():
            return GIVEN_UP
        case TransientError() | ActorError():
            return AWAY
    return BROKEN


def is_expected(error: Exception) -> bool:
    """Whether the log need not hear of an error: whoever asked, asked what cannot be answered."""
    return isinstance(error, RefusedError | QuestionError)
