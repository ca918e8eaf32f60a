"""What somebody is told when there is no answer, and what the log is."""

from __future__ import annotations

from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mocha_actors.db.errors import DatabaseUnavailableError, DeadlineExceededError
from mocha_actors.embed.commands import sentences
from mocha_actors.embed.commands.asked import RefusedError
from mocha_actors.embed.commands.sentences import is_expected, sentence
from mocha_actors.embed.commands.serving import ATTACHMENT_BYTES, room, unsent
from mocha_actors.runtime import ActorDead, AskTimeout, CircuitOpen, MailboxFull, RuntimeClosed
from mocha_actors.stats.errors import QuestionError


@pytest.mark.parametrize(
    ("error", "said", "expected"),
    [
        (RefusedError("You cannot see that."), "You cannot see that.", True),
        (QuestionError("days is 0; allowed are 1 to 9"), "That has no answer: days is 0; allowed are 1 to 9.", True),
        (DeadlineExceededError("stopped"), sentences.TOO_LONG, False),
        (DatabaseUnavailableError("no route to db.internal"), sentences.AWAY, False),
        (CircuitOpen("database", 5.0), sentences.AWAY, False),
        (AskTimeout("mocha/stats", "GuildQuestion", 40.0), sentences.AWAY, False),
        (MailboxFull("bridge", 1_000), sentences.AWAY, False),
        (RuntimeClosed(), sentences.GIVEN_UP, False),
        (ActorDead("mocha/stats"), sentences.GIVEN_UP, False),
        (ZeroDivisionError("division by zero"), sentences.BROKEN, False),
    ],
)
def test_an_error_is_a_sentence_that_says_what_to_do(error: Exception, said: str, expected: bool) -> None:
    """What is inside stays in the log; what somebody asked wrongly does not go there."""
    assert sentence(error) == said
    assert is_expected(error) is expected


def test_what_discord_refused_is_logged_without_address_and_token() -> None:
    """Both libraries may have the address of the request in the text of their errors, and the token in that."""
    hikari = pytest.importorskip("hikari", reason="hikari is not installed; it belongs to the extra `dev`")
    discord = pytest.importorskip("discord", reason="discord.py is not installed; it belongs to the extra `dev`")
    address = "https://discord.example/interactions/1/SECRET/callback"
    of_hikari = hikari.NotFoundError(url=address, headers={}, raw_body=b"", message="Unknown interaction", code=10062)
    response = cast("Any", SimpleNamespace(status=HTTPStatus.NOT_FOUND.value, reason=address))
    of_discord_py = discord.NotFound(response, {"code": 10062, "message": "Unknown interaction"})

    assert "SECRET" in str(of_hikari)
    assert str(unsent(of_hikari)) == "NotFoundError 404 10062"
    assert "SECRET" in str(of_discord_py)
    assert str(unsent(of_discord_py)) == "NotFound 404 10062"
    assert str(unsent(ConnectionResetError(address))) == "ConnectionResetError"


def test_a_file_leaves_room_for_the_request_around_it() -> None:
    """By what Discord says of the server, or 10 MiB where it says nothing."""
    assert room(None) == room(0) == ATTACHMENT_BYTES - (64 << 10)
    assert room(50 << 20) == (50 << 20) - (64 << 10)
