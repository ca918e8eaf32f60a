"""``mocha status``: a running service as a person and as a program sees it."""

from __future__ import annotations

import json
from pathlib import Path

import trio

from mocha_actors.cli.status import cache_lines
from mocha_actors.pipeline.counters import CacheCounters
from tests.end_to_end.harness import open_house, run_mocha, until


async def test_a_running_service_shows_its_tree_and_its_numbers(tmp_path: Path) -> None:
    """As a table, and as JSON; exit 0 while it is ready, 1 when none runs."""
    async with open_house(tmp_path, "--rate", "300") as house:
        service = await house.start()
        await until(lambda: house.durable() > 50, f"it records; {service.text}")

        shown = await trio.to_thread.run_sync(lambda: run_mocha("status", "--database", "mocha.db", cwd=tmp_path))
        told = await trio.to_thread.run_sync(
            lambda: run_mocha("status", "--database", "mocha.db", "--json", cwd=tmp_path)
        )
        service.process.terminate()
        await service.process.wait()
        gone = run_mocha("status", "--database", "mocha.db", cwd=tmp_path)

    assert (0, 0, 1) == (shown.returncode, told.returncode, gone.returncode), shown.stderr + told.stderr
    assert [] == [
        part for part in ("1/1 connected", "shard-0", "writer", "database closed") if part not in shown.stdout
    ]
    answer = json.loads(told.stdout)
    assert ["writer", "cache", "stats", "processors", "dispatcher", "janitor", "ownership", "control", "gateway"] == [
        c["name"] for c in answer["tree"]["children"]
    ]
    assert answer["committed"] <= answer["received"]
    assert answer["durable"]["0"] >= 50
    assert "no service answers" in gone.stderr


def test_the_caches_that_were_asked_have_a_line_each() -> None:
    """How much of what was asked they answered, and why not more."""
    caches = {
        "user": CacheCounters(entries=1_200, hits=3_000, stale=20, misses=1_000, shared=4, invalidated=5, evicted=6),
        "guild": CacheCounters(),
        "query": CacheCounters(misses=2),
        "live": CacheCounters(entries=2, hits=3, misses=1, renewed=5, bytes=1_900_000),
    }

    assert list(cache_lines(caches)) == [
        "caches     user 1,200 kept, 75% of 4,000 answered (20 stale, 4 from Redis), 5 invalidated, 6 evicted",
        "           query 0 kept, 0% of 2 answered (0 stale), 0 invalidated, 0 evicted",
        "           live 2 kept in 1.9 MB, 75% of 4 answered (0 stale, 5 renewed), 0 invalidated, 0 evicted",
    ]
