"""The simulated Discord beside a demo run: a child process that is spoken to over its pipes, and that ends with them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog
import trio

from mocha_actors.config import SimulatorSection
from mocha_actors.errors import PermanentError, TransientError

TOKEN: Final = "simulator"  # noqa: S105  # the simulator's well-known token, which opens nothing else
INTENTS: Final = (
    "GUILDS", "GUILD_MEMBERS", "GUILD_MODERATION", "GUILD_VOICE_STATES", "GUILD_PRESENCES",
    "GUILD_MESSAGES", "GUILD_MESSAGE_REACTIONS", "MESSAGE_CONTENT",
)  # fmt: skip
"""Everything that happens in the simulated community."""

START_LIMIT: Final = 30.0
"""Seconds that the simulator may take until it listens: it reads the sessions of an earlier run from the ledger."""

PAST_RATE: Final = 500.0
"""Messages of a past a second that a slow machine makes at least; each start makes them, and the first one writes them."""

ANSWER_LIMIT: Final = 30.0
"""Seconds that the simulator may take to answer a command."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


class SimulatorProcess:
    """A running simulator.

    Attributes:
        api_url: its REST address.
        gateway_url: its gateway address.
        past: where the past begins and ends that its ledger begins with, milliseconds since the Unix epoch; None without one.

    """

    def __init__(self, process: trio.Process) -> None:
        """Speak to ``process``; :meth:`greet` must be the first call."""
        self.process = process
        self.api_url = self.gateway_url = ""
        self.past: tuple[int, int] | None = None
        self._buffer = b""

    async def greet(self, limit: float) -> None:
        """Wait until the simulator listens, ``limit`` seconds at most, and learn where.

        Raises:
            PermanentError: it does not, or ended instead; the text is what it printed.

        """
        with trio.move_on_after(limit) as waiting:
            if line := await self._line():
                answer = json.loads(line)
                self.api_url, self.gateway_url = answer["api_url"], answer["gateway_url"]
                self.past = answer["past"] and tuple(answer["past"])
                logger.info("simulator.started", api_url=self.api_url, gateway_url=self.gateway_url)
                if answer["past_kept"]:
                    logger.warning("simulator.past_kept", **answer["past_kept"])
                return
        if waiting.cancelled_caught:
            msg = f"the simulator did not start within {limit:,.0f} s"
            raise PermanentError(msg)
        raise PermanentError(await self._why_it_ended())

    async def command(self, **command: Any) -> dict[str, Any]:
        """Send a command and return the answer.

        Raises:
            TransientError: the simulator has ended or does not answer.

        """
        with suppress(trio.BrokenResourceError), trio.move_on_after(ANSWER_LIMIT):
            assert self.process.stdin is not None
            await self.process.stdin.send_all(json.dumps(command).encode() + b"\n")
            if line := await self._line():
                return dict(json.loads(line))
        msg = f"the simulator does not answer {command['cmd']!r}"
        raise TransientError(msg)

    async def stop_traffic(self) -> dict[int, int]:
        """Stop sending; returns the last ``s`` sent by shard."""
        answer = await self.command(cmd="stop-traffic")
        return {int(shard): seq for shard, seq in answer["stopped"].items()}

    async def _line(self) -> bytes:
        """The next line of its output; empty at the end."""
        assert self.process.stdout is not None
        while b"\n" not in self._buffer:
            chunk = await self.process.stdout.receive_some()
            if not chunk:
                return b""
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    async def _why_it_ended(self) -> str:
        assert self.process.stderr is not None
        text = b""
        with trio.move_on_after(1):
            async for chunk in self.process.stderr:
                text += chunk
        reason = text.decode(errors="replace").strip().rpartition("\n")[2]
        return f"the simulator did not start: {reason or 'no reason given'}"


@asynccontextmanager
async def open_simulator_process(settings: SimulatorSection, shards: int | str = 1) -> AsyncIterator[SimulatorProcess]:
    """Start the simulator, for a bot of ``shards``; leaving the block ends it, and so does the end of this process, however it ends.

    Raises:
        PermanentError: it could not start; the text says why.

    """
    command = [
        sys.executable,
        "-m",
        "mocha_actors",
        "sim",
        "--control",
        "stdio",
        *_options(settings, 1 if shards == "auto" else shards),
    ]
    pipe = subprocess.PIPE
    # A session of its own, so that Ctrl-C reaches this process alone, which then stops the traffic before it drains.
    process = await trio.lowlevel.open_process(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    try:
        simulator = SimulatorProcess(process)
        await simulator.greet(START_LIMIT + (settings.past_messages / PAST_RATE if settings.past_days else 0.0))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_relay_errors, process)
            yield simulator
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await _end(process)


def _options(settings: SimulatorSection, shards: int | str) -> list[str]:
    return [
        *(
            "--seed",
            str(settings.seed),
            "--profile",
            settings.profile,
            "--guilds",
            str(settings.guilds),
            "--shards",
            str(shards),
        ),
        *(() if settings.rate == "profile" else ("--rate", str(settings.rate))),
        *("--members", str(settings.members)),
        *(
            ("--past", str(settings.past_days), "--past-messages", str(settings.past_messages))
            if settings.past_days
            else ()
        ),
        *("--port", str(settings.port), "--ledger", settings.ledger, "--token", TOKEN),
    ]


async def _relay_errors(process: trio.Process) -> None:
    """Keep the simulator's pipe empty; what it says goes to our standard error only if it ends by itself."""
    assert process.stderr is not None
    last = b""
    async for chunk in process.stderr:
        last = (last + chunk)[-4096:]
    status = await process.wait()
    logger.error("simulator.exited", status=status, output=last.decode(errors="replace"))


async def _end(process: trio.Process) -> None:
    """Close the pipes, which tells the simulator to end, and make sure that it did."""
    assert process.stdin is not None
    await process.stdin.aclose()
    with trio.move_on_after(5):
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
