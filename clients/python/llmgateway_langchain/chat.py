"""The chat model: LangChain's interface over the gateway's client. Thin: all conversion is pure, in other modules."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from llmgateway.v1 import generation_pb2
from pydantic import BaseModel, ConfigDict, field_validator

from llmgateway_langchain.chunks import Chunks
from llmgateway_langchain.connection import Connection
from llmgateway_langchain.content import register
from llmgateway_langchain.decode_response import decode_response
from llmgateway_langchain.encode_request import encode_request, parse_fields
from llmgateway_langchain.encode_tools import ToolChoice, describe_tool
from llmgateway_langchain.extras import Json
from llmgateway_langchain.retrying import Retries
from llmgateway_langchain.structured import (
    Method,
    Schema,
    check_method,
    parser_of,
    response_format,
    tool_name_of,
    traced,
    with_raw,
)

register()

# The fields that a call may override, each as an option of `invoke` and its like.
OPTION_FIELDS = (
    "model",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "logit_bias",
    "max_tokens",
    "n",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "reasoning_max_tokens",
    "reasoning_visibility",
    "labels",
    "provider_options_json",
    "request_fields",
)


class ChatLLMGateway(Connection, BaseChatModel):
    """Any chat model or route of a gateway.

        model = ChatLLMGateway(model="anthropic/claude-sonnet-4-5", temperature=0)
        model.invoke("Hello").text

    Every field from `model` on is also an option of a single call, by the same name: `model.invoke("Hello", seed=1)`.
    So are `stop`, `timeout`, `tools`, `tool_choice`, `parallel_tool_calls` and `response_format`.

    A failed call raises the client's `GatewayError`, which is LangChain's `ModelError` for the same at once. One
    instance serves threads and event loops; `close`, `aclose` or `with` end its connections.
    """

    # Of two bases pydantic takes the settings of the last: a misspelt field would pass unseen.
    model_config = ConfigDict(extra="forbid")

    model: str
    """`provider/model`, or the name of a route."""
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    logit_bias: Mapping[int, float] | None = None
    """What to add to the logits of tokens, by their numbers."""
    max_tokens: int | None = None
    """The most tokens to write, reasoning included."""
    n: int | None = None
    """How many answers to write; more than one only where nothing is streamed."""
    stop: list[str] | None = None
    """Texts that end the answer, unless a call has its own."""
    logprobs: bool | None = None
    """Whether to return the log probabilities of the tokens, in `response_metadata["logprobs"]`."""
    top_logprobs: int | None = None
    """How many alternatives to return to each token; asks for log probabilities, too."""
    reasoning_effort: str | None = None
    """How hard to think: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`, or a newer word."""
    reasoning_max_tokens: int | None = None
    """The most tokens to think with; excludes `reasoning_effort`."""
    reasoning_visibility: str | None = None
    """What to show of the thoughts: `none`, `auto`, `concise`, `detailed`, `full`, or a newer word."""
    labels: Mapping[str, str] | None = None
    """Labels for routing rules and usage reports."""
    provider_options_json: Mapping[str, Any] | None = None
    """By dialect, a JSON object that is merged into the provider's request, as text or as a value."""
    request_fields: Mapping[str, Any] | None = None
    """Any other field of `GenerateRequest`, in proto JSON: `{"routing": {"sort": "price"}}`."""
    streaming: bool = False
    """Whether `invoke`, too, streams."""

    @field_validator("request_fields")
    @classmethod
    def _check_fields(cls, fields: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        parse_fields(fields or {})
        return fields

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Name the fields that are no part of a serialised model, with the variables they are read from."""
        return {"key": "LLMGATEWAY_KEY"}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether LangChain may serialise it."""
        return True

    @property
    def _llm_type(self) -> str:
        return "llmgateway-chat"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"target": self.target, **self._options({}), "stop": self.stop}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return super()._get_ls_params(stop=stop or self.stop, **kwargs)

    def bind_tools(
        self,
        tools: Sequence[Mapping[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: ToolChoice | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model with tools that it may call.

        `tool_choice` is `auto`, `any`, `none`, or a tool's name. `strict` asks that arguments satisfy the schema to
        the letter. A tool that the provider runs is `{"dialect": "anthropic", "type": "web_search_20260318", …}`.
        """
        described = [describe_tool(tool, strict) for tool in tools]
        return self.bind(
            tools=described, **given(tool_choice=tool_choice, parallel_tool_calls=parallel_tool_calls), **kwargs
        )

    def with_structured_output(
        self,
        schema: Schema,
        *,
        method: Method = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Return the model with answers of a schema: instances of a Pydantic class, dicts for anything else.

        `json_schema` has the provider write by the schema, `function_calling` has the model call a tool of that
        form, `json_mode` asks for any JSON: say in the prompt which. With `include_raw` the answer is a dict of
        `raw`, `parsed` and `parsing_error`. A refusal raises LangChain's `ModelRefusalError`.
        """
        check_method(method)
        kwargs = {**kwargs, "ls_structured_output_format": traced(schema, method, strict)}
        if method == "function_calling":
            model = self.bind_tools([schema], tool_choice=tool_name_of(schema), strict=strict, **kwargs)
        else:
            model = self.bind(response_format=response_format(schema, method, strict), **kwargs)
        parser = parser_of(schema, method)
        return with_raw(model, parser) if include_raw else model | parser

    def get_num_tokens(self, text: str) -> int:
        """Return how many tokens a message with this text takes, as its provider counts where it can."""
        return self.get_num_tokens_from_messages([HumanMessage(text)])

    def get_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[Mapping[str, Any] | type | Callable[..., Any] | BaseTool] | None = None,
    ) -> int:
        """Return how many tokens a call with these messages would read, with all that is around them."""
        described = [describe_tool(tool) for tool in tools or ()]
        request = self._request(messages, None, {"tools": described})
        return self._retries.call(
            lambda: self._blocking.count_tokens(request, timeout_s=self.timeout)
        ).input_token_count

    def get_token_ids(self, text: str) -> list[int]:
        """Return the tokens' numbers by `custom_get_token_ids`; the gateway counts tokens, and numbers none."""
        if self.custom_get_token_ids is None:
            raise NotImplementedError("The gateway has no numbers of tokens: use get_num_tokens, which counts them.")
        return self.custom_get_token_ids(text)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002  # LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        request, timeout_s = self._request(messages, stop, kwargs), self._timeout_s(kwargs)
        return decode_response(self._retries.call(lambda: self._blocking.generate(request, timeout_s=timeout_s)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002  # LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        request, timeout_s = self._request(messages, stop, kwargs), self._timeout_s(kwargs)
        return decode_response(await self._retries.acall(lambda: self._running.generate(request, timeout_s=timeout_s)))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002  # LangChain tells it of each chunk itself
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        request, timeout_s = self._single(messages, stop, kwargs), self._timeout_s(kwargs)

        def start() -> Iterator[ChatGenerationChunk]:
            chunks = Chunks(as_blocks=self.output_version == "v1")
            with self._blocking.stream(request, timeout_s=timeout_s) as stream:
                for event in stream:
                    chunk = chunks.add(event)
                    if chunk is not None:
                        yield generation_chunk(chunk)

        return self._retries.stream(start)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002  # as above
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        request, timeout_s = self._single(messages, stop, kwargs), self._timeout_s(kwargs)

        async def start() -> AsyncGenerator[ChatGenerationChunk, None]:
            chunks = Chunks(as_blocks=self.output_version == "v1")
            async with self._running.stream(request, timeout_s=timeout_s) as stream:
                async for event in stream:
                    chunk = chunks.add(event)
                    if chunk is not None:
                        yield generation_chunk(chunk)

        async with contextlib.aclosing(self._retries.astream(start)) as items:
            async for item in items:
                yield item

    @property
    def _retries(self) -> Retries:
        return Retries(self.max_retries)

    def _timeout_s(self, kwargs: Mapping[str, Any]) -> float | None:
        return cast("float | None", kwargs.get("timeout", self.timeout))

    def _options(self, kwargs: Mapping[str, Any]) -> Json:
        """Return the options of a call: the model's own, unless the call has others."""
        own = {name: getattr(self, name) for name in OPTION_FIELDS}
        # LangChain passes `stream` on, which has told it how to call this.
        asked = {name: value for name, value in kwargs.items() if name not in ("stream", "timeout")}
        return given(**{**own, **given(**asked)})

    def _request(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
    ) -> generation_pb2.GenerateRequest:
        return encode_request(messages, {**self._options(kwargs), "stop": stop or self.stop or None})

    def _single(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
    ) -> generation_pb2.GenerateRequest:
        request = self._request(messages, stop, kwargs)
        if request.candidate_count > 1:
            raise ValueError("A stream has one answer: leave n out, or use invoke without streaming.")
        return request


def generation_chunk(chunk: AIMessageChunk) -> ChatGenerationChunk:
    """Return a chunk as LangChain's models yield it."""
    reason = chunk.response_metadata.get("finish_reason")
    return ChatGenerationChunk(message=chunk, generation_info={"finish_reason": reason} if reason else None)


def given(**options: Any) -> Json:
    """Return the options that are not None."""
    return {name: value for name, value in options.items() if value is not None}
