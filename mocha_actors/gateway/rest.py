"""The one REST call that the gateway needs: where it is, and how often a bot may IDENTIFY.

Source: https://discord.com/developers/docs/events/gateway#get-gateway-bot
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec
import trio

from mocha_actors.config import Secret
from mocha_actors.errors import PermanentError, TransientError
from mocha_actors.gateway.address import BadAddressError, is_loopback
from mocha_actors.gateway.close_codes import RefusedTokenError
from mocha_actors.gateway.ratelimit import TOO_MANY_REQUESTS, RestLimits, retry_after

DISCORD_API: Final = "https://discord.com/api/v10"

TIMEOUT: Final = 10.0
"""Seconds for connecting, and for each wait of a request."""


class SessionStartLimit(msgspec.Struct, frozen=True):
    """How often the bot may IDENTIFY.

    Attributes:
        total: identifies in 24 hours.
        remaining: of them, still allowed.
        reset_after: milliseconds until the number begins anew.
        max_concurrency: identifies in 5 s, one for each key ``shard % max_concurrency``.

    """

    total: int = 1000
    remaining: int = 1000
    reset_after: int = 0
    max_concurrency: int = 1


class GatewayInfo(msgspec.Struct, frozen=True):
    """Discord's answer to ``GET /gateway/bot``.

    Attributes:
        url: the gateway's main address.
        shards: how many shards Discord recommends.
        session_start_limit: see :class:`SessionStartLimit`.

    """

    url: str
    shards: int = 1
    session_start_limit: SessionStartLimit = SessionStartLimit()


class RestUnavailableError(TransientError):
    """The API cannot answer now.

    Attributes:
        retry_after: seconds that it asked for; 0.0 when it named none.

    """

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        """``text`` names neither token nor headers."""
        super().__init__(text)
        self.retry_after = retry_after


class DiscordRest:
    """Discord's REST API for one token; made by :func:`open_rest`. The answer is shared by all shards."""

    def __init__(self, client: httpx.AsyncClient, api_url: str) -> None:
        self._client, self._api_url = client, api_url
        self._info: GatewayInfo | None = None
        self._fetched_at = -math.inf
        self._fetching = trio.Lock()
        self._limits = RestLimits()

    async def gateway(self, max_age: float = math.inf) -> GatewayInfo:
        """The gateway's address and limits, at most ``max_age`` seconds old; concurrent callers share one request.

        Raises:
            RefusedTokenError: Discord does not accept the token.
            PermanentError: it refuses for another reason that will not pass.
            RestUnavailableError: it cannot be reached, or asks to wait.

        """
        async with self._fetching:
            if self._info is None or trio.current_time() - self._fetched_at > max_age:
                self._info = _parse(await self._get("/gateway/bot"))
                self._fetched_at = trio.current_time()
            return self._info

    async def _get(self, path: str) -> httpx.Response:
        """Ask, unless an earlier answer said that it is too soon: requests that break the limits in spite of that get a bot banned."""
        wait = self._limits.wait(path, trio.current_time())
        if wait > 0:
            msg = f"Discord's API asked to wait {wait:.1f} s more"
            raise RestUnavailableError(msg, wait)
        try:
            response = await self._client.get(self._api_url + path)
        except httpx.HTTPError as error:
            msg = f"{self._api_url} cannot be reached: {type(error).__name__} {error}".rstrip()
            raise RestUnavailableError(msg) from None
        self._limits.learn(path, response.status_code, response.headers, trio.current_time())
        return response


def _parse(response: httpx.Response) -> GatewayInfo:
    match response.status_code:
        case 200:
            return _decode(response)
        case 401:
            raise RefusedTokenError(
                "Discord refused the bot token (HTTP status 401): copy the current one from the developer portal, page Bot."
            )
        case 403:
            raise PermanentError(
                "Discord forbids this bot to use its API (HTTP status 403): see in the developer portal whether the account is disabled."
            )
        case status if status == TOO_MANY_REQUESTS or status >= 500:
            msg = f"Discord's API answered with HTTP status {status}"
            raise RestUnavailableError(msg, retry_after(response.headers))
        case status:
            msg = f"{response.request.url} answered with HTTP status {status}: check discord.api_url and the bot's account."
            raise PermanentError(msg)


def _decode(response: httpx.Response) -> GatewayInfo:
    try:
        return msgspec.json.decode(response.content, type=GatewayInfo)
    except msgspec.DecodeError as error:
        msg = f"{response.request.url} did not answer as Discord does: {error}"
        raise RestUnavailableError(msg) from None


@asynccontextmanager
async def open_rest(token: Secret, api_url: str = DISCORD_API) -> AsyncIterator[DiscordRest]:
    """REST for as long as the block. Redirects are not followed: they would take the token along.

    Raises:
        BadAddressError: ``api_url`` is not encrypted and not on loopback.

    """
    parts = urlsplit(api_url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        msg = f"{api_url!r} is not encrypted; allowed is https://, and http:// for loopback only"
        raise BadAddressError(msg)
    headers = {
        "Authorization": f"Bot {token.reveal()}",
        "User-Agent": "DiscordBot (https://pypi.org/project/mocha-actors, 0)",
    }
    async with httpx.AsyncClient(headers=headers, timeout=TIMEOUT, follow_redirects=False) as client:
        yield DiscordRest(client, api_url.rstrip("/"))
