"""Charts are drawn beside the host's loop, one at a time, and never at the cost of an answer."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from mocha_actors.embed.commands import drawing
from mocha_actors.embed.commands.drawing import WAITING, Drawing
from mocha_actors.embed.commands.replies import Chart
from mocha_actors.embed.host_logs import adopt_logging
from mocha_actors.stats.results import Coverage, MemberGrowth, MemberStep

STEP = MemberStep(
    label="2024-01-01", since_ms=0, until_ms=1, partial=False, observed_share=1.0, joins=3, leaves=1, net=2,
    member_count=9, estimated=False,
)  # fmt: skip
GROWTH = MemberGrowth(
    guild_id=1, since_ms=1_704_067_200_000, until_ms=1_704_153_600_000, time_zone="UTC",
    coverage=Coverage(complete=True, observed_share=1.0, gaps=()), interval="day", joins=3, leaves=1, member_count=9,
    buckets=(STEP,),
)  # fmt: skip
CHART = Chart(GROWTH, "Growth of $here$", "the \\place$")


def test_a_chart_is_a_png_whatever_its_names_are() -> None:
    """Dollars and backslashes would be formulas."""
    pytest.importorskip("matplotlib", reason="the extra charts is not installed")
    picture = asyncio.run(Drawing().png(CHART))

    assert picture is not None
    assert picture.startswith(b"\x89PNG")


def test_charts_are_drawn_in_another_thread_one_by_one_and_no_crowd_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes when the queue is full is answered without one, at once."""
    go, drawn = threading.Event(), []

    def slow(_: Chart) -> bytes:
        drawn.append(threading.current_thread())
        go.wait(20)
        return b"picture"

    async def crowd() -> list[bytes | None]:
        pencil = Drawing()
        asked = [asyncio.create_task(pencil.png(CHART)) for _ in range(WAITING + 3)]
        while not all(each.done() for each in asked[WAITING:]) or not drawn:
            await asyncio.sleep(0.001)
        assert len(drawn) == 1
        go.set()
        return await asyncio.gather(*asked)

    monkeypatch.setattr(drawing, "_png", slow)
    monkeypatch.setattr(drawing, "find_spec", lambda _: object())
    assert asyncio.run(crowd()) == [b"picture"] * WAITING + [None] * 3
    assert threading.main_thread() not in drawn


def test_a_chart_that_cannot_be_drawn_is_left_out_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The numbers are there all the same."""

    def broken(_: Chart) -> bytes:
        raise ValueError("no ink")

    adopt_logging()
    monkeypatch.setattr(drawing, "_png", broken)
    monkeypatch.setattr(drawing, "find_spec", lambda _: object())
    with caplog.at_level(logging.ERROR):
        assert asyncio.run(Drawing().png(CHART)) is None
    assert "command.not_drawn of='MemberGrowth'" in caplog.text
    assert "no ink" in caplog.text
