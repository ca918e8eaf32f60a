"""The cache: answers kept until a fact inside their guild, subject and range changes them, in memory and optionally in Redis."""
