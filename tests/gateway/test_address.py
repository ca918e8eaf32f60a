"""Gateway addresses."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from mocha_actors.gateway.address import BadAddressError, check_resume_address, gateway_address


@pytest.mark.parametrize(
    "url", ["wss://gateway.discord.gg", "wss://gateway.discord.gg/", "wss://gateway.discord.gg/?v=9&encoding=etf"]
)
def test_one_query_whatever_the_base_looks_like(url: str) -> None:
    """With and without slash or query: path /, version, encoding."""
    parts = urlsplit(gateway_address(url, "none"))

    assert "/" == parts.path
    assert {"v": ["10"], "encoding": ["json"]} == parse_qs(parts.query)


def test_compression_is_asked_for_in_the_query() -> None:
    """And a leftover of it is removed when none is wanted."""
    assert ["zlib-stream"] == parse_qs(urlsplit(gateway_address("wss://g.discord.gg", "zlib-stream")).query)["compress"]
    assert "compress" not in gateway_address("wss://g.discord.gg/?compress=zstd-stream", "none")


@pytest.mark.parametrize("url", ["ws://127.0.0.1:8080", "ws://localhost:1", "ws://[::1]:5"])
def test_loopback_needs_no_encryption(url: str) -> None:
    """For tests and demonstrations."""
    assert gateway_address(url, "none").startswith("ws://")


@pytest.mark.parametrize(
    "url",
    [
        "ws://gateway.discord.gg",
        "http://gateway.discord.gg",
        "gateway.discord.gg",
        "wss://",
        "wss://[::1",
        "wss://h:port",
    ],
)
def test_addresses_that_would_show_the_token_are_refused(url: str) -> None:
    """The error names the address and what is allowed."""
    with pytest.raises(BadAddressError):
        gateway_address(url, "none")


@pytest.mark.parametrize("url", ["wss://gateway-us-east1-b.discord.gg", "wss://discord.gg", "wss://gw.example.org:444"])
def test_resume_addresses_of_discord_and_of_the_own_gateway_are_used(url: str) -> None:
    """The token goes there."""
    check_resume_address(url, "wss://gw.example.org")


@pytest.mark.parametrize(
    "url", ["wss://discord.gg.evil.example", "wss://evildiscord.gg", "wss://example.org", "ws://gateway.discord.gg"]
)
def test_resume_addresses_elsewhere_are_refused(url: str) -> None:
    """Whoever could forge READY would get the token."""
    with pytest.raises(BadAddressError):
        check_resume_address(url, "wss://gw.example.org")
