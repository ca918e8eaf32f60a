"""A shard against the simulator, over real sockets on the loopback where no bound in seconds matters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import trio

from mocha_actors.config import Secret
from mocha_actors.gateway.address import Compression
from mocha_actors.gateway.close_codes import RefusedIntentsError, RefusedTokenError
from mocha_actors.gateway.identity import Identity
from mocha_actors.gateway.rest import open_rest
from mocha_actors.gateway.settings import ShardSettings
from mocha_actors.pipeline.notices import Checkpoint, Quiesce, SessionInvalidated
from mocha_actors.simulator.server import Simulator, open_simulator
from mocha_actors.simulator.settings import SimulatorSettings
from tests.end_to_end.network import Network
from tests.gateway.surroundings import Store, World, open_gateway

TOKEN = Secret("simulator")


def simulator(rate: float = 200.0, **settings: object) -> SimulatorSettings:
    """Quick traffic."""
    return SimulatorSettings(rate=rate, **settings)  # type: ignore[arg-type]


@asynccontextmanager
async def connected(
    sim: Simulator, store: Store, compression: Compression = "none", token: Secret = TOKEN, intents: int = 1665
) -> AsyncIterator[World]:
    """A gateway that follows the simulator."""
    settings = ShardSettings(Identity(token, intents=intents), api_url=sim.api_url, compression=compression)
    async with open_rest(token, sim.api_url) as rest, open_gateway(settings, store, rest) as world:
        yield world


async def settle(sim: Simulator, store: Store) -> None:
    """Stop the traffic and wait until everything was handed over."""
    last = sim.stop_traffic()[0]
    await store.wait_for(lambda: store.checkpoint is not None and store.checkpoint.seq == last)


def numbers(store: Store) -> Iterator[int]:
    """The numbers from 1 to the last that was handed over."""
    return iter(range(1, store.seqs[-1] + 1))


@pytest.mark.parametrize("compression", ["none", "zlib-stream"])
async def test_every_dispatch_is_handed_over_once_and_in_order(compression: Compression) -> None:
    """From READY on, plain and compressed, through a burst."""
    store = Store()
    async with open_simulator(simulator()) as sim, connected(sim, store, compression) as world:
        await store.wait_for(lambda: len(store.seqs) > 20)
        await sim.burst(await sim.prepare_burst(5000))
        await settle(sim, store)

        assert list(numbers(store)) == store.seqs
        assert (1, 1, 0) == (world.counters.connected, world.counters.identifies, world.counters.resumes)
        assert len(store.seqs) == world.counters.received
        assert [1] == [event.s for event in store.batches[0].events], "READY travels alone"


@pytest.mark.parametrize("how", ["reset", "close", 4000, 4008])
async def test_a_dropped_connection_is_resumed_without_loss(how: str | int) -> None:
    """Whatever ended it, the session goes on; the replay is marked, and nothing comes twice."""
    store = Store()
    async with open_simulator(simulator()) as sim, connected(sim, store) as world:
        await store.wait_for(lambda: len(store.seqs) > 20)
        assert await sim.drop(0, how)
        await store.wait_for(lambda: any(batch.replayed for batch in store.batches))
        await store.wait_for(lambda: not store.batches[-1].replayed)
        await settle(sim, store)

        assert list(numbers(store)) == store.seqs
        assert (1, 1, 1) == (world.counters.connected, world.counters.identifies, world.counters.resumes)


async def test_a_new_process_resumes_from_the_checkpoint() -> None:
    """What was sent meanwhile is replayed: no second IDENTIFY, no hole. The old process closed resumably."""
    store = Store()
    async with open_simulator(simulator()) as sim:
        async with connected(sim, store):
            await store.wait_for(lambda: len(store.seqs) > 20)
        await trio.sleep(0.1)
        async with connected(sim, store, "zlib-stream") as world:
            await store.wait_for(lambda: world.counters.resumes == 1)
            await settle(sim, store)

        assert sorted(set(store.seqs)) == list(numbers(store))
        assert (1, 1) == (sim.stats()["identifies"], sim.stats()["resumes"])


async def test_other_intents_need_a_new_session() -> None:
    """A RESUME would keep the old ones: the fingerprint differs."""
    store = Store()
    async with open_simulator(simulator()) as sim:
        async with connected(sim, store):
            await store.wait_for(lambda: len(store.seqs) > 5)
        store.identifies.clear()
        first = len(store.batches)
        async with connected(sim, store, intents=513) as world:
            await store.wait_for(lambda: world.counters.identifies == 1)
            await store.wait_for(lambda: len(store.batches) > first)

        [fact] = store.batches[first].outcomes[0]  # type: ignore[misc,union-attr]
        assert "fingerprint_changed" == fact.reason  # type: ignore[union-attr]


async def test_op_7_is_followed_by_a_resume() -> None:
    """Within about a second."""
    store = Store()
    async with open_simulator(simulator()) as sim, connected(sim, store) as world:
        await store.wait_for(lambda: len(store.seqs) > 20)
        sim.op7()
        await store.wait_for(lambda: world.counters.resumes == 1)
        await settle(sim, store)

        assert list(numbers(store)) == store.seqs


async def test_op_9_true_is_followed_by_a_resume() -> None:
    """The same session goes on."""
    store = Store()
    async with open_simulator(simulator()) as sim, connected(sim, store) as world:
        await store.wait_for(lambda: len(store.seqs) > 20)
        sim.op9(resumable=True)
        await store.wait_for(lambda: world.counters.resumes == 1)

        assert 1 == world.counters.identifies


async def test_op_9_false_is_followed_by_an_identify_of_which_the_writer_knew() -> None:
    """The session is gone: the writer is told before the next one begins, which names the reason."""
    store = Store()
    async with open_simulator(simulator(rate=20)) as sim, connected(sim, store) as world:
        await store.wait_for(lambda: len(store.seqs) > 5)
        sim.op9(resumable=False)
        await store.wait_for(lambda: world.counters.identifies == 2)
        await store.wait_for(lambda: store.checkpoint is not None)

        assert 1 == len([each for each in store.told if isinstance(each, SessionInvalidated)])
        facts = [batch.outcomes[0] for batch in store.batches if batch.first_seq == 1]
        assert ["first_start", "session_invalid"] == [fact[0].reason for fact in facts]  # type: ignore[union-attr,index]


async def test_a_session_that_the_server_forgot_is_given_up() -> None:
    """RESUME of an unknown session: op 9 false, then IDENTIFY."""
    store = Store()
    async with open_simulator(simulator()) as sim:
        settings = ShardSettings(Identity(TOKEN, intents=1665), api_url=sim.api_url)
        store.checkpoint = Checkpoint(0, "forgotten", sim.gateway_url, 77, settings.fingerprint, 0)
        async with connected(sim, store) as world:
            await store.wait_for(lambda: world.counters.identifies == 1)
            await store.wait_for(lambda: bool(store.batches))

        [fact] = store.batches[0].outcomes[0]  # type: ignore[misc,union-attr]
        assert "resume_refused" == fact.reason  # type: ignore[union-attr]


async def test_a_dead_resume_address_falls_back_to_the_main_one() -> None:
    """The session survives its gateway (twilight #1942)."""
    store = Store()
    async with open_simulator(simulator()) as sim:
        async with connected(sim, store):
            await store.wait_for(lambda: len(store.seqs) > 5)
        old = store.checkpoint
        assert old is not None
        store.checkpoint = Checkpoint(0, old.session_id, "ws://127.0.0.1:9", old.seq, old.fingerprint, 0)
        async with connected(sim, store) as world:
            await store.wait_for(lambda: world.counters.resumes == 1)

        assert 1 == sim.stats()["identifies"]


async def test_heartbeats_go_on_while_the_dispatcher_takes_nothing(
    network: Network, autojump_clock: trio.abc.Clock
) -> None:
    """Back-pressure stops reading and nothing else: the simulator closes connections that stay silent."""
    store = Store()
    async with open_simulator(simulator(rate=2000, heartbeat_interval=1.0)) as sim, connected(sim, store) as world:
        await store.wait_for(lambda: len(store.seqs) > 20)
        store.blocked = trio.Event()
        await trio.sleep(3.5)
        store.blocked.set()
        await settle(sim, store)

        assert list(numbers(store)) == store.seqs
        assert 0 == world.counters.resumes


async def test_quiesce_hands_over_what_was_read_and_keeps_the_connection(
    network: Network, autojump_clock: trio.abc.Clock
) -> None:
    """P8: afterwards nothing more comes, and the heart beats on."""
    store = Store()
    async with open_simulator(simulator(heartbeat_interval=1.0)) as sim, connected(sim, store) as world:
        await store.wait_for(lambda: len(store.seqs) > 20)
        await world.shard.ask(Quiesce(), timeout=5)
        await trio.sleep(0.1)
        handed_over = len(store.seqs)
        assert world.counters.received == handed_over
        await trio.sleep(3.0)

        assert handed_over == len(store.seqs)
        assert 1 == sim.stats()["connections"]


async def test_a_refused_token_is_fatal_and_not_retried() -> None:
    """REST says it first; with a fixed gateway address, close code 4004 does."""
    async with open_simulator(simulator()) as sim:
        store = Store()
        async with connected(sim, store, token=Secret("wrong")):
            await store.wait_for(lambda: bool(store.fatal))
        assert isinstance(store.fatal[0], RefusedTokenError)


async def test_refused_intents_are_fatal_and_named() -> None:
    """4014: the privileged ones that were asked for."""
    store = Store()
    async with open_simulator(simulator(disallowed_intents=1 << 15)) as sim, connected(sim, store, intents=1 | 1 << 15):
        await store.wait_for(lambda: bool(store.fatal))
        await trio.sleep(0.2)

        assert [RefusedIntentsError] == [type(error) for error in store.fatal]
        assert "MESSAGE_CONTENT" in str(store.fatal[0])
        assert 0 == sim.stats()["connections"]
