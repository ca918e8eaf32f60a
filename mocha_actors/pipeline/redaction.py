"""Redaction of events that are set aside: no content, no token (promise P9), little enough to keep.

What parses as JSON keeps its shape without the keys that may hold either. What does not is told by its size, its hash and a mask of its
first bytes, which shows the structure and no text.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import msgspec

REMOVED: Final = frozenset({
    # What people wrote.
    "content", "clean_content", "embeds", "attachments", "components", "poll", "stickers", "sticker_items", "options", "values", "topic",
    "activities", "activity", "bio",
    # What opens doors.
    "token", "session_id", "resume_gateway_url", "access_token", "refresh_token", "client_secret", "password", "secret", "endpoint", "nonce",
})  # fmt: skip
"""Keys that are removed with what they hold, at any depth."""

MAX_SIZE: Final = 16_384
"""Bytes of a redacted event beyond which only a summary of it is kept."""

DECODED: Final = 1 << 20
"""Bytes of an event that are decoded for it, which takes 30 to 90 ms; a guild of 30 MB kept everything else waiting for a second."""

HEAD: Final = 200
"""Bytes of what is no JSON, or too much, that are shown masked."""

MAX_ID: Final = (1 << 63) - 1

PIECE: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?|\d+|.', re.DOTALL)
"""A string (the last may be cut off), a number's digits, or one other byte."""

STRUCTURE: Final = frozenset(b"{}[]:, \n\t")
SHOWN: Final = frozenset({
    b'"t"', b'"s"', b'"op"', b'"d"', b'"id"', b'"type"', b'"guild_id"', b'"channel_id"', b'"author"', b'"user"', b'"member"', b'"content"',
})  # fmt: skip
"""Names that a mask shows. Any other string may be what somebody wrote, in text that follows no grammar."""

AUTHOR_PATHS: Final = (("author", "id"), ("user", "id"), ("member", "user", "id"), ("user_id",))


def redact(raw: bytes) -> bytes:
    """``raw``, an event as JSON or what was taken for one, as JSON that may be stored. Redacting twice changes nothing more."""
    if len(raw) > DECODED:
        return summary(raw, mask(raw[:HEAD]))
    try:
        redacted = msgspec.json.encode(without_secrets(msgspec.json.decode(raw)))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return summary(raw, mask(raw[:HEAD]))
    return redacted if len(redacted) <= MAX_SIZE else summary(raw, mask(redacted[:HEAD]))


def without_secrets(value: Any) -> Any:
    """A copy of decoded JSON without the keys of :data:`REMOVED`."""
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items() if key not in REMOVED}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def mask(head: bytes) -> bytes:
    """The structure of a piece of JSON-like text: known names and brackets stay, other text becomes ``?`` and numbers ``0``."""
    return b"".join(map(mask_piece, PIECE.findall(head)))


def mask_piece(piece: bytes) -> bytes:
    """One piece of :data:`PIECE`, masked."""
    if piece.startswith(b'"'):
        return piece if piece in SHOWN else b'"?"'
    if piece.isdigit():
        return b"0"
    return piece if piece[0] in STRUCTURE else b"?"


def summary(raw: bytes, head: bytes) -> bytes:
    """What is kept of an event that is no JSON, or too much of it."""
    digest = hashlib.sha256(raw).hexdigest()
    return msgspec.json.encode({"size": len(raw), "sha256": digest, "head": head.decode("ascii", "replace")})


def user_id_of(raw: bytes) -> int | None:
    """The user that an event (a frame, its data alone, or either redacted) is about; None where it names none or is no JSON."""
    try:
        event = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    data = event.get("d", event) if isinstance(event, dict) else None
    return next((user for path in AUTHOR_PATHS if (user := snowflake_at(data, path)) is not None), None)


def snowflake_at(value: Any, path: tuple[str, ...]) -> int | None:
    """The id at ``path``, as string or number; None where there is no valid one."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID else None
