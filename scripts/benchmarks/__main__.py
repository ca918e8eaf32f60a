"""``scripts/bench``: each subcommand measures one thing, alternately with its peers, and prints ratios of one run."""

from __future__ import annotations

import click
from cache import cache
from decode import decode
from embed import embed
from growth import growth
from ingest import ingest
from memory import memory
from presence import presence
from query import query
from report import report
from runtime import runtime
from stages import profile
from start_up import start_up
from transport import transport
from volume import volume
from writer import writer


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def bench() -> None:
    """Measure Mocha beside what one would use instead. Quote the ratios: absolute times are those of this machine."""


bench.add_command(ingest)
bench.add_command(transport)
bench.add_command(runtime)
bench.add_command(presence)
bench.add_command(profile)
bench.add_command(cache)
bench.add_command(writer)
bench.add_command(embed)
bench.add_command(volume)
bench.add_command(decode)
bench.add_command(start_up)
bench.add_command(memory)
bench.add_command(growth)
bench.add_command(query)
bench.add_command(report)
bench(prog_name="scripts/bench")
