"""Rules of `mocha sim`, run as the program that it is."""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mocha_actors.cli.sim import command
from tests.simulator.client import connect

PROGRAM = (sys.executable, "-c", "from mocha_actors.cli.sim import command; command()")
REPOSITORY = Path(__file__).parents[2]


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program, and make sure that it does not outlive the test."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*PROGRAM, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, cwd=REPOSITORY) as program:
        try:
            yield program
        finally:
            program.kill()


def answer(program: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Read a line of JSON."""
    assert program.stdout is not None
    return dict(json.loads(program.stdout.readline()))


def ask(program: subprocess.Popen[bytes], **command: Any) -> dict[str, Any]:
    """Send a command, and read its answer."""
    assert program.stdin is not None
    program.stdin.write(json.dumps(command).encode() + b"\n")
    program.stdin.flush()
    return answer(program)


def test_it_says_where_it_listens_and_obeys_until_stdin_ends() -> None:
    """Each line of stdin has one line of answer; the end of stdin is the end of the program, with exit code 0."""
    with started("--control", "stdio", "--count", "0") as program:
        addresses = answer(program)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api/v10", addresses["api_url"])
        assert re.fullmatch(r"ws://127\.0\.0\.1:\d+", addresses["gateway_url"])

        assert ask(program, cmd="stats")["stats"]["dispatched"] == 0
        assert ask(program, cmd="drop", shard=0, how="reset") == {"dropped": False}
        assert ask(program, cmd="op7") == {"sent": "op7"}
        assert ask(program, cmd="op9", resumable=True) == {"sent": "op9"}
        assert ask(program, cmd="burst", count=10)["burst"] == {}
        assert ask(program, cmd="flood", count=10)["burst"] == {}
        assert ask(program, cmd="stop-traffic") == {"stopped": {}}
        assert program.stdin is not None
        program.stdin.close()
        assert program.wait(5) == 0


async def test_faults_and_events_can_be_asked_for_and_the_transcript_read() -> None:
    """All that a test inside of the process can do, as lines of JSON."""
    with started("--control", "stdio", "--count", "0", "--guilds", "1", "--heartbeat-interval", "5") as program:
        gateway_url = answer(program)["gateway_url"]
        assert ask(program, cmd="session-start-limit", remaining=7, reset_after=60) == {"remaining": 7}
        assert ask(program, cmd="plan", fault={"fault": "first-frame"}) == {"planned": True}
        async with connect(gateway_url) as client:
            assert (await client.receive())["op"] == 7
        assert ask(program, cmd="plan", fault={"fault": "silent-hello"}, times=None) == {"planned": True}
        assert ask(program, cmd="clear-plan") == {"planned": False}
        async with connect(gateway_url) as client:
            session_id = (await client.identify())["session_id"]
            await client.receive()
            assert ask(program, cmd="inject", fault={"fault": "garbage", "kind": "op"}, shard=0) == {"injected": 1}
            assert (await client.receive())["op"] == 99
            assert ask(program, cmd="dispatch", t="TYPING_START", d={"n": 1}) == {"dispatched": 3}
            assert (await client.receive())["d"] == {"n": 1}
            guild_id = ask(program, cmd="create-guild", members=10)["guild"]
            assert (await client.receive())["d"]["id"] == guild_id
            assert ask(program, cmd="drop", how="half-frame") == {"dropped": True}
            await client.wait_closed()
        assert ask(program, cmd="restart", seconds=0.1) == {"restarted": True}
        async with connect(gateway_url) as client:
            await client.resume(session_id, 4)
            assert [frame["t"] for frame in await client.receive_many(2)] == ["USER_UPDATE", "RESUMED"]
            ask(program, cmd="op7", shard=0)
            assert (await client.receive())["op"] == 7

        transcript = ask(program, cmd="transcript")["transcript"]
        assert [entry["op"] for entry in transcript if entry["kind"] == "payload"] == [2, 6]
        assert [entry["code"] for entry in transcript if entry["kind"] == "close" and entry["by"] == "server"] == [1006]
        assert "simulator" not in json.dumps(transcript), "the token"


@pytest.mark.parametrize(
    "wrong",
    [
        {"cmd": "dance"},
        {"cmd": "burst"},
        {"cmd": "burst", "count": 0},
        {"cmd": "flood", "count": 0},
        {"cmd": "op7", "slow": True},
        {"cmd": "drop", "how": "softly"},
        {"cmd": "inject", "fault": {"fault": "silent-hello"}},
        {"cmd": "plan", "fault": {"fault": "half-open"}, "times": 0},
        {"cmd": "dispatch", "t": "typing", "d": {}},
        {"cmd": "session-start-limit", "remaining": -1, "reset_after": 1},
    ],
)
def test_a_wrong_command_is_answered_and_harms_nothing(wrong: dict[str, Any]) -> None:
    """The answer says what is wrong, and the next command is obeyed."""
    with started("--control", "stdio") as program:
        answer(program)
        assert ask(program, **wrong)["error"].startswith("this is no command of the simulator")
        assert "stats" in ask(program, cmd="stats")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("arguments", [(), ("--control", "stdio")])
def test_a_signal_ends_it_with_exit_code_0(number: signal.Signals, arguments: tuple[str, ...]) -> None:
    """With or without control; without, people read a summary."""
    with started(*arguments) as program:
        answer(program)
        if not arguments:
            assert program.stderr is not None
            assert b"Listening" in program.stderr.readline()
        else:
            ask(program, cmd="stats")
        program.send_signal(number)
        _, errors = program.communicate(timeout=5)
        assert program.returncode == 0
        assert errors.startswith(b"Dispatched 0 events" if not arguments else b"")


@pytest.mark.parametrize(
    ("arguments", "sentence", "status"),
    [
        (("--profile", "voice"), "'voice' is not one of 'messages', 'quiet', 'community', 'presence', 'burst'", 2),
        (("--rate", "-1"), "rate is -1.0, but must be between 0 and 20000", 2),
        (("--identify-spacing", "-5"), "identify spacing is -5.0, but must be at least 0 seconds", 2),
        (("--port", "99999"), "99999 is not in the range", 2),
        (("--ledger", "/proc/ledger.jsonl"), "the ledger /proc/ledger.jsonl cannot be opened", 1),
    ],
)
def test_what_cannot_work_is_one_clear_line(arguments: tuple[str, ...], sentence: str, status: int) -> None:
    """Wrong usage is exit code 2, what the machine refuses exit code 1, and neither shows a traceback."""
    result = CliRunner().invoke(command, list(arguments))
    assert result.exit_code == status
    assert sentence in result.output.splitlines()[-1]


def test_a_port_in_use_is_one_clear_line() -> None:
    """The line names the port."""
    with started("--control", "stdio") as program:
        port = answer(program)["gateway_url"].rpartition(":")[2]
        second = subprocess.run([*PROGRAM, "--port", port], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert second.returncode == 1
    assert second.stderr == f"Error: port {port} of 127.0.0.1 is in use by another program\n"


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit the files of another process")
async def test_a_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    """A ledger that takes no more ends the simulator: without its line nothing may be sent."""
    ledger = tmp_path / "ledger.jsonl"
    with started("--count", "0", "--ledger", str(ledger)) as program:
        gateway_url = answer(program)["gateway_url"]
        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (1000, 1000))
        async with connect(gateway_url) as client:
            await client.receive()
            await client.say(2, {"token": "simulator", "intents": 1})
            await client.wait_closed()
        _, errors = program.communicate(timeout=5)
    assert program.returncode == 1
    assert errors.decode().splitlines()[-1] == f"Error: the ledger {ledger} cannot be written: File too large"
