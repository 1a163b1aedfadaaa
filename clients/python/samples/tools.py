"""Lets a model call a function, and gives it what the function returned."""

import asyncio
import json
import os

from llmgateway import Client, text_of
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2

SCHEMA = {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]}


def get_weather(city: str) -> str:
    return f"It rains in {city}."


async def main() -> None:
    target = os.environ.get("LLMGATEWAY_TARGET", "127.0.0.1:50051")
    async with Client(target, key=os.environ.get("LLMGATEWAY_KEY")) as client:
        request = generation_pb2.GenerateRequest(model="mock/tool")
        tool = tool_pb2.FunctionTool(
            name="get_weather", description="Tells the weather.", input_schema_json=json.dumps(SCHEMA)
        )
        request.tools.add(function=tool)
        question = message_pb2.Part(text="How is the weather in Oslo?")
        request.messages.add(role=message_pb2.ROLE_USER, parts=[question])

        answer = await client.generate(request)
        # The model's own message goes back as it came: it holds the call that the result belongs to.
        message = answer.candidates[0].message
        request.messages.append(message)
        results = request.messages.add(role=message_pb2.ROLE_TOOL)
        for part in message.parts:
            if part.HasField("tool_call"):
                arguments = json.loads(part.tool_call.arguments_json)
                print(f"calls {part.tool_call.name} for {arguments['city']}")
                result = message_pb2.ToolResult(tool_call_id=part.tool_call.id)
                result.parts.add(text=get_weather(arguments["city"]))
                results.parts.add(tool_result=result)

        print(text_of(await client.generate(request)))


asyncio.run(main())
