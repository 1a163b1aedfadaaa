//! Reads what a failed call says.

use std::env;
use std::error::Error;

use llmgateway::{Client, ErrorKind, Prompt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = Client::builder().target(env::var("LLMGATEWAY_TARGET").unwrap_or("127.0.0.1:50051".to_owned()));
    if let Ok(key) = env::var("LLMGATEWAY_KEY") {
        builder = builder.key(key);
    }
    let client = builder.connect_lazy()?;

    match client.generate(Prompt::new("Hello").model("mock/error-429")).await {
        Err(error) if error.kind() == ErrorKind::RateLimited => {
            println!("rate limited: {}", error.reason_name());
            println!("try again after {} s", error.retry_after().unwrap_or_default().as_secs_f64());
            let attempts = error.attempts();
            let last_status = attempts.last().map_or(0, |attempt| attempt.http_status);
            println!("attempts: {}, the last one's HTTP status: {last_status}", attempts.len());
        }
        unexpected => return Err(format!("{unexpected:?}").into()),
    }

    match client.generate(Prompt::new("Hello").model("mock/ecko")).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("not found: {}, nearest: {}", error.reason_name(), error.metadata()["nearest"]);
        }
        unexpected => return Err(format!("{unexpected:?}").into()),
    }

    match client.generate(Prompt::new("").model("")).await {
        Err(error) if error.kind() == ErrorKind::InvalidRequest => {
            println!("invalid: {}, field: {}", error.reason_name(), error.violations()[0].field);
        }
        unexpected => return Err(format!("{unexpected:?}").into()),
    }

    for model in ["limited/echo", "limited/lorem"] {
        let error = use_up(&client, model).await;
        let later = if error.retry_after().is_some() { "yes" } else { "no" };
        println!("refused: {}, try again later: {later}", error.reason_name());
        // Cost counts 1e-9 US dollars.
        for quota in error.quota_violations() {
            let counts = format!("limit {}, used {}, held {}", quota.limit, quota.used, quota.held);
            println!("{} of {}, {}: {counts}", quota.metric, quota.scope, quota.window);
        }
    }

    let mut stream = client.stream(Prompt::new("Hello").model("mock/cut"));
    while let Some(event) = stream.next().await {
        if let Err(error) = event {
            // Content had come: trying again means paying again.
            println!("broken off: {}, started: {}", error.reason_name(), error.started());
        }
    }
    println!("kept: {}", stream.response().text());
    Ok(())
}

/// Calls until a quota refuses; returns the refusal.
async fn use_up(client: &Client, model: &str) -> llmgateway::Error {
    loop {
        if let Err(error) = client.generate(Prompt::new("Hello").model(model)).await {
            return error;
        }
    }
}
