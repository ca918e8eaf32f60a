"""``scripts/bench``: each subcommand measures one thing, alternately with its peers, and prints ratios of one run."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

PARTS: Final = (
    "ingest", "transport", "runtime", "layer", "lag", "presence", "profile", "cache", "writer", "embed", "volume", "decode", "start-up", "memory", "growth",
    "query", "report",
)  # fmt: skip

MODULES: Final = {"profile": "profiling"}
"""Where a part is that cannot have a module of its name: `profile` is one of Python's own."""


class Parts(click.Group):
    """Imports a part when it is wanted: each needs the peers that it measures, and no others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them."""
        return list(PARTS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of a part."""
        if name not in PARTS:
            return None
        attribute = name.replace("-", "_")
        command: click.Command = getattr(import_module(MODULES.get(name, attribute)), attribute)
        return command


@click.group(cls=Parts, context_settings={"help_option_names": ["-h", "--help"]})
def bench() -> None:
    """Measure Mocha beside what one would use instead. Quote the ratios: absolute times are those of this machine."""


bench(prog_name="scripts/bench")
