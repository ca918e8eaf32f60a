"""A message with which the bot answers an interaction: what it says now, and how it is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from mocha_actors.simulator.contents import EPHEMERAL, LOADING, Contents
from mocha_actors.simulator.draft import Draft, Place, render
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.forms import File
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.objects import timestamp, user_object
from mocha_actors.simulator.refusals import Faults, Refusal

_encode = msgspec.json.Encoder().encode

_MENTION = re.compile(r"<@!?(\d{1,20})>")


class Attachment(NamedTuple):
    """A file of a message.

    Attributes:
        id: of the attachment.
        file: its name and what is in it.
        description: what the bot says of it.
    """

    id: int
    file: File
    description: str | None


class Said(NamedTuple):
    """What a message said at one time."""

    content: str
    embeds: list[dict[str, Any]]
    components: list[dict[str, Any]]
    attachments: list[Attachment]
    flags: int


@dataclass(eq=False)
class Reply:
    """A message of the bot, which it may still change.

    Attributes:
        id: the message.
        guild: where.
        place: where in the guild.
        type: Discord's type of message.
        flags: Discord's flags of messages.
        origin: the fields that say which interaction it answers.
        made_ms: when it was sent, milliseconds since the Unix epoch.
        content: the text.
        embeds: rich contents.
        components: what can be used.
        attachments: the files.
        quoted: the message to which it is a reply, as JSON.
        edited_ms: when it was last edited, None if it never was. Whoever fills in what was deferred edits nothing.
        edits: how often its contents were changed.
        said: what it said after it was sent and after each change, oldest first.
        deleted: whether it is gone.
    """

    id: int
    guild: GuildState = field(repr=False)
    place: Place = field(repr=False)
    type: int
    flags: int
    origin: dict[str, Any] = field(repr=False)
    made_ms: int
    content: str = ""
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list, repr=False)
    quoted: str = field(default="", repr=False)
    edited_ms: int | None = None
    edits: int = 0
    said: list[Said] = field(default_factory=list, repr=False)
    deleted: bool = False

    @property
    def ephemeral(self) -> bool:
        """Whether one user alone sees it, so that no gateway tells of it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether the bot is still thinking about it."""
        return bool(self.flags & LOADING)

    @property
    def files(self) -> dict[str, bytes]:
        """What is in the files, by their names."""
        return {each.file.name: each.file.data for each in self.attachments}

    def say(self, contents: Contents, new_id: Callable[[], int]) -> None:
        """Say what is named, and leave the rest; `new_id` makes the ids of files.

        Raises:
            Refusal: nothing would be left, or an attachment is not there; then all is as it was.
        """
        attachments = self._attachments(contents, new_id)
        content = self.content if contents.content is None else contents.content
        embeds = self.embeds if contents.embeds is None else contents.embeds
        components = self.components if contents.components is None else contents.components
        if not (content.strip() or embeds or components or attachments):
            raise Refusal(400, 50006, "Cannot send an empty message")
        self.content, self.embeds, self.components, self.attachments = content, embeds, components, attachments
        self.flags = (self.flags | contents.flags & ~EPHEMERAL) & ~LOADING
        self.said.append(Said(content, embeds, components, attachments, self.flags))

    def change(self, contents: Contents, new_id: Callable[[], int], now_ms: int) -> None:
        """Edit it, or fill in what was deferred, which is no edit.

        Raises:
            Refusal: nothing would be left, or an attachment is not there; then all is as it was.
        """
        was_loading = self.loading
        self.say(contents, new_id)
        self.edits += 1
        if not was_loading:
            self.edited_ms = now_ms

    def _attachments(self, contents: Contents, new_id: Callable[[], int]) -> list[Attachment]:
        """Put together the files that are kept and those that are new."""
        old = {each.id: each for each in self.attachments}
        if contents.attachments is None:
            return [
                *self.attachments,
                *(Attachment(new_id(), file, None) for _, file in sorted(contents.files.items())),
            ]
        faults, found = Faults(), []
        for place, told in enumerate(contents.attachments):
            number = told["id"]
            if number in old:
                found.append(old[number])
            elif number in contents.files:
                file = contents.files[number]._replace(name=told.get("filename") or contents.files[number].name)
                found.append(Attachment(new_id(), file, told.get("description")))
            else:
                faults.add(("attachments", place, "id"), "ATTACHMENT_NOT_FOUND", "Attachment data cannot be found.")
        faults.check()
        return found

    def message(self) -> dict[str, Any]:
        """Describe it as REST does."""
        described: dict[str, Any] = msgspec.json.decode(self.text())
        del described["guild_id"]
        return described

    def text(self, *, quoting: bool = True) -> str:
        """Render it as the `d` of MESSAGE_CREATE."""
        draft = self._draft() if quoting else self._draft()._replace(quoted="")
        edited = "null" if self.edited_ms is None else f'"{timestamp(self.edited_ms)}"'
        return render(draft, self.place, self.id, timestamp(self.made_ms), edited)

    def _draft(self) -> Draft:
        named = [int(found) for found in dict.fromkeys(_MENTION.findall(self.content))]
        users = [user_object(self.guild.members[each].user) for each in named if each in self.guild.members]
        return Draft(
            self.type,
            self.guild.own,
            _inside(self.content),
            _inside(self.origin) + ",",
            mentions=_inside(users),
            embeds=_inside(self.embeds),
            attachments=_inside([self._attachment_object(each) for each in self.attachments]),
            components=_inside(self.components),
            flags=self.flags,
            quoted=self.quoted,
        )

    def _attachment_object(self, attachment: Attachment) -> dict[str, Any]:
        file = attachment.file
        url = f"https://cdn.example.org/attachments/{self.place.channel_id}/{attachment.id}/{quote(file.name)}"
        described = {
            "id": str(attachment.id),
            "filename": file.name,
            "size": len(file.data),
            "url": url,
            "proxy_url": url,
            "content_type": file.content_type,
            "content_scan_version": 0,
        }
        return described | ({"description": attachment.description} if attachment.description else {})

    def created(self) -> list[Event]:
        """Tell that it was sent; of an ephemeral one nobody is told."""
        return self._told(b"MESSAGE_CREATE", self.text().encode())

    def changed(self) -> list[Event]:
        """Tell that it was changed."""
        return self._told(b"MESSAGE_UPDATE", self.text().encode())

    def gone(self) -> list[Event]:
        """Tell that it was deleted."""
        ids = {"id": self.id, "channel_id": self.place.channel_id, "guild_id": self.place.guild_id}
        return self._told(b"MESSAGE_DELETE", _encode({name: str(each) for name, each in ids.items()}))

    def _told(self, name: bytes, data: bytes) -> list[Event]:
        # The contents of the bot's own messages need no intent.
        return [] if self.ephemeral else [Event(name, self.place.guild_id, self.place.intent, data)]


def _inside(value: object) -> str:
    """Render JSON without the signs around it: quotes, brackets or braces."""
    return _encode(value).decode()[1:-1]
