"""``scripts/bench``: each subcommand measures one thing, alternately with its peers, and prints ratios of one run."""

from __future__ import annotations

import click
from cache import cache
from embed import embed
from ingest import ingest
from presence import presence
from runtime import runtime
from transport import transport
from writer import writer
from volume import volume


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def bench() -> None:
    """Measure Mocha beside what one would use instead. Quote the ratios: absolute times are those of this machine."""


bench.add_command(ingest)
bench.add_command(transport)
bench.add_command(runtime)
bench.add_command(presence)
bench.add_command(cache)
bench.add_command(writer)
bench.add_command(embed)
bench.add_command(volume)
bench(prog_name="scripts/bench")
