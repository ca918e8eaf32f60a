"""The settings of a simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mocha_actors.simulator.errors import SettingsError
from mocha_actors.simulator.life.profiles import PROFILES

RESUME_ADDRESSES = ("own", "same", "dead")
"""Kinds of `resume_gateway_url`: another path, the main address, or one that nobody listens on."""

MAX_RATE = 20_000
"""Most live events a second that one core makes beside a client; 0, as fast as the clients take them, has no limit."""

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
"""Where the simulator may listen. Its token is no secret, so it must not be reachable from elsewhere."""


@dataclass(frozen=True, kw_only=True)
class SimulatorSettings:
    """How a simulator behaves.

    Attributes:
        host: loopback address to listen on.
        port: TCP port for REST and gateway; 0 takes a free one.
        token: the bot token that is accepted; every other is refused with 401 and close code 4004.
        seed: decides guilds, members and traffic. The same seed makes the same stream, but for ids and times.
        profile: kind of traffic, one of `PROFILES`: "messages" alone; a "quiet" server; a busy "community" with all
            that happens in one; a flood of "presence"; messages at once, as a "burst".
        guilds: number of guilds that the bot is in.
        shards: number of shards that `/gateway/bot` recommends; guild ids are spread over them evenly.
        rate: mean number of events a second of the live traffic; 0 sends as fast as the clients take it, None as often
            as the profile has it.
        count: the live traffic ends after so many events; None never ends it.
        burst: if set, so many events are made beforehand and sent at once as soon as every guild is seen by a connected
            client, in place of live traffic.
        ledger: file that gets one JSON line per dispatch; None keeps no ledger, and no session survives the simulator.
        heartbeat_interval: seconds, as told in HELLO.
        session_timeout: seconds for which a session without connection can be resumed.
        replay_events: number of dispatches that a session keeps for a RESUME.
        replay_bytes: size of the dispatches that a session keeps for a RESUME.
        trim_on_heartbeat: forget the dispatches that a heartbeat acknowledges. Whether Discord does so is not
            documented.
        compress_level: level of zlib, 0 (none) to 9, for clients that ask for `zlib-stream`.
            The same level is used for `zstd-stream`, there from 1.
        disallowed_intents: bits of the intents that are answered with close code 4014.
        members: number of people in each guild, besides bots.
        max_guilds: most guilds of one shard; a shard with more is closed with 4011.
        max_concurrency: number of shards that may identify at a time.
        identify_spacing: seconds between two IDENTIFYs of shards that are equal modulo `max_concurrency`; one that
            comes sooner is answered with opcode 9, false. Discord's own spacing is 5 seconds; 0 allows any haste.
        identify_limit: IDENTIFYs a day. One more ends all sessions and resets the token: it is refused ever after.
        payload_limit: payloads that a connection may send in 60 seconds; one more is closed with 4008.
        past_days: days of a past that happened before the live traffic; it stands at the beginning of a new ledger, and a later run over that ledger
            has the same past. 0 begins with the live traffic.
        past_messages: number of messages of the past.
        resume_address: which `resume_gateway_url` READY names, one of `RESUME_ADDRESSES`.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str = field(default="simulator", repr=False)
    seed: int = 1
    profile: str = "messages"
    guilds: int = 3
    shards: int = 1
    rate: float | None = None
    count: int | None = None
    burst: int | None = None
    ledger: Path | None = None
    heartbeat_interval: float = 41.25
    session_timeout: float = 180.0
    replay_events: int = 250_000
    replay_bytes: int = 1 << 30
    trim_on_heartbeat: bool = False
    compress_level: int = 1
    disallowed_intents: int = 0
    members: int = 60
    max_guilds: int = 2_500
    max_concurrency: int = 1
    identify_spacing: float = 0.0
    identify_limit: int = 1_000
    payload_limit: int = 120
    past_days: float = 0.0
    past_messages: int = 10_000
    resume_address: str = "own"

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            SettingsError: with the name of the setting, what it is and what is allowed.
        """
        _allow("profile", self.profile, self.profile in PROFILES, "one of " + ", ".join(PROFILES))
        _allow("host", self.host, self.host in LOOPBACK_HOSTS, "one of " + ", ".join(LOOPBACK_HOSTS))
        _allow("port", self.port, 0 <= self.port <= 65_535, "between 0 and 65535")
        _allow("token", "empty", bool(self.token), "at least one character")
        _allow("shards", self.shards, self.shards >= 1, "at least 1")
        _allow("guilds", self.guilds, 1 <= self.guilds <= 2_500 * self.shards, "between 1 and 2500 for each shard")
        _allow("members", self.members, 1 <= self.members <= 1_000_000, "between 1 and 1000000")
        _allow("max guilds", self.max_guilds, self.max_guilds >= 1, "at least 1")
        _allow("max concurrency", self.max_concurrency, self.max_concurrency >= 1, "at least 1")
        _allow("identify spacing", self.identify_spacing, self.identify_spacing >= 0, "at least 0 seconds")
        _allow("identify limit", self.identify_limit, self.identify_limit >= 0, "at least 0")
        _allow("payload limit", self.payload_limit, self.payload_limit >= 1, "at least 1")
        _allow("past", "without a ledger", not self.past_days or self.ledger is not None, "with one")
        _allow(
            "past",
            f"with profile {self.profile!r}",
            not self.past_days or PROFILES[self.profile].is_alive,
            "with one in which more than messages happens",
        )
        _allow("past", f"{self.past_days} days", 0 <= self.past_days <= 3_650, "between 0 and 3650 days")
        _allow("past", f"{self.past_messages} messages", self.past_messages >= 1, "at least 1 message")
        resume, addresses = self.resume_address, RESUME_ADDRESSES
        _allow("resume address", resume, resume in addresses, "one of " + ", ".join(addresses))
        _allow("rate", self.rate, 0 <= self.mean_rate <= MAX_RATE, f"between 0 and {MAX_RATE} events a second")
        _allow("count", self.count, self.count is None or self.count >= 0, "at least 0")
        _allow("burst", self.burst, self.burst is None or self.burst >= 1, "at least 1")
        _allow("compress level", self.compress_level, 0 <= self.compress_level <= 9, "between 0 and 9")
        _allow("heartbeat interval", self.heartbeat_interval, self.heartbeat_interval > 0, "more than 0 seconds")
        _allow("session timeout", self.session_timeout, self.session_timeout > 0, "more than 0 seconds")
        _allow("replay events", self.replay_events, self.replay_events >= 1, "at least 1")
        _allow("replay bytes", self.replay_bytes, self.replay_bytes >= 1, "at least 1")

    @property
    def mean_rate(self) -> float:
        """Events a second, the profile's own unless another rate was asked for."""
        return PROFILES[self.profile].rate if self.rate is None else self.rate


def _allow(name: str, found: object, good: bool, allowed: str) -> None:
    if not good:
        msg = f"the simulator's {name} is {found}, but must be {allowed}"
        raise SettingsError(msg)
