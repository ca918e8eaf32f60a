"""The part of Discord's REST interface that a bot needs to log in and to find the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import h11
import msgspec
import trio

from mocha_actors.simulator.payloads import application_object, own_user_object
from mocha_actors.simulator.registry import SessionRegistry
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.world import World

API_PATH = "/api/v10"

UNAUTHORIZED = {"message": "401: Unauthorized", "code": 0}
NOT_FOUND = {"message": "404: Not Found", "code": 0}
NOT_ALLOWED = {"message": "405: Method Not Allowed", "code": 0}


class RestApi:
    """Answers requests; knows no connection."""

    def __init__(self, settings: SimulatorSettings, world: World, registry: SessionRegistry, gateway_url: str) -> None:
        """Answer in the name of this world."""
        self._settings = settings
        self._world = world
        self._registry = registry
        self._gateway_url = gateway_url

    def answer(self, method: str, target: str, authorization: str, now: float) -> tuple[int, dict[str, Any]]:
        """Return status and JSON body for a request.

        Args:
            method: GET and the like.
            target: path and query.
            authorization: the header of that name, empty without one.
            now: monotonic seconds.
        """
        path = target.partition("?")[0]
        if path == f"{API_PATH}/gateway" and method == "GET":
            return 200, {"url": self._gateway_url}
        body = self._private(path, now)
        if body is None:
            return 404, NOT_FOUND
        if method != "GET":
            return 405, NOT_ALLOWED
        allowed = authorization == f"Bot {self._settings.token}" and not self._registry.starts.token_reset
        return (200, body) if allowed else (401, UNAUTHORIZED)

    def _private(self, path: str, now: float) -> dict[str, Any] | None:
        """Return what a path offers to those who have the token."""
        match path.removeprefix(API_PATH):
            case "/gateway/bot":
                limit = self._registry.starts.limit(now)
                return {"url": self._gateway_url, "shards": self._settings.shards, "session_start_limit": limit}
            case "/users/@me":
                return own_user_object(self._world)
            case "/oauth2/applications/@me" | "/applications/@me":
                return application_object(self._world)
        return None


async def serve_rest(stream: trio.abc.Stream, first: bytes, api: RestApi) -> None:
    """Answer the one request of a connection; `first` is what was read of it already.

    Connections are not kept alive: some clients would send the gateway's handshake over the connection of their last
    request.
    """
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(first)
    try:
        request = await _next_request(connection, stream)
        if request is not None:
            await stream.send_all(_response(connection, api, request))
    except h11.RemoteProtocolError as error:
        await stream.send_all(encode_answer(connection, error.error_status_hint, {"message": str(error), "code": 0}))


async def _next_request(connection: h11.Connection, stream: trio.abc.Stream) -> h11.Request | None:
    """Read a whole request, whose body is thrown away; None if the client goes away before."""
    request = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some()))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.EndOfMessage):
            return request
        elif isinstance(event, h11.ConnectionClosed):
            return None


def _response(connection: h11.Connection, api: RestApi, request: h11.Request) -> bytes:
    authorization = dict(request.headers).get(b"authorization", b"").decode("latin-1")
    status, body = api.answer(request.method.decode(), request.target.decode(), authorization, trio.current_time())
    return encode_answer(connection, status, body)


def encode_answer(
    connection: h11.Connection, status: int, body: dict[str, Any], more: Sequence[tuple[str, str]] = ()
) -> bytes:
    """Write an answer with a JSON body and some headers more; the connection is to be closed after it."""
    data = msgspec.json.encode(body)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data))), ("Connection", "close"), *more]
    reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    response = h11.Response(status_code=status, headers=headers, reason=reason)
    parts = (response, h11.Data(data=data), h11.EndOfMessage())
    return b"".join(connection.send(part) or b"" for part in parts)
