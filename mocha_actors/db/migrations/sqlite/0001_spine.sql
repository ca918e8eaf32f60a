-- Fact tables are keyed (guild_id, ...) without rowid: a snowflake is time order, so the time range of a guild is one key range.
-- They have no secondary index: one halves the rate at which rows can be written.
-- Days and hours are counted from the Unix epoch in UTC; every *_ms is milliseconds since then.

CREATE TABLE gateway_sessions (
    shard          INTEGER  NOT NULL PRIMARY KEY,
    session_id     TEXT     NOT NULL,
    resume_url     TEXT,                -- null: Discord refused the session, it must not be resumed
    seq            BIGINT   NOT NULL,
    fingerprint    TEXT     NOT NULL,
    epoch          BIGINT   NOT NULL,
    last_alive_ms  BIGINT   NOT NULL,
    user_id        BIGINT   NOT NULL,
    application_id BIGINT   NOT NULL,
    previous_session_id TEXT            -- the session that this one replaced: what still comes of it is a repetition
) WITHOUT ROWID;

CREATE TABLE identify_log (
    application_id BIGINT  NOT NULL,
    at_ms          BIGINT  NOT NULL,
    shard          INTEGER NOT NULL,
    PRIMARY KEY (application_id, at_ms, shard)
) WITHOUT ROWID;

CREATE TABLE coverage_gaps (
    shard   INTEGER NOT NULL,
    from_ms BIGINT  NOT NULL,
    to_ms   BIGINT  NOT NULL,
    reason  TEXT    NOT NULL,
    PRIMARY KEY (shard, from_ms, to_ms)
) WITHOUT ROWID;

CREATE TABLE dead_letters (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    shard   INTEGER NOT NULL,
    seq     BIGINT  NOT NULL,
    type    TEXT    NOT NULL,
    reason  TEXT    NOT NULL,
    error   TEXT    NOT NULL,
    payload BLOB    NOT NULL,
    at_ms   BIGINT  NOT NULL,
    user_id BIGINT
);

CREATE TABLE guilds (
    id   BIGINT NOT NULL PRIMARY KEY,
    name TEXT
) WITHOUT ROWID;

CREATE TABLE users (
    id          BIGINT  NOT NULL PRIMARY KEY,
    username    TEXT    NOT NULL,
    global_name TEXT,
    is_bot      TINYINT NOT NULL,
    seen_ms     BIGINT  NOT NULL        -- time of the fact that the names come from
) WITHOUT ROWID;

CREATE TABLE message_events (
    guild_id     BIGINT   NOT NULL,
    message_id   BIGINT   NOT NULL,
    channel_id   BIGINT   NOT NULL,
    user_id      BIGINT   NOT NULL,
    author_class TINYINT  NOT NULL,     -- 0 human, 1 bot, 2 webhook
    kind         TINYINT  NOT NULL,     -- 0 message, 1 command, 2 system
    type         SMALLINT NOT NULL,     -- Discord's message type
    deleted_ms   BIGINT,
    PRIMARY KEY (guild_id, message_id)
) WITHOUT ROWID;

CREATE TABLE user_day (
    guild_id     BIGINT  NOT NULL,
    day          INTEGER NOT NULL,
    user_id      BIGINT  NOT NULL,
    author_class TINYINT NOT NULL,
    kind         TINYINT NOT NULL,
    sent         INTEGER NOT NULL,
    deleted      INTEGER NOT NULL,
    PRIMARY KEY (guild_id, day, user_id, author_class, kind)
) WITHOUT ROWID;

CREATE TABLE channel_hour (
    guild_id     BIGINT  NOT NULL,
    hour         INTEGER NOT NULL,
    channel_id   BIGINT  NOT NULL,
    author_class TINYINT NOT NULL,
    kind         TINYINT NOT NULL,
    sent         INTEGER NOT NULL,
    deleted      INTEGER NOT NULL,
    PRIMARY KEY (guild_id, hour, channel_id, author_class, kind)
) WITHOUT ROWID;

CREATE TABLE guild_hour (
    guild_id     BIGINT  NOT NULL,
    hour         INTEGER NOT NULL,
    author_class TINYINT NOT NULL,
    kind         TINYINT NOT NULL,
    sent         INTEGER NOT NULL,
    deleted      INTEGER NOT NULL,
    PRIMARY KEY (guild_id, hour, author_class, kind)
) WITHOUT ROWID;
