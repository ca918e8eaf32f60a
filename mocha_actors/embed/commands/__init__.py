"""Ready-made commands for bots that embed Mocha: ``/stats``, ``/leaderboard``, ``/heatmap``, ``/growth`` and ``/privacy``.

For discord.py, in a bot that feeds Mocha (see :mod:`mocha_actors.embed.discord_py`)::

    from mocha_actors.embed.commands.discord_py import StatsCog

    await bot.add_cog(StatsCog(stats))  # and `await bot.tree.sync()`, as for every command

For hikari, whatever else handles the bot's commands::

    from mocha_actors.embed.commands.hikari import StatsPlugin

    StatsPlugin(bot, stats)

Who asks is answered alone, unless ``share`` is chosen, and learns of no channel that they cannot see: what is counted is what was written, said
and reacted to in the channels that they can see now, and of a shared answer in those that everybody can see. Threads count for their channel. Owner
and administrators, who see everything, are told of the whole server, deleted channels included.
"""
