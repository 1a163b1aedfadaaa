"""Answers of a schema: how to ask for one, and how to read it."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Literal, cast, get_args

from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.base import OutputParserLike
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from llmgateway_langchain.encode_request import schema_format
from llmgateway_langchain.extras import Json

Method = Literal["json_schema", "function_calling", "json_mode"]
Schema = dict[str, Any] | type


def check_method(method: str) -> None:
    """Raise `ValueError` for a way to ask that there is not."""
    if method not in get_args(Method):
        raise ValueError(f"method is {method!r}: give one of {', '.join(get_args(Method))}.")


def tool_name_of(schema: Schema) -> str:
    """Return the name of the tool that stands for a schema."""
    name: str = convert_to_openai_tool(schema)["function"]["name"]
    return name


def response_format(schema: Schema, method: Method, strict: bool | None) -> Json:
    """Return what asks for the schema's JSON, or for any JSON."""
    return {"type": "json_object"} if method == "json_mode" else schema_format(schema, strict)


def traced(schema: Schema, method: Method, strict: bool | None) -> Json:
    """Return what LangChain's tracing wants to know."""
    return {"kwargs": {"method": method, "strict": strict}, "schema": schema}


def parser_of(schema: Schema, method: Method) -> OutputParserLike[Any]:
    """Return what reads the answer: an instance where the schema is a Pydantic class, else a dict.

    Each raises LangChain's `ModelRefusalError` where the model declined.
    """
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        model = cast("type[BaseModel]", schema)
        if method == "function_calling":
            return PydanticToolsParser(tools=[model], first_tool_only=True)
        return PydanticOutputParser(pydantic_object=model)
    if method == "function_calling":
        return JsonOutputKeyToolsParser(key_name=tool_name_of(schema), first_tool_only=True)
    return JsonOutputParser()


def with_raw(model: Runnable[Any, Any], parser: OutputParserLike[Any]) -> Runnable[Any, Any]:
    """Return the message beside what was read from it, or why it could not be read."""
    read = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unread = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=model) | read.with_fallbacks([unread], exception_key="parsing_error")
