"""Mocha inside a bot: on asyncio, fed from the connection that the bot has already."""
