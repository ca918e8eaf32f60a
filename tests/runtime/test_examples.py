"""The examples of the manual, run as a stranger would run them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "scripts" / "examples"


def output_of(name: str) -> str:
    """What an example prints."""
    command = [sys.executable, str(EXAMPLES / name)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_worker_pool_does_all_but_the_poison() -> None:
    """The jobs that can be done are done, the others are named with their error."""
    printed = output_of("worker_pool.py")
    done = dict(re.findall(r"^done: (\d+) -> (\d+)$", printed, re.MULTILINE))
    assert {str(job): str(job**2) for job in (4, 8, 15, 23, 42, 108)} == done
    assert re.findall(r"^poison: '(.*?)': invalid literal", printed, re.MULTILINE) in (["sixteen", ""], ["", "sixteen"])
    # Two jobs, three tries each; the tree may be drawn before the last of the six restarts or after it.
    assert re.findall(r"^  worker-(\d) .* restarts (\d)", printed, re.MULTILINE) in ([("0", "5")], [("0", "6")])


def test_pipeline_loses_nothing_in_a_crash_and_in_a_stop() -> None:
    """The parser and the source behind it were restarted, the ledger was not."""
    printed = output_of("pipeline.py")
    assert "incarnations: {'ledger': 0, 'parser': 1, 'source': 1}" in printed
    assert "every number once, in order: True" in printed
    assert "lost: 0" in printed


class Client:
    """Somebody who talks to the TCP service, a line at a time."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream

    async def say(self, line: str) -> str:
        """The answer to a line; empty when the service hung up."""
        await self.stream.send_all(f"{line}\n".encode())
        return (await self.stream.receive_some()).decode().strip()


async def test_tcp_service_survives_a_bug_and_drains_on_a_signal() -> None:
    """One client's bug is nobody else's; what was counted stays; a signal ends it with status 0."""
    command = [sys.executable, str(EXAMPLES / "tcp_service.py")]
    with trio.fail_after(30), subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline().rpartition(":")[2])
            good, bad = [Client(await trio.open_tcp_stream("127.0.0.1", port)) for _ in range(2)]
            async with good.stream, bad.stream:
                assert "ok" == await good.say("add tea")
                assert "ok" == await bad.say("add tea")
                assert "" == await bad.say("bug")
                assert "2" == await good.say("count tea")
                assert "say: add WORD, count WORD or bug" == await good.say("hello")
                process.send_signal(signal.SIGTERM)
                assert b"" == await good.stream.receive_some()
            assert "ended by SIGTERM, lost: 0\n" == await trio.to_thread.run_sync(process.stdout.read)
            assert 0 == await trio.to_thread.run_sync(process.wait)
        finally:
            process.kill()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_example_says_at_its_top_how_to_run_it(path: Path) -> None:
    """An example is read before it is run."""
    assert f"python scripts/examples/{path.name}" in path.read_text(encoding="utf-8").split('"""')[1]
