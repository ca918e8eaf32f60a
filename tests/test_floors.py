"""The floors of the house: what importing one part brings in."""

from __future__ import annotations

import subprocess
import sys

import pytest


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after ``statement``."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_runtime_brings_in_neither_database_nor_discord_nor_any_package_but_trio() -> None:
    """`from mocha_actors.runtime import …` is an actor runtime and nothing else."""
    loaded = modules_after("import mocha_actors.runtime")

    assert "mocha_actors.runtime.supervisor" in loaded
    assert set() == {
        name for name in loaded if name.startswith("mocha_actors.") and not name.startswith("mocha_actors.runtime")
    }
    assert set() == loaded & {
        "pony",
        "msgspec",
        "structlog",
        "trio_websocket",
        "httpx",
        "click",
        "sqlite3",
        "cachetools",
    }


@pytest.mark.parametrize("package", ["discord", "processors", "db", "gateway", "cache", "stats", "simulator"])
def test_no_package_brings_in_a_neighbour_or_an_upper_floor(package: str) -> None:
    """Importing one package brings in what stands below it only."""
    below = {"errors", "config", "logs", "runtime", "discord", "pipeline", package}
    loaded = modules_after(f"import mocha_actors.{package}, pkgutil, importlib")

    floors = {name.split(".")[1] for name in loaded if name.startswith("mocha_actors.")}
    assert set() == floors - below


def test_importing_the_package_loads_none_of_its_parts() -> None:
    """The public names are loaded on first use."""
    assert {"mocha_actors"} == {
        name for name in modules_after("import mocha_actors") if name.startswith("mocha_actors")
    }


def test_every_public_name_is_where_it_is_said_to_be() -> None:
    """Each name of `__all__` can be had, and an unknown one is an AttributeError."""
    import mocha_actors

    assert [] == [name for name in mocha_actors.__all__ if getattr(mocha_actors, name, None) is None]
    assert set(mocha_actors.__all__) <= set(dir(mocha_actors))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mocha_actors.nonsense
