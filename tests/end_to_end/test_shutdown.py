"""Promise P8: SIGTERM commits what was received and leaves the session resumable."""

from __future__ import annotations

import random
import re
import signal
from pathlib import Path

import pytest
import trio

from tests.end_to_end.harness import (
    COMMUNITY,
    EVERY_INTENT,
    EVERY_TABLE,
    PATIENCE,
    House,
    Process,
    open_house,
    until,
)


def summary(service: Process) -> dict[str, str]:
    """The lines of the summary by their names."""
    return dict(re.findall(r"^(received|committed|resumes|identifies|shutdown) +(.+)$", service.text, re.MULTILINE))


async def burst(house: House, count: int, last: list[int]) -> None:
    """Send a burst; its last ``s`` is appended to ``last``."""
    last.append((await house.simulator.command(cmd="burst", count=count))["burst"]["0"])


async def test_sigterm_under_a_burst_commits_everything_received_and_the_next_start_resumes(tmp_path: Path) -> None:
    """Exit 0, received equals committed, one session, nothing lost, nothing twice."""
    async with open_house(tmp_path, "--rate", "1", "--count", "0") as house:
        service = await house.start()
        await until(lambda: house.durable() > 1, f"connected; {service.text}")
        last: list[int] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(burst, house, 60_000, last)
            await until(lambda: house.durable() > 2_000, "the burst is under way")
            service.process.send_signal(signal.SIGTERM)
            assert await service.process.wait() == 0, service.text
        first = summary(service)
        assert first["received"] == first["committed"]
        assert first["shutdown"].startswith("clean")
        assert house.durable() < last[0], "the burst was over before the signal; the test shows nothing"

        second = await house.start()
        await house.drain(second, last[0])

        assert {"resumes": "1", "identifies": "0"} == {key: summary(second)[key] for key in ("resumes", "identifies")}
        assert house.sessions() == 1
        house.verify()


async def test_a_second_signal_ends_at_once_and_the_next_start_makes_up_for_it(tmp_path: Path) -> None:
    """Whatever the first shutdown left undone is replayed, as after a crash."""
    async with open_house(tmp_path, "--rate", "1", "--count", "0") as house:
        service = await house.start()
        await until(lambda: house.durable() > 1, "connected")
        last: list[int] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(burst, house, 60_000, last)
            await until(lambda: house.durable() > 2_000, "the burst is under way")
            service.process.send_signal(signal.SIGTERM)
            service.process.send_signal(signal.SIGINT)
            with trio.fail_after(PATIENCE):  # a hang; what "at once" means is that most of the burst was not waited for
                assert await service.process.wait() in {0, 1}, service.text
        assert house.durable() < last[0]

        await house.drain(await house.start(), last[0])

        assert house.sessions() == 1
        house.verify()


async def stop_repeatedly(folder: Path, stops: int, seed: int) -> None:
    """SIGTERM at random moments while everything happens: each time exit 0, all that was received committed, resumed by the next."""
    rng = random.Random(seed)
    async with open_house(folder, *COMMUNITY, "--rate", "1500", intents=EVERY_INTENT) as house:
        for _ in range(stops):
            service, before = await house.start(), house.durable()
            await until(lambda before=before: house.durable() > before + 100, "a hundred events more")  # type: ignore[misc]
            await trio.sleep(rng.uniform(0, 1))
            service.process.send_signal(signal.SIGTERM)
            assert await service.process.wait() == 0, service.text
            told = summary(service)
            assert (told["received"], "clean") == (told["committed"], told["shutdown"][:5])
        service = await house.start()
        await house.drain(service, (await house.simulator.stop_traffic())[0])

        verdict, recounted = house.verify(), house.recounted()
        print(f"{stops} SIGTERMs, seed {seed}: {verdict} with the ledger, {recounted} with the raw rows; "
              f"{len(house.dispatches())} dispatches, {house.sessions()} session")  # fmt: skip
        assert house.sessions() == 1
        assert house.rows("SELECT reason FROM coverage_gaps") == [("first_start",)]
        assert house.rows("SELECT * FROM dead_letters") == []
        for table in EVERY_TABLE:
            assert house.rows(f"SELECT count(*) FROM {table}") > [(0,)], table


async def test_sigterm_while_everything_happens_loses_nothing_of_any_kind(tmp_path: Path) -> None:
    """Twice."""
    await stop_repeatedly(tmp_path, 2, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_twenty_sigterms_lose_nothing_of_any_kind(tmp_path: Path) -> None:
    """The campaign."""
    await stop_repeatedly(tmp_path, 20, seed=2)
