-- Sums by hour and day only grow while facts are added, so whoever keeps numbers that were made of them sees by those sums whether they still are true.
-- What is changed otherwise (an erasure gives rows another user, a repair builds sums anew, a purge deletes) is counted here.
ALTER TABLE guilds ADD COLUMN rewrites BIGINT NOT NULL DEFAULT 0;
