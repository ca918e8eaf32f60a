"""Every question has a method, a subcommand and an answer, with the same options; the API as a type checker sees it."""

from __future__ import annotations

import inspect
from contextlib import closing
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import pytest

from mocha_actors.cli.query_commands import command
from mocha_actors.runtime import Request
from mocha_actors.stats.answers import ANSWERS, answer
from mocha_actors.stats.asking import Asking
from mocha_actors.stats.options import Options
from mocha_actors.stats.questions import RangeQuestion
from mocha_actors.stats.results import Answer
from mocha_actors.stats.schema import answer_types
from tests.stats.oracle import GUILD, START, Sent, database

R = TypeVar("R")

METHODS = {
    name: method
    for name, method in inspect.getmembers(Asking, inspect.iscoroutinefunction)
    if not name.startswith("_") and name not in {"ask", "guilds", "guild_settings"}
}


class Direct(Asking):
    """Asks a database without any actor, and remembers the questions."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.asked: list[Request[Any]] = []

    @property
    def default_zone(self) -> str:
        return "Europe/Berlin"

    async def ask(self, question: Request[R]) -> R:
        self.asked.append(question)
        result: R = answer(self.connection, question)  # type: ignore[arg-type, assignment]
        return result


def answer_of(question: type[RangeQuestion]) -> Any:
    """The type of the answer that a question names."""
    return next(get_args(base)[0] for base in question.__orig_bases__ if get_origin(base) is Request)  # type: ignore[attr-defined]


def test_every_question_has_one_method_one_subcommand_and_one_answer() -> None:
    """No kind of question lacks a way to be put, and none has two."""
    answers = sorted(kind.__name__ for kind in answer_types())

    assert sorted(answer_of(question).__name__ for question in ANSWERS) == answers
    assert sorted(get_type_hints(method)["return"].__name__ for method in METHODS.values()) == answers
    assert len(command.commands) == len(answers) + len(["guilds"])


def test_methods_and_subcommands_have_the_same_options() -> None:
    """By the fields of their question; what a method takes besides, each takes by the range and filters."""
    taken = {}
    for method in METHODS.values():
        own = set(inspect.signature(method).parameters) - {"self", "guild_id", "options"}
        taken[get_type_hints(method)["return"]] = own
    for question in ANSWERS:
        own = set(question.__struct_fields__) - set(RangeQuestion.__struct_fields__) - {"previous"}
        assert taken[answer_of(question)] == own, question


def test_every_method_says_what_it_answers() -> None:
    """And the filters are typed by name."""
    assert [name for name, method in METHODS.items() if not (method.__doc__ or "").strip()] == []
    assert {"days", "channels", "exclude_afk"} <= set(Options.__annotations__)


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_each_method_puts_its_question_in_the_zone_of_the_guild(name: str) -> None:
    """The guild's own zone, else the configuration's."""
    history = [Sent(GUILD, (START - 1_420_070_400_000) << 22, 50, 1, 0, 0, deleted=False)]
    own = {
        parameter: 1
        for parameter in ("user_id", "channel_id")
        if parameter in inspect.signature(METHODS[name]).parameters
    }
    with closing(database(history, path=":memory:")) as connection:
        client = Direct(connection)
        first = await getattr(client, name)(GUILD, days=3, **own)
        connection.execute("INSERT INTO guilds (id, time_zone) VALUES (?, 'Asia/Kathmandu')", (GUILD,))
        second = await getattr(client, name)(GUILD, days=3, **own)

    assert isinstance(first, Answer)
    assert (first.time_zone, second.time_zone) == ("Europe/Berlin", "Asia/Kathmandu")
    assert type(first) is answer_of(type(client.asked[-1]))  # type: ignore[arg-type]


async def uses_the_whole_api(client: Asking) -> int:
    """For the type checker: what a program sees."""
    board = await client.leaderboard(1, metric="voice_seconds", period="last_week", include_bots=True, channels=[5])
    ranks: list[int] = [entry.rank for entry in board.entries]
    steps = await client.message_timeline(1, interval="hour", days=2, time_zone="Asia/Kathmandu")
    written: list[int] = [step.messages for step in steps.buckets if not step.partial]
    compared = await client.compare(1, period="this_month")
    ratio: float | None = compared.messages.ratio
    cells = (await client.heatmap(1, metric="messages")).cells
    name: str | None = (await client.user_stats(1, 2, since="2026-01-01")).global_name
    return len(ranks) + len(written) + len(cells) + (ratio is None) + (name is None)
