"""Which secrets are too weak to start with, and which texts look like secrets that should not lie in a file."""

from __future__ import annotations

import re

MIN_KEY_CHARACTERS = 24
MAX_KEY_CHARACTERS = 512
MIN_DISTINCT_CHARACTERS = 6
MAX_PLACEHOLDER_CHARACTERS = 19

HOW_TO_MAKE_A_KEY = "make one with `llmgateway keys new`"

# Words of examples, defaults and keyboards. A key that is nothing but these is known to everybody.
_WELL_KNOWN_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
        abcdefghijklmnopqrstuvwxyz 0123456789 1234567890 123456789 12345678 012345 123456 12345 1234 123
        qwertyuiop qwerty asdfghjkl zxcvbnm
        change this replace me it please before use in now to
        password passwd passphrase super secret token key api master admin administrator root user
        default example sample demo test testing dummy fake placeholder insert here your my own the a an is sk pk
        welcome hunter2 correct horse battery staple let none null foo bar baz xxx llm llmgw gateway openai
        """,
    )
)
_LONGEST_WORD_CHARACTERS = max(map(len, _WELL_KNOWN_WORDS))


def find_weakness(key: str) -> str | None:
    """Say why a virtual key or pepper is too weak, in a sentence that says what to do; None if it is not."""
    if len(key) < MIN_KEY_CHARACTERS:
        return f"this secret is shorter than {MIN_KEY_CHARACTERS} characters; {HOW_TO_MAKE_A_KEY}"
    if len(key) > MAX_KEY_CHARACTERS:
        return f"this secret is longer than {MAX_KEY_CHARACTERS} characters; {HOW_TO_MAKE_A_KEY}"
    if not is_header_safe(key):
        return f"this secret holds a space or a character that HTTP headers cannot carry; {HOW_TO_MAKE_A_KEY}"
    if len(set(key)) < MIN_DISTINCT_CHARACTERS:
        return f"this secret has fewer than {MIN_DISTINCT_CHARACTERS} different characters; {HOW_TO_MAKE_A_KEY}"
    if is_made_of_words(re.sub(r"[^a-z0-9]", "", key.lower())):
        return f"this secret is made of well-known words; {HOW_TO_MAKE_A_KEY}"
    return None


def is_made_of_words(text: str) -> bool:
    """Whether `text` can be cut into well-known words with nothing left over."""
    ends = {0}
    for end in range(1, len(text) + 1):
        starts = range(max(0, end - _LONGEST_WORD_CHARACTERS), end)
        if any(start in ends and text[start:end] in _WELL_KNOWN_WORDS for start in starts):
            ends.add(end)
    return len(text) in ends


def is_header_safe(secret: str) -> bool:
    """Whether a header can carry it: visible ASCII characters only."""
    return re.fullmatch(r"[!-~]+", secret) is not None


def looks_like_provider_key(text: str) -> bool:
    """Whether a literal is more likely a real key than a placeholder such as `none`."""
    return text.startswith(("sk-", "sk_")) or len(text) > MAX_PLACEHOLDER_CHARACTERS
