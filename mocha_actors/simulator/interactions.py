"""Interactions: what users asked for, and what the bot may answer, when and how often.

Source: https://discord.com/developers/docs/interactions/receiving-and-responding. Everything here is decided without
clock or socket: whoever asks says what time it is.
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from mocha_actors.simulator.contents import EPHEMERAL, LOADING, read_contents
from mocha_actors.simulator.draft import Place
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.forms import Form
from mocha_actors.simulator.invocation import partial_channel
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.objects import full_member, user_object
from mocha_actors.simulator.permissions import member_permissions
from mocha_actors.simulator.refusals import Faults, Refusal
from mocha_actors.simulator.replies import Reply
from mocha_actors.simulator.shapes import COMMAND, DEFAULT, REPLY
from mocha_actors.simulator.world import Member

COMMAND_USED, COMPONENT_USED, TYPING = 2, 3, 4
"""Types of interactions: a command, a component, and an option of a command that is still being typed."""

MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
"""Types of callbacks."""

ALLOWED: Final = {
    COMMAND_USED: (MESSAGE, DEFERRED_MESSAGE, MODAL),
    COMPONENT_USED: (MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, MODAL),
    TYPING: (CHOICES,),
}
"""Types of callbacks that each type of interaction takes."""

ACKNOWLEDGE_SECONDS = 3.0
"""Within this time the bot has to answer at all."""

TOKEN_SECONDS = 900.0
"""For this time it may edit its answer and add to it."""

MOST_CHOICES = 25

REMEMBERED = 1_000
"""Number of the newest messages of the bot whose components can still be used."""

LOCALE = "en-US"


class Instant(NamedTuple):
    """A time.

    Attributes:
        at: monotonic seconds.
        ms: milliseconds since the Unix epoch.
    """

    at: float
    ms: int


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a user asks for.

    Attributes:
        type: one of the types of interactions.
        guild: where.
        channel_id: where in the guild.
        member: who.
        title: what, for people.
        data: what, as the bot is told.
        source: the message whose component is used.
    """

    type: int
    guild: GuildState
    channel_id: int
    member: Member
    title: str
    data: dict[str, Any]
    source: Reply | None = None


@dataclass(eq=False)
class Interaction:
    """Something that a user asked for, and all that the bot answered.

    Attributes:
        id: the interaction.
        token: the secret with which it is answered.
        type: one of the types of interactions.
        guild: where.
        place: where in the guild.
        member: who.
        title: what, for people.
        data: what, as the bot is told.
        began: monotonic seconds.
        source: the message whose component was used.
        kind: type of the callback with which the bot acknowledged it; None before.
        original: the message that is the answer, or that was updated.
        follow_ups: the messages that followed.
        modal: the form that the bot wants to be filled in.
        choices: what the bot offers for an option.
    """

    id: int
    token: str = field(repr=False)
    type: int
    guild: GuildState = field(repr=False)
    place: Place = field(repr=False)
    member: Member
    title: str
    data: dict[str, Any] = field(repr=False)
    began: float
    source: Reply | None = None
    kind: int | None = None
    original: Reply | None = None
    follow_ups: list[Reply] = field(default_factory=list)
    modal: dict[str, Any] | None = None
    choices: list[dict[str, Any]] | None = None

    @property
    def is_answered(self) -> bool:
        """Whether the bot has said what it had to say: one that defers has not yet."""
        if self.kind == DEFERRED_UPDATE:
            return True
        return self.kind is not None and not (self.original is not None and self.original.loading)


class Answer(NamedTuple):
    """What REST answers, and what the gateway tells: status, JSON or nothing, and events."""

    status: int
    body: Any = None
    events: tuple[Event, ...] = ()


