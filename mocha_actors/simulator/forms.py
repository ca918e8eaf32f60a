"""The body of a request: JSON, or a multipart form with `payload_json` and `files[n]`.

Source: https://discord.com/developers/docs/reference#uploading-files. The parts of a form are cut at the delimiters of
RFC 2046, so that files keep every byte.
"""

from __future__ import annotations

import re
from email import message_from_string
from email.message import EmailMessage
from email.policy import HTTP
from typing import Any, NamedTuple

import msgspec

from mocha_actors.simulator.refusals import Refusal

MAX_BODY_BYTES = 25 << 20
"""Longest body of a request; Discord's own limit is that of the files, plus a little."""

_FILE = re.compile(r"files\[(\d{1,3})\]|file(\d{0,3})")


class File(NamedTuple):
    """A file that came with a form.

    Attributes:
        name: as the bot calls it.
        content_type: as the bot declares it.
        data: what is in it.
    """

    name: str
    content_type: str
    data: bytes


class Form(NamedTuple):
    """What a request says.

    Attributes:
        payload: the JSON; None without a body.
        files: the files by their number.
    """

    payload: Any
    files: dict[int, File]


def read_form(content_type: str, body: bytes) -> Form:
    """Read the body of a request.

    Raises:
        Refusal: it is no JSON, or no form with `payload_json`.
    """
    head = _head(f"content-type: {content_type}\r\n\r\n")
    if head.get_content_type() != "multipart/form-data":
        return Form(_json(body) if body else None, {})
    boundary = head.get_boundary()
    if not boundary:
        raise Refusal(400, 50035, "Invalid Form Body")
    return _read_parts(_parts(body, boundary.encode()))


def _read_parts(parts: list[tuple[EmailMessage, bytes]]) -> Form:
    payload, files = None, {}
    for head, data in parts:
        name = str(head.get_param("name", "", header="content-disposition"))
        found = _FILE.fullmatch(name)
        if name == "payload_json":
            payload = _json(data)
        elif found:
            number = int(found[1] or found[2] or 0)
            files[number] = File(head.get_filename() or "unnamed", head.get_content_type(), data)
    return Form(payload, files)


def _parts(body: bytes, boundary: bytes) -> list[tuple[EmailMessage, bytes]]:
    """Cut a multipart body into its parts: head and data of each."""
    # What stands before the first delimiter, and after the last, is for those who cannot read forms.
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]
    parts: list[tuple[EmailMessage, bytes]] = []
    for piece in pieces:
        if piece.startswith(b"--"):
            return parts
        head, separator, data = piece.partition(b"\r\n\r\n")
        if not separator:
            break
        parts.append((_head(head.lstrip(b" \t\r\n").decode("utf-8", "replace") + "\r\n\r\n"), data))
    raise Refusal(400, 50109, "The request body contains invalid JSON.")


def _head(text: str) -> EmailMessage:
    return message_from_string(text, policy=HTTP)


def _json(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refusal(400, 50109, "The request body contains invalid JSON.") from None
