"""``mocha opt-out``: record a user no more, or again."""

from __future__ import annotations

import click

from mocha_actors.administration import SetOptOut
from mocha_actors.cli.administration import actor, answer, carry_out
from mocha_actors.cli.database import anonymised, database_options, database_url
from mocha_actors.cli.names import once, user_id


@click.command()
@once("--user", "user_id", type=user_id, required=True, metavar="ID", help="Whom.")
@click.option("--undo", is_flag=True, help="Record the user again.")
@database_options
def command(user_id: int, undo: bool, database: str | None, config: str | None) -> None:
    """Record nothing more of a user; what is recorded stays (see mocha forget).

    The list holds a keyed hash of the id and names nobody.
    """
    done = carry_out(
        database_url(database, config),
        SetOptOut(actor=actor(), user_id=user_id, out=not undo),
        anonymised=anonymised(config),
    )
    answer(done)
