"""The buttons of a confirmation carry what decides about them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.embed.commands.confirming import CONFIRM_SECONDS, Act, Confirmation, Verdict, confirmation
from mocha_actors.embed.commands.telling import asking_to_forget

ADA, BOB = 1, 2


@given(act=st.sampled_from(["erase", "keep"]), user_id=st.integers(1, 2**63 - 1), until_s=st.integers(0, 10**11))
def test_a_button_is_read_as_it_was_written(act: Act, user_id: int, until_s: int) -> None:
    """Within what Discord allows of an id."""
    button = Confirmation(act, user_id, until_s)

    assert confirmation(button.custom_id) == button
    assert len(button.custom_id) <= 100


@pytest.mark.parametrize(
    "custom_id", ["", "again", "mocha:erase:1", "mocha:drop:1:2", "mocha:erase:x:2", "mocha:erase:1:2\n"]
)
def test_the_buttons_of_others_are_none_of_ours(custom_id: str) -> None:
    """The bot has buttons of its own."""
    assert confirmation(custom_id) is None


@pytest.mark.parametrize(
    ("presser", "now_s", "verdict"),
    [(ADA, 99.9, "erase"), (ADA, 100.0, "expired"), (BOB, 99.9, "somebody_else"), (BOB, 100.0, "somebody_else")],
)
def test_only_who_asked_can_press_and_not_for_ever(presser: int, now_s: float, verdict: Verdict) -> None:
    """Up to the second that is written in it."""
    assert Confirmation("erase", ADA, 100).verdict(presser, now_s) == verdict


def test_a_question_can_be_answered_for_two_minutes_both_ways() -> None:
    """By the one who asked, in whose message the dangerous button is marked."""
    buttons = asking_to_forget(ADA, 1_000.9).buttons

    assert [(each.dangerous, confirmation(each.custom_id)) for each in buttons] == [
        (True, Confirmation("erase", ADA, 1_000 + CONFIRM_SECONDS)),
        (False, Confirmation("keep", ADA, 1_000 + CONFIRM_SECONDS)),
    ]
