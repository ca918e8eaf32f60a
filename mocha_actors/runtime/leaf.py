"""A child that is an actor: where a user's code meets the runtime."""

from __future__ import annotations

from collections.abc import Callable

import trio

from mocha_actors.runtime.actor import Actor, AnyActor, Context
from mocha_actors.runtime.child import ON_STOP_SECONDS, Child, contain
from mocha_actors.runtime.errors import text_of
from mocha_actors.runtime.outcome import Exited, Failed, Killed, Outcome
from mocha_actors.runtime.ref import inbox_of
from mocha_actors.runtime.spec import ChildSpec
from mocha_actors.runtime.tree import Place, Snapshot, Tree


class ActorChild(Child):
    """A child that is an actor."""

    kind = "actor"

    def __init__(self, spec: ChildSpec, start: Callable[[], AnyActor], place: Place, tree: Tree) -> None:
        super().__init__(spec, place, tree)
        assert place.ref is not None, "the place of an actor has its ref"
        self._start = start
        self._ref = place.ref
        self._inbox = inbox_of(place.ref)
        self._context: Context[object] | None = None
        self._fault: Exception | None = None

    def _begin(self) -> None:
        super()._begin()
        self._fault = None
        self._inbox.incarnation = self.place.incarnation
        self._inbox.open()

    async def _live(self, started: Callable[[], None]) -> Outcome:
        actor: AnyActor | None = None
        self._context = context = Context(self._ref, self.place.incarnation, self.tree.journal)
        context.enter()

        async def live() -> None:
            nonlocal actor
            actor = self._make()
            await actor.on_start(context)
            started()
            await actor.run(context)

        outcome = await contain(self._scope, live)
        if self._fault is not None and isinstance(outcome, Killed):
            outcome = Failed(self._fault)
        if actor is not None and self._started_at is not None and self.spec.shutdown != "kill":
            outcome = await self._clean_up(actor, self._judge(outcome))
        return outcome

    def _make(self) -> AnyActor:
        actor: object = self._start()
        if not isinstance(actor, Actor):
            raise TypeError(f"the start of {self.place.path} made a {type(actor).__name__}; it must make an Actor")
        return actor

    async def _clean_up(self, actor: AnyActor, outcome: Outcome) -> Outcome:
        """Call `on_stop`; its own failure counts, but never hides an earlier one.

        It runs after the scope of the incarnation, so that the cancellation of a kill does not reach it.
        """
        scope = trio.CancelScope(deadline=trio.current_time() + ON_STOP_SECONDS)
        ended = await contain(scope, lambda: actor.on_stop(outcome))
        match outcome, ended:
            case _, Exited():
                return outcome
            case Failed(error), Failed(second):
                error.add_note(f"on_stop raised, too: {type(second).__name__}: {text_of(second)}")
                return outcome
            case Failed(), _:
                return outcome
            case _:
                return ended

    def _message_type(self) -> str | None:
        message = self._inbox.newest_in_hand()
        return None if message is None else type(message).__name__

    def _settle_hand(self, outcome: Outcome) -> None:
        self._inbox.end_incarnation(outcome)

    def _ask_to_stop(self, *, final: bool) -> None:
        if final:
            self._inbox.drain()
        else:
            self._inbox.suspend()
        if self._context is not None:
            self._context.stopping.set()

    def kill(self) -> None:
        """Cancel the incarnation, and wait no longer for it to end by itself."""
        self._scope.cancel()
        self._patience.cancel()

    def inject(self, error: Exception) -> None:
        """Let the incarnation fail with this error at the checkpoint where it is, as if it were raised there."""
        self._fault = error
        self._scope.cancel()

    def replace_start(self, change: Callable[[Callable[[], AnyActor]], Callable[[], AnyActor]]) -> None:
        """Make the actors of the next incarnations in another way."""
        self._start = change(self._start)

    def abort_start(self) -> None:
        """Cancel the incarnation."""
        self._scope.cancel()

    @property
    def deliveries_left(self) -> int:
        """Each waiting message may crash each of its deliveries."""
        return self._inbox.statistics().waiting * (1 + self._inbox.policy.redeliver)

    def _bury(self) -> None:
        self._inbox.close()

    def snapshot(self) -> Snapshot:
        """The actor now."""
        return Snapshot(
            path=self.place.path,
            kind="actor",
            state=self.state,
            incarnation=self.place.incarnation,
            restarts=self.place.restarts,
            backoff=self.current_backoff,
            mailbox=self._inbox.statistics(),
            last_error=self.place.last_error,
        )
