"""Who is not to be recorded leaves no trace, and in anonymised mode nobody leaves one of the own id."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.db.optout import RULES, Gate, pseudonym, user_hash
from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.pipeline.facts import (
    AuthorClass,
    ChannelDeleted,
    ChannelsSeen,
    Fact,
    GuildSeen,
    MemberJoined,
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
    SessionEnded,
    SessionStarted,
    VoiceChanged,
    VoiceListed,
)

KEY = b"k" * 32
OUT, ANN = 661_720_242_585_600_001, 661_720_242_585_600_002
GUILD, CHANNEL = 5, 6
USER_FIELDS = {"user_id", "receiver_id", "invoker_id", "owner_id"}


def gate(*, anonymise: bool = False) -> Gate:
    """A gate before which OUT is to be stopped."""
    return Gate(KEY, [user_hash(KEY, OUT)], anonymise=anonymise)


def message(user: int, message_id: int = 1, author: AuthorClass = AuthorClass.HUMAN) -> MessageSent:
    """A message."""
    return MessageSent(GUILD, message_id, CHANNEL, user, int(author), 0, 0, "name", "Name")


def voice(user: int, channel: int | None = CHANNEL) -> VoiceChanged:
    """A voice state."""
    return VoiceChanged(GUILD, user, channel, 7, 0, None, "name", "Name", 0, 1, 0)


def reaction_to(receiver: int) -> ReactionAdded:
    """A reaction of ANN."""
    return ReactionAdded(
        GUILD, CHANNEL, 1, ANN, "x", None, receiver_id=receiver, burst=False, is_bot=None, at_ms=1, bound_ms=0
    )


def profile(user: int) -> Profile:
    """A member."""
    return Profile(user, "name", "Name", is_bot=False, joined_ms=1, nick="nick", roles=(), pending=None)


def test_every_type_of_fact_that_names_a_user_has_a_rule() -> None:
    """A new fact cannot slip through unnoticed."""
    names_users = {
        kind for kind in Fact.__args__  # type: ignore[attr-defined]
        if USER_FIELDS & set(kind.__struct_fields__) or {"member", "members", "user_ids", "states", "online", "place", "places"} & set(kind.__struct_fields__)
    }  # fmt: skip

    assert names_users - {SessionStarted, SessionEnded} == set(RULES)


def test_what_somebody_who_opted_out_does_is_dropped() -> None:
    """The message with all that is said of it; the neighbours of another pass."""
    facts = (message(OUT, 1), MessageDetails(GUILD, 1, attachments=2), message(ANN, 2), MessageDetails(GUILD, 2))

    assert (message(ANN, 2), MessageDetails(GUILD, 2)) == gate().admit(facts)


def test_what_others_do_to_somebody_who_opted_out_loses_the_mention() -> None:
    """The act of the other stands."""
    reaction = reaction_to(OUT)
    command = MessageDetails(GUILD, 1, invoker_id=OUT)
    thread = ChannelsSeen(GUILD, (Place(9, 11, "thread", CHANNEL, OUT),), complete=False, at_ms=1)

    (reacted, answered, begun) = gate().admit((reaction, command, thread))

    assert msgspec.structs.replace(reaction, receiver_id=None) == reacted
    assert msgspec.structs.replace(command, invoker_id=None) == answered
    assert isinstance(begun, ChannelsSeen)
    assert None is begun.places[0].owner_id


def test_somebody_who_opted_out_occupies_a_voice_channel_without_a_name() -> None:
    """Otherwise the others there would count as alone."""
    (fact,) = gate().admit((voice(OUT),))

    assert msgspec.structs.replace(voice(OUT), hidden=True, username="", global_name=None) == fact
    (listed,) = gate().admit((VoiceListed(GUILD, (voice(OUT), voice(ANN)), 0, 1, 0),))
    assert isinstance(listed, VoiceListed)
    assert [True, False] == [state.hidden for state in listed.states]


def test_the_presence_of_somebody_who_opted_out_is_offline() -> None:
    """An open interval ends, and none begins."""
    (fact,) = gate().admit((PresenceChanged(GUILD, OUT, int(PresenceStatus.ONLINE), 0, 1, 0),))

    assert PresenceChanged(GUILD, OUT, int(PresenceStatus.OFFLINE), 0, 1, 0) == fact
    listed = PresencesListed(GUILD, ((OUT, 1), (ANN, 2)), 0, 1, 0)
    assert (msgspec.structs.replace(listed, online=((ANN, 2),)),) == gate().admit((listed,))


def test_memberships_of_somebody_who_opted_out_are_not_kept() -> None:
    """No join, no name, no place in a list."""
    joined = MemberJoined(GUILD, profile(OUT), 1, 0)
    seen = MembersSeen(GUILD, (profile(OUT), profile(ANN)), 1)
    listed = MembersListed(GUILD, (OUT, ANN), 1)

    assert (MembersSeen(GUILD, (profile(ANN),), 1), MembersListed(GUILD, (ANN,), 1)) == gate().admit(
        (joined, seen, listed)
    )


def test_a_webhook_is_nobody() -> None:
    """Its id is in no list, and stays."""
    fact = message(OUT, author=AuthorClass.WEBHOOK)

    assert (fact,) == gate().admit((fact,))
    assert (fact,) == Gate(KEY, [], anonymise=True).admit((fact,))


def test_in_anonymised_mode_no_fact_holds_an_id_or_a_name() -> None:
    """Whatever the fact: the pseudonym is there, the user is not."""
    facts: tuple[Fact, ...] = (
        message(ANN),
        voice(ANN),
        VoiceListed(GUILD, (voice(ANN),), 0, 1, 0),
        MemberJoined(GUILD, profile(ANN), 1, 0),
        MembersSeen(GUILD, (profile(ANN),), 1),
        MembersListed(GUILD, (ANN,), 1),
        PresencesListed(GUILD, ((ANN, 1),), 0, 1, 0),
        reaction_to(ANN),
        GuildSeen(GUILD, "guild", ANN, None, 1, 1, 0, 1),
        ChannelDeleted(GUILD, Place(9, 11, "thread", CHANNEL, ANN), 1, 0),
    )

    admitted = Gate(KEY, [], anonymise=True).admit(facts)

    text = repr(admitted)
    assert len(facts) == len(admitted)
    assert len(facts) <= text.count(str(pseudonym(KEY, ANN)))
    assert not any(word in text for word in (str(ANN), "'name'", "'Name'", "nick='nick'"))


def test_an_open_gate_is_known_as_such() -> None:
    """With nobody on the list and without pseudonyms nothing is asked of it."""
    assert Gate(KEY, [], anonymise=False).open
    assert not gate().open
    assert not Gate(KEY, [], anonymise=True).open


@given(st.sets(st.integers(1, (1 << 62) - 1), min_size=2, max_size=50))
def test_pseudonyms_are_distinct_and_mistaken_for_no_real_user(users: set[int]) -> None:
    """Ids fit into the tables, and are those of accounts that would be made after 2048."""
    made = {pseudonym(KEY, user) for user in users}

    assert len(users) == len(made)
    assert all(from_time_ms(2_493_072_000_000) < alias < 1 << 63 for alias in made)
    assert made.isdisjoint({pseudonym(b"other" * 6, user) for user in users})
