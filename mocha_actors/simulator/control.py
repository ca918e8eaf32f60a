"""Commands to a running simulator, as JSON objects."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from mocha_actors.simulator.faults import AnswerFault, Manner, Moment, Opening
from mocha_actors.simulator.interactions import ACKNOWLEDGE_SECONDS
from mocha_actors.simulator.invocation import InvocationRefused
from mocha_actors.simulator.replies import Reply
from mocha_actors.simulator.server import Simulator
from mocha_actors.simulator.users import NotAnswered, Use


class Command(msgspec.Struct, tag_field="cmd", forbid_unknown_fields=True):
    """What can be asked of a simulator."""


class StopTraffic(Command, tag="stop-traffic"):
    """`{"cmd": "stop-traffic"}` answers `{"stopped": {shard: last seq}}`."""


class Drop(Command, tag="drop"):
    """`{"cmd": "drop", "shard": 0, "how": "reset"}` answers `{"dropped": whether there was a connection}`."""

    shard: int = 0
    how: str | int = "reset"


class Restart(Command, tag="restart"):
    """`{"cmd": "restart", "seconds": 0.5}` answers `{"restarted": true}` when the simulator is back."""

    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.5


class Burst(Command, tag="burst"):
    """`{"cmd": "burst", "count": n}` answers `{"burst": {shard: last seq}, "began": unix seconds}`.

    The events are made first; `began` is when the first of them could go out.
    """

    count: Annotated[int, msgspec.Meta(ge=1)]


class Flood(Command, tag="flood"):
    """`{"cmd": "flood", "count": n}` answers as a burst does.

    It lets so many things of the profile's kinds happen, at a mean hour of the day. They are made first if a session can remember them all, else each
    while those before it are sent.
    """

    count: Annotated[int, msgspec.Meta(ge=1)]


class Reconnect(Command, tag="op7"):
    """`{"cmd": "op7"}` asks all clients, or that of one `shard`, to reconnect and answers `{"sent": "op7"}`."""

    shard: int | None = None


class InvalidSession(Command, tag="op9"):
    """`{"cmd": "op9", "resumable": false}` invalidates all connected sessions, or those of one `shard`.

    It answers `{"sent": "op9"}`.
    """

    resumable: bool = False
    shard: int | None = None


class Inject(Command, tag="inject"):
    """`{"cmd": "inject", "fault": {"fault": "half-open"}, "shard": 0}` answers `{"injected": number of connections}`."""

    fault: Manner | Moment
    shard: int | None = None


class Plan(Command, tag="plan"):
    """`{"cmd": "plan", "fault": {"fault": "silent-hello"}, "times": 2}` answers `{"planned": true}`."""

    fault: Opening | AnswerFault | Manner
    shard: int | None = None
    times: int | None = 1


class ClearPlan(Command, tag="clear-plan"):
    """`{"cmd": "clear-plan"}` answers `{"planned": false}`."""


class Dispatch(Command, tag="dispatch"):
    """`{"cmd": "dispatch", "shard": 0, "t": "GUILD_DELETE", "d": {...}}` answers `{"dispatched": its seq}`."""

    t: str
    d: msgspec.Raw
    shard: int = 0


class CreateGuild(Command, tag="create-guild"):
    """`{"cmd": "create-guild", "members": n, "shard": 0}` answers `{"guild": id}`, a string."""

    members: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    shard: int = 0


class Happen(Command, tag="happen"):
    """`{"cmd": "happen", "what": "voice-join", "guild": id}` answers `{"happened": [names of the events]}`.

    What can happen is listed in `mocha_actors.simulator.life.profiles`. Without a guild it happens where most goes on.
    """

    what: str
    guild: str | None = None


class ListCommands(Command, tag="commands"):
    """`{"cmd": "commands"}` answers `{"commands": [what the bot registered]}`, for one `guild` or globally."""

    guild: str | None = None


class Invoke(Command, tag="invoke"):
    """`{"cmd": "invoke", "command": "stats top", "options": {"days": 7}}` answers `{"interaction": id}`.

    Without `guild`, `channel` and `user` it is used in the first guild, in its system channel, by the last of its founding
    members. With `focused`, that option is still being typed, and the bot is to offer values for it.
    """

    command: str
    options: dict[str, str | int | float | bool] = {}
    guild: str | None = None
    channel: str | None = None
    user: str | None = None
    focused: str | None = None


class Press(Command, tag="press"):
    """`{"cmd": "press", "message": id, "custom_id": "again", "values": []}` answers `{"interaction": id}`.

    Without `user` it is the last of the guild's founding members.
    """

    message: str
    custom_id: str
    values: list[str] = []
    user: str | None = None


class AwaitAnswer(Command, tag="answer"):
    """`{"cmd": "answer", "interaction": id}` answers `{"answer": {...}}` with all that the bot answered so far.

    It waits `within` so many seconds for an answer that is not deferred any more, and for so many `edits` of it and
    `follow_ups`. Files are in base64.
    """

    interaction: str
    within: Annotated[float, msgspec.Meta(ge=0, le=900)] = ACKNOWLEDGE_SECONDS
    edits: Annotated[int, msgspec.Meta(ge=0)] = 0
    follow_ups: Annotated[int, msgspec.Meta(ge=0)] = 0


class StartLimit(Command, tag="session-start-limit"):
    """`{"cmd": "session-start-limit", "remaining": 0, "reset_after": 3.0}` answers `{"remaining": 0}`."""

    remaining: int
    reset_after: float


class ReadTranscript(Command, tag="transcript"):
    """`{"cmd": "transcript"}` answers `{"transcript": [...]}`, whose elements are those of `Transcript`."""


class Stats(Command, tag="stats"):
    """`{"cmd": "stats"}` answers `{"stats": {...}}`."""


AnyCommand = (
    StopTraffic | Drop | Restart | Burst | Flood | Reconnect | InvalidSession | Inject | Plan | ClearPlan | Dispatch
    | CreateGuild | Happen | ListCommands | StartLimit | ReadTranscript | Stats
)  # fmt: skip

UserCommand = Invoke | Press | AwaitAnswer

_decode = msgspec.json.Decoder(AnyCommand | UserCommand).decode


async def execute(simulator: Simulator, line: bytes) -> dict[str, Any]:
    """Carry out one command and return its answer, `{"error": sentence}` for one that makes no sense."""
    try:
        command = _decode(line)
        if isinstance(command, Invoke | Press | AwaitAnswer):
            return await _play(simulator, command)
        return await _carry_out(simulator, command)
    except (InvocationRefused, NotAnswered) as error:
        return {"error": str(error)}
    except (msgspec.MsgspecError, ValueError) as error:
        return {"error": f"this is no command of the simulator: {error}"}


async def _carry_out(simulator: Simulator, command: AnyCommand) -> dict[str, Any]:
    """Deal each command to its method; the length is that of the list of commands."""
    match command:
        case StopTraffic():
            return {"stopped": simulator.stop_traffic()}
        case Drop(shard=shard, how=how):
            return {"dropped": await simulator.drop(shard, how)}
        case Restart(seconds=seconds):
            await simulator.restart(seconds)
            return {"restarted": True}
        case Burst(count=count) | Flood(count=count):
            made = isinstance(command, Burst)
            burst = await (simulator.burst(await simulator.prepare_burst(count)) if made else simulator.flood(count))
            return {"burst": burst.last_seqs, "began": burst.began}
        case Dispatch(shard=shard, t=name, d=data):
            return {"dispatched": await simulator.dispatch(shard, name, bytes(data))}
        case CreateGuild(members=members, shard=shard):
            return {"guild": str((await simulator.create_guild(members, shard)).id)}
        case Happen(what=what, guild=place):
            return {"happened": await simulator.happen(what, None if place is None else int(place))}
        case _:
            return _carry_out_at_once(simulator, command)


async def _play(simulator: Simulator, command: UserCommand) -> dict[str, Any]:
    """Deal what a user of the bot does to its method."""
    match command:
        case Invoke():
            return {"interaction": str((await _invoke(simulator, command)).interaction.id)}
        case Press():
            return {"interaction": str((await _press(simulator, command)).interaction.id)}
        case AwaitAnswer():
            return {"answer": await _await_answer(simulator, command)}


async def _invoke(simulator: Simulator, command: Invoke) -> Use:
    guild = simulator.world.guilds[0] if command.guild is None else simulator.users.guild(int(command.guild))
    place = {
        "guild": guild.id,
        "channel": guild.system_channel_id if command.channel is None else int(command.channel),
        "user": guild.members[-1].user.id if command.user is None else int(command.user),
    }
    if command.focused is None:
        return await simulator.users.invoke(command.command, options=command.options, **place)
    return await simulator.users.complete(command.command, command.focused, options=command.options, **place)


async def _press(simulator: Simulator, command: Press) -> Use:
    reply = simulator.users.message(int(command.message))
    user = reply.guild.guild.members[-1].user.id if command.user is None else int(command.user)
    return await simulator.users.press(reply, command.custom_id, user=user, values=command.values)


async def _await_answer(simulator: Simulator, command: AwaitAnswer) -> dict[str, Any]:
    use = simulator.users.use(int(command.interaction))
    await use.finished(command.within, edits=command.edits, follow_ups=command.follow_ups)
    interaction = use.interaction
    return {
        "kind": interaction.kind,
        "message": None if interaction.original is None else _described(interaction.original),
        "follow_ups": [_described(reply) for reply in interaction.follow_ups],
        "modal": interaction.modal,
        "choices": interaction.choices,
    }


def _described(reply: Reply) -> dict[str, Any]:
    """Describe a message for whoever plays the user."""
    return {
        "id": str(reply.id),
        "ephemeral": reply.ephemeral,
        "content": reply.content,
        "embeds": reply.embeds,
        "components": reply.components,
        "files": reply.files,
        "edits": reply.edits,
        "deleted": reply.deleted,
    }


def _carry_out_at_once(
    simulator: Simulator,
    command: Reconnect
    | InvalidSession
    | Inject
    | Plan
    | ClearPlan
    | ListCommands
    | StartLimit
    | ReadTranscript
    | Stats,
) -> dict[str, Any]:
    """Deal the commands that take no time to their methods."""
    answer: dict[str, Any]
    match command:
        case Reconnect(shard=shard):
            simulator.op7(shard)
            answer = {"sent": "op7"}
        case InvalidSession(resumable=resumable, shard=shard):
            simulator.op9(resumable=resumable, shard=shard)
            answer = {"sent": "op9"}
        case Inject(fault=fault, shard=shard):
            answer = {"injected": simulator.inject(fault, shard)}
        case Plan(fault=planned, shard=shard, times=times):
            simulator.plan(planned, shard, times)
            answer = {"planned": True}
        case ClearPlan():
            simulator.clear_plan()
            answer = {"planned": False}
        case ListCommands(guild=guild):
            answer = {"commands": simulator.users.commands(None if guild is None else int(guild))}
        case StartLimit(remaining=remaining, reset_after=reset_after):
            simulator.set_session_start_limit(remaining, reset_after)
            answer = {"remaining": remaining}
        case ReadTranscript():
            answer = {"transcript": list(simulator.transcript)}
        case Stats():
            answer = {"stats": simulator.stats()}
    return answer
