"""Encryption: certificates and host names are checked, and what is not trusted gets no token (A1.3)."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from mocha_actors.gateway.transport import ConnectError, open_transport

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUH5weJ/JI2oPI7Gh7fWJrDLSATyAwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjEyMjYyOVoYDzIxMjYxMDI5
MTIyNjI5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARyN0s7K57O18iaArl8OHT8sqSEbzfcyAx45hcISPcTWurIQBHyU5KC
SBTa6i1Mbm56gN+CoKDHhPUUumU8rsoPo2kwZzAdBgNVHQ4EFgQU5hiypcUzo+vq
2AmE1Sczz6sKMfwwHwYDVR0jBBgwFoAU5hiypcUzo+vq2AmE1Sczz6sKMfwwFAYD
VR0RBA0wC4IJbG9jYWxob3N0MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwID
SAAwRQIgbBTJM4unKib2uH1iUj8Xp2qFEjgLCXPG4o/lJC8F+SECIQD79DuDrARz
QFrcheUszZyMWtDjwPkY4xVDPfoCKqkM6A==
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkP8+CjAMjJx2T0Jy
rkDCvwpcBZSHxfDdeowjtdCaOxChRANCAARyN0s7K57O18iaArl8OHT8sqSEbzfc
yAx45hcISPcTWurIQBHyU5KCSBTa6i1Mbm56gN+CoKDHhPUUumU8rsoP
-----END PRIVATE KEY-----
"""
"""Self-signed, for the name localhost alone, until 2126; its key is no secret."""


@asynccontextmanager
async def encrypted(folder: Path) -> AsyncIterator[int]:
    """The port of a websocket server with that certificate, which says one thing."""
    pem = folder / "localhost.pem"
    pem.write_text(CERTIFICATE)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)

    async def serve(request: WebSocketRequest) -> None:
        connection = await request.accept()
        await connection.send_message('{"op":10}')
        try:
            await connection.get_message()
        except ConnectionClosed:
            return

    async with trio.open_nursery() as nursery:
        listening = await nursery.start(serve_websocket, serve, "127.0.0.1", 0, context)
        yield listening.port
        nursery.cancel_scope.cancel()


async def test_a_trusted_certificate_of_the_right_name_is_spoken_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trust is the system's, which an environment variable can point elsewhere."""
    async with encrypted(tmp_path) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
        async with open_transport(f"wss://localhost:{port}", "none") as transport:
            assert b'{"op":10}' == await transport.receive()


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """As one would be that somebody in between had made."""
    async with encrypted(tmp_path) as port:
        with pytest.raises(ConnectError, match="certificate verify failed"):
            async with open_transport(f"wss://localhost:{port}", "none"):
                pass


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trusted, but not for who was dialled."""
    async with encrypted(tmp_path) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
        with pytest.raises(ConnectError, match="not valid for"):
            async with open_transport(f"wss://127.0.0.1:{port}", "none"):
                pass
