//! Asks a model, embeds texts, sorts documents and counts tokens.

use std::env;
use std::error::Error;

use llmgateway::v1::{EmbedRequest, RerankRequest};
use llmgateway::{Client, Prompt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = Client::builder().target(env::var("LLMGATEWAY_TARGET").unwrap_or("127.0.0.1:50051".to_owned()));
    if let Ok(key) = env::var("LLMGATEWAY_KEY") {
        builder = builder.key(key);
    }
    let client = builder.connect_lazy()?;

    let prompt = Prompt::new("Hello, gateway!").model("mock/echo").system("Be kind.").temperature(0.5);
    let answer = client.generate(prompt).await?;
    println!("{}", answer.text());
    let (call, usage) = (answer.call.unwrap_or_default(), answer.usage.unwrap_or_default());
    let (read, written) = (usage.input_token_count, usage.output_token_count);
    println!("{}/{}: {read} tokens in, {written} out", call.provider, call.model);

    let mut request = EmbedRequest::new("mock/embed", ["one", "two"]);
    request.dimension_count = Some(4);
    let embedded = client.embed(request).await?.embeddings;
    println!("{} vectors of {} numbers", embedded.len(), embedded[0].values.len());

    let documents = ["The mountain is high.", "The river is long.", "The city is old."];
    let mut request = RerankRequest::new("mock/rerank", "How long is the river?", documents);
    request.result_count = Some(1);
    let ranked = client.rerank(request).await?.results;
    println!("best document: {}", documents[ranked[0].index as usize]);

    let prompt = Prompt::new("Hello, gateway!").model("mock/echo");
    println!("{} tokens to read", client.count_tokens(prompt.clone()).await?.input_token_count);

    let explained = client.explain(prompt).await?;
    println!("would go to: {}/{}", explained.targets[0].provider, explained.targets[0].model);

    println!("known: {}", client.model("mock/echo").await?.id);
    println!("listed: {}", client.models().await?.iter().any(|model| model.id == "mock/echo"));
    Ok(())
}
