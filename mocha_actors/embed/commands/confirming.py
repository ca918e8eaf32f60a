"""Buttons that confirm an erasure. What decides stands in the button itself, so that nothing has to be remembered, and a restart of the bot changes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Act = Literal["erase", "keep"]
Verdict = Literal["erase", "keep", "somebody_else", "expired"]

CONFIRM_SECONDS: Final = 120
"""How long a confirmation can be pressed."""

FORM: Final = re.compile(r"mocha:(erase|keep):(\d{1,20}):(\d{1,12})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A button.

    Attributes:
        act: what pressing it does.
        user_id: who may press it, and who is erased.
        until_s: until when, seconds since the Unix epoch.

    """

    act: Act
    user_id: int
    until_s: int

    @property
    def custom_id(self) -> str:
        """The button's id at Discord, which gives it back when it is pressed."""
        return f"mocha:{self.act}:{self.user_id}:{self.until_s}"

    def verdict(self, presser_id: int, now_s: float) -> Verdict:
        """What comes of pressing it."""
        if presser_id != self.user_id:
            return "somebody_else"
        return self.act if now_s < self.until_s else "expired"


def confirmation(custom_id: str) -> Confirmation | None:
    """The confirmation that a button is; None for a button of somebody else's."""
    found = FORM.fullmatch(custom_id)
    if found is None:
        return None
    act: Act = "erase" if found[1] == "erase" else "keep"
    return Confirmation(act, int(found[2]), int(found[3]))
