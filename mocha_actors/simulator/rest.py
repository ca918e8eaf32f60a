"""The part of Discord's REST interface that a bot needs to log in and to find the gateway."""

from __future__ import annotations

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

IDENTIFIES_A_DAY = 1000
DAY_MS = 86_400_000

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

    def answer(self, method: str, target: str, authorization: str) -> tuple[int, dict[str, Any]]:
        """Return status and JSON body for a request; `authorization` is the header of that name, empty without one."""
        path = target.partition("?")[0]
        if path == f"{API_PATH}/gateway" and method == "GET":
            return 200, {"url": self._gateway_url}
        body = self._private(path)
        if body is None:
            return 404, NOT_FOUND
        if method != "GET":
            return 405, NOT_ALLOWED
        return (200, body) if authorization == f"Bot {self._settings.token}" else (401, UNAUTHORIZED)

    def _private(self, path: str) -> dict[str, Any] | None:
        """Return what a path offers to those who have the token."""
        match path.removeprefix(API_PATH):
            case "/gateway/bot":
                return {"url": self._gateway_url, "shards": self._settings.shards, "session_start_limit": self._limit()}
            case "/users/@me":
                return own_user_object(self._world)
            case "/oauth2/applications/@me" | "/applications/@me":
                return application_object(self._world)
        return None

    def _limit(self) -> dict[str, int]:
        remaining = max(IDENTIFIES_A_DAY - self._registry.identifies, 0)
        return {"total": IDENTIFIES_A_DAY, "remaining": remaining, "reset_after": DAY_MS, "max_concurrency": 1}


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
        await stream.send_all(_encode(connection, error.error_status_hint, {"message": str(error), "code": 0}))


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
    status, body = api.answer(request.method.decode(), request.target.decode(), authorization)
    return _encode(connection, status, body)


def _encode(connection: h11.Connection, status: int, body: dict[str, Any]) -> bytes:
    data = msgspec.json.encode(body)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data))), ("Connection", "close")]
    parts = (
        h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase),
        h11.Data(data=data),
        h11.EndOfMessage(),
    )
    return b"".join(connection.send(part) or b"" for part in parts)
