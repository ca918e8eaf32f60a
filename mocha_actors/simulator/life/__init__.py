"""Life in the simulated guilds: what happens there, and what is true afterwards.

`state` holds what is true at the moment, and every event is made by a function that changes it first and then tells what
changed, so that a GUILD_CREATE always shows the sum of the events before it. Those functions stand by subject in `talk`,
`reactions`, `voice`, `presence`, `people`, `places` and `servers`; `profiles` says how often each happens, `rhythm` when,
and `town` lets it happen, live or in a past.
"""
