//! Prints an answer as it is written.

use std::env;
use std::error::Error;
use std::io::{self, Write};

use llmgateway::{Client, Prompt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = Client::builder().target(env::var("LLMGATEWAY_TARGET").unwrap_or("127.0.0.1:50051".to_owned()));
    if let Ok(key) = env::var("LLMGATEWAY_KEY") {
        builder = builder.key(key);
    }
    let client = builder.connect_lazy()?;

    let prompt = Prompt::new("Tell me more.").model("mock/lorem").max_output_token_count(20);
    let mut stream = client.stream(prompt);
    let mut text = stream.text();
    while let Some(piece) = text.next().await {
        print!("{}", piece?);
        io::stdout().flush()?;
    }
    println!();
    let response = stream.response();
    println!("finished: {}", stream.is_finished());
    println!("{}", response.candidates[0].finish_reason().as_str_name());
    println!("{} tokens", response.usage.as_ref().map_or(0, |usage| usage.output_token_count));
    Ok(())
}
