"""One candidate of an answer, read piece by piece. Whole answers and streams share it: they differ in what writes.

Texts of one kind that meet are one part, however Google cut them; a signature ends the part that it stands in.
"""

from __future__ import annotations

from typing import Protocol

from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.dialects.gemini import parts
from llmgateway_server.dialects.gemini.annotations import read_annotations
from llmgateway_server.dialects.gemini.finish import FILTERED, finish_reason
from llmgateway_server.dialects.gemini.partial_args import PartialCall
from llmgateway_server.dialects.reading import Json, compact, items, mapping, rest, text

CANDIDATE_MEMBERS = frozenset({"content", "finishReason", "index", "logprobsResult"})
CONTENT_MEMBERS = frozenset({"parts", "role"})
TEXT_MEMBERS = frozenset({"text", "thought", "thoughtSignature"})
LOGPROB_MEMBERS = frozenset({"chosenCandidates", "topCandidates"})
# Audio without a header, whose pieces are one sound when put together.
RAW_AUDIO = ("audio/l16", "audio/pcm")


class PartWriter(Protocol):
    """Where the parts of one candidate go: a message, or a stream's events.

    `add` begins a part, and is followed by its filling in. `append` brings text that the reader keeps as well;
    `close` gets it whole.
    """

    def add(self, place: int) -> message_pb2.Part: ...

    def append(self, place: int, said: str) -> None: ...

    def append_data(self, place: int, data: bytes) -> None: ...

    def extend(
        self, place: int, annotations: list[message_pb2.Annotation], logprobs: list[message_pb2.TokenLogprob]
    ) -> None: ...

    def close(self, place: int, said: str, signature: str, bag: str) -> None: ...


