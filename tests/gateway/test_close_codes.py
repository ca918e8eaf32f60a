"""Every row of the close-code table, seen from a machine with an active session."""

from __future__ import annotations

import pytest

from mocha_actors.errors import PermanentError
from mocha_actors.gateway.close_codes import CLOSE_RULES
from mocha_actors.gateway.effects import AwaitTurn, Fatal, Log, SessionLost
from mocha_actors.gateway.states import Ended
from tests.gateway.machine import active, only, open_connection, sent

RESUMED_AFTER = [
    None, 1002, 1005, 1006, 1007, 1009, 1011, 1012, 1013, 4000, 4001, 4002, 4005, 4008, 4020, 4999,
]  # fmt: skip
IDENTIFIED_AFTER = [4003, 4006, 4007, 4009]
FATAL = {
    4004: "token",
    4010: "needs a multiple of its number",
    4011: "more shards",
    4012: "update",
    4013: "intents",
    4014: "message_content",
}


@pytest.mark.parametrize("code", RESUMED_AFTER)
def test_the_session_is_resumed_after(code: int | None) -> None:
    """Everything that does not say otherwise keeps the session, codes that nobody knows included."""
    protocol = active()

    effects = protocol.disconnected(code, 1.0)
    again = open_connection(protocol, 1.0)

    assert [] == only(effects, SessionLost)
    assert [{"op": 6, "d": {"token": "s3cret", "session_id": "session-1", "seq": 101}}] == sent(again)


@pytest.mark.parametrize("code", [1000, 1001])
def test_a_normal_closure_is_resumed_once_and_then_identified(code: int) -> None:
    """Discord sends them, and may have forgotten the session (api-docs #2922)."""
    protocol = active()
    protocol.disconnected(code, 1.0)
    assert [6] == [payload["op"] for payload in sent(open_connection(protocol, 1.0))]

    effects = protocol.disconnected(None, 2.0)

    assert ["session_not_resumable"] == [lost.reason for lost in only(effects, SessionLost)]
    assert [AwaitTurn()] == only(open_connection(protocol, 2.0), AwaitTurn)


@pytest.mark.parametrize("code", IDENTIFIED_AFTER)
def test_the_session_is_given_up_after(code: int) -> None:
    """Keeping it for 4007 and 4009 is an endless loop."""
    protocol = active()

    effects = protocol.disconnected(code, 1.0)
    again = open_connection(protocol, 1.0)

    assert ["session_invalid"] == [lost.reason for lost in only(effects, SessionLost)]
    assert [] == sent(again)
    assert [AwaitTurn()] == only(again, AwaitTurn)


@pytest.mark.parametrize(("code", "says"), FATAL.items())
def test_nothing_is_retried_after(code: int, says: str) -> None:
    """A person must act, and the one sentence says what to do."""
    protocol = active()

    effects = protocol.disconnected(code, 1.0)

    [fatal] = only(effects, Fatal)
    assert isinstance(fatal.error, PermanentError)
    assert str(code) in str(fatal.error)
    assert says in str(fatal.error).lower()
    assert Ended() == protocol.state
    assert [] == protocol.tick(1e9)


@pytest.mark.parametrize("code", [4001, 4002, 4005, 4008])
def test_our_own_faults_are_errors_in_the_log(code: int) -> None:
    """They mean a defect of this client."""
    [log] = only(active().disconnected(code, 1.0), Log)

    assert ("shard.disconnected", "error", code) == (log.event, log.level, log.fields["code"])


def test_every_row_of_the_table_is_tested() -> None:
    """A row without a test here would be a row that nobody decided about."""
    assert set(CLOSE_RULES) <= {1000, 1001, *RESUMED_AFTER, *IDENTIFIED_AFTER, *FATAL}
