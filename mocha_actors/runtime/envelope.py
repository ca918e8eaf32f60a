"""A message on its way: what the runtime remembers about it, and where its asker waits."""

from __future__ import annotations

from typing import Any

import trio


class Answer:
    """The place where the asker of one request waits; it is settled once, by whoever comes first.

    Attributes:
        deadline: When the asker gives up.
        settled: Whether there is an answer or an error.
        abandoned: Whether the asker waits no longer.
    """

    __slots__ = ("_error", "_task", "_value", "abandoned", "deadline", "settled")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.abandoned = self.settled = False
        self._task: trio.lowlevel.Task | None = None
        self._value: object = None
        self._error: BaseException | None = None

    @property
    def over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.settled or self.abandoned

    def give(self, value: object) -> bool:
        """Answer; False if the asker no longer waits or has its answer already."""
        return self._settle(value, None)

    def fail(self, error: BaseException) -> bool:
        """Let `ask` raise the error; False as for `give`."""
        return self._settle(None, error)

    def _settle(self, value: object, error: BaseException | None) -> bool:
        if self.abandoned or self.settled:
            return False
        self._value, self._error = value, error
        self.settled = True
        self._wake()
        return True

    def give_up(self) -> None:
        """The deadline has come: the asker is to wait no longer."""
        if not self.over:
            self.abandoned = True
            self._wake()

    def _wake(self) -> None:
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None

    async def wait(self) -> None:
        """Wait until it is settled, or given up."""
        if self.over:
            await trio.lowlevel.checkpoint()
        else:
            self._task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def result(self) -> Any:
        """The answer.

        Raises:
            BaseException: What `fail` was given.
        """
        if self._error is not None:
            raise self._error
        return self._value


class Envelope:
    """One message with its accounts.

    Attributes:
        message: The message.
        weight: Its weight, and `size` its bytes, fixed when it was sent: a message may change while it waits.
        answer: Where its asker waits; None for a tell.
        deliveries: How often it was received, orderly stops not counted.
        order: Its place among the received ones, so that a crash puts them back in order.
    """

    __slots__ = ("answer", "deliveries", "message", "order", "size", "weight")

    def __init__(self, message: object, weight: int, size: int, answer: Answer | None) -> None:
        self.message = message
        self.weight = weight
        self.size = size
        self.answer = answer
        self.deliveries = 0
        self.order = 0
