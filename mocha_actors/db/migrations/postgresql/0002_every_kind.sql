-- The other kinds of event. As in 0001: days, hours and *_ms are counted from the Unix epoch in UTC; flags are 0 or 1.

ALTER TABLE guilds ADD COLUMN owner_id BIGINT;
ALTER TABLE guilds ADD COLUMN afk_channel_id BIGINT;
ALTER TABLE guilds ADD COLUMN member_count INTEGER;
ALTER TABLE guilds ADD COLUMN joined_ms BIGINT;
ALTER TABLE guilds ADD COLUMN left_ms BIGINT;  -- null: the bot is a member
ALTER TABLE guilds ADD COLUMN unavailable SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE guilds ADD COLUMN seen_ms BIGINT NOT NULL DEFAULT 0;  -- time of the fact that the name comes from
ALTER TABLE guilds ADD COLUMN shard INTEGER;
ALTER TABLE guilds ADD COLUMN time_zone TEXT;  -- IANA name; null: the configuration's
ALTER TABLE guilds ADD COLUMN week_start SMALLINT;  -- 0 Monday … 6 Sunday; null: Monday
ALTER TABLE guilds ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;  -- raised by every transaction that changes a number of the guild

CREATE TABLE channels (
    guild_id   BIGINT   NOT NULL,
    id         BIGINT   NOT NULL,
    type       SMALLINT NOT NULL,           -- Discord's number
    name       TEXT    ,
    parent_id  BIGINT  ,                    -- category of a channel, channel of a thread
    owner_id   BIGINT  ,
    deleted_ms BIGINT  ,
    seen_ms    BIGINT   NOT NULL,           -- time of the fact that the name comes from
    PRIMARY KEY (guild_id, id)
);

-- What the questions about a guild leave out unless told otherwise.
CREATE TABLE guild_ignores (
    guild_id BIGINT   NOT NULL,
    kind     SMALLINT NOT NULL,             -- 0 channel (with its threads), 1 user, 2 role
    id       BIGINT   NOT NULL,
    PRIMARY KEY (guild_id, kind, id)
);

CREATE TABLE members (
    guild_id  BIGINT   NOT NULL,
    user_id   BIGINT   NOT NULL,
    is_bot    SMALLINT NOT NULL,
    joined_ms BIGINT  ,
    left_ms   BIGINT  ,                     -- null: is a member
    pending   SMALLINT,
    nick      TEXT    ,
    roles     TEXT     NOT NULL,            -- ids between commas, as in ',1,2,'; empty without any
    seen_ms   BIGINT   NOT NULL,
    PRIMARY KEY (guild_id, user_id)
);

CREATE TABLE member_events (
    guild_id  BIGINT   NOT NULL,
    at_ms     BIGINT   NOT NULL,
    user_id   BIGINT   NOT NULL,
    kind      SMALLINT NOT NULL,            -- 0 join, 1 leave
    is_bot    SMALLINT NOT NULL,
    joined_ms BIGINT  ,
    reason    SMALLINT,                     -- of a leave: 1 kick, 2 ban
    bound_ms  BIGINT   NOT NULL,            -- how much later it may have been; more than 0: estimated
    PRIMARY KEY (guild_id, at_ms, user_id, kind)
);

-- The last kick or ban of each user: it explains a leave shortly before or after.
CREATE TABLE member_removals (
    guild_id BIGINT   NOT NULL,
    user_id  BIGINT   NOT NULL,
    reason   SMALLINT NOT NULL,             -- 1 kick, 2 ban
    at_ms    BIGINT   NOT NULL,
    bound_ms BIGINT   NOT NULL,
    PRIMARY KEY (guild_id, user_id)
);

CREATE TABLE member_hour (
    guild_id BIGINT   NOT NULL,
    hour     INTEGER  NOT NULL,
    is_bot   SMALLINT NOT NULL,
    joins    INTEGER  NOT NULL,
    leaves   INTEGER  NOT NULL,
    PRIMARY KEY (guild_id, hour, is_bot)
);

-- What Discord said: the anchors of the membership over time.
CREATE TABLE member_counts (
    guild_id BIGINT  NOT NULL,
    at_ms    BIGINT  NOT NULL,
    count    INTEGER NOT NULL,              -- Discord's number of members, bots included
    PRIMARY KEY (guild_id, at_ms)
);

-- Only for messages of which there is something to say; null: not known without the intent MESSAGE_CONTENT.
CREATE TABLE message_details (
    guild_id    BIGINT   NOT NULL,
    message_id  BIGINT   NOT NULL,
    attachments SMALLINT NOT NULL,
    embeds      SMALLINT,
    mentions    SMALLINT,
    links       SMALLINT,
    length      INTEGER ,
    words       INTEGER ,
    invoker_id  BIGINT  ,                   -- who used the command that the message answers
    edited_ms   BIGINT  ,                   -- the last edit
    edits       SMALLINT NOT NULL,
    PRIMARY KEY (guild_id, message_id)
);

