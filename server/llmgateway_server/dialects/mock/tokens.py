"""The mock's own tokens: a token is a word with the white space before it."""

from __future__ import annotations

import re
from itertools import cycle, islice

from llmgateway.v1 import message_pb2

TOKEN = re.compile(r"\s*\S+|\s+")
LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo "
    "consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla "
    "pariatur. Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est "
    "laborum."
)


def split_tokens(text: str) -> list[str]:
    """Return the tokens of `text`; joined, they are `text` again."""
    return TOKEN.findall(text)


def lorem(token_count: int) -> str:
    """Return so many tokens of lorem ipsum, always the same."""
    return " ".join(islice(cycle(LOREM.split()), token_count))


def token_logprob(token: str, alternative_count: int) -> message_pb2.TokenLogprob:
    """Return a made-up but constant likelihood of `token`, with so many alternatives, itself the likeliest."""
    logprob = -0.01 * len(token)
    answer = message_pb2.TokenLogprob(token=token, utf8=token.encode(), logprob=logprob)
    for rank in range(alternative_count):
        alternative = answer.top_logprobs.add()
        alternative.token = token if rank == 0 else f"{token}~{rank}"
        alternative.utf8 = alternative.token.encode()
        alternative.logprob = logprob - rank
    return answer
