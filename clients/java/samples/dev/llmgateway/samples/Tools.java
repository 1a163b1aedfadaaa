package dev.llmgateway.samples;

import com.google.gson.JsonParser;
import dev.llmgateway.client.Answers;
import dev.llmgateway.client.GatewayClient;
import dev.llmgateway.client.Prompt;
import dev.llmgateway.v1.ChatMessage;
import dev.llmgateway.v1.FunctionTool;
import dev.llmgateway.v1.GenerateRequest;
import dev.llmgateway.v1.Part;
import dev.llmgateway.v1.Role;
import dev.llmgateway.v1.Tool;
import dev.llmgateway.v1.ToolCall;
import dev.llmgateway.v1.ToolResult;

/** Lets a model call a function, and gives it what the function returned. */
public final class Tools {
    private static final String SCHEMA = """
            {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]}
            """;

    private Tools() {}

    public static void main(String[] arguments) {
        try (GatewayClient client = GatewayClient.builder()
                .target(System.getenv().getOrDefault("LLMGATEWAY_TARGET", "127.0.0.1:50051"))
                .key(System.getenv("LLMGATEWAY_KEY"))
                .build()) {
            FunctionTool tool = FunctionTool.newBuilder()
                    .setName("get_weather")
                    .setDescription("Tells the weather.")
                    .setInputSchemaJson(SCHEMA)
                    .build();
            GenerateRequest.Builder request =
                    Prompt.of("How is the weather in Oslo?").model("mock/tool").toRequest().toBuilder()
                            .addTools(Tool.newBuilder().setFunction(tool));

            // The model's own message goes back as it came: it holds the call that the result belongs to.
            ChatMessage message =
                    client.generate(request.build()).getCandidates(0).getMessage();
            ChatMessage.Builder results = ChatMessage.newBuilder().setRole(Role.ROLE_TOOL);
            message.getPartsList().stream()
                    .filter(Part::hasToolCall)
                    .map(part -> run(part.getToolCall()))
                    .forEach(result -> results.addParts(Part.newBuilder().setToolResult(result)));

            request.addMessages(message).addMessages(results);
            System.out.println(Answers.text(client.generate(request.build())));
        }
    }

    private static ToolResult run(ToolCall call) {
        String city = JsonParser.parseString(call.getArgumentsJson())
                .getAsJsonObject()
                .get("city")
                .getAsString();
        System.out.println("calls " + call.getName() + " for " + city);
        return ToolResult.newBuilder()
                .setToolCallId(call.getId())
                .addParts(Part.newBuilder().setText(weather(city)))
                .build();
    }

    private static String weather(String city) {
        return "It rains in " + city + ".";
    }
}
