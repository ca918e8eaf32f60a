"""``mocha forget``: erase a user."""

from __future__ import annotations

import click

from mocha_actors.administration import Forget
from mocha_actors.cli.administration import actor, answer, carry_out
from mocha_actors.cli.database import anonymised, database_options, database_url
from mocha_actors.cli.names import once, user_id


@click.command()
@once("--user", "user_id", type=user_id, required=True, metavar="ID", help="Whom.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_options
def command(user_id: int, yes: bool, database: str | None, config: str | None) -> None:
    """Erase a user from everything that was recorded, for good.

    What the user did stays counted, under random ids that nothing links to anybody. Names, memberships, mentions, dead letters and
    open intervals go, and the user is put on the opt-out list. Back-ups that were made before are not touched: after restoring one,
    ask again.
    """
    url = database_url(database, config)
    if not yes:
        click.confirm(f"Erase user {user_id}? This cannot be undone", abort=True)
    answer(carry_out(url, Forget(actor=actor(), user_id=user_id), anonymised=anonymised(config)))
