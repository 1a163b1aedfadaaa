//! Asks several models the same at once.

use std::env;
use std::error::Error;

use llmgateway::{Client, Prompt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = Client::builder().target(env::var("LLMGATEWAY_TARGET").unwrap_or("127.0.0.1:50051".to_owned()));
    if let Ok(key) = env::var("LLMGATEWAY_KEY") {
        builder = builder.key(key);
    }
    let client = builder.connect_lazy()?;

    let prompt = Prompt::new("Hello, gateway!").max_output_token_count(6);
    let mut comparison = client.compare(prompt, ["mock/echo", "mock/lorem", "mock/error-503"]);
    while let Some(came) = comparison.next().await {
        let came = came?;
        if came.event.is_err() {
            println!("failed: {}", comparison.models()[came.model_index].name());
        }
    }
    for model in comparison.models() {
        match model.error() {
            Some(error) => println!("{}: {}", model.name(), error.reason_name()),
            None => println!("{}: {}", model.name(), model.response().text()),
        }
    }
    Ok(())
}
