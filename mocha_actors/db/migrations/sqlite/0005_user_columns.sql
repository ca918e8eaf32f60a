-- What the rows of user_day or user_week say of people's messages in one day or week that is over, as arrays: a large guild has 20,000 such rows a day.
CREATE TABLE user_columns (
    guild_id  BIGINT   NOT NULL,
    number    INTEGER  NOT NULL,             -- of the day or week
    unit_days SMALLINT NOT NULL,             -- 1: a day, 7: a week
    state     SMALLINT NOT NULL,             -- 0: built, and right; 1: there are so few users that nobody needs it; 2: due; 3: it is being built
    users     BLOB     ,                      -- user ids, ascending, 64 bits each, the lowest byte first
    sent      BLOB     ,                      -- messages of each, 32 bits
    deleted   BLOB     ,                      -- of these, deleted since, 32 bits; null: none of any user
    PRIMARY KEY (guild_id, number, unit_days),
    CHECK (
        state > 0 AND users IS NULL AND sent IS NULL AND deleted IS NULL
        OR state = 0 AND users IS NOT NULL AND sent IS NOT NULL AND LENGTH(users) % 8 = 0 AND LENGTH(users) = 2 * LENGTH(sent)
        AND (deleted IS NULL OR LENGTH(deleted) = LENGTH(sent))
    )
);
CREATE INDEX user_columns_due ON user_columns (guild_id, number, unit_days) WHERE state >= 2;

INSERT INTO user_columns (guild_id, number, unit_days, state) SELECT guild_id, day, 1, 2 FROM closed_days;
INSERT INTO user_columns (guild_id, number, unit_days, state) SELECT DISTINCT guild_id, (day + 3) / 7, 7, 2 FROM closed_days;
