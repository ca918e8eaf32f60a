"""The manual of the runtime is its docstrings; their code is run as it stands."""

from __future__ import annotations

import ast
import inspect
import re
import signal
import subprocess
import sys
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

import mocha_actors.runtime
from mocha_actors.runtime import ChildSpec, SupervisorSpec, bridge, embedding, open_supervisor, signals

from .toys import Echo


def blocks(module: Any) -> list[str]:
    """The code blocks in the docstring of a module."""
    return re.findall(r"^```python\n(.*?)^```", inspect.getdoc(module) or "", re.MULTILINE | re.DOTALL)


async def run(block: str, names: dict[str, Any]) -> None:
    """Run a block that may await at its top level."""
    code = compile(block, "<manual>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    running = eval(code, names)  # noqa: S307 - our own manual
    if inspect.isawaitable(running):
        await running


async def test_code_of_the_manual_runs_in_its_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Each block finds what the earlier ones made; what it asserts holds."""
    names: dict[str, Any] = {}
    with trio.fail_after(30):
        for block in blocks(mocha_actors.runtime):
            await run(block, names)
    assert "counter  running  mailbox 0/1000" in capsys.readouterr().out
    await trio.to_thread.run_sync(names["test_restart_waits_an_hour"])


@pytest.mark.parametrize("number", [0, 1])
async def test_code_of_the_manual_about_signals_runs(number: int) -> None:
    """Both blocks end when the first signal has drained the tree."""
    names = {**vars(signals), "open_supervisor": open_supervisor, "spec": SupervisorSpec((ChildSpec("a", Echo),))}

    async def interrupt() -> None:
        await trio.testing.wait_all_tasks_blocked()
        signal.raise_signal(signal.SIGTERM)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(interrupt)
            await run(blocks(signals)[number], names)


async def test_code_of_the_manual_about_embedding_runs() -> None:
    """A tree is started in a nursery."""
    names = {"spec": SupervisorSpec(), "partial": partial, "open_supervisor": open_supervisor, **vars(embedding)}
    async with trio.open_nursery() as names["nursery"]:
        (block,) = blocks(embedding.run_program)
        await run(block, names)
        names["supervisor"].begin_stop()


def test_code_of_the_manual_about_asyncio_runs() -> None:
    """In a program of its own, as asyncio and trio do not share a thread."""
    (block,) = blocks(bridge)
    body = "\n".join(f"    {line}" for line in block.splitlines())
    program = f"""
import asyncio
from functools import partial
from mocha_actors.runtime import *
from mocha_actors.runtime.bridge import start_in_thread

class Total(Request[int]):
    pass

class Counter(Actor):
    async def handle(self, message, ctx):
        return 1 if isinstance(message, Total) else None

async def main():
    spec = SupervisorSpec((ChildSpec("counter", Counter),))
{body}
    print(total)

asyncio.run(main())
"""
    assert "1\n" == subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