-- Whole weeks make the leaderboard of a month four times cheaper than days.
CREATE TABLE user_week (
    guild_id     BIGINT   NOT NULL,
    week         INTEGER  NOT NULL,         -- (day + 3) / 7: weeks since the Monday before the epoch
    user_id      BIGINT   NOT NULL,
    author_class SMALLINT NOT NULL,
    kind         SMALLINT NOT NULL,
    sent         INTEGER  NOT NULL,
    deleted      INTEGER  NOT NULL,
    PRIMARY KEY (guild_id, week, user_id, author_class, kind)
);

CREATE TABLE channel_day (
    guild_id     BIGINT   NOT NULL,
    day          INTEGER  NOT NULL,
    channel_id   BIGINT   NOT NULL,
    author_class SMALLINT NOT NULL,
    kind         SMALLINT NOT NULL,
    sent         INTEGER  NOT NULL,
    deleted      INTEGER  NOT NULL,
    PRIMARY KEY (guild_id, day, channel_id, author_class, kind)
);

-- Built for closed days, see closed_days.
CREATE TABLE channel_user_day (
    guild_id     BIGINT   NOT NULL,
    day          INTEGER  NOT NULL,
    channel_id   BIGINT   NOT NULL,
    user_id      BIGINT   NOT NULL,
    author_class SMALLINT NOT NULL,
    kind         SMALLINT NOT NULL,
    sent         INTEGER  NOT NULL,
    deleted      INTEGER  NOT NULL,
    PRIMARY KEY (guild_id, day, channel_id, user_id, author_class, kind)
);

CREATE TABLE closed_days (
    guild_id BIGINT   NOT NULL,
    day      INTEGER  NOT NULL,
    dirty    SMALLINT NOT NULL,             -- 0: channel_user_day is right; 1: something changed since; 2: it is being built
    PRIMARY KEY (guild_id, day)
);
CREATE INDEX closed_days_dirty ON closed_days (guild_id, day) WHERE dirty <> 0;

-- Intervals in which nothing changed. A closed one never crosses a midnight of UTC, so a range is found by its key; an open one may have begun days ago.
CREATE TABLE voice_events (
    guild_id     BIGINT   NOT NULL,
    id           BIGINT   NOT NULL,         -- a snowflake made of the start
    user_id      BIGINT   NOT NULL,
    channel_id   BIGINT   NOT NULL,
    ended_ms     BIGINT  ,                  -- null: open
    flags        INTEGER  NOT NULL,         -- of VoiceFlag, AFK and ALONE included
    is_bot       SMALLINT NOT NULL,
    device       BIGINT   NOT NULL,
    shard        INTEGER  NOT NULL,
    session_id   BIGINT   NOT NULL,         -- id of the first interval of the session
    visit        SMALLINT NOT NULL,         -- 1: a visit to the channel begins here
    continues_id BIGINT  ,                  -- the interval before a loss that this one goes on with
    end_reason   SMALLINT,                  -- 0 changed, 1 left, 2 lost, 3 outage, 4 gone, 5 day (goes on at midnight)
    bound_ms     BIGINT   NOT NULL,         -- how uncertain start and end are together; more than 0: estimated
    suspended    SMALLINT NOT NULL,         -- 1: lost or in an outage, and not known yet whether the session goes on
    PRIMARY KEY (guild_id, id)
);
CREATE INDEX voice_open ON voice_events (guild_id, user_id) WHERE ended_ms IS NULL;
CREATE INDEX voice_suspended ON voice_events (guild_id, user_id) WHERE suspended = 1;

-- Closed intervals only; what is open is added by the question.
CREATE TABLE voice_user_day (
    guild_id      BIGINT   NOT NULL,
    day           INTEGER  NOT NULL,
    user_id       BIGINT   NOT NULL,
    is_bot        SMALLINT NOT NULL,
    state         SMALLINT NOT NULL,        -- set of 1 AFK, 2 deafened, 4 alone
    ms            BIGINT   NOT NULL,        -- counted: every sum of a row is of this time
    muted_ms      BIGINT   NOT NULL,
    streaming_ms  BIGINT   NOT NULL,
    video_ms      BIGINT   NOT NULL,
    suppressed_ms BIGINT   NOT NULL,
    sessions      INTEGER  NOT NULL,
    PRIMARY KEY (guild_id, day, user_id, is_bot, state)
);

CREATE TABLE voice_channel_hour (
    guild_id      BIGINT   NOT NULL,
    hour          INTEGER  NOT NULL,
    channel_id    BIGINT   NOT NULL,
    is_bot        SMALLINT NOT NULL,
    state         SMALLINT NOT NULL,        -- set of 1 AFK, 2 deafened, 4 alone
    ms            BIGINT   NOT NULL,        -- counted: every sum of a row is of this time
    muted_ms      BIGINT   NOT NULL,
    streaming_ms  BIGINT   NOT NULL,
    video_ms      BIGINT   NOT NULL,
    suppressed_ms BIGINT   NOT NULL,
    visits        INTEGER  NOT NULL,
    PRIMARY KEY (guild_id, hour, channel_id, is_bot, state)
);

