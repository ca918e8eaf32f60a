"""Every table of numbers that ``mocha verify`` recounts, and the raw rows that it compares with other accounts."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.recounts.base import Recount
from mocha_actors.db.recounts.members import MEMBERS
from mocha_actors.db.recounts.messages import MESSAGES
from mocha_actors.db.recounts.presence import PRESENCE
from mocha_actors.db.recounts.reactions import REACTIONS
from mocha_actors.db.recounts.user_columns import USER_COLUMNS
from mocha_actors.db.recounts.voice import VOICE

RECOUNTS: Final[tuple[Recount, ...]] = (*MESSAGES, *USER_COLUMNS, *REACTIONS, *MEMBERS, *VOICE, *PRESENCE)
