"""What becomes of a membership: pure decisions about one user of one guild (statistics, rules 19 and A3.10)."""

from __future__ import annotations

from typing import Final, NamedTuple

from mocha_actors.pipeline.facts import MemberJoined, MemberLeft, MemberRemoved, Profile

SAME_JOIN_MS: Final = 2_000
"""Two joins so near to each other are one that was told twice."""

EXPLAINS_MS: Final = 10_000
"""A kick or a ban so near to a leave explains it; either may come first."""

EXPLAINS_BACK_MS: Final = 86_400_000
"""How long before a kick or a ban the uncertainty of a leave may begin that it explains."""

CONFIRM_MS: Final = 86_400_000
"""How much newer a fact must be to be stored for repeating what is known: writing each would write all members at every start."""

JOIN: Final = 0
LEAVE: Final = 1
"""What ``member_events.kind`` may be."""


class Member(NamedTuple):
    """A row of ``members``, its key aside."""

    is_bot: int
    joined_ms: int | None
    left_ms: int | None
    pending: int | None
    nick: str | None
    roles: str
    seen_ms: int


class MemberEvent(NamedTuple):
    """A row of ``member_events``."""

    guild: int
    at_ms: int
    user: int
    kind: int
    is_bot: int
    joined_ms: int | None
    reason: int | None
    bound_ms: int


class Removal(NamedTuple):
    """A row of ``member_removals``, its key aside: the last kick or ban of somebody."""

    reason: int
    at_ms: int
    bound_ms: int


Change = tuple[Member, tuple[MemberEvent, ...]]
"""A member afterwards, and what happened."""


def joined(known: Member | None, fact: MemberJoined, removal: Removal | None) -> Change:
    """Somebody joined, unless that was known. Of a member that was never seen to leave, a leave is inferred, and estimated."""
    at_ms = fact.at_ms if fact.member.joined_ms is None else fact.member.joined_ms
    member = described(fact.member, at_ms, fact.at_ms)
    join = MemberEvent(
        fact.guild_id, at_ms, fact.member.user_id, JOIN, member.is_bot, at_ms, None,
        fact.bound_ms if fact.member.joined_ms is None else 0,
    )  # fmt: skip
    if known is None:
        return member, (join,)
    if known.joined_ms is not None and at_ms <= known.joined_ms + SAME_JOIN_MS:
        return seen(known, fact.member, fact.at_ms), ()
    if known.left_ms is not None:
        # A leave without a known join, which this may be: it is told late, and its time is over.
        late = known.joined_ms is None and at_ms < known.left_ms - SAME_JOIN_MS
        return (known, ()) if late else (member, (join,))
    if known.joined_ms is None and at_ms <= known.seen_ms + SAME_JOIN_MS:
        return seen(known._replace(joined_ms=at_ms), fact.member, fact.at_ms), ()
    leave = MemberEvent(
        fact.guild_id, at_ms, fact.member.user_id, LEAVE, known.is_bot, known.joined_ms, None, max(1, at_ms - known.seen_ms)
    )  # fmt: skip
    return member, (explained(leave, removal), join)


def seen(known: Member | None, profile: Profile, at_ms: int) -> Member:
    """A member after it was described, which is no join. Of one who left, only a later membership is news."""
    now = described(profile, profile.joined_ms, at_ms)
    if known is None:
        return now
    if at_ms < known.seen_ms or (known.left_ms is not None and not is_later(known, profile)):
        return known
    now = now._replace(
        joined_ms=known.joined_ms if profile.joined_ms is None else profile.joined_ms,
        pending=known.pending if profile.pending is None else int(profile.pending),
    )
    same = now._replace(seen_ms=0) == known._replace(seen_ms=0)
    return known if same and at_ms - known.seen_ms < CONFIRM_MS else now


def is_later(known: Member, profile: Profile) -> bool:
    """Whether ``profile`` is of a membership after the one that ended."""
    ended = known.joined_ms if known.joined_ms is not None else known.left_ms
    return profile.joined_ms is not None and ended is not None and profile.joined_ms > ended + SAME_JOIN_MS


def described(profile: Profile, joined_ms: int | None, at_ms: int) -> Member:
    """The row of a member who is there."""
    return Member(
        is_bot=int(profile.is_bot),
        joined_ms=joined_ms,
        left_ms=None,
        pending=None if profile.pending is None else int(profile.pending),
        nick=profile.nick,
        roles=roles_text(profile.roles),
        seen_ms=at_ms,
    )


def roles_text(roles: tuple[int, ...]) -> str:
    """Ids between commas, so that one can be looked for: ``,1,2,``; empty without any."""
    return f",{','.join(map(str, sorted(roles)))}," if roles else ""


def left(known: Member | None, fact: MemberLeft, removal: Removal | None) -> Change | None:
    """Somebody left: also one who was never known as a member. A second leave is nothing."""
    if known is not None and known.left_ms is not None:
        return None
    before = Member(int(fact.is_bot), None, None, None, None, "", fact.at_ms) if known is None else known
    leave = MemberEvent(
        fact.guild_id, fact.at_ms, fact.user_id, LEAVE, before.is_bot, before.joined_ms, None, fact.bound_ms
    )
    return before._replace(left_ms=fact.at_ms), (explained(leave, removal),)


def missing(guild: int, user: int, known: Member, at_ms: int, evidence_ms: int) -> Change:
    """A member that the complete list at ``at_ms`` does not name left meanwhile: after the last evidence of it, estimated."""
    since = min(max(known.seen_ms, evidence_ms), at_ms)
    leave = MemberEvent(guild, since, user, LEAVE, known.is_bot, known.joined_ms, None, max(1, at_ms - since))
    return known._replace(left_ms=since), (leave,)


def explained(leave: MemberEvent, removal: Removal | None) -> MemberEvent:
    """``leave`` with the reason, if ``removal`` is of this membership and explains it."""
    if removal is None or not explains(removal, leave):
        return leave
    if leave.joined_ms is not None and removal.at_ms + removal.bound_ms < leave.joined_ms - SAME_JOIN_MS:
        return leave
    return leave._replace(reason=removal.reason)


def explains(removal: Removal, leave: MemberEvent) -> bool:
    """Whether both may have happened within :data:`EXPLAINS_MS`."""
    return (
        removal.at_ms - EXPLAINS_BACK_MS <= leave.at_ms <= removal.at_ms + removal.bound_ms + EXPLAINS_MS
        and leave.at_ms + leave.bound_ms >= removal.at_ms - EXPLAINS_MS
    )


def removed(known: Removal | None, fact: MemberRemoved) -> Removal:
    """The last removal of somebody. A ban is told twice, and may be told beside a kick: it is what stands."""
    now = Removal(fact.reason, fact.at_ms, fact.bound_ms)
    if known is None:
        return now
    if abs(now.at_ms - known.at_ms) <= EXPLAINS_MS:
        return max(known, now)
    return now if now.at_ms > known.at_ms else known
