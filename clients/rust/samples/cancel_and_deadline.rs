//! Bounds a call in time, leaves a stream early, and cancels a call that runs.

use std::env;
use std::error::Error;
use std::time::Duration;

use llmgateway::{Client, ErrorKind, Prompt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = Client::builder().target(env::var("LLMGATEWAY_TARGET").unwrap_or("127.0.0.1:50051".to_owned()));
    if let Ok(key) = env::var("LLMGATEWAY_KEY") {
        builder = builder.key(key);
    }
    let client = builder.connect_lazy()?;

    let hasty = client.with_timeout(Duration::from_millis(200));
    match hasty.generate(Prompt::new("Hello").model("mock/slow")).await {
        Err(error) if error.kind() == ErrorKind::DeadlineExceeded => println!("deadline: DEADLINE_EXCEEDED"),
        unexpected => return Err(format!("{unexpected:?}").into()),
    }

    let mut stream = client.stream(Prompt::new("Hello").model("mock/lorem"));
    stream.next().await.transpose()?;
    println!("left early, finished: {}", stream.is_finished());
    // Dropping a stream ends its call, at the provider, too.
    drop(stream);

    // So does dropping the future of any call, here as its task is aborted.
    let other = client.clone();
    let running = tokio::spawn(async move { other.generate(Prompt::new("Hello").model("mock/slow")).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.abort();
    if running.await.is_err_and(|error| error.is_cancelled()) {
        println!("cancelled");
    }

    println!("{}", client.generate(Prompt::new("Still here.").model("mock/echo")).await?.text());
    Ok(())
}
