"""Who is not to be recorded: the gate that every fact passes before projections see it, in live traffic and out of the spool alike.

The list holds keyed hashes, so that it names nobody. What a user on it does is dropped; what others do to it loses the mention. Two things of it
remain: that a voice channel is occupied, in memory only, since otherwise the others there would count as alone; and nothing else.

In *anonymised* mode nobody is recorded under the own id: every user id becomes a keyed hash of it, names are left out, and the bot's are too.
The hash is the same every time, so that numbers of distinct users stay right, and without the key it leads to nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from msgspec.structs import replace

from mocha_actors.pipeline.facts import (
    AuthorClass,
    BaseFact,
    ChannelDeleted,
    ChannelsSeen,
    Fact,
    GuildSeen,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    MembersListed,
    MembersSeen,
    MessageDetails,
    MessageSent,
    Place,
    PresenceChanged,
    PresencesListed,
    PresenceStatus,
    Profile,
    ReactionAdded,
    ReactionRemoved,
    VoiceChanged,
    VoiceListed,
)

HASH_BYTES: Final = 16
WEBHOOK: Final = int(AuthorClass.WEBHOOK)
REMEMBERED: Final = 65_536
"""Users whose hash is kept in memory: hashing costs 1 µs, looking up a tenth."""

Facts = tuple[Fact, ...]


def user_hash(key: bytes, user_id: int) -> bytes:
    """The keyed hash of a user id (BLAKE2b), which leads back to nobody without the key."""
    return hashlib.blake2b(user_id.to_bytes(8, "big"), key=key, digest_size=HASH_BYTES).digest()


def pseudonym(key: bytes, user_id: int) -> int:
    """The id that stands for a user in anonymised mode: 62 bits of hash behind a 1, which is larger than any snowflake before the year 2049."""
    digest = hashlib.blake2b(user_id.to_bytes(8, "big"), key=key, digest_size=8, person=b"pseudonym").digest()
    return int.from_bytes(digest, "big") >> 2 | 1 << 62


class Gate:
    """What becomes of facts by who they are about. It holds a copy of the list, which is thrown away when the list may have changed."""

    def __init__(self, key: bytes, opted_out: Iterable[bytes], *, anonymise: bool) -> None:
        """A gate.

        Args:
            key: of the hashes.
            opted_out: hashes of the users who are not to be recorded.
            anonymise: whether ids are replaced.

        """
        self._opted_out = frozenset(opted_out)
        self._anonymise = anonymise
        self._hash = lru_cache(REMEMBERED)(lambda user_id: user_hash(key, user_id))
        self._pseudonym = lru_cache(REMEMBERED)(lambda user_id: pseudonym(key, user_id))

    @property
    def open(self) -> bool:
        """Whether everything passes as it is, so that nothing need be asked."""
        return not self._opted_out and not self._anonymise

    def is_out(self, user_id: int) -> bool:
        """Whether a user is not to be recorded."""
        return self._hash(user_id) in self._opted_out

    def admit(self, facts: Facts) -> Facts:
        """The facts of one entry as they may be recorded; those about nobody in particular pass."""
        admitted: list[Fact] = []
        dropped_messages: set[int] = set()
        for fact in facts:
            if isinstance(fact, MessageDetails) and fact.message_id in dropped_messages:
                continue
            rule = RULES.get(type(fact))
            kept = fact if rule is None else rule(self, fact)
            if kept is not None:
                admitted.append(kept)
            elif isinstance(fact, MessageSent):
                dropped_messages.add(fact.message_id)
        return tuple(admitted)

    # What stands for a user

    def id_of(self, user_id: int) -> int:
        """The id under which a user who may be recorded is."""
        return self._pseudonym(user_id) if self._anonymise else user_id

    def mention_of(self, user_id: int | None) -> int | None:
        """The same for one that is only mentioned; None for one who is not to be recorded."""
        return None if user_id is None or self.is_out(user_id) else self.id_of(user_id)

    def names(self, username: str, global_name: str | None) -> dict[str, Any]:
        """The names under which somebody is recorded."""
        return {"username": "", "global_name": None} if self._anonymise else {"username": username, "global_name": global_name}  # fmt: skip

    def profile(self, member: Profile) -> Profile | None:
        """A member as it may be recorded; None if not at all."""
        if self.is_out(member.user_id):
            return None
        if not self._anonymise:
            return member
        return replace(member, user_id=self.id_of(member.user_id), username="", global_name=None, nick=None)

    def place(self, place: Place) -> Place:
        """A channel as it may be recorded: whoever began a thread may not be."""
        return replace(place, owner_id=self.mention_of(place.owner_id))


def _message(gate: Gate, fact: MessageSent) -> MessageSent | None:
    if fact.author_class == WEBHOOK:
        return fact
    if gate.is_out(fact.user_id):
        return None
    return replace(fact, user_id=gate.id_of(fact.user_id), **gate.names(fact.username, fact.global_name))


def _details(gate: Gate, fact: MessageDetails) -> MessageDetails:
    return replace(fact, invoker_id=gate.mention_of(fact.invoker_id))


def _reaction(gate: Gate, fact: ReactionAdded) -> ReactionAdded | None:
    if gate.is_out(fact.user_id):
        return None
    return replace(fact, user_id=gate.id_of(fact.user_id), receiver_id=gate.mention_of(fact.receiver_id))


def _about_one(
    gate: Gate, fact: ReactionRemoved | MemberLeft | MemberRemoved
) -> ReactionRemoved | MemberLeft | MemberRemoved | None:
    return None if gate.is_out(fact.user_id) else replace(fact, user_id=gate.id_of(fact.user_id))


def _presence(gate: Gate, fact: PresenceChanged) -> PresenceChanged:
    """Of somebody who opted out it is known that nothing is to be known: what is open ends."""
    status = int(PresenceStatus.OFFLINE) if gate.is_out(fact.user_id) else fact.status
    return replace(fact, user_id=gate.id_of(fact.user_id), status=status)


def _voice(gate: Gate, fact: VoiceChanged) -> VoiceChanged:
    """Somebody who opted out occupies the room all the same, and is not recorded."""
    hidden = gate.is_out(fact.user_id)
    names = {"username": "", "global_name": None} if hidden else gate.names(fact.username, fact.global_name)
    return replace(fact, user_id=gate.id_of(fact.user_id), hidden=hidden, **names)


def _voices(gate: Gate, fact: VoiceListed) -> VoiceListed:
    return replace(fact, states=tuple(_voice(gate, state) for state in fact.states))


def _presences(gate: Gate, fact: PresencesListed) -> PresencesListed:
    return replace(
        fact, online=tuple((gate.id_of(user), status) for user, status in fact.online if not gate.is_out(user))
    )


def _joined(gate: Gate, fact: MemberJoined) -> MemberJoined | None:
    member = gate.profile(fact.member)
    return None if member is None else replace(fact, member=member)


def _members(gate: Gate, fact: MembersSeen) -> MembersSeen:
    return replace(fact, members=tuple(found for member in fact.members if (found := gate.profile(member)) is not None))


def _member_list(gate: Gate, fact: MembersListed) -> MembersListed:
    return replace(fact, user_ids=tuple(sorted(gate.id_of(user) for user in fact.user_ids if not gate.is_out(user))))


def _guild(gate: Gate, fact: GuildSeen) -> GuildSeen:
    return replace(fact, owner_id=gate.mention_of(fact.owner_id))


def _channels(gate: Gate, fact: ChannelsSeen) -> ChannelsSeen:
    return replace(fact, places=tuple(map(gate.place, fact.places)))


def _channel_deleted(gate: Gate, fact: ChannelDeleted) -> ChannelDeleted:
    return replace(fact, place=gate.place(fact.place))


RULES: Final[dict[type[BaseFact], Callable[[Gate, Any], Any]]] = {
    MessageSent: _message,
    MessageDetails: _details,
    ReactionAdded: _reaction,
    ReactionRemoved: _about_one,
    PresenceChanged: _presence,
    PresencesListed: _presences,
    VoiceChanged: _voice,
    VoiceListed: _voices,
    MemberJoined: _joined,
    MembersSeen: _members,
    MembersListed: _member_list,
    MemberLeft: _about_one,
    MemberRemoved: _about_one,
    GuildSeen: _guild,
    ChannelsSeen: _channels,
    ChannelDeleted: _channel_deleted,
}
"""What is done with each type of fact that names a user; a test holds that no such type is missing."""
