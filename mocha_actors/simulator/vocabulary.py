"""The words of the simulated Discord: names of people and places, and what people write."""

from __future__ import annotations

import json
import random

FIRST_NAMES = (
    "Ada", "Amir", "Bea", "Chidi", "Dana", "Elif", "Emre", "Fatou", "Greta", "Hugo", "Ines", "Jun", "Kai", "Lena",
    "Luca", "Mira", "Noor", "Olga", "Pavel", "Quinn", "Rosa", "Sami", "Tao", "Uma", "Viktor", "Wren", "Yuki", "Zoë",
    "Łukasz", "Søren",
)  # fmt: skip
NOUNS = (
    "otter", "lantern", "comet", "walnut", "harbour", "pixel", "teapot", "falcon", "meadow", "cactus", "copper",
    "raven", "violin", "glacier", "pepper", "compass", "badger", "cinder", "willow", "rocket",
)  # fmt: skip
ADJECTIVES = (
    "quiet", "golden", "sleepy", "brave", "salty", "curious", "tiny", "electric", "wandering", "frosty", "mellow",
    "rusty",
)  # fmt: skip
CHANNEL_NAMES = (
    "general", "off-topic", "help", "showcase", "music", "games", "memes", "introductions", "announcements", "food",
    "books", "development", "feedback", "pets", "日本語",
)  # fmt: skip
EMOJI_NAMES = ("pepe", "blobwave", "partyparrot")
REACTIONS = ("👍", "❤️", "😂", "🎉", "👀", "🔥", "😢", "🙏🏽", "🏳️‍🌈", "1️⃣")
GAMES = ("Chess", "Stardew Valley", "Minecraft", "Factorio", "Hades", "Rocket League")
THREAD_NAMES = (
    "How do I start?",
    "Weekly photo",
    "Bug: the map is empty",
    "Movie night",
    "Recipe swap",
    "Patch notes",
    "Study group",
    "Looking for a team",
    "Best keyboard",
    "Road trip",
)

_WORDS = (
    "the", "a", "and", "but", "so", "then", "maybe", "really", "never", "again", "today", "tomorrow", "server",
    "update", "version", "config", "picture", "weekend", "coffee", "thread", "question", "answer", "works",
    "breaks", "tried", "found", "looks", "great", "strange", "better", "faster", "someone", "anyone", "everybody",
    "channel", "voice", "game", "round", "café", "naïve", "Grüße", "спасибо", "ありがとう", "😂", "🎉", "👍🏽",
    "<:pepe:311234567890123456>", "`print(1)`", "**bold**", "https://example.org/a?b=c&d=e", "||spoiler||",
)  # fmt: skip

_AWKWARD = (
    '{"t":"MESSAGE_CREATE","s":1,"op":0}',
    'a}{"t":"READY"',
    'quote " backslash \\ newline \n tab \t done',
    "null \u0000 and line separator \u2028 inside",
    "}" * 20 + "{" * 20,
)
"""What people paste: text that looks like frames, and characters that JSON must escape."""


def contents(rng: random.Random, count: int) -> list[str]:
    """Draw texts of messages, as the inside of JSON strings (escaped, without the quotes).

    Most are short, some are long, and each thousandth part of them or more is awkward.
    """
    texts = [" ".join(rng.choices(_WORDS, k=1 + int(rng.expovariate(1 / 20)))) for _ in range(count - len(_AWKWARD))]
    return [json.dumps(text, ensure_ascii=False)[1:-1] for text in (*texts, *_AWKWARD)]
