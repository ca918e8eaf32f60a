"""Gateway addresses: which ones may be dialled, and with which query."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from mocha_actors.discord.opcodes import API_VERSION
from mocha_actors.errors import PermanentError

Compression = Literal["none", "zlib-stream", "zstd-stream"]

DISCORD_HOST: Final = "discord.gg"
"""Discord's gateways are this host and its subdomains; a RESUME sends the token there."""


class BadAddressError(PermanentError):
    """A gateway address that must not be dialled."""


def gateway_address(url: str, compression: Compression) -> str:
    """The address to dial for gateway ``url``: path ``/`` unless it has one, version, encoding and compression as its query.

    Raises:
        BadAddressError: the scheme is not wss (ws is allowed for loopback), or there is no host.

    """
    parts = _split(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    query |= {"v": str(API_VERSION), "encoding": "json"}
    query.pop("compress", None)
    if compression != "none":
        query["compress"] = compression
    return parts._replace(path=parts.path or "/", query=urlencode(query), fragment="").geturl()


def check_resume_address(url: str, gateway_url: str) -> None:
    """Refuse a resume address that is neither on the gateway's own host nor on Discord's: it would be given the token.

    Raises:
        BadAddressError: it is on another host, or cannot be dialled at all.

    """
    host, home = _split(url).hostname or "", _split(gateway_url).hostname
    if host not in (home, DISCORD_HOST) and not host.endswith("." + DISCORD_HOST):
        msg = f"the resume address is on host {host!r}; allowed are {home!r}, {DISCORD_HOST!r} and its subdomains"
        raise BadAddressError(msg)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        msg = f"{url!r} is no address: {error}"
        raise BadAddressError(msg) from None
    if not host:
        msg = f"{url!r} names no host; expected is wss://HOST"
        raise BadAddressError(msg)
    if parts.scheme != "wss" and not (parts.scheme == "ws" and is_loopback(host)):
        msg = f"{url!r} is not encrypted; allowed is wss://, and ws:// for loopback only"
        raise BadAddressError(msg)
    return parts


def is_loopback(host: str) -> bool:
    """Whether ``host`` names this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