CREATE TABLE voice_guild_hour (
    guild_id      BIGINT   NOT NULL,
    hour          INTEGER  NOT NULL,
    is_bot        SMALLINT NOT NULL,
    state         SMALLINT NOT NULL,        -- set of 1 AFK, 2 deafened, 4 alone
    ms            BIGINT   NOT NULL,        -- counted: every sum of a row is of this time
    muted_ms      BIGINT   NOT NULL,
    streaming_ms  BIGINT   NOT NULL,
    video_ms      BIGINT   NOT NULL,
    suppressed_ms BIGINT   NOT NULL,
    sessions      INTEGER  NOT NULL,
    PRIMARY KEY (guild_id, hour, is_bot, state)
);

CREATE TABLE reaction_events (
    guild_id    BIGINT   NOT NULL,
    id          BIGINT   NOT NULL,          -- a snowflake made of the time
    message_id  BIGINT   NOT NULL,
    channel_id  BIGINT   NOT NULL,
    user_id     BIGINT   NOT NULL,
    receiver_id BIGINT  ,                   -- whose message it is; null: not known, or a webhook's
    receiver_bot SMALLINT NOT NULL,         -- of an add: whether that is a bot
    emoji       TEXT     NOT NULL,
    burst       SMALLINT NOT NULL,
    action      SMALLINT NOT NULL,          -- 0 add, 1 remove
    is_bot      SMALLINT NOT NULL,
    bound_ms    BIGINT   NOT NULL,
    PRIMARY KEY (guild_id, id)
);

-- The reactions that stand: what a removal of all is about.
CREATE TABLE reaction_state (
    guild_id    BIGINT   NOT NULL,
    message_id  BIGINT   NOT NULL,
    user_id     BIGINT   NOT NULL,
    emoji       TEXT     NOT NULL,
    burst       SMALLINT NOT NULL,
    channel_id  BIGINT   NOT NULL,
    receiver_id BIGINT  ,
    is_bot      SMALLINT NOT NULL,
    PRIMARY KEY (guild_id, message_id, user_id, emoji, burst)
);

-- Names of custom emojis, whose key is their id.
CREATE TABLE emojis (
    guild_id BIGINT NOT NULL,
    emoji    TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    seen_ms  BIGINT NOT NULL,
    PRIMARY KEY (guild_id, emoji)
);

CREATE TABLE reaction_channel_hour (
    guild_id   BIGINT   NOT NULL,
    hour       INTEGER  NOT NULL,
    channel_id BIGINT   NOT NULL,
    is_bot     SMALLINT NOT NULL,
    added      INTEGER  NOT NULL,
    removed    INTEGER  NOT NULL,
    burst      INTEGER  NOT NULL,           -- how many of the added were super reactions
    PRIMARY KEY (guild_id, hour, channel_id, is_bot)
);

CREATE TABLE reaction_emoji_day (
    guild_id BIGINT   NOT NULL,
    day      INTEGER  NOT NULL,
    emoji    TEXT     NOT NULL,
    is_bot   SMALLINT NOT NULL,
    added    INTEGER  NOT NULL,
    removed  INTEGER  NOT NULL,
    burst    INTEGER  NOT NULL,             -- how many of the added were super reactions
    PRIMARY KEY (guild_id, day, emoji, is_bot)
);

CREATE TABLE reaction_user_day (
    guild_id     BIGINT   NOT NULL,
    day          INTEGER  NOT NULL,
    user_id      BIGINT   NOT NULL,
    is_bot       SMALLINT NOT NULL,
    given        INTEGER  NOT NULL,
    removed      INTEGER  NOT NULL,
    received     INTEGER  NOT NULL,         -- by humans, from others
    received_bot INTEGER  NOT NULL,         -- by bots
    self         INTEGER  NOT NULL,         -- given to own messages; in given, not in received
    PRIMARY KEY (guild_id, day, user_id, is_bot)
);

-- Opt-in intervals of being online. A closed one never crosses a midnight of UTC.
CREATE TABLE presence_events (
    guild_id   BIGINT   NOT NULL,
    id         BIGINT   NOT NULL,           -- a snowflake made of the start
    user_id    BIGINT   NOT NULL,
    status     SMALLINT NOT NULL,           -- 1 online, 2 idle, 3 dnd; offline is no interval
    ended_ms   BIGINT  ,                    -- null: open
    is_bot     SMALLINT NOT NULL,
    shard      INTEGER  NOT NULL,
    end_reason SMALLINT,                    -- as in voice_events
    bound_ms   BIGINT   NOT NULL,
    follows    SMALLINT NOT NULL,           -- status that it followed without a pause; 0: none
    PRIMARY KEY (guild_id, id)
);
CREATE INDEX presence_open ON presence_events (guild_id, user_id) WHERE ended_ms IS NULL;

-- Closed intervals only.
CREATE TABLE presence_hour (
    guild_id BIGINT   NOT NULL,
    hour     INTEGER  NOT NULL,
    status   SMALLINT NOT NULL,
    is_bot   SMALLINT NOT NULL,
    ms       BIGINT   NOT NULL,
    PRIMARY KEY (guild_id, hour, status, is_bot)
);
