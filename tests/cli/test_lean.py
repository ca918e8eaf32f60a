"""What an idle service need not have in memory is not imported, and can be had later."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mocha_actors.cli.lean import hidden


def loaded_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after ``statement``."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_service_has_neither_rich_nor_a_simulator_in_memory() -> None:
    """They were 5 MB of 60. Each is there for a terminal, or a demo, that wants it."""
    loaded = loaded_after("import mocha_actors.cli.run")

    assert {"structlog", "httpx", "mocha_actors.client"} <= loaded
    assert set() == {name for name in loaded if name.split(".")[0] in {"rich", "pygments"}}
    assert set() == {name for name in loaded if name.startswith("mocha_actors.simulator")}
    assert {"rich.console", "rich.live"} <= loaded_after("import mocha_actors.cli.run, mocha_actors.cli.live")


def test_a_hidden_package_seems_not_to_be_installed_for_the_block_only() -> None:
    """Also when the block fails; one that is loaded already stays as it is."""
    sys.modules.pop("this", None)
    with pytest.raises(ModuleNotFoundError), hidden("this", "sys"):
        assert sys is sys.modules["sys"]
        import this  # noqa: F401

    assert "this" not in sys.modules
    assert sys is sys.modules["sys"]
