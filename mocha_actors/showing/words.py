"""Numbers, times and names for people; what comes from strangers is made harmless."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Final
from unicodedata import category

from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.stats.ranges import UNIX_EPOCH, show_time
from mocha_actors.stats.zones import offset_ms, zone_named

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
JOINER, SELECTOR = "\N{ZERO WIDTH JOINER}", "\N{VARIATION SELECTOR-16}"

SYMBOL: Final = "So"
"""Category of what emoji are joined of; selectors and tones of skin may stand behind one."""

TONES: Final = frozenset("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")

REGION: Final = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")
"""The flag of a part of a country: invisible letters and their end behind a black flag."""

GAP_REASONS: Final = {
    "first_start": "before recording began",
    "session_invalid": "Discord had ended the session",
    "session_not_resumable": "the session could not be resumed",
    "fingerprint_changed": "the settings of the connection were changed",
    "resume_refused": "Discord refused to resume the session",
    "poison_frame": "a frame that could not be read was passed over",
    "not_yet_observed": "not observed yet",
}
"""Reasons of gaps in words; others are shown as they are stored."""


def printable(text: str) -> str:
    """``text`` without what would move a terminal's cursor, turn its writing or hide in it: names come from strangers. Emoji stay whole."""
    flags = {place for flag in REGION.finditer(text) for place in range(*flag.span())}
    return "".join(
        character if character.isprintable() or place in flags or _joins(text, place) else REPLACEMENT
        for place, character in enumerate(text)
    )


def _joins(text: str, place: int) -> bool:
    """Whether the character joins two signs to one emoji; between letters it could only hide."""
    if text[place] != JOINER or not 0 < place < len(text) - 1:
        return False
    before, behind = text[place - 1], text[place + 1]
    return (before == SELECTOR or before in TONES or category(before) == SYMBOL) and category(behind) == SYMBOL


def named(key: int, name: str | None) -> str:
    """A name with its id, or the id alone."""
    return str(key) if name is None else f"{printable(name)} ({key})"


def moment(ms: int | None, time_zone: str, *, exact: bool = False) -> str | None:
    """A time of the zone, to the second unless ``exact``."""
    if ms is None:
        return None
    ms = ms if exact else ms // 1000 * 1000
    if time_zone == "UTC":
        return show_time(ms)
    zone = zone_named(time_zone)
    offset = offset_ms(zone, ms)
    minutes = abs(offset) // 60_000
    local = show_time(ms + offset).removesuffix(" UTC")
    return f"{local} {'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def local_time(ms: int, time_zone: str, form: str) -> str:
    """A time of the zone in a form of ``strftime``, which does not say the zone."""
    return f"{UNIX_EPOCH + timedelta(milliseconds=ms + offset_ms(zone_named(time_zone), ms)):{form}}"


def duration(seconds: int) -> str:
    """A duration for people: the two greatest units."""
    hours, rest = divmod(seconds, 3600)
    if hours:
        return f"{hours:,} h {rest // 60:02d} min"
    return f"{rest // 60} min {rest % 60:02d} s" if rest >= 60 else f"{rest} s"


def iso(ms: int) -> str:
    """A time as ``--since`` and ``--until`` read it in any zone, to the millisecond."""
    return (UNIX_EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


def span(ms: int) -> str:
    """The length of a range: days, or what is less in smaller units."""
    if ms >= DAY_MS:
        days = ms / DAY_MS
        return f"{days:.4g} {'day' if days == 1 else 'days'}"
    return duration(ms // 1000) if ms >= 1000 else f"{ms} ms"


def percent(share: float, digits: int = 1) -> str:
    """A share, rounded down: only what is whole is 100 %."""
    # A share as 0.29 is a little less than it looks, and stays what it looks like.
    scale = 10**digits
    return f"{math.floor(round(share * 100 * scale, 6)) / scale:.{digits}f}%"
