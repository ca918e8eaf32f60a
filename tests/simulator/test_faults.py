"""Rules of `mocha_actors.simulator.faults`: which fault strikes whom, and how often."""

from __future__ import annotations

import msgspec
import pytest

from mocha_actors.simulator.faults import (
    CloseOnAccept,
    CloseOnAnswer,
    DelayAcks,
    FaultPlan,
    FirstFrame,
    HalfOpen,
    Opening,
    RefuseSession,
    ReplayOverlap,
    SilentHello,
    WithholdAcks,
)


def test_nothing_is_planned_at_first() -> None:
    """Connections, answers and manners are as they should be."""
    plan = FaultPlan()
    assert (plan.opening(None), plan.answer(0, "identify"), plan.manners(None)) == (None, None, [])


def test_a_fault_strikes_as_often_as_planned() -> None:
    """Once by default, and without end if it says so."""
    plan = FaultPlan()
    plan.add(SilentHello())
    plan.add(FirstFrame(), times=2)
    plan.add(CloseOnAccept(), times=None)

    struck = [plan.opening(None) for _ in range(6)]

    assert struck == [SilentHello(), FirstFrame(), FirstFrame(), *[CloseOnAccept()] * 3]
    plan.clear()
    assert plan.opening(None) is None


def test_an_answer_strikes_its_own_kind_of_request() -> None:
    """A fault for RESUMEs lets IDENTIFYs pass, and waits."""
    plan = FaultPlan()
    plan.add(CloseOnAnswer(to="resume"))
    plan.add(ReplayOverlap())
    assert plan.answer(0, "identify") is None
    assert [plan.answer(0, "resume") for _ in range(3)] == [CloseOnAnswer(to="resume"), ReplayOverlap(), None]


def test_a_fault_of_a_shard_strikes_no_other() -> None:
    """A fault of everybody strikes whoever comes first."""
    plan = FaultPlan()
    plan.add(RefuseSession(), shard=1)
    assert [plan.answer(0, "identify"), plan.answer(1, "identify")] == [None, RefuseSession()]
    plan.add(RefuseSession())
    assert [plan.answer(0, "identify"), plan.answer(1, "identify")] == [RefuseSession(), None]


def test_an_opening_of_a_shard_needs_an_address_that_names_it() -> None:
    """Of a fresh connection nobody knows the shard."""
    plan = FaultPlan()
    plan.add(SilentHello(), shard=1)
    assert [plan.opening(None), plan.opening(0), plan.opening(1)] == [None, None, SilentHello()]


def test_manners_are_taken_all_at_once() -> None:
    """Those of everybody at the beginning of a connection, those of a shard when it is known."""
    plan = FaultPlan()
    plan.add(WithholdAcks())
    plan.add(HalfOpen())
    plan.add(DelayAcks(2.0), shard=4)

    assert plan.manners(None) == [WithholdAcks(), HalfOpen()]
    assert plan.manners(None) == []
    assert plan.manners(3) == []
    assert plan.manners(4) == [DelayAcks(2.0)]


def test_never_is_no_number_of_times() -> None:
    """The error says what is allowed."""
    with pytest.raises(ValueError, match="at least once"):
        FaultPlan().add(SilentHello(), times=0)


@pytest.mark.parametrize("text", ['{"fault":"dance"}', '{"fault":"close-on-accept","code":999}', '{"fault":"slow"}'])
def test_what_is_no_fault_is_refused(text: str) -> None:
    """Names, fields and ranges are checked."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Opening)
