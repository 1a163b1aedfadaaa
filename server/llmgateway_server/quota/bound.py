"""The bound of a call: the most that one attempt can cost at a target. It is reserved before anything is sent.

For each kind of token the dearest price that the call can reach, times the most of them that the request allows. What
is booked afterwards by the same prices is never more, as long as the provider keeps to the limits; an estimate has no
place here. A request that could cost what no price tells is refused with `PriceUnknown`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from llmgateway.v1 import embedding_pb2, generation_pb2, rerank_pb2

from llmgateway_server.catalog.prices import TOKENS_PER_PRICE
from llmgateway_server.quota.allowances import check_bag, check_model, check_tier
from llmgateway_server.quota.free_options import FREE_EMBED_OPTIONS, FREE_RERANK_OPTIONS
from llmgateway_server.quota.input_tokens import TOKENS_PER_CALL, TOKENS_PER_MESSAGE, Input
from llmgateway_server.quota.media_tokens import may_be_audio, may_be_seen
from llmgateway_server.quota.terms import Terms

__all__ = ["Bound", "Terms", "bound_embedding", "bound_generation", "bound_rerank"]

# The most that any count of the contract can be.
MOST_TOKENS = 2**31 - 1
GENERATION_PRICE = "{input: 0.15, output: 0.60}"
EMBEDDING_PRICE = "{input: 0.02}"
IMAGE_EMBEDDING_PRICE = "{input: 0.12, image_input: 0.47}"
AUDIO_EMBEDDING_PRICE = "{input: 0.12, image_input: 0.47, audio_input: 6.50}"
RERANK_PRICE = "{search_unit: 2000}"
# Cohere caches nothing that is charged for, Google only what `cachedContents` was told to; Ollama charges by the month.
WRITE_NOTHING = frozenset({"cohere", "gemini", "ollama"})
# Claude and Nova cache what is marked. All others may cache, and charge for it, of themselves.
WRITE_IF_MARKED = frozenset({"anthropic", "bedrock"})
# Google's list of prices tells one of audio only where it is not that of text (as the catalogue's data has it).
SAME_PRICE_FOR_AUDIO = frozenset({"gemini", "mock"})
# Without being asked, OpenAI's models speak and draw nothing ("Create chat completion", modalities).
WRITE_TEXT_UNASKED = frozenset({"openai"})

# Cohere, cohere.com/pricing, as quoted elsewhere on 2026-10-18: a search unit is a query with up to 100 documents. That
# a document of more than 500 tokens, the query included, counts once for each such piece is known of its past.
DOCUMENTS_PER_SEARCH_UNIT = 100
PIECE_TOKENS = 500
# "Reranking best practices", a stored copy read 2026-12-01: of a query no more than this is read.
QUERY_TOKENS = 256
# What is read of a document unless `max_tokens_per_doc` says otherwise, as guides to the second API have it.
DOCUMENT_TOKENS = 4_096


class Bound(msgspec.Struct, frozen=True):
    """The most that one attempt can cost, as far as its output limit is not yet chosen. A unit is 1e-15 US dollars.

    `fixed` is the cost of all input, `output_rate` that of a token written, of the dearest kind that can come.
    `choice_count` answers are written, and `extra_output_token_count` tokens may be billed beyond their limits.
    `most_output_token_count` is what may be written for one answer where no limit is sent, `input_token_count` the most
    that is read.
    """

    fixed: int
    output_rate: int
    choice_count: int
    extra_output_token_count: int
    most_output_token_count: int
    input_token_count: int = 0

    def usd_nanos(self, output_token_count: int) -> int:
        """Return the bound in 1e-9 US dollars for an output limit: summed first, rounded up once."""
        written = self.choice_count * output_token_count + self.extra_output_token_count
        return -(-(self.fixed + self.output_rate * written) // TOKENS_PER_PRICE)

    def usd_nanos_of(self, written_token_count: int) -> int:
        """Return the bound of an answer that was left with so many tokens written, of all choices together."""
        written = written_token_count + self.extra_output_token_count
        return -(-(self.fixed + self.output_rate * written) // TOKENS_PER_PRICE)

    def output_token_count_within(self, usd_nanos: int) -> int:
        """Return the largest output limit whose bound is within so much; -1 if none is."""
        left = usd_nanos * TOKENS_PER_PRICE - self.fixed - self.output_rate * self.extra_output_token_count
        if left < 0:
            return -1
        if not self.output_rate:
            return MOST_TOKENS
        return min(left // (self.output_rate * self.choice_count), MOST_TOKENS)


def bound_generation(request: generation_pb2.GenerateRequest, terms: Terms) -> Bound:
    """Return the bound of one attempt. Raise `PriceUnknown` where there is none."""
    most_output = min(terms.max_output_token_count or MOST_TOKENS, terms.context_token_count or MOST_TOKENS)
    choices = max(1, request.candidate_count)
    if not terms.is_priced_to_generate:
        raise terms.lacks_price(GENERATION_PRICE)
    if terms.is_free:
        return Bound(0, 0, choices, 0, most_output)
    check_model(terms)
    check_tier(request.service_tier, terms)
    given = Input(request, terms)
    media, tokens = most_input(given, terms)
    rates = terms.rates(tokens)
    text_rate, media_rate = input_rates(given, terms, rates)
    extra = given.prediction_token_count + (tokens if request.HasField("raw_prompt") and request.raw_prompt.echo else 0)
    return Bound(
        fixed=(tokens - media) * text_rate + media * media_rate,
        output_rate=output_rate(request, terms, rates),
        choice_count=choices,
        extra_output_token_count=extra * choices,
        most_output_token_count=most_output,
        input_token_count=tokens,
    )


def most_input(given: Input, terms: Terms) -> tuple[int, int]:
    """Return the most tokens of media, and of all input."""
    context = terms.context_token_count
    if given.unbounded:
        if not context:
            raise terms.lacks_context(given.unbounded)
        return context, context
    tokens = given.token_count + given.media_token_count
    tokens = min(tokens, context) if context else tokens
    return min(given.media_token_count, tokens), tokens


def input_rates(given: Input, terms: Terms, rates: Mapping[str, int]) -> tuple[int, int]:
    """Return the dearest that a token of text can cost, and one of media."""
    cached = cache_rate(given, terms, rates)
    text = max(rates["input"], cached)
    media = 0
    if given.audio_path:
        if "audio_input" not in terms.kinds and terms.dialect not in SAME_PRICE_FOR_AUDIO:
            raise terms.refusal(given.audio_path, ", because no price of audio_input is known")
        media = rates.get("audio_input", 0)
    if given.has_images:
        media = max(media, rates.get("image_input", 0))
    # Tokens that are media and cached at once are booked as both.
    return text, max(text, media + cached if media else 0)


def cache_rate(given: Input, terms: Terms, rates: Mapping[str, int]) -> int:
    """Return the dearest that a token can cost that is read from the prompt cache or written to it."""
    kinds = ["cached_input"]
    if terms.dialect in WRITE_IF_MARKED:
        if given.long_mark and "cache_write_input" in rates and "long_cache_write_input" not in rates:
            raise terms.refusal(given.long_mark, ", because no price is known of keeping a prompt for so long")
        kinds += ["cache_write_input"] if given.marks else []
        kinds += ["long_cache_write_input"] if given.long_mark else []
    elif terms.dialect not in WRITE_NOTHING:
        kinds += ["cache_write_input", "long_cache_write_input"]
    return max([rates.get(kind, 0) for kind in kinds])


def output_rate(request: generation_pb2.GenerateRequest, terms: Terms, rates: Mapping[str, int]) -> int:
    """Return the dearest that a token written can cost."""
    other = 0
    if terms.dialect not in WRITE_TEXT_UNASKED:
        other = max(rates.get("audio_output", 0), rates.get("image_output", 0))
    elif request.HasField("audio"):
        other = rates.get("audio_output", 0)
    for index, word in enumerate(request.output_modalities):
        if word != "text":
            rate = rates.get(f"{word}_output") if word in ("audio", "image") else None
            if rate is None:
                raise terms.refusal(f"output_modalities[{index}]", f", because no price of {word[:32]}_output is known")
            other = max(other, rate)
    # Tokens of both kinds at once are booked as both.
    return max(rates["output"], rates.get("reasoning", 0) + other)


def bound_embedding(request: embedding_pb2.EmbedRequest, terms: Terms) -> int:
    """Return the bound of one attempt, in 1e-9 US dollars. Raise `PriceUnknown` where there is none."""
    if terms.is_free and "input" in terms.kinds:
        return 0
    if "input" not in terms.kinds:
        raise terms.lacks_price(EMBEDDING_PRICE)
    check_bag(request.provider_options_json, "provider_options_json", terms, FREE_EMBED_OPTIONS)
    # Options may be merged into each input.
    options = sum([len(text.encode()) for text in request.provider_options_json.values()])
    tokens = TOKENS_PER_CALL + options * len(request.inputs)
    kinds = {"input", "cached_input", "cache_write_input"}
    for index, item in enumerate(request.inputs):
        if item.HasField("text"):
            tokens += TOKENS_PER_MESSAGE + len(item.text.encode())
        elif item.HasField("token_ids"):
            tokens += TOKENS_PER_MESSAGE + len(item.token_ids.ids)
        else:
            tokens += media_input(item, f"inputs[{index}].media", terms, kinds)
    rates = terms.rates(tokens)
    return -(-tokens * max([rates.get(kind, 0) for kind in kinds]) // TOKENS_PER_PRICE)


def media_input(item: embedding_pb2.EmbedInput, path: str, terms: Terms, kinds: set[str]) -> int:
    """Return the most tokens of a medium to embed, and add the kinds that they are billed as."""
    if may_be_seen(item.media, terms.dialect):
        kinds.add("image_input")
    if may_be_audio(item.media, terms.dialect):
        kinds.add("audio_input")
    if not kinds & {"image_input", "audio_input"} <= terms.kinds:
        price = AUDIO_EMBEDDING_PRICE if "audio_input" in kinds else IMAGE_EMBEDDING_PRICE
        raise terms.lacks_price(price)
    if not terms.context_token_count:
        raise terms.lacks_context(path)
    return terms.context_token_count


def bound_rerank(request: rerank_pb2.RerankRequest, terms: Terms) -> int:
    """Return the bound of one attempt, in 1e-9 US dollars. Raise `PriceUnknown` where there is none."""
    if terms.is_free:
        return 0
    if not {"search_unit", "input"} & terms.kinds:
        raise terms.lacks_price(RERANK_PRICE)
    check_bag(request.provider_options_json, "provider_options_json", terms, FREE_RERANK_OPTIONS)
    query = len(request.query.encode())
    documents = [len(document.encode()) for document in request.documents]
    tokens = TOKENS_PER_CALL + sum([query + document + TOKENS_PER_MESSAGE for document in documents])
    rates = terms.rates(tokens)
    asked = request.max_document_token_count if request.HasField("max_document_token_count") else DOCUMENT_TOKENS
    room = PIECE_TOKENS - min(query, QUERY_TOKENS)
    pieces = sum([max(1, -(-min(document, asked) // room)) for document in documents])
    units = -(-pieces // DOCUMENTS_PER_SEARCH_UNIT)
    total = units * rates.get("search_unit", 0) + tokens * rates.get("input", 0)
    return -(-total // TOKENS_PER_PRICE)
