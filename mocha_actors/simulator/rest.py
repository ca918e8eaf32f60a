"""Discord's REST interface, as far as a bot needs it to log in, to find the gateway and to serve commands."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import h11
import msgspec
import trio

from mocha_actors.simulator.forms import MAX_BODY_BYTES
from mocha_actors.simulator.interactions import Instant
from mocha_actors.simulator.payloads import application_object, own_user_object
from mocha_actors.simulator.registry import SessionRegistry
from mocha_actors.simulator.rest_application import ApplicationApi, Request
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.world import World

API_PATH = "/api/v10"

UNAUTHORIZED = {"message": "401: Unauthorized", "code": 0}
NOT_FOUND = {"message": "404: Not Found", "code": 0}
NOT_ALLOWED = {"message": "405: Method Not Allowed", "code": 0}
TOO_LARGE = {"message": "Request entity too large", "code": 40005}


class RestApi:
    """Answers requests; knows no connection."""

    def __init__(
        self,
        settings: SimulatorSettings,
        world: World,
        registry: SessionRegistry,
        gateway_url: str,
        application: ApplicationApi,
    ) -> None:
        """Answer in the name of this world; `application` answers what is about commands and interactions."""
        self._settings = settings
        self._world = world
        self._registry = registry
        self._gateway_url = gateway_url
        self._application = application

    def answer(self, request: Request, authorization: str, now: Instant) -> tuple[int, Any]:
        """Return status and JSON body for a request, None for no body.

        Args:
            request: what is asked for, its path with the prefix of the API.
            authorization: the header of that name, empty without one.
            now: when.
        """
        if request.path == f"{API_PATH}/gateway" and request.method == "GET":
            return 200, {"url": self._gateway_url}
        allowed = authorization == f"Bot {self._settings.token}" and not self._registry.starts.token_reset
        asked = request._replace(path=request.path.removeprefix(API_PATH))
        body = self._private(asked.path, now.at) if asked.path != request.path else None
        if body is not None:
            if request.method != "GET":
                return 405, NOT_ALLOWED
            return (200, body) if allowed else (401, UNAUTHORIZED)
        if asked.path == request.path:
            return 404, NOT_FOUND
        if self._application.needs_token(asked.path) and not allowed:
            return 401, UNAUTHORIZED
        return self._application.answer(asked, now) or (404, NOT_FOUND)

    def _private(self, path: str, now: float) -> dict[str, Any] | list[dict[str, Any]] | None:
        """Return what a path offers to those who have the token."""
        match path:
            case "/gateway/bot":
                limit = self._registry.starts.limit(now)
                return {"url": self._gateway_url, "shards": self._settings.shards, "session_start_limit": limit}
            case "/users/@me":
                return own_user_object(self._world)
            case "/oauth2/applications/@me" | "/applications/@me":
                return application_object(self._world)
            case "/soundboard-default-sounds":
                return []  # py-cord asks for them before it is ready
        return None


async def serve_rest(stream: trio.abc.Stream, first: bytes, api: RestApi) -> None:
    """Answer the one request of a connection; `first` is what was read of it already.

    Connections are not kept alive: some clients would send the gateway's handshake over the connection of their last
    request.
    """
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(first)
    try:
        received = await _next_request(connection, stream)
        if received is not None:
            await stream.send_all(_response(connection, api, *received))
    except h11.RemoteProtocolError as error:
        await stream.send_all(encode_answer(connection, error.error_status_hint, {"message": str(error), "code": 0}))


async def _next_request(connection: h11.Connection, stream: trio.abc.Stream) -> tuple[h11.Request, bytes | None] | None:
    """Read a whole request: its head, and its body, or None for one that is too long; None if the client goes away before."""
    request = None
    body: list[bytes] = []
    size = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                await stream.send_all(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            connection.receive_data(bytes(await stream.receive_some()))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            # What is too long is read to its end, so that the client gets to hear of it, but not kept.
            size += len(event.data)
            body.append(bytes(event.data) if size <= MAX_BODY_BYTES else b"")
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None
            return request, b"".join(body) if size <= MAX_BODY_BYTES else None
        elif isinstance(event, h11.ConnectionClosed):
            return None


def _response(connection: h11.Connection, api: RestApi, request: h11.Request, body: bytes | None) -> bytes:
    if body is None:
        return encode_answer(connection, 413, TOO_LARGE)
    headers = {name: value.decode("latin-1") for name, value in request.headers}
    path, _, query = request.target.decode().partition("?")
    asked = Request(request.method.decode(), path, query, headers.get(b"content-type", ""), body)
    now = Instant(trio.current_time(), time.time_ns() // 1_000_000)
    status, answer = api.answer(asked, headers.get(b"authorization", ""), now)
    return encode_answer(connection, status, answer)


def encode_answer(connection: h11.Connection, status: int, body: Any, more: Sequence[tuple[str, str]] = ()) -> bytes:
    """Write an answer with a JSON body, or None for none, and some headers more; the connection is to be closed after it."""
    data = b"" if body is None else msgspec.json.encode(body)
    described = [("Content-Type", "application/json"), ("Content-Length", str(len(data)))] if data else []
    headers = [*described, ("Connection", "close"), *more]
    reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    response = h11.Response(status_code=status, headers=headers, reason=reason)
    parts = (response, h11.Data(data=data), h11.EndOfMessage())
    return b"".join(connection.send(part) or b"" for part in parts)
