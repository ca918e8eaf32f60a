"""Commands to a running simulator, as JSON objects."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from mocha_actors.simulator.server import Simulator


class StopTraffic(msgspec.Struct, tag_field="cmd", tag="stop-traffic", forbid_unknown_fields=True):
    """`{"cmd": "stop-traffic"}` answers `{"stopped": {shard: last seq}}`."""


class Drop(msgspec.Struct, tag_field="cmd", tag="drop", forbid_unknown_fields=True):
    """`{"cmd": "drop", "shard": 0, "how": "reset"}` answers `{"dropped": whether there was a connection}`."""

    shard: int = 0
    how: str | int = "reset"


class Burst(msgspec.Struct, tag_field="cmd", tag="burst", forbid_unknown_fields=True):
    """`{"cmd": "burst", "count": n}` answers `{"burst": {shard: last seq}, "began": unix seconds}`.

    The events are made first; `began` is when the first of them could go out.
    """

    count: Annotated[int, msgspec.Meta(ge=1)]


class Reconnect(msgspec.Struct, tag_field="cmd", tag="op7", forbid_unknown_fields=True):
    """`{"cmd": "op7"}` asks all clients to reconnect and answers `{"sent": "op7"}`."""


class InvalidSession(msgspec.Struct, tag_field="cmd", tag="op9", forbid_unknown_fields=True):
    """`{"cmd": "op9", "resumable": false}` invalidates all connected sessions and answers `{"sent": "op9"}`."""

    resumable: bool = False


class Stats(msgspec.Struct, tag_field="cmd", tag="stats", forbid_unknown_fields=True):
    """`{"cmd": "stats"}` answers `{"stats": {...}}`."""


Command = StopTraffic | Drop | Burst | Reconnect | InvalidSession | Stats

_decode = msgspec.json.Decoder(Command).decode


async def execute(simulator: Simulator, line: bytes) -> dict[str, Any]:
    """Carry out one command and return its answer, `{"error": sentence}` for one that makes no sense."""
    try:
        return await _carry_out(simulator, _decode(line))
    except (msgspec.MsgspecError, ValueError) as error:
        return {"error": f"this is no command of the simulator: {error}"}


async def _carry_out(simulator: Simulator, command: Command) -> dict[str, Any]:
    match command:
        case StopTraffic():
            return {"stopped": simulator.stop_traffic()}
        case Drop(shard=shard, how=how):
            return {"dropped": await simulator.drop(shard, how)}
        case Burst(count=count):
            burst = await simulator.burst(await simulator.prepare_burst(count))
            return {"burst": burst.last_seqs, "began": burst.began}
        case Reconnect():
            simulator.op7()
            return {"sent": "op7"}
        case InvalidSession(resumable=resumable):
            simulator.op9(resumable=resumable)
            return {"sent": "op9"}
        case Stats():
            return {"stats": simulator.stats()}
