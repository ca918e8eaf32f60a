"""What tests of embedding share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import structlog

from mocha_actors.simulator.server import Simulator


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Whatever a test makes of structlog ends with it."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def point_discord_py_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Simulator], None]:
    """Return a function that points discord.py at a simulator; of the library nothing else is changed."""
    discord = pytest.importorskip("discord", reason="discord.py is not installed; it belongs to the extra `dev`")
    yarl = pytest.importorskip("yarl", reason="part of discord.py's own requirements")

    def point(simulator: Simulator) -> None:
        monkeypatch.setattr(discord.http.Route, "BASE", simulator.api_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(simulator.gateway_url))

    return point
