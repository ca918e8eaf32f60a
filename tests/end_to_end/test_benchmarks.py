"""The commands that measure speed run; what they say of a busy machine is nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "scripts" / "benchmarks"
EXTRA = ("aiosqlite", "duckdb", "pykka", "websockets")


def measured(folder: Path, *arguments: str) -> Any:
    """What a part prints as JSON."""
    command = [sys.executable, str(BENCHMARKS), *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_layer_measures_actors_beside_a_loop_of_the_same_functions(tmp_path: Path) -> None:
    """Both take some time."""
    [cost] = measured(tmp_path, "layer", "--count", "5000", "--rounds", "1")["rounds"]
    assert cost["actors_us"] > 0
    assert cost["loop_us"] > 0


def test_embed_measures_a_bot_without_mocha_and_with_it(tmp_path: Path) -> None:
    """Nothing is dropped of fewer dispatches than may wait."""
    pytest.importorskip("discord", reason="discord.py is not installed; it belongs to the extra `dev`")
    found = measured(tmp_path, "embed", "--count", "200")
    assert len(found["without"]) == len(found["within"]) == 3
    assert found["dropped"] == 0


@pytest.mark.long
@pytest.mark.parametrize(
    "part",
    [
        ("lag", "--seconds", "5"),
        ("cache", "--messages", "1000", "--asks", "100", "--rate", "500", "--seconds", "5"),
        ("ingest", "--count", "1000", "--rounds", "1"),
        ("ingest", "--count", "1000", "--rounds", "1", "--profile", "presence", "--compression", "zstd-stream"),
    ],
    ids=" ".join,
)
def test_every_part_runs(part: tuple[str, ...], tmp_path: Path) -> None:
    """Each gives figures."""
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed; they belong to the extra `bench`")
    assert measured(tmp_path, *part)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_report_runs_from_beginning_to_end(tmp_path: Path) -> None:
    """It writes a row for every figure with a target."""
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed; they belong to the extra `bench`")
    table = tmp_path / "RESULTS.md"
    command = [sys.executable, str(BENCHMARKS), "report", "--quick", "--markdown", str(table)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = table.read_text(encoding="utf-8")
    for figure in ("ingest, presence", "receiving", "a hop", "the actor layer", "lag at", "on_message", "writer", "question", "memory", "on paper"):  # fmt: skip
        assert f"| {figure}" in rows
