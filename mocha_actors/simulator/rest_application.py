"""The part of REST with which a bot registers commands and answers interactions.

Sources: https://discord.com/developers/docs/interactions/application-commands#endpoints and
https://discord.com/developers/docs/interactions/receiving-and-responding#endpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from mocha_actors.simulator.application import Application
from mocha_actors.simulator.commands import Scope
from mocha_actors.simulator.event import Event
from mocha_actors.simulator.forms import read_form
from mocha_actors.simulator.interactions import Answer, Instant
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.refusals import Refusal

NOT_ALLOWED = Refusal(405, 0, "405: Method Not Allowed")
NOT_FOUND = Refusal(404, 0, "404: Not Found")


class Request(NamedTuple):
    """A request to REST.

    Attributes:
        method: GET and the like.
        path: without the prefix of the API and without the query.
        query: what stands behind the question mark.
        content_type: the header of that name, empty without one.
        body: what was sent.
    """

    method: str
    path: str
    query: str = ""
    content_type: str = ""
    body: bytes = b""

    def wants(self, name: str) -> bool:
        """Tell whether the query asks for something."""
        return parse_qs(self.query).get(name, [""])[-1].lower() in {"1", "true"}


class ApplicationApi:
    """Answers requests about commands and interactions."""

    def __init__(
        self,
        application: Application,
        guilds: Callable[[int], GuildState | None],
        deliver: Callable[[Sequence[Event]], None],
        changed: Callable[[], None],
    ) -> None:
        """Answer in the name of an application.

        Args:
            application: holds the commands and interactions.
            guilds: finds a guild that the bot is in.
            deliver: dispatches events.
            changed: called after each request that changed anything.
        """
        self._application = application
        self._guilds = guilds
        self._deliver = deliver
        self._changed = changed

    def needs_token(self, path: str) -> bool:
        """Tell whether a request shows the bot's token; an interaction is answered with its own."""
        return path.startswith("/applications/")

    def answer(self, request: Request, now: Instant) -> tuple[int, Any] | None:
        """Return status and JSON of the answer to a request, None as JSON for nothing; None if it is about something else."""
        try:
            found = self._answer(request, request.path.strip("/").split("/"), now)
        except Refusal as refusal:
            return refusal.status, refusal.body
        if found is None:
            return None
        # The gateway tells of it, and whoever waits sees it, before the bot knows that it is done.
        self._deliver(found.events)
        self._changed()
        return found.status, found.body

    def _answer(self, request: Request, steps: list[str], now: Instant) -> Answer | None:
        match steps:
            case ["applications", application, "commands", *rest]:
                self._own(application)
                return self._about_commands(request, None, rest)
            case ["applications", application, "guilds", guild, "commands", *rest]:
                self._own(application)
                return self._about_commands(request, self._guild(guild), rest)
            case ["interactions", interaction, token, "callback"]:
                return self._respond(request, _number(interaction), token, now)
            case ["webhooks", application, token, *rest] if _is(application, self._application.id):
                return self._about_messages(request, token, rest, now)
            case ["webhooks", _, _, *_]:
                raise Refusal(404, 10015, "Unknown Webhook")
        return None

    def _own(self, application: str) -> None:
        if not _is(application, self._application.id) and application != "@me":
            raise Refusal(403, 20012, "You are not authorized to perform this action on this application")

    def _guild(self, guild: str) -> int:
        found = self._guilds(_number(guild))
        if found is None:
            raise Refusal(403, 50001, "Missing Access")
        return found.id

    def _about_commands(self, request: Request, scope: Scope, rest: list[str]) -> Answer:
        """Answer what is about the commands of a scope, or about one of them."""
        book = self._application.commands
        body = read_form(request.content_type, request.body).payload
        match request.method, rest:
            case "GET", []:
                return Answer(200, book.all(scope))
            case "PUT", []:
                return Answer(200, book.replace(scope, body))
            case "POST", []:
                command, is_new = book.create(scope, body)
                return Answer(201 if is_new else 200, command)
            case "GET", [command_id]:
                return Answer(200, book.get(scope, _number(command_id)))
            case "PATCH", [command_id]:
                return Answer(200, book.edit(scope, _number(command_id), body))
            case "DELETE", [command_id]:
                book.delete(scope, _number(command_id))
                return Answer(204)
        raise NOT_ALLOWED if len(rest) < 2 else NOT_FOUND

    def _respond(self, request: Request, interaction_id: int, token: str, now: Instant) -> Answer:
        if request.method != "POST":
            raise NOT_ALLOWED
        form = read_form(request.content_type, request.body)
        wanted = request.wants("with_response")
        return self._application.interactions.respond(interaction_id, token, form, now, with_response=wanted)

    def _about_messages(self, request: Request, token: str, rest: list[str], now: Instant) -> Answer:
        """Answer what is about the messages of an interaction."""
        interactions = self._application.interactions
        form = read_form(request.content_type, request.body)
        match request.method, rest:
            case "POST", []:
                return interactions.follow_up(token, form, now)
            case "GET", ["messages", message]:
                return interactions.message(token, _message_id(message), now)
            case "PATCH", ["messages", message]:
                return interactions.edit(token, _message_id(message), form, now)
            case "DELETE", ["messages", message]:
                return interactions.delete(token, _message_id(message), now)
            case _, [] | ["messages", _]:
                raise NOT_ALLOWED
        raise NOT_FOUND


def _message_id(text: str) -> int | None:
    return None if text == "@original" else _number(text)


def _number(text: str) -> int:
    """Read an id in a path.

    Raises:
        Refusal: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise Refusal(400, 50035, "Invalid Form Body")
    return int(text)


def _is(text: str, number: int) -> bool:
    return text == str(number)