class CandidateReader:
    """Reads one candidate into a writer. `ended` is true once it has said why it ended."""

    def __init__(self, index: int, writer: PartWriter) -> None:
        self.index = index
        self.finish_word = ""
        self.ended = False
        # The part that a following text would go on with, by its kind.
        self.open_kind = ""
        self.open_place = -1
        self.pieces: dict[int, list[str]] = {}
        self._writer = writer
        self._part_count = 0
        self._call_count = 0
        self._texts: list[int] = []
        self._signatures: dict[int, str] = {}
        self._bags: dict[int, Json] = {}
        self._has_calls = False
        self._run_id = ""
        self._partial: PartialCall | None = None
        self._partial_raw: Json = {}
        self._unknown: Json = {}
        self._content_unknown: Json = {}

    def read(self, raw: Json, response_id: str) -> None:
        """Read what a whole answer or a chunk holds of the candidate."""
        content = mapping(raw.get("content"))
        for part in items(content.get("parts")):
            if isinstance(part, dict):
                self._part(part, response_id)
        reason = raw.get("finishReason")
        if reason is not None:
            self.finish(reason if isinstance(reason, str) else compact(reason))
        if raw.get("logprobsResult"):
            self._logprobs(mapping(raw["logprobsResult"]))
        if not raw.keys() <= CANDIDATE_MEMBERS:
            gather(self._unknown, rest(raw, CANDIDATE_MEMBERS))
        if not content.keys() <= CONTENT_MEMBERS:
            gather(self._content_unknown, rest(content, CONTENT_MEMBERS))

    def finish(self, word: str) -> None:
        """Say why the candidate ended."""
        self.finish_word, self.ended = text(word), True

    def end(self, response_id: str) -> None:
        """Write what is known only at the end, and close what is open."""
        self._flush_partial(response_id)
        texts = {place: "".join(self.pieces[place]) for place in self._texts}
        found: dict[int, list[message_pb2.Annotation]] = {}
        for place, annotation in read_annotations(self._unknown, texts):
            found.setdefault(place, []).append(annotation)
        for place, made in sorted(found.items()):
            self._writer.extend(place, made, [])
        for place in sorted(self.pieces):
            self._close(place, "".join(self.pieces[place]))

    def reason(self, *, is_blocked: bool) -> generation_pb2.FinishReason.ValueType:
        """Return why it ended, in the contract's words."""
        return FILTERED if is_blocked else finish_reason(self.finish_word, has_calls=self._has_calls)

    @property
    def provider_json(self) -> str:
        """What the candidate holds beyond the contract, empty where that is nothing."""
        unknown = {**self._unknown, "message": self._content_unknown} if self._content_unknown else self._unknown
        return compact(unknown) if unknown else ""

    def _part(self, raw: Json, response_id: str) -> None:
        if self._partial is not None and "functionCall" not in raw:
            self._flush_partial(response_id)
        if "functionCall" in raw:
            self._function_call(raw, mapping(raw["functionCall"]), response_id)
        elif "text" in raw or raw.keys() <= parts.ASIDE_MEMBERS:
            self._text(raw)
        elif "inlineData" in raw:
            self._inline(raw, mapping(raw["inlineData"]))
        else:
            self._other(raw, response_id)

    def _text(self, raw: Json) -> None:
        kind = "reasoning" if raw.get("thought") is True else "text"
        said, signature = text(raw.get("text")), text(raw.get("thoughtSignature"))
        unknown = {} if raw.keys() <= TEXT_MEMBERS else rest(raw, TEXT_MEMBERS)
        if self.open_kind != kind:
            if not (said or signature or unknown):
                return
            self._open_text(kind)
        place = self.open_place
        if said:
            self.pieces[place].append(said)
            self._writer.append(place, said)
        if unknown:
            self._bags.setdefault(place, {}).update(unknown)
        if signature:
            self._signatures[place] = signature
            self.open_kind = ""

    def _open_text(self, kind: str) -> None:
        place, part = self._add()
        if kind == "text":
            part.text = ""
            self._texts.append(place)
        else:
            part.reasoning.kind = message_pb2.Reasoning.KIND_SUMMARY
        self.open_kind, self.open_place = kind, place
        self.pieces[place] = []

    def _function_call(self, raw: Json, inner: Json, response_id: str) -> None:
        if self._partial is not None and inner.get("name"):
            self._flush_partial(response_id)  # the end of the call before was not told
        goes_on = inner.get("willContinue") is True
        if self._partial is None and (goes_on or "partialArgs" in inner):
            self._partial = PartialCall()
            self._partial_raw = {}
        if self._partial is not None:
            self._partial.add(inner)
            self._partial_raw.update(raw)
            if not goes_on:
                self._flush_partial(response_id)
        elif inner:
            self._whole_call(raw, inner, response_id)

    def _flush_partial(self, response_id: str) -> None:
        if self._partial is not None:
            whole, self._partial = self._partial.whole, None
            self._whole_call(self._partial_raw, whole, response_id)

    def _whole_call(self, raw: Json, inner: Json, response_id: str) -> None:
        self._has_calls = True
        place, part = self._add()
        self._finish_part(place, raw, "functionCall", parts.fill_call(part, inner, self._call_id(inner, response_id)))

    def _inline(self, raw: Json, inner: Json) -> None:
        data, mime_type = parts.bytes_of(inner.get("data")), text(inner.get("mimeType"))
        is_raw_audio = mime_type.lower().startswith(RAW_AUDIO)
        signature = text(raw.get("thoughtSignature"))
        if is_raw_audio and not signature and self.open_kind == mime_type:
            self._writer.append_data(self.open_place, data)
            return
        place, part = self._add()
        unknown = parts.fill_inline(part, inner)
        if is_raw_audio and not signature:
            self.open_kind, self.open_place = mime_type, place
            self.pieces[place] = []
            self._bag(place, raw, "inlineData", unknown)
            self._writer.append_data(place, data)
        else:
            part.media.data = data
            self._finish_part(place, raw, "inlineData", unknown)

    def _other(self, raw: Json, response_id: str) -> None:
        place, part = self._add()
        if "executableCode" in raw:
            kind, inner = "executableCode", mapping(raw["executableCode"])
            self._run_id = self._call_id(inner, response_id)
            unknown = parts.fill_code(part, inner, self._run_id)
        elif "codeExecutionResult" in raw:
            kind, inner = "codeExecutionResult", mapping(raw["codeExecutionResult"])
            run_id = text(inner.get("id")) or self._run_id or self._call_id(inner, response_id)
            unknown = parts.fill_code_result(part, inner, run_id)
        elif "fileData" in raw:
            kind, unknown = "fileData", parts.fill_file(part, mapping(raw["fileData"]))
        else:
            kind, unknown = "", {}
            parts.fill_unknown(part, raw)
        self._finish_part(place, raw, kind, unknown)

    def _add(self) -> tuple[int, message_pb2.Part]:
        place = self._part_count
        self._part_count += 1
        self.open_kind = ""
        return place, self._writer.add(place)

    def _finish_part(self, place: int, raw: Json, kind: str, unknown: Json) -> None:
        self._bag(place, raw, kind, unknown)
        signature = text(raw.get("thoughtSignature"))
        if signature:
            self._signatures[place] = signature
        self._close(place, "")

    def _bag(self, place: int, raw: Json, kind: str, unknown: Json) -> None:
        """Keep what a part holds beyond the contract, so that it can be sent back as it came."""
        aside = {} if len(raw) == 1 or not kind else rest(raw, frozenset({kind, "thoughtSignature"}))
        if unknown:
            aside[kind] = unknown
        if aside:
            self._bags[place] = aside

    def _close(self, place: int, said: str) -> None:
        bag = self._bags.get(place)
        self._writer.close(place, said, self._signatures.get(place, ""), compact(bag) if bag else "")

    def _call_id(self, inner: Json, response_id: str) -> str:
        place = self._call_count
        self._call_count += 1
        return text(inner.get("id")) or parts.minted_id(response_id, self.index, place)

    def _logprobs(self, raw: Json) -> None:
        """Add log probabilities to the latest text; without one they stay in the bag."""
        if not self._texts:
            gather(self._unknown, {"logprobsResult": raw})
            return
        tokens = parts.read_logprobs(raw)
        if tokens:
            self._writer.extend(self._texts[-1], [], tokens)
        unknown = rest(raw, LOGPROB_MEMBERS)
        if unknown:
            gather(self._unknown, {"logprobsResult": unknown})


def gather(known: Json, more: Json) -> None:
    """Add what a chunk brings: objects are merged member by member, everything else is replaced."""
    for member, value in more.items():
        before = known.get(member)
        known[member] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
