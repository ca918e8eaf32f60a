"""Whatever a server and a network do: what the protocol never does, and what it always does."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mocha_actors.discord.decode import ProtocolViolation
from mocha_actors.gateway.effects import (
    AwaitTurn,
    CloseConnection,
    Connect,
    Deliver,
    Effect,
    Fatal,
    Send,
    SessionBegan,
    SessionLost,
)
from mocha_actors.gateway.states import Beating, Ended
from tests.gateway.machine import SESSION, control, events, fresh, hello, ready, restarted, resumed

INTERVAL = 40.0
CODES = st.sampled_from([None, 1000, 1001, 1006, 4000, 4001, 4003, 4006, 4007, 4008, 4009, 4999])
CONTROLS = st.sampled_from(
    [
        control(1),
        control(7),
        control(9, data=True),
        control(9, data=False),
        control(11),
        control(42),
        hello(),
        hello("x"),
    ]
)


class GatewayMachine(RuleBasedStateMachine):
    """Plays server, network, clock and shell against one protocol, and watches every effect."""

    @initialize(known=st.booleans(), seed=st.integers(0, 1000))
    def start(self, known: bool, seed: int) -> None:
        self.protocol = restarted(seed=seed) if known else fresh(seed)
        self.now = 0.0
        self.connection = "none"
        self.turn_open = self.turn_granted = self.fatal = self.stopped = self.resting = False
        self.identifies_here = 0
        self.decommissioned = False
        self.session = SESSION if known else None
        self.delivered = 100 if known else 0

    def take(self, effects: list[Effect]) -> None:  # noqa: C901 - a table of effects
        """Carry effects out as the shell would, checking each."""
        for effect in effects:
            assert not self.fatal or not isinstance(effect, Connect | Send), "nothing follows a fatal error"
            match effect:
                case Connect():
                    assert self.connection == "none", "never two connections"
                    assert not self.stopped, "none after the stop"
                    self.connection = "dialling"
                case CloseConnection(code):
                    assert code == (1000 if self.decommissioned else 4900), (
                        "any other 1000 or 1001 would end the session"
                    )
                    self.connection = "closing"
                case AwaitTurn():
                    assert self.session is None, "a turn is worth a budget"
                    self.turn_open = True
                case Send():
                    self.check_payload(json.loads(effect.payload))
                case SessionLost(session):
                    assert session == self.session
                    self.session = None
                case SessionBegan(session=session):
                    assert self.session is None
                    self.session, self.delivered = session, 1
                case Deliver():
                    assert effect.session == self.session
                    for event in effect.events:
                        assert event.s > self.delivered, "no dispatch twice, none out of order"
                        self.delivered = event.s
                case Fatal():
                    self.fatal = True

    def check_payload(self, payload: dict[str, object]) -> None:
        """A payload of ours."""
        assert self.connection == "open"
        if payload["op"] == 2:
            assert self.session is None, "no IDENTIFY while a session can be resumed"
            self.identifies_here += 1
            assert self.identifies_here == 1, "one IDENTIFY for each connection"
            assert self.turn_granted, "no IDENTIFY without its turn, which is what the budget counts"
            self.turn_granted = False
        if payload["op"] == 6:
            assert self.session is not None
            assert payload["d"]["seq"] == self.delivered  # type: ignore[index]

    @rule(seconds=st.floats(0.0, 1.0))
    def time_passes(self, seconds: float) -> None:
        """Up to the deadline and a part of a second beyond, as a shell on a busy machine would tick."""
        deadline = self.protocol.deadline
        if deadline < self.now + 1e6:
            self.now = max(self.now, deadline) + seconds * 0.5
            state = self.protocol.state
            beat_is_due = isinstance(state, Beating) and self.now >= state.heart.due
            effects = self.protocol.tick(self.now)
            if beat_is_due:
                beats = [effect for effect in effects if isinstance(effect, Send) and effect.heartbeat]
                given_up = any(isinstance(effect, CloseConnection) for effect in effects)
                assert len(beats) == 1 or given_up, "one beat, or the end of a dead connection"
                assert not (given_up and self.resting), "what is not read cannot be missed"
            self.take(effects)

    @rule(share=st.floats(0.0, 0.99))
    def a_moment_passes(self, share: float) -> None:
        """Not as far as the deadline: a tick now does nothing."""
        ahead = min(self.protocol.deadline, self.now + 100.0) - self.now
        if ahead > 0:
            self.now += ahead * share
            assert self.protocol.tick(self.now) == [] or self.protocol.deadline <= self.now

    @precondition(lambda self: self.connection == "dialling")
    @rule(works=st.booleans())
    def dialled(self, works: bool) -> None:
        """The connection comes about, or not."""
        if works:
            self.resting = False
            self.connection, self.identifies_here, self.turn_open, self.turn_granted = "open", 0, False, False
            self.take(self.protocol.connected(self.now))
        else:
            self.connection = "none"
            self.take(self.protocol.connect_failed("unreachable", self.now))

    @precondition(lambda self: self.connection in ("open", "closing"))
    @rule(code=CODES)
    def ends(self, code: int | None) -> None:
        """The connection is gone."""
        self.connection, self.turn_open, self.resting = "none", False, False
        self.take(self.protocol.disconnected(code, self.now))

    @precondition(lambda self: self.connection in ("open", "closing"))
    @rule(payload=st.one_of(st.just(hello()), CONTROLS))
    def says(self, payload: object) -> None:
        """The server sends a control; HELLO more often than others, for anything to follow."""
        self.take(self.protocol.control(payload, self.now))  # type: ignore[arg-type]

    @precondition(lambda self: self.turn_open)
    @rule()
    def turn_comes(self) -> None:
        """The queue grants the turn."""
        self.turn_open, self.turn_granted = False, True
        self.take(self.protocol.turn_granted(self.now))

    @precondition(lambda self: self.connection in ("open", "closing"))
    @rule(behind=st.integers(0, 5), count=st.integers(1, 8), number=st.integers(0, 10**6))
    def dispatches(self, behind: int, count: int, number: int) -> None:
        """Dispatches come: a READY, duplicates, gaps, news, RESUMED."""
        first = max(1, self.delivered + 1 - behind)
        run = events(first, first + count - 1)
        if number % 3 == 0:
            run[-1] = resumed(run[-1].s)
        if number % 3 == 1 and self.identifies_here:
            run = [ready(f"session-{number}"), *events(2, count)]
        self.take(self.protocol.dispatches(run, self.now))

    @precondition(lambda self: self.connection == "open")
    @rule()
    def unreadable(self) -> None:
        """Something comes that is no payload."""
        self.take(self.protocol.violation(ProtocolViolation("no JSON", 0), self.now))

    @rule(seq=st.integers(0, 200))
    def committed(self, seq: int) -> None:
        """The writer has news."""
        if self.session is not None:
            self.protocol.committed(self.session.session_id, min(seq, self.delivered))

    @rule(chance=st.integers(0, 20))
    def stops(self, chance: int) -> None:
        """Now and then the program stops."""
        if not chance and self.connection != "dialling":
            self.stopped = True
            self.take(self.protocol.stop(self.now))

    @precondition(lambda self: not self.stopped)
    @rule(chance=st.integers(0, 60))
    def is_decommissioned(self, chance: int) -> None:
        """Rarer still, for good."""
        if not chance and self.connection != "dialling":
            self.stopped = self.decommissioned = True
            self.take(self.protocol.decommission(self.now))

    @rule()
    def reading_rests(self) -> None:
        """Back-pressure comes, and stays for a while."""
        if self.connection == "open" and isinstance(self.protocol.state, Beating):
            self.resting = True
            self.protocol.paused(self.now)

    @precondition(lambda self: self.resting)
    @rule()
    def reading_goes_on(self) -> None:
        """And goes."""
        self.resting = False
        self.protocol.unpaused(self.now)

    @invariant()
    def the_heart_is_never_late(self) -> None:
        """While the connection is open the next deadline is at most an interval away."""
        if self.connection == "open" and not isinstance(self.protocol.state, Ended):
            assert self.protocol.deadline <= self.now + INTERVAL

    @invariant()
    def there_is_always_a_way_on(self) -> None:
        """Without a connection, a time is set for the next."""
        if self.connection == "none" and not isinstance(self.protocol.state, Ended):
            assert self.protocol.deadline <= self.now + 600.0

    @invariant()
    def the_session_is_the_one_that_the_effects_told_of(self) -> None:
        """No session is lost or begun in silence."""
        assert self.protocol.session == self.session


TestGatewayMachine = GatewayMachine.TestCase
TestGatewayMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
