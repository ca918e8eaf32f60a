"""A Discord for the loopback: REST and gateway, seeded traffic, faults, and a ledger of the truth.

It plays the server side of Discord's API as far as bots need it to log in, identify, receive and resume. Everything
that it dispatches stands in a ledger before it goes out, so that whoever counts what a client stored can compare it
with what was sent.

`open_simulator` (in `mocha_actors.simulator.server`) starts it inside a test, `mocha sim` as a program of its own.
"""
