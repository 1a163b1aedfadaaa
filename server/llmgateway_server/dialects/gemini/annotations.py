"""What an answer rests on: grounding and citations → annotations of its texts.

`GroundingMetadata` and `CitationMetadata` (https://ai.google.dev/api/generate-content, read 2026-11-25) count in bytes
of UTF-8; the contract counts in characters. Their parts are numbered as Google cut them, which a stream does
otherwise: a text is found by what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.reading import Json, compact, items, mapping, text

Found = tuple[int, message_pb2.Annotation]


class Texts:
    """The texts of an answer by their places, and where a stretch of bytes lies in them."""

    def __init__(self, texts: Mapping[int, str]) -> None:
        self._encoded = {place: said.encode() for place, said in texts.items()}
        self._last = max(texts)

    def find(self, start: object, end: object, words: str) -> tuple[int, int | None, int | None]:
        """Return the place of a stretch and its first and last character; without them where it fits nowhere."""
        start = 0 if start is None else start
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end):
            return self._last, None, None
        for place in sorted(self._encoded, reverse=not words):
            encoded = self._encoded[place]
            if end > len(encoded) or (words and encoded[start:end] != words.encode()):
                continue
            before = len(encoded[:start].decode("utf-8", "ignore"))
            return place, before, before + len(encoded[start:end].decode("utf-8", "ignore"))
        return self._last, None, None


def read_annotations(metadata: Json, texts: Mapping[int, str]) -> list[Found]:
    """Return annotations, each with the place of the text that it belongs to; none where there is no text."""
    grounding, citations = mapping(metadata.get("groundingMetadata")), mapping(metadata.get("citationMetadata"))
    if not texts or not (grounding or citations):
        return []
    stretches = Texts(texts)
    return [*read_grounding(grounding, stretches), *read_citations(citations, stretches)]


def read_grounding(grounding: Json, texts: Texts) -> Iterator[Found]:
    """Yield one annotation for each source of each stretch; sources of no stretch are those of the whole."""
    chunks = [mapping(chunk) for chunk in items(grounding.get("groundingChunks"))]
    cited = set()
    for item in items(grounding.get("groundingSupports")):
        support = mapping(item)
        segment = mapping(support.get("segment"))
        place, start, end = texts.find(segment.get("startIndex"), segment.get("endIndex"), text(segment.get("text")))
        for number in items(support.get("groundingChunkIndices")):
            if isinstance(number, int) and 0 <= number < len(chunks):
                cited.add(number)
                provider_json = compact({"groundingChunk": chunks[number], "groundingSupport": support})
                yield place, annotation(source_of(chunks[number]), start, end, provider_json)
    for number, chunk in enumerate(chunks):
        if number not in cited:
            place, start, end = texts.find(None, None, "")
            yield place, annotation(source_of(chunk), start, end, compact({"groundingChunk": chunk}))


def read_citations(citations: Json, texts: Texts) -> Iterator[Found]:
    """Yield what a text quotes; AI Studio and Vertex AI name the list differently."""
    for item in items(citations.get("citationSources")) or items(citations.get("citations")):
        citation = mapping(item)
        place, start, end = texts.find(citation.get("startIndex"), citation.get("endIndex"), "")
        yield place, annotation(citation, start, end, compact(citation))


def source_of(chunk: Json) -> Json:
    """Return where a chunk comes from: the web, a map, or a document of the caller's."""
    return next((mapping(chunk[kind]) for kind in ("web", "retrievedContext", "maps", "image") if kind in chunk), {})


def annotation(source: Json, start: int | None, end: int | None, provider_json: str) -> message_pb2.Annotation:
    """Return one annotation."""
    made = message_pb2.Annotation(
        uri=text(source.get("uri")) or text(source.get("sourceUri")),
        title=text(source.get("title")),
        cited_text=text(source.get("text")),
        provider_json=provider_json,
    )
    if start is not None and end is not None:
        made.start_index, made.end_index = start, end
    return made
