"""Trees inside other programs on trio: in a nursery, and as a child of another tree.

A tree that is described by a `SupervisorSpec` needs none of this to be a child of another: that spec is what
`ChildSpec.start` takes. What is here is for trees that come with more than their actors, such as connections to open
before and to close after: a `Program` is whatever opens such a tree.

For asyncio see `mocha_actors.runtime.bridge`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, TypeAlias

import trio

from mocha_actors.runtime.actor import Actor, Context
from mocha_actors.runtime.root import Supervisor

Program: TypeAlias = Callable[[], AbstractAsyncContextManager[Supervisor]]
"""What opens a running tree, such as `partial(open_supervisor, spec)`; leaving the block drains it."""


async def run_program(program: Program, *, task_status: trio.TaskStatus[Supervisor] = trio.TASK_STATUS_IGNORED) -> None:
    """Run a tree as a task of a nursery until the tree is down; cancelling the nursery drains it.

    ```python
    supervisor = await nursery.start(run_program, partial(open_supervisor, spec))
    ```

    Raises:
        RestartLimitExceeded: The tree gave up. This cancels the nursery; where the neighbours are to live on, make the
            tree a child of a supervisor (`NestedProgram`).
    """
    async with program() as supervisor:
        task_status.started(supervisor)
        await supervisor.wait_down()


class NestedProgram(Actor[Any]):
    """An actor whose life is a whole program: `ChildSpec("statistics", partial(NestedProgram, program))`.

    It has started when the program's tree has; it ends when that tree ends, and fails when that tree gives up, so the
    outer supervisor decides whether there will be another. It is stopped by leaving the program's block: give its
    `ChildSpec` a `shutdown` as long as the inner tree needs, or None.

    The inner tree keeps its own name, events and dead letters.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        # Opened in `on_start` and left in `run`: one task, with no checkpoint in between.
        self._block = AsyncExitStack()
        self._supervisor: Supervisor

    async def on_start(self, ctx: Context[Any]) -> None:
        """Start the program."""
        self._supervisor = await self._block.enter_async_context(self._program())

    async def run(self, ctx: Context[Any]) -> None:
        """Wait for the end of the program, or leave it when asked to stop."""
        async with self._block:
            await wait_down_or(self._supervisor, ctx.stopping)


async def wait_down_or(supervisor: Supervisor, stop: trio.Event) -> None:
    """Wait until the tree is down or the event is set, whichever comes first."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_after, supervisor, nursery.cancel_scope)
        await stop.wait()
        nursery.cancel_scope.cancel()


async def _cancel_after(supervisor: Supervisor, scope: trio.CancelScope) -> None:
    await supervisor.wait_down()
    scope.cancel()
