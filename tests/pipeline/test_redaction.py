"""Redaction: neither content nor tokens are kept (P9)."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.pipeline import redaction
from mocha_actors.pipeline.redaction import MAX_SIZE, REMOVED, redact, user_id_of

SECRET = "xyzzy plugh 0xCAFE"


def test_content_and_tokens_are_removed_at_any_depth() -> None:
    """Ids, types and times stay: they are what a dead letter is looked at for."""
    frame = {
        "t": "MESSAGE_CREATE",
        "s": 4,
        "d": {
            "id": "1",
            "content": SECRET,
            "referenced_message": {"id": "2", "content": SECRET, "embeds": [{"title": SECRET}]},
            "message_snapshots": [{"message": {"content": SECRET, "type": 0}}],
            "token": SECRET,
        },
    }

    assert json.loads(redact(json.dumps(frame).encode())) == {
        "t": "MESSAGE_CREATE",
        "s": 4,
        "d": {"id": "1", "referenced_message": {"id": "2"}, "message_snapshots": [{"message": {"type": 0}}]},
    }


def test_an_escaped_key_is_the_same_key() -> None:
    """JSON allows any letter of a name to be written as a number."""
    assert redact(b'{"c\\u006fntent": "hello", "id": 1}') == b'{"id":1}'


json_values = st.recursive(
    st.none() | st.integers(-9, 9) | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*sorted(REMOVED)[:6], "d", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=json_values, key=st.sampled_from(sorted(REMOVED)))
def test_nothing_under_a_removed_key_is_kept(value: object, key: str) -> None:
    """Whatever shape it has and wherever it stands."""
    redacted = redact(json.dumps([{"outer": {key: value}}]).encode())

    assert redacted == b'[{"outer":{}}]'


@given(cut=st.integers(1, 90), junk=st.binary(max_size=8))
def test_a_torn_frame_shows_its_structure_and_none_of_its_text(cut: int, junk: bytes) -> None:
    """It is told by size, hash and a masked head."""
    frame = b'{"t":"MESSAGE_CREATE","s":12345,"d":{"content":"%s","id":"1234567890123456789"}}' % SECRET.encode()
    torn = frame[:cut] + b"\xff" + junk
    told = msgspec.json.decode(redact(torn))

    assert (told["size"], told["sha256"]) == (len(torn), hashlib.sha256(torn).hexdigest())
    assert "MESSAGE" not in told["head"]
    assert not any(part in told["head"] for part in ("xyzzy", "plugh", "CAFE", "12345"))
    assert told["head"].startswith("{"[:cut])


def test_text_that_follows_no_grammar_is_masked() -> None:
    """A value in the place of a name, and text outside of strings."""
    head = msgspec.json.decode(redact(b'{"content":"abc" def": "ghi", secret": 1'))["head"]

    assert set(head) <= set('{}[]:," ?0content')
    assert not any(word in head for word in ("abc", "def", "ghi", "secret"))


def test_a_large_event_is_only_summarised() -> None:
    """The table stays small whatever is sent."""
    raw = json.dumps({"d": ["x" * 100] * 1000}).encode()
    redacted = redact(raw)

    assert len(redacted) < MAX_SIZE
    assert msgspec.json.decode(redacted)["size"] == len(raw)


def test_a_huge_event_is_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guild of tens of megabytes that cannot be read must not keep the loop from its heartbeats; nothing of its text is shown."""
    monkeypatch.setattr(redaction, "without_secrets", None)
    members = [{"user": {"id": "1", "username": "zanzibar-quokka"}}] * 40_000
    raw = msgspec.json.encode({"t": "GUILD_CREATE", "s": 1, "d": {"members": members}})
    assert len(raw) > redaction.DECODED

    found = msgspec.json.decode(redact(raw))
    assert (found["size"], found["sha256"]) == (len(raw), hashlib.sha256(raw).hexdigest())
    assert found["head"].startswith('{"t":"?","s":0,"d":{')
    assert "quokka" not in found["head"]


def test_a_very_deep_event_is_no_danger() -> None:
    """A stack overflow would be the sender's choice otherwise."""
    assert b'"sha256"' in redact(b"[" * 100_000)
    assert b'"sha256"' in redact(b"[" * 100_000 + b"]" * 100_000)


@given(raw=st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_redacting_twice_changes_nothing_more(raw: bytes) -> None:
    """Whoever is not sure may do it again."""
    assert redact(redact(raw)) == redact(raw)


@pytest.mark.parametrize(
    ("raw", "user"),
    [
        (b'{"t":"X","d":{"author":{"id":"77"}}}', 77),
        (b'{"author":{"id":77}}', 77),
        (b'{"d":{"member":{"user":{"id":"78"}}}}', 78),
        (b'{"d":{"user":{"id":"79"}}}', 79),
        (b'{"d":{"user_id":"80","member":{}}}', 80),
        (b'{"d":{"author":{"id":"9223372036854775808"}}}', None),
        (b'{"d":{"author":{"id":"-1"}}}', None),
        (b'{"d":{"author":{"id":true}}}', None),
        (b'{"d":{"author":"x"}}', None),
        (b'{"d":null}', None),
        (b"[1]", None),
        (b"{torn", None),
    ],
)
def test_the_user_is_found_where_events_name_one(raw: bytes, user: int | None) -> None:
    """And only an id that a column can hold is one."""
    assert user_id_of(raw) == user