class Interactions:
    """All interactions that can still be answered, and the messages whose components can still be used."""

    def __init__(
        self,
        application_id: int,
        new_id: Callable[[int], int],
        new_token: Callable[[], str],
        guilds: Mapping[int, GuildState],
    ) -> None:
        """Begin without any.

        Args:
            application_id: whose they are.
            new_id: makes an id of a time, in milliseconds since the Unix epoch, that nothing else has.
            new_token: makes a secret.
            guilds: what is true, by id.
        """
        self._application_id = application_id
        self._new_id = new_id
        self._new_token = new_token
        self._guilds = guilds
        self._known: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}
        self._replies: deque[Reply] = deque(maxlen=REMEMBERED)

    def __len__(self) -> int:
        """Return the number of interactions that can still be answered."""
        return len(self._known)

    def open(self, asked: Asked, now: Instant) -> tuple[Interaction, Event]:
        """Let a user ask for something, and return the event that tells the bot."""
        self._forget(now)
        interaction = Interaction(
            id=self._new_id(now.ms), token=self._new_token(), type=asked.type, guild=asked.guild,
            place=asked.guild.place(asked.channel_id), member=asked.member, title=asked.title, data=asked.data,
            began=now.at, source=asked.source,
        )  # fmt: skip
        self._known[interaction.id] = self._by_token[interaction.token] = interaction
        described = self._describe(interaction)
        return interaction, Event(b"INTERACTION_CREATE", asked.guild.id, 0, msgspec.json.encode(described))

    def _forget(self, now: Instant) -> None:
        """Let go of those whose token has expired."""
        for old in [each for each in self._known.values() if now.at - each.began > TOKEN_SECONDS]:
            del self._known[old.id], self._by_token[old.token]

    def reply(self, message_id: int) -> Reply | None:
        """Find a message of the bot that is still there."""
        return next((each for each in self._replies if each.id == message_id and not each.deleted), None)

    def find(self, interaction_id: int) -> Interaction | None:
        """Find an interaction of the last quarter of an hour."""
        return self._known.get(interaction_id)

    def _describe(self, interaction: Interaction) -> dict[str, Any]:
        """Make the `d` of INTERACTION_CREATE."""
        guild, member = interaction.guild, interaction.member
        channel_id = interaction.place.channel_id
        channel = guild.channels.get(channel_id) or guild.threads[channel_id]
        described: dict[str, Any] = {
            "version": 1,
            "type": interaction.type,
            "token": interaction.token,
            "member": full_member(member) | {"permissions": str(member_permissions(guild, member))},
            "locale": LOCALE,
            "id": str(interaction.id),
            "guild_locale": LOCALE,
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": LOCALE, "features": ["COMMUNITY"]},
            "entitlements": [],
            "data": interaction.data,
            "context": 0,
            "channel_id": str(channel_id),
            "channel": partial_channel(guild, channel, member),
            "authorizing_integration_owners": {"0": str(guild.id)},
            "attachment_size_limit": 10 << 20,
            "application_id": str(self._application_id),
            "app_permissions": str(member_permissions(guild, guild.guild.bots[0])),
        }
        return described | ({"message": interaction.source.message()} if interaction.source else {})

    def respond(self, interaction_id: int, token: str, form: Form, now: Instant, *, with_response: bool) -> Answer:
        """Let the bot acknowledge an interaction.

        Raises:
            Refusal: 10062, it is unknown, or too old by now; 40060, it was acknowledged already; or something is wrong
                with the answer.
        """
        interaction = self._known.get(interaction_id)
        if interaction is None or not hmac.compare_digest(interaction.token.encode(), token.encode()):
            raise Refusal(404, 10062, "Unknown interaction")
        if interaction.kind is not None:
            raise Refusal(400, 40060, "Interaction has already been acknowledged.")
        if now.at - interaction.began > ACKNOWLEDGE_SECONDS:
            raise Refusal(404, 10062, "Unknown interaction")
        faults = Faults()
        payload = faults.mapping((), form.payload)
        faults.choice(("type",), payload.get("type"), ALLOWED[interaction.type])
        faults.check()
        events = self._acknowledge(interaction, payload["type"], payload.get("data") or {}, form, now)
        interaction.kind = payload["type"]
        return Answer(200, _callback(interaction), events) if with_response else Answer(204, None, events)

    def _acknowledge(
        self, interaction: Interaction, kind: int, data: object, form: Form, now: Instant
    ) -> tuple[Event, ...]:
        """Take in the `data` of a callback."""
        match kind:
            case 4:
                interaction.original = reply = self._said(interaction, data, form, now)
                return tuple(reply.created())
            case 5:
                flags = read_contents(form, data, ("data",)).flags & EPHEMERAL
                interaction.original = reply = self._reply(interaction, now, flags | LOADING)
                return tuple(reply.created())
            case 7:
                contents = read_contents(form, data, ("data",))
                assert interaction.source is not None
                self._check_there(interaction.source)
                interaction.source.change(contents, lambda: self._new_id(now.ms), now.ms)
                interaction.original = interaction.source
                return tuple(interaction.source.changed())
            case 6:
                interaction.original = interaction.source
            case 8:
                interaction.choices = _choices(data)
            case 9:
                interaction.modal = _modal(data)
        return ()

    def _reply(self, interaction: Interaction, now: Instant, flags: int, *, follows: bool = False) -> Reply:
        """Make an empty message that answers an interaction."""
        if not self._is_there(interaction.place):
            raise Refusal(404, 10003, "Unknown Channel")
        kind, quoted, more = (DEFAULT, "", {}) if follows else _answering(interaction)
        origin = {
            "webhook_id": str(self._application_id),
            "interaction_metadata": self._metadata(interaction, follows=follows),
            "application_id": str(self._application_id),
        }
        return Reply(
            self._new_id(now.ms),
            interaction.guild,
            interaction.place,
            kind,
            flags,
            origin | more,
            now.ms,
            quoted=quoted,
        )

    def _metadata(self, interaction: Interaction, *, follows: bool) -> dict[str, Any]:
        kind = COMPONENT_USED if interaction.type == COMPONENT_USED else COMMAND_USED
        described: dict[str, Any] = {
            "user": user_object(interaction.member.user),
            "type": kind,
            "id": str(interaction.id),
            "authorizing_integration_owners": {"0": str(interaction.guild.id)},
        }
        if kind == COMMAND_USED:
            described["command_type"] = interaction.data.get("type", 1)
        if interaction.source is not None:
            described["interacted_message_id"] = str(interaction.source.id)
        if follows and interaction.original is not None:
            described["original_response_message_id"] = str(interaction.original.id)
        return described

    def _said(
        self, interaction: Interaction, data: object, form: Form, now: Instant, *, follows: bool = False
    ) -> Reply:
        """Make a message of what a form says."""
        contents = read_contents(form, data, () if follows else ("data",))
        reply = self._reply(interaction, now, contents.flags, follows=follows)
        reply.say(contents, lambda: self._new_id(now.ms))
        self._replies.append(reply)
        return reply

    def message(self, token: str, message_id: int | None, now: Instant) -> Answer:
        """Show the bot one of its messages, None for its answer.

        Raises:
            Refusal: the token is not valid, or there is no such message.
        """
        return Answer(200, self._message(self._acknowledged(token, now), message_id).message())

    def edit(self, token: str, message_id: int | None, form: Form, now: Instant) -> Answer:
        """Let the bot edit one of its messages, None for its answer.

        Raises:
            Refusal: the token is not valid, there is no such message, or something is wrong with the edit.
        """
        reply = self._message(self._acknowledged(token, now), message_id)
        return self._edited(reply, form, now)

    def _edited(self, reply: Reply, form: Form, now: Instant) -> Answer:
        reply.change(read_contents(form, form.payload), lambda: self._new_id(now.ms), now.ms)
        if reply not in self._replies:
            self._replies.append(reply)
        return Answer(200, reply.message(), tuple(reply.changed()))

    def delete(self, token: str, message_id: int | None, now: Instant) -> Answer:
        """Let the bot delete one of its messages, None for its answer.

        Raises:
            Refusal: the token is not valid, or there is no such message.
        """
        reply = self._message(self._acknowledged(token, now), message_id)
        reply.deleted = True
        return Answer(204, None, tuple(reply.gone()))

    def follow_up(self, token: str, form: Form, now: Instant) -> Answer:
        """Let the bot add a message; if it has deferred its answer, and not deleted that, this is the answer.

        Raises:
            Refusal: the token is not valid, or something is wrong with the message.
        """
        interaction = self._acknowledged(token, now)
        original = interaction.original
        if original is not None and original.loading and not original.deleted:
            return self._edited(self._message(interaction, None), form, now)
        reply = self._said(interaction, form.payload, form, now, follows=True)
        interaction.follow_ups.append(reply)
        return Answer(200, reply.message(), tuple(reply.created()))

    def _acknowledged(self, token: str, now: Instant) -> Interaction:
        """Find the interaction of a token with which messages may be sent."""
        interaction = self._by_token.get(token)
        if interaction is None or now.at - interaction.began > TOKEN_SECONDS:
            raise Refusal(401, 50027, "Invalid Webhook Token")
        if interaction.kind is None:
            raise Refusal(404, 10015, "Unknown Webhook")
        return interaction

    def _message(self, interaction: Interaction, message_id: int | None) -> Reply:
        replies = [reply for reply in (interaction.original, *interaction.follow_ups) if reply is not None]
        found = [reply for reply in replies if message_id == reply.id]
        reply = interaction.original if message_id is None else next(iter(found), None)
        if reply is None:
            raise Refusal(404, 10008, "Unknown Message")
        self._check_there(reply)
        return reply

    def _check_there(self, reply: Reply) -> None:
        """Pass if a message was not deleted, nor its channel with all that stood there."""
        if reply.deleted or not self._is_there(reply.place):
            raise Refusal(404, 10008, "Unknown Message")

    def _is_there(self, place: Place) -> bool:
        guild = self._guilds.get(place.guild_id)
        return guild is not None and (place.channel_id in guild.channels or place.channel_id in guild.threads)


