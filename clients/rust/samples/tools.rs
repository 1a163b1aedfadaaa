//! Lets a model call a function, and gives it what the function returned.

use std::env;
use std::error::Error;

use llmgateway::Client;
use llmgateway::v1::part::Content;
use llmgateway::v1::tool::Kind;
use llmgateway::v1::tool_call::Input;
use llmgateway::v1::{ChatMessage, FunctionTool, GenerateRequest, Role, Tool, ToolResult};
use serde::Deserialize;

const SCHEMA: &str = r#"{"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]}"#;

#[derive(Deserialize)]
struct Arguments {
    city: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = Client::builder().target(env::var("LLMGATEWAY_TARGET").unwrap_or("127.0.0.1:50051".to_owned()));
    if let Ok(key) = env::var("LLMGATEWAY_KEY") {
        builder = builder.key(key);
    }
    let client = builder.connect_lazy()?;

    let tool = FunctionTool {
        name: "get_weather".to_owned(),
        description: "Tells the weather.".to_owned(),
        input_schema_json: SCHEMA.to_owned(),
        ..FunctionTool::default()
    };
    let mut request = GenerateRequest {
        model: "mock/tool".to_owned(),
        messages: vec![ChatMessage::text(Role::User, "How is the weather in Oslo?")],
        tools: vec![Tool { kind: Some(Kind::Function(tool)), ..Tool::default() }],
        ..GenerateRequest::default()
    };

    let answer = client.generate(request.clone()).await?;
    let message = answer.candidates.into_iter().next().and_then(|candidate| candidate.message).ok_or("no message")?;
    let mut results = ChatMessage { role: Role::Tool.into(), ..ChatMessage::default() };
    for part in &message.parts {
        if let Some(Content::ToolCall(call)) = &part.content
            && let Some(Input::ArgumentsJson(arguments)) = &call.input
        {
            let arguments: Arguments = serde_json::from_str(arguments)?;
            println!("calls {} for {}", call.name, arguments.city);
            let weather = get_weather(&arguments.city);
            let result = ToolResult {
                tool_call_id: call.id.clone(),
                parts: vec![Content::Text(weather).into()],
                ..ToolResult::default()
            };
            results.parts.push(Content::ToolResult(result).into());
        }
    }
    // The model's own message goes back as it came: it holds the call that the result belongs to.
    request.messages.extend([message, results]);
    println!("{}", client.generate(request).await?.text());
    Ok(())
}

fn get_weather(city: &str) -> String {
    format!("It rains in {city}.")
}
