"""Whatever a child raises, however odd, is the end of that incarnation and of nothing else; or of everything, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio

from mocha_actors.runtime import Backoff, ChildSpec, Context, Failed, SupervisorSpec, open_supervisor
from mocha_actors.runtime.errors import LONGEST_TEXT, text_of
from mocha_actors.runtime.outcome import failed_with

from .toys import Boom, Echo, Ping, Recorder, child, settle


class Unprintable(Exception):
    """Cannot even say what it is."""

    def __str__(self) -> str:
        raise Boom

    __repr__ = __str__


async def raise_kept_cancellation() -> None:
    """Raise somebody's cancellation after it is over."""
    kept: BaseException | None = None
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as cancelled:
            kept = cancelled
            raise
    assert kept is not None
    raise kept


async def raise_kept_cancellation_in_a_group() -> None:
    """The same, beside an error, as a nursery of the actor's own would raise it."""
    try:
        await raise_kept_cancellation()
    except trio.Cancelled as cancelled:
        raise BaseExceptionGroup("nursery", [cancelled, Boom()]) from None


async def raise_unprintable() -> None:
    """Raise what cannot be printed."""
    raise Unprintable


async def raise_each_others_causes() -> None:
    """Raise an error whose chain of causes has no end."""
    first, second = Boom("first"), Boom("second")
    first.__cause__, second.__cause__ = second, first
    raise first


ODD: list[Callable[[], Awaitable[None]]] = [
    raise_kept_cancellation,
    raise_kept_cancellation_in_a_group,
    raise_unprintable,
    raise_each_others_causes,
]


@pytest.mark.parametrize("raises", ODD, ids=lambda function: function.__name__)
async def test_odd_failure_of_a_handler_is_a_failure_like_any_other(raises: Callable[[], Awaitable[None]]) -> None:
    """The actor is restarted, what waited for it is handled, and its sibling never notices."""
    spec = SupervisorSpec((child("a", fatal=(KeyError,)), child("b")))
    async with open_supervisor(spec, on_event=Recorder()) as sup:
        await sup.ref("a").tell(raises)
        assert 1 == await sup.ref("a").ask(Ping(), timeout=5)
        assert 0 == await sup.ref("b").ask(Ping(), timeout=5)
        assert {("mocha/a", "failed"): 1} == sup.dead_letters.counts


class Odd(Echo):
    """Does something odd when it starts again, or when it cleans up."""

    def __init__(self, where: str, action: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._where, self._action = where, action

    async def on_start(self, ctx: Context[object]) -> None:
        if self._where == "on_start" and ctx.incarnation == 1:
            await self._action()

    async def on_stop(self, outcome: object) -> None:
        if self._where == "on_stop":
            await self._action()


@pytest.mark.parametrize("where", ["on_start", "on_stop"])
@pytest.mark.parametrize("raises", ODD, ids=lambda function: function.__name__)
async def test_odd_failure_of_a_start_or_a_clean_up_wedges_nothing(
    raises: Callable[[], Awaitable[None]], where: str
) -> None:
    """The start is tried again; the stop goes on."""
    recorder = Recorder()
    odd = ChildSpec("odd", partial(Odd, where, raises), backoff=Backoff(0))
    with trio.fail_after(5):
        async with open_supervisor(SupervisorSpec((child("first"), odd)), on_event=recorder) as sup:
            await sup.ref("odd").tell(Boom())
            assert await sup.ref("odd").ask(Ping(), timeout=5) in (1, 2)
    assert ["-odd", "-first"] == recorder.life()[-2:]


@pytest.mark.parametrize(
    "error", [GeneratorExit(), SystemExit(3), KeyboardInterrupt()], ids=lambda error: type(error).__name__
)
async def test_what_is_no_exception_stops_everybody_in_order_and_comes_out(error: BaseException) -> None:
    """Each sibling drains, newest first, and cleans up: nobody is torn down because of somebody else."""
    recorder, handled = Recorder(), list[object]()

    async def end() -> None:
        sup.ref("z").tell_nowait("last words")
        raise error

    children = (ChildSpec("z", partial(Echo, handled)), child("a"), child("y"))
    with pytest.raises(type(error)):
        async with open_supervisor(SupervisorSpec(children), on_event=recorder) as sup:
            await sup.ref("a").tell(end)
            await trio.sleep_forever()
    assert ["-a", "-y", "-z"] == recorder.life()[-3:]
    assert ["last words"] == handled


async def test_text_of_an_error_is_bounded_wherever_it_is_kept() -> None:
    """An error may quote a whole message; a status and a log line are no place for it."""
    recorder = Recorder()
    async with open_supervisor(SupervisorSpec((child("a"),)), on_event=recorder) as sup:
        await sup.ref("a").tell(Boom("x" * 100_000))
        await settle()
        last_error = sup.tree().children[0].last_error
    assert last_error is not None
    texts = [last_error, *(str(event.fields["error"]) for event in recorder.named("child.exited", "message.dead")[:2])]
    assert all(LONGEST_TEXT <= len(text) <= LONGEST_TEXT + len("Boom: ") for text in texts)
    assert "<its text cannot be had>" == text_of(Unprintable())


def test_causes_are_searched_through_groups_and_circles() -> None:
    """An error that is fatal is found wherever it is, and a search for one that is not there ends."""
    inner, outer = KeyError(), Boom()
    outer.__cause__ = ExceptionGroup("group", [ValueError(), inner])
    inner.__cause__ = outer
    assert failed_with(Failed(outer), (KeyError,))
    assert not failed_with(Failed(outer), (OSError,))
