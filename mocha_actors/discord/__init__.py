"""Discord's wire format: typed payloads, snowflakes, intents and opcodes. No I/O."""
