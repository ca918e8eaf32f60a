"""A Discord for the loopback: REST and gateway, seeded traffic, faults, and a ledger of the truth.

It plays the server side of Discord's API as far as bots need it to log in, identify, receive and resume. Everything
that it dispatches stands in a ledger before it goes out, so that whoever counts what a client stored can compare it
with what was sent.

To see how a bot of your own takes a fault, start both in one test and let the bot have the simulator's address in the
place of Discord's::

    import sys, trio
    from mocha_actors.simulator.server import open_simulator
    from mocha_actors.simulator.settings import SimulatorSettings

    async def my_bot_resumes_after_a_reset():
        async with open_simulator(SimulatorSettings(rate=50)) as simulator, trio.open_nursery() as nursery:
            nursery.start_soon(trio.run_process, [sys.executable, "my_bot.py", simulator.api_url])
            while simulator.stats()["dispatched"] < 20:
                await trio.sleep(0.1)
            await simulator.drop(0, "reset")
            while not simulator.transcript.payloads(op=6):  # RESUME
                await trio.sleep(0.1)
            assert len(simulator.transcript.payloads(op=2)) == 1  # IDENTIFY
            nursery.cancel_scope.cancel()

    trio.run(my_bot_resumes_after_a_reset)

The token is `simulator`, unless the settings name another. A library that does not ask REST for the gateway's address
needs `simulator.gateway_url` too. `Simulator` (in `mocha_actors.simulator.server`) lists what can be asked for while it
runs: `inject` and `plan` take the faults of `mocha_actors.simulator.faults`, `dispatch` sends any event, and
`transcript` is all that the bot did on the wire. From another language, or another event loop, the same is to be had as
a program: `mocha sim --control stdio` reads the commands of `mocha_actors.simulator.control`.
"""
