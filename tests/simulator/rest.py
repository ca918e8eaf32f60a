"""A bot for tests that says over REST exactly what a test wants it to say: httpx, and no library of bots."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from mocha_actors.simulator.server import Simulator

STATS = {
    "name": "stats",
    "description": "Numbers",
    "options": [
        {
            "type": 1,
            "name": "top",
            "description": "The most active",
            "options": [
                {
                    "type": 4,
                    "name": "days",
                    "description": "How many",
                    "required": True,
                    "min_value": 1,
                    "max_value": 90,
                },
                {"type": 3, "name": "kind", "description": "Of what", "choices": [{"name": "Voice", "value": "voice"}]},
                {"type": 6, "name": "who", "description": "Whose"},
                {"type": 7, "name": "where", "description": "In text", "channel_types": [0]},
                {"type": 8, "name": "role", "description": "Of whom"},
                {"type": 9, "name": "any", "description": "Anybody"},
                {"type": 10, "name": "share", "description": "Of all"},
                {"type": 5, "name": "bots", "description": "Count them"},
                {"type": 3, "name": "word", "description": "Offered", "autocomplete": True, "min_length": 2},
            ],
        }
    ],
}
PING = {"name": "ping", "description": "Pong"}
ADMIN = {"name": "purge", "description": "Delete", "default_member_permissions": str(1 << 5)}
BUTTONS = [
    {
        "type": 1,
        "components": [
            {"type": 2, "style": 1, "label": "Again", "custom_id": "again"},
            {"type": 2, "style": 1, "label": "Never", "custom_id": "never", "disabled": True},
            {"type": 2, "style": 5, "label": "Read", "url": "https://example.org"},
        ],
    },
    {
        "type": 1,
        "components": [
            {
                "type": 3,
                "custom_id": "pick",
                "max_values": 2,
                "options": [{"label": each, "value": each} for each in ("one", "two", "three")],
            }
        ],
    },
    {"type": 1, "components": [{"type": 5, "custom_id": "whom"}]},
]


class Rest:
    """What a bot says over REST."""

    def __init__(self, client: httpx.AsyncClient, application_id: int) -> None:
        self.client = client
        self.id = application_id

    async def register(self, *commands: dict[str, Any], guild: int | None = None) -> httpx.Response:
        """Replace all commands of a scope."""
        return await self.client.put(self.commands(guild), json=list(commands))

    def commands(self, guild: int | None = None) -> str:
        """Where the commands of a scope are."""
        scope = "" if guild is None else f"/guilds/{guild}"
        return f"/applications/{self.id}{scope}/commands"

    async def respond(
        self, told: dict[str, Any], kind: int, data: Any = None, *, with_response: bool = False, **files: Any
    ) -> httpx.Response:
        """Answer an interaction, given as it came over the gateway, or with another id or token."""
        target = f"/interactions/{told['id']}/{told['token']}/callback"
        payload = {"type": kind} | ({} if data is None else {"data": data})
        return await self._send("POST", target + ("?with_response=true" if with_response else ""), payload, files)

    async def follow_up(self, told: dict[str, Any], data: Any, **files: Any) -> httpx.Response:
        """Add a message."""
        return await self._send("POST", self.webhook(told), data, files)

    async def edit(self, told: dict[str, Any], data: Any, message: str = "@original", **files: Any) -> httpx.Response:
        """Edit a message."""
        return await self._send("PATCH", f"{self.webhook(told)}/messages/{message}", data, files)

    def webhook(self, told: dict[str, Any]) -> str:
        """Where the messages of an interaction are."""
        return f"/webhooks/{self.id}/{told['token']}"

    async def _send(self, method: str, target: str, payload: Any, files: dict[str, Any]) -> httpx.Response:
        if not files:
            return await self.client.request(method, target, json=payload)
        parts = {f"files[{key[1:]}]": value for key, value in files.items()}
        return await self.client.request(method, target, data={"payload_json": json.dumps(payload)}, files=parts)


@asynccontextmanager
async def rest_of(simulator: Simulator, token: str = "simulator") -> AsyncIterator[Rest]:
    """Speak to a simulator's REST."""
    headers = {"Authorization": f"Bot {token}"}
    async with httpx.AsyncClient(base_url=simulator.api_url, headers=headers) as client:
        yield Rest(client, simulator.world.bot.id)


def error(response: httpx.Response) -> tuple[int, int]:
    """Status and Discord's code of a refusal."""
    return response.status_code, response.json()["code"]
