"""Connections and sessions, from the wire to the database: what a conforming client does when Discord does not just go on.

The numbers are those of the black-box scenarios that the gateway was designed by. Time is virtual, so that they are exact.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing

from mocha_actors.client import StatsClient
from mocha_actors.config import Secret
from mocha_actors.errors import PermanentError
from mocha_actors.gateway import transport
from mocha_actors.gateway.close_codes import CLOSE_RULES, Action
from mocha_actors.gateway.transport import CLOSE_TIMEOUT
from mocha_actors.simulator.faults import (
    CloseOnAccept,
    CloseOnAnswer,
    DelayAcks,
    FirstFrame,
    HalfOpen,
    RefuseSession,
    RefuseUpgrade,
    ReplayOverlap,
    RequestHeartbeat,
    SilentHello,
    WithholdAcks,
)
from tests.end_to_end.network import Network
from tests.end_to_end.scene import EXACT, HEARTBEAT, IDENTIFY, INTERVAL, RESUMABLE, RESUME, TOKEN, open_scene, spacing


async def test_a_replay_that_begins_too_early_changes_nothing(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 3: duplicates are dropped and counted, the number never goes back."""
    async with open_scene(tmp_path) as scene, scene.client(received=40) as client:
        scene.sim.plan(ReplayOverlap(events=20))
        await scene.sim.drop(0)
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.settle(client)

        assert client.counters.duplicates >= 20
        assert ["first_start"] == scene.gaps()


