"""The supervisor of a pool: children that come and go at run time, restarted one for one, stopped all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import trio

from mocha_actors.runtime.actor import Actor
from mocha_actors.runtime.child import Child
from mocha_actors.runtime.errors import ChildError, SpecError
from mocha_actors.runtime.restart import Verdict
from mocha_actors.runtime.spec import ChildSpec, DynamicSupervisorSpec
from mocha_actors.runtime.supervisor import Ending, MakeChild, SupervisorTask
from mocha_actors.runtime.tree import Tree


class DynamicSupervisorTask(SupervisorTask):
    """One incarnation of a dynamic supervisor.

    It keeps nothing of a child that will not run again: one that ended for good, was terminated, or did not want to
    start is forgotten with its spec.
    """

    def __init__(self, spec: DynamicSupervisorSpec, path: str, tree: Tree, make_child: MakeChild) -> None:
        super().__init__(spec, path, tree, make_child)
        self._template = spec.template
        self._max_children = spec.max_children

    def admit(self, spec: ChildSpec | None, args: tuple[object, ...]) -> ChildSpec:
        """What to start for a request.

        Raises:
            ChildError: There are `max_children` already, those being restarted included; or as for any supervisor.
            SpecError: There is a template and a spec, or neither.
        """
        if self._max_children is not None and len(self.children) >= self._max_children:
            raise ChildError(self.path, "max_children")
        if self._template is None:
            return super().admit(spec, args)
        if spec is not None:
            raise SpecError(
                f"{self.path}: spec is {spec.id!r}; allowed: none beside the template {self._template.id!r}"
            )
        start = cast("Callable[..., Actor[Any]]", self._template.start)
        number = next(self.tree.serial_numbers)
        return replace(self._template, id=f"{self._template.id}-{number}", start=partial(start, *args))

    def _retire(self, child: Child, verdict: Verdict) -> None:
        super()._retire(child, Verdict.FORGET)

    async def _stop_all(self, ending: Ending) -> None:
        """All at once, so that the longest time to stop bounds the whole."""
        async with trio.open_nursery() as nursery:
            for child in tuple(self.children.values()):
                nursery.start_soon(partial(self.stop, child, final=ending.final))
