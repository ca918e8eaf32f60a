"""Mocha inside a bot: on asyncio, fed from the connection that the bot has already.

```python
async with MochaStats(database="sqlite:///stats.db") as stats:
    attach(bot, stats)  # of mocha_actors.embed.discord_py or mocha_actors.embed.hikari
    await bot.start(token)
```

:mod:`mocha_actors.embed.commands` has ready-made commands for the bot's members. A program on trio needs none of this: see :meth:`mocha_actors.client.StatsClient.open`.
"""

from mocha_actors.embed.health import Health
from mocha_actors.embed.host import MochaStats
from mocha_actors.events.recording import happening, message

__all__ = ["Health", "MochaStats", "happening", "message"]