def _answering(interaction: Interaction) -> tuple[int, str, dict[str, Any]]:
    """Tell as what type of message the first answer appears, what it quotes, and which field says so."""
    source = interaction.source
    if interaction.type != COMPONENT_USED or source is None:
        return COMMAND, "", {}
    if source.ephemeral:
        return DEFAULT, "", {}
    place = source.place
    named = {
        "type": 0,
        "message_id": str(source.id),
        "guild_id": str(place.guild_id),
        "channel_id": str(place.channel_id),
    }
    return REPLY, source.text(quoting=False), {"message_reference": named}


def _callback(interaction: Interaction) -> dict[str, Any]:
    """Describe what became of a callback, for those who asked to be told."""
    reply = interaction.original
    described: dict[str, Any] = {"id": str(interaction.id), "type": interaction.type}
    resource: dict[str, Any] = {"type": interaction.kind}
    if reply is not None:
        described |= {
            "response_message_id": str(reply.id),
            "response_message_loading": reply.loading,
            "response_message_ephemeral": reply.ephemeral,
        }
        resource |= {"message": reply.message()} if interaction.kind in (MESSAGE, DEFERRED_MESSAGE, UPDATE) else {}
    return {"interaction": described, "resource": resource}


def _choices(data: object) -> list[dict[str, Any]]:
    faults = Faults()
    listed = faults.items(("data", "choices"), faults.mapping(("data",), data).get("choices"), MOST_CHOICES)
    for place, each in enumerate(listed):
        choice = faults.mapping(("data", "choices", place), each)
        faults.text(("data", "choices", place, "name"), choice.get("name"), 1, 100)
        wrong = "This field is required"
        faults.require("value" in choice, ("data", "choices", place, "value"), "BASE_TYPE_REQUIRED", wrong)
    faults.check()
    return listed


def _modal(data: object) -> dict[str, Any]:
    faults = Faults()
    modal = faults.mapping(("data",), data)
    faults.text(("data", "custom_id"), modal.get("custom_id"), 1, 100)
    faults.text(("data", "title"), modal.get("title"), 1, 45)
    rows = faults.items(("data", "components"), modal.get("components"), 5)
    faults.require(rows, ("data", "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    faults.check()
    return modal