async def test_a_refused_resume_is_followed_by_an_identify_on_a_new_connection(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 4: after one to five seconds, to the main address; the loss is a gap with its reason."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        [(first_session,)] = scene.rows("SELECT session_id FROM gateway_sessions")
        await scene.quiet(client)
        scene.sim.plan(RefuseSession(to="resume"))
        await scene.sim.drop(0)
        await scene.until(lambda: client.counters.identifies == 2)
        await scene.burst(client, 100)
        await scene.verify()

        assert [IDENTIFY, RESUME, IDENTIFY] == scene.openings()
        refused, anew = scene.sim.transcript.connects()[-2:]
        [resume] = scene.sent(RESUME)
        assert 1.0 <= anew.at - resume.at <= 5.0 + EXACT
        assert anew.target.split("?")[0] == "/" != refused.target.split("?")[0]
        assert ["first_start", "resume_refused"] == scene.gaps()
        assert first_session not in [session for (session,) in scene.rows("SELECT session_id FROM gateway_sessions")]


async def test_a_half_open_connection_is_left_and_resumed(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 6: within two intervals and two seconds; the dead socket holds nobody up."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        await scene.until(lambda: scene.sent(HEARTBEAT))
        scene.deaf.add(0)
        scene.sim.inject(HalfOpen())
        began = trio.current_time()
        await scene.until(lambda: client.counters.resumes == 1)

        [acknowledged] = [beat for beat in scene.sent(HEARTBEAT) if beat.at <= began]
        [resume] = scene.sent(RESUME)
        # The beat after the acknowledged one is the first without an answer; an interval later the peer is dead, and gets a second to say goodbye.
        assert acknowledged.at + 2 * INTERVAL + CLOSE_TIMEOUT == pytest.approx(resume.at, abs=EXACT)
        assert resume.at - began < 2 * INTERVAL + 2
        await scene.settle(client)
        assert [IDENTIFY, RESUME] == scene.openings()


async def test_a_server_that_sends_but_acknowledges_nothing_is_left(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """A3.26: traffic proves life for one interval more, and no longer: two intervals after the first beat without an answer."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        await scene.until(lambda: scene.sent(HEARTBEAT))
        scene.sim.inject(WithholdAcks())
        await scene.until(lambda: client.counters.resumes == 1)

        acknowledged, first, second = scene.sent(HEARTBEAT)
        [resume] = scene.sent(RESUME)
        assert [INTERVAL] * 3 == pytest.approx(spacing([acknowledged, first, second, resume]), abs=EXACT)
        await scene.settle(client)


async def test_a_stop_closes_resumably_and_the_next_start_resumes(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 9: everything received is committed, no gap, and the RESUME names the committed number."""
    async with open_scene(tmp_path) as scene:
        async with scene.client():
            pass
        [(durable,)] = scene.rows("SELECT seq FROM gateway_sessions")
        async with scene.client() as client:
            await scene.settle(client)

        assert [RESUMABLE] * 2 == scene.sim.transcript.closes(by="client")
        assert [durable] == [entry.seq for entry in scene.sent(RESUME)]
        assert ["first_start"] == scene.gaps()


async def test_closing_is_quick_while_traffic_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What still comes is read and thrown away, so that the peer's answer to the close frame is seen at once."""
    monkeypatch.setattr(
        transport, "CLOSE_TIMEOUT", 120.0
    )  # so that an answer that is not seen costs what no busy machine does
    async with open_scene(tmp_path, rate=0) as scene:
        with trio.fail_after(60):
            async with scene.client(received=5_000):
                pass

        assert [RESUMABLE] == scene.sim.transcript.closes(by="client")


async def test_op_7_is_followed_by_a_resume_to_the_resume_address(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 17: with the same query; nothing comes twice."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        scene.sim.op7()
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.settle(client)

        first, second = scene.sim.transcript.connects()
        assert first.target.split("?")[0] != second.target.split("?")[0]
        assert first.target.split("?")[1] == second.target.split("?")[1]
        assert [RESUMABLE] == scene.sim.transcript.closes(by="client")


@pytest.mark.parametrize(
    "opening",
    [
        FirstFrame(),
        FirstFrame(payload='{"op":11}'),
        FirstFrame(payload='{"t":"MESSAGE_CREATE","s":1,"op":0,"d":{}}'),
        SilentHello(),
        RefuseUpgrade(503),
        RefuseUpgrade(302, location="ws://127.0.0.1:9/"),
        CloseOnAccept(),
        CloseOnAccept(1001),
    ],
    ids=["op 7", "op 11", "a dispatch", "nothing", "HTTP 503", "a redirection", "the end", "close 1001"],
)
async def test_a_bad_beginning_keeps_the_session(
    tmp_path: Path, opening: FirstFrame | SilentHello | RefuseUpgrade | CloseOnAccept, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 18 and A1.4 to A1.8: whatever comes instead of HELLO, the next connection resumes."""
    async with open_scene(tmp_path, heartbeat_interval=30.0) as scene, scene.client() as client:
        scene.sim.plan(opening)
        await scene.sim.drop(0)
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.settle(client)

        assert [IDENTIFY, RESUME] == scene.openings()
        assert 3 == len(scene.sim.transcript.connects())


@pytest.mark.parametrize("code", [1009, 4000, 4001, 4002, 4005, 4008, 4999, "reset", "close"])
async def test_the_session_goes_on_after_close(tmp_path: Path, code: int | str, virtual_time: trio.abc.Clock) -> None:
    """Scenario 20, the resumable rows."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        await scene.sim.drop(0, code)
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.settle(client)

        assert [IDENTIFY, RESUME] == scene.openings()
        assert ["first_start"] == scene.gaps()


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_normal_closure_is_resumed_once(tmp_path: Path, code: int, virtual_time: trio.abc.Clock) -> None:
    """Scenario 20: Discord may have given the session up (api-docs #2922), as the simulator has."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        await scene.quiet(client)
        await scene.sim.drop(0, code)
        await scene.until(lambda: client.counters.identifies == 2)
        await scene.burst(client, 100)
        await scene.verify()

        assert [IDENTIFY, RESUME, IDENTIFY] == scene.openings()


@pytest.mark.parametrize("code", [code for code, rule in CLOSE_RULES.items() if rule.action is Action.IDENTIFY])
async def test_a_new_session_begins_after_close(tmp_path: Path, code: int, virtual_time: trio.abc.Clock) -> None:
    """Scenario 20, the rows whose session is gone: no RESUME is tried, and the gap is told."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        await scene.quiet(client)
        await scene.sim.drop(0, code)
        await scene.until(lambda: client.counters.identifies == 2)
        await scene.burst(client, 100)
        await scene.verify()

        assert [IDENTIFY, IDENTIFY] == scene.openings()
        assert ["first_start", "session_invalid"] == scene.gaps()


@pytest.mark.parametrize("code", [code for code, rule in CLOSE_RULES.items() if rule.action is Action.FATAL])
async def test_the_program_ends_after_close(tmp_path: Path, code: int, virtual_time: trio.abc.Clock) -> None:
    """Scenario 20, the fatal rows: a sentence that names the code, no second attempt, and what was received is committed."""
    async with open_scene(tmp_path) as scene:
        with pytest.raises(PermanentError, match=str(code)):
            async with StatsClient.open(scene.config, Secret(TOKEN)) as client:
                await scene.until(lambda: client.counters.received > 10)
                await scene.sim.drop(0, code)
                await trio.sleep(60)

        assert 1 == len(scene.sim.transcript.connects())
        assert client.counters.received == client.counters.committed


async def test_resuming_in_vain_ends_after_three_attempts(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 22: a server that accepts, says HELLO and closes after RESUME, for ever. The pauses grow."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        await scene.quiet(client)
        scene.sim.plan(CloseOnAnswer(to="resume"), times=None)
        await scene.sim.drop(0)
        await scene.until(lambda: client.counters.identifies == 2)
        await scene.burst(client, 100)
        await scene.verify()

        assert [IDENTIFY, RESUME, RESUME, RESUME, IDENTIFY] == scene.openings()
        assert ["first_start", "session_not_resumable"] == scene.gaps()


async def test_op_9_true_for_ever_ends_after_three_attempts(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """A6.46: it counts as an attempt."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        scene.sim.plan(RefuseSession(resumable=True, to="resume"), times=None)
        await scene.sim.drop(0)
        await scene.until(lambda: client.counters.identifies == 2)

        assert [IDENTIFY, RESUME, RESUME, RESUME, IDENTIFY] == scene.openings()


async def test_a_refused_identify_is_tried_again(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """A6.48: op 9 in reply to IDENTIFY is no fatal error; the next one comes through the queue, on another connection."""
    async with open_scene(tmp_path) as scene:
        scene.sim.plan(RefuseSession(to="identify"))
        async with scene.client() as client:
            await scene.settle(client)

        first, second = scene.sent(IDENTIFY)
        assert second.at - first.at >= 5
        assert first.connection != second.connection


async def test_a_dead_resume_address_costs_an_attempt_and_no_session(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 24: the RESUME goes to the main address."""
    async with open_scene(tmp_path, resume_address="dead") as scene, scene.client() as client:
        await scene.sim.drop(0)
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.settle(client)

        assert [IDENTIFY, RESUME] == scene.openings()


async def test_an_outage_of_the_server_costs_no_session(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """A1.5: attempts that never got to RESUME do not count."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        await scene.sim.restart(seconds=30)
        await scene.until(lambda: client.counters.resumes == 1)
        await scene.settle(client)

        assert [IDENTIFY, RESUME] == scene.openings()


async def test_a_requested_heartbeat_is_sent_at_once_beside_the_schedule(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 30: the periodic beats stay where they were."""
    async with open_scene(tmp_path) as scene, scene.client():
        await scene.until(lambda: len(scene.sent(HEARTBEAT)) == 2)
        await trio.sleep(INTERVAL / 2)
        asked = trio.current_time()
        scene.sim.inject(RequestHeartbeat())
        await scene.until(lambda: len(scene.sent(HEARTBEAT)) == 5)

        first, second, requested, third, fourth = scene.sent(HEARTBEAT)
        assert asked == pytest.approx(requested.at, abs=EXACT)
        assert [INTERVAL] * 3 == pytest.approx(spacing([first, second, third, fourth]), abs=EXACT)
        assert 1 == len(scene.sim.transcript.connects())


async def test_a_request_just_before_the_beat_whose_answers_are_late_is_no_zombie(
    tmp_path: Path, virtual_time: trio.abc.Clock
) -> None:
    """Scenario 30: op 1 ten milliseconds before the tick, acknowledgements a tenth of a second late (discord.js #3993)."""
    async with open_scene(tmp_path) as scene, scene.client() as client:
        await scene.until(lambda: scene.sent(HEARTBEAT))
        [first] = scene.sent(HEARTBEAT)
        scene.sim.inject(DelayAcks(0.1))
        await trio.sleep_until(first.at + INTERVAL - 0.01)
        scene.sim.inject(RequestHeartbeat())
        await scene.until(lambda: len(scene.sent(HEARTBEAT)) == 5)

        _, requested, *periodic = scene.sent(HEARTBEAT)
        assert first.at + INTERVAL - 0.01 == pytest.approx(requested.at, abs=EXACT)
        assert [INTERVAL] * 3 == pytest.approx(spacing([first, *periodic]), abs=EXACT)
        assert 1 == len(scene.sim.transcript.connects())
        await scene.settle(client)


async def test_2500_guilds_are_loaded_twice_without_a_row(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """Scenario 15: READY with as many guilds as a shard may have; a second session repeats all of it."""
    async with open_scene(tmp_path, guilds=2500, members=1, rate=1.0) as scene, scene.client(received=2501) as client:
        await scene.quiet(client)
        scene.sim.op9(resumable=False)
        await scene.until(lambda: client.counters.identifies == 2)
        await scene.until(lambda: client.counters.received >= 5002)
        await scene.burst(client, 100)
        await scene.verify()

        assert 0 == client.counters.dead_lettered
        assert [(2500, 0)] == scene.rows("SELECT count(*), count(left_ms) FROM guilds")
        assert [(0,)] == scene.rows("SELECT count(*) FROM member_events")


async def test_a_decommissioned_session_is_closed_for_good(tmp_path: Path, virtual_time: trio.abc.Clock) -> None:
    """A7.52: with 1000, after everything is durable; the next start does not try to resume it, and the gap is told."""
    async with open_scene(tmp_path, shards=2, guilds=2, max_concurrency=2) as scene:
        scene.farewells = {1000}
        async with scene.client() as client:
            await scene.until(lambda: client.counters.connected == 2)
            await scene.quiet(client)
            client.decommission()
        assert [1000, 1000] == scene.sim.transcript.closes(by="client")
        assert [] == scene.rows("SELECT shard FROM gateway_sessions WHERE resume_url IS NOT NULL")

        scene.farewells = {1000, RESUMABLE}
        async with scene.client(received=4) as client:
            await scene.until(lambda: client.counters.connected == 2)
        await scene.verify()
        assert [IDENTIFY] * 4 == scene.openings()
        assert ["first_start"] * 2 + ["session_invalid"] * 2 == scene.gaps()


async def test_a_decommission_while_there_is_no_connection_forgets_the_session(
    tmp_path: Path, network: Network, virtual_time: trio.abc.Clock
) -> None:
    """Discord cannot be told; the session ends there by itself, and here it is not resumed."""
    async with open_scene(tmp_path) as scene:
        async with scene.client() as client:
            await scene.quiet(client)
            network.listeners.clear()
            network.reset()
            await trio.sleep(5)
            client.decommission()

        assert [] == scene.rows("SELECT shard FROM gateway_sessions WHERE resume_url IS NOT NULL")
