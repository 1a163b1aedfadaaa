/** Lets a model call a function, and gives it what the function returned. */
import { Client, textOf } from "@llmgateway/client";
import type { ChatMessageInit } from "@llmgateway/client";
import { Role } from "@llmgateway/client/v1";

const schema = { type: "object", properties: { city: { enum: ["Oslo"] } }, required: ["city"] };

function getWeather(city: string): string {
  return `It rains in ${city}.`;
}

using client = new Client({
  target: process.env["LLMGATEWAY_TARGET"],
  key: process.env["LLMGATEWAY_KEY"],
});

const getWeatherTool = {
  name: "get_weather",
  description: "Tells the weather.",
  inputSchemaJson: JSON.stringify(schema),
};
const request = {
  model: "mock/tool",
  tools: [{ kind: { case: "function" as const, value: getWeatherTool } }],
};
const messages: ChatMessageInit[] = [
  {
    role: Role.USER,
    parts: [{ content: { case: "text", value: "How is the weather in Oslo?" } }],
  },
];

const answer = await client.generate({ ...request, messages });
for (const { message } of answer.candidates) {
  // The model's own message goes back as it came: it holds the call that the result belongs to.
  messages.push(message ?? {});
  for (const { content } of message?.parts ?? []) {
    if (content.case === "toolCall") {
      const { id, name, input } = content.value;
      const { city } = JSON.parse(input.value ?? "{}") as { city: string };
      console.log(`calls ${name} for ${city}`);
      const parts = [{ content: { case: "text" as const, value: getWeather(city) } }];
      const result = { case: "toolResult" as const, value: { toolCallId: id, parts } };
      messages.push({ role: Role.TOOL, parts: [{ content: result }] });
    }
  }
}

console.log(textOf(await client.generate({ ...request, messages })));
