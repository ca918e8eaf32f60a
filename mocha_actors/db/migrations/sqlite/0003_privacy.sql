-- What privacy needs. As in 0001: *_ms are counted from the Unix epoch in UTC.

-- Keys of keyed hashes, made on first use; 32 random bytes each.
CREATE TABLE secret_keys (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- Who is not to be recorded, as a keyed hash of the user id: the table names nobody.
CREATE TABLE opt_outs (
    user_hash BLOB   NOT NULL PRIMARY KEY,
    at_ms     BIGINT NOT NULL
) WITHOUT ROWID;

-- Erasures under way: the id that replaces a user's in a guild, random, and forgotten when the erasure is done.
CREATE TABLE erasures (
    user_id  BIGINT NOT NULL,
    guild_id BIGINT NOT NULL,
    alias    BIGINT NOT NULL,
    PRIMARY KEY (user_id, guild_id)
) WITHOUT ROWID;

-- Raw rows of a guild before this moment are gone: what would need them is answered as not retained.
CREATE TABLE retention_marks (
    guild_id  BIGINT NOT NULL,
    kind      TEXT   NOT NULL,          -- messages, voice, reactions, presence, members, hours
    before_ms BIGINT NOT NULL,
    PRIMARY KEY (guild_id, kind)
) WITHOUT ROWID;

-- Every administrative access and change.
CREATE TABLE audit_log (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms    BIGINT  NOT NULL,
    actor    TEXT    NOT NULL,          -- who asked: the operating system's name of the account, or what the program gave
    action   TEXT    NOT NULL,
    guild_id BIGINT,
    detail   TEXT    NOT NULL           -- names nobody whose erasure it notes
);
