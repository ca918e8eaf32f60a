"""Decoding: the usual block in one pass, everything else told apart document by document."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.discord.decode import Control, Decoded, EventDecoder
from mocha_actors.discord.events import (
    TYPED,
    UNTYPED,
    Dispatch,
    GuildCreate,
    MessageCreate,
    Ready,
    UndecodableEvent,
    UnknownEvent,
)

decode_block = EventDecoder().decode


def message(s: int, **overrides: object) -> dict[str, object]:
    """A MESSAGE_CREATE as Discord sends it, ids as strings."""
    data = {"id": "10", "channel_id": "20", "author": {"id": "30", "username": "ada"}, "guild_id": "40", **overrides}
    return {"t": "MESSAGE_CREATE", "s": s, "op": 0, "d": data}


def block(*payloads: object, separator: bytes = b"\n") -> bytes:
    """Payloads as one block."""
    return separator.join(json.dumps(payload).encode() for payload in payloads)


def test_a_run_of_known_dispatches_is_one_piece_with_integer_ids() -> None:
    """Snowflakes are strings on the wire and integers in the program."""
    pieces, violation = decode_block(block(message(1), message(2)))

    assert violation is None
    [[first, second]] = pieces
    assert isinstance(first, MessageCreate)
    assert (10, 20, 30, 40) == (first.d.id, first.d.channel_id, first.d.author.id, first.d.guild_id)
    assert (1, 2) == (first.s, second.s)


def test_controls_part_the_runs_and_keep_their_place() -> None:
    """What came before op 7 is a run of its own, and so is what came after."""
    pieces, violation = decode_block(block(message(1), {"t": None, "s": None, "op": 7, "d": None}, message(2)))

    before, control, after = pieces
    assert violation is None
    assert isinstance(control, Control)
    assert 7 == control.op
    assert [1] == [event.s for event in before]  # type: ignore[union-attr]
    assert [2] == [event.s for event in after]  # type: ignore[union-attr]


def test_an_unknown_opcode_is_a_control() -> None:
    """A31: opcodes that do not exist yet are handed on, for the protocol to ignore."""
    [control] = decode_block(block({"op": 99, "d": {"x": 1}})).pieces

    assert isinstance(control, Control)
    assert (99, {"x": 1}) == (control.op, json.loads(bytes(control.d)))


def test_an_unknown_event_counts_its_number_and_nothing_else() -> None:
    """Discord adds events without warning."""
    [[before, unknown]] = decode_block(
        block(message(1), {"t": "BRAND_NEW", "s": 2, "op": 0, "d": {"deep": [1, {}]}})
    ).pieces

    assert isinstance(before, MessageCreate)
    assert UnknownEvent("BRAND_NEW", 2) == unknown


@pytest.mark.parametrize(
    "overrides",
    [
        {"author": None},
        {"id": "no number"},
        {"id": str(1 << 63)},
        {"channel_id": "-1"},
        {"guild_id": 1 << 70},
        {"author": {"username": "nobody"}},
    ],
)
def test_known_events_with_wrong_data_are_undecodable_and_their_neighbours_are_not(
    overrides: dict[str, object],
) -> None:
    """One bad event is one dead letter (P3); an id that the database cannot hold is bad."""
    [events] = decode_block(block(message(1), message(2, **overrides), message(3))).pieces

    good, bad, other = events  # type: ignore[misc]
    assert isinstance(bad, UndecodableEvent)
    assert ("MESSAGE_CREATE", 2) == (bad.t, bad.s)
    assert "$.d" in bad.error
    assert message(2, **overrides) == json.loads(bad.raw)
    assert (MessageCreate, MessageCreate) == (type(good), type(other))


def test_a_string_that_is_no_utf8_makes_its_event_undecodable() -> None:
    """The number of the event is readable, so that it can be passed over."""
    raw = block(message(1)).replace(b"ada", b"\xff\xfe")

    [[event]] = decode_block(raw).pieces

    assert isinstance(event, UndecodableEvent)
    assert 1 == event.s


@pytest.mark.parametrize("separator", [b"", b" ", b"\n\n", b"\r\n"])
def test_documents_may_follow_each_other_without_a_newline(separator: bytes) -> None:
    """An inflated run is concatenated documents."""
    pieces, violation = decode_block(block(message(1), {"op": 11}, message(2), separator=separator))

    assert violation is None
    assert [list, Control, list] == [type(piece) for piece in pieces]


def test_a_document_may_contain_newlines() -> None:
    """JSON allows white space anywhere; only the usual block has one document a line."""
    pretty = json.dumps(message(2), indent=2).encode()

    [[first, second, third]] = decode_block(block(message(1)) + b"\n" + pretty + b"\n" + block(message(3))).pieces

    assert [1, 2, 3] == [first.s, second.s, third.s]


def test_content_that_looks_like_the_border_of_two_documents_is_content() -> None:
    """Braces inside a string part nothing."""
    [[event]] = decode_block(block(message(1, content='a}\n{"t":"X"}{"t":'))).pieces

    assert isinstance(event, MessageCreate)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"garbage", "no JSON"),
        (b'{"t":"READY","s":1,"op":0', "no JSON"),
        (b"[1]", "no gateway payload"),
        (b'{"op":"zero"}', "no gateway payload"),
        (b'{"d":1}', "no gateway payload"),
        (b'{"t":"MESSAGE_CREATE","op":0,"d":{}}', "without s or t"),
        (b'{"s":4,"op":0,"d":{}}', "without s or t"),
        (b"[" * 100_000, "no "),
    ],
)
def test_what_is_no_payload_is_a_violation_with_its_position(bad: bytes, reason: str) -> None:
    """What stood before it is delivered; what it says is not repeated in the text."""
    good = block(message(1))

    pieces, violation = decode_block(good + b"\n" + bad)

    assert [[1]] == [[event.s for event in piece] for piece in pieces]  # type: ignore[union-attr]
    assert violation is not None
    assert len(good) + 1 == violation.position
    assert reason in str(violation)
    assert violation.raw == bad[: 64 << 10]
    assert "garbage" not in str(violation)


def test_an_empty_block_holds_nothing() -> None:
    """Not even an empty run, which nobody could number."""
    assert Decoded([], None) == decode_block(b"\n")


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_decoded_or_are_a_violation(noise: bytes) -> None:
    """Nothing that a server sends raises."""
    pieces, violation = decode_block(block(message(1)) + b"\n" + noise)

    assert isinstance(pieces[0], list)
    assert 1 == pieces[0][0].s
    assert violation is None or violation.position > 0


@given(st.data())
def test_a_flipped_byte_of_a_real_payload_never_raises(data: st.DataObject) -> None:
    """Damaged payloads end as events, controls, or a violation."""
    raw = bytearray(block(message(1), {"op": 11, "d": None}, message(2)))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    decoded = decode_block(bytes(raw))

    assert decoded.pieces or decoded.violation


def test_every_documented_dispatch_is_known_once() -> None:
    """One that is missing would be reported as unknown for ever."""
    names = [str(kind.__struct_config__.tag) for kind in TYPED] + list(UNTYPED)

    assert len(names) == len(set(names))
    assert {"READY", "RESUMED", "MESSAGE_CREATE", "GUILD_CREATE", "TYPING_START", "VOICE_CHANNEL_STATUS_UPDATE"} <= set(
        names
    )
    assert all(issubclass(kind, Dispatch) for kind in TYPED)


def test_an_event_that_nobody_takes_skips_its_data() -> None:
    """Whatever GUILD_CREATE holds, its number is what is wanted of it; nobody can be hurt by its shape."""
    [[event]] = EventDecoder([MessageCreate]).decode(block({"t": "GUILD_CREATE", "s": 5, "op": 0, "d": ["any"]})).pieces

    assert not isinstance(event, GuildCreate | UndecodableEvent | UnknownEvent)
    assert ("GUILD_CREATE", 5) == (event.t, event.s)


def test_what_the_session_lives_on_is_read_whoever_takes_events() -> None:
    """Without READY there is no session, whatever the processors want."""
    ready = {"session_id": "x", "resume_gateway_url": "wss://g", "user": {"id": "1"}}

    [[event]] = EventDecoder([]).decode(block({"t": "READY", "s": 1, "op": 0, "d": ready})).pieces

    assert isinstance(event, Ready)


def test_ready_shows_no_session_id() -> None:
    """Session ids are secrets (P9)."""
    data = {
        "session_id": "hush",
        "resume_gateway_url": "wss://g",
        "user": {"id": "1"},
        "guilds": [{"id": "2", "unavailable": True}],
    }

    [[ready]] = decode_block(block({"t": "READY", "s": 1, "op": 0, "d": data})).pieces

    assert isinstance(ready, Ready)
    assert "hush" == ready.d.session_id
    assert "hush" not in repr(ready)
