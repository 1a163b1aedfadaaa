//! Makes the calls of conformance cases by the Rust client, and writes what it saw.
//!
//! A case is a line of JSON on standard input, an answer a line on standard output; `tests/conformance/README.md` has both.

mod answer;
mod case;

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::future::Future;
use std::io::{BufRead, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io};

use futures_util::future::try_join_all;
use llmgateway::v1::{
    CompareRequest, CountTokensRequest, EmbedRequest, ExplainRouteRequest, GenerateRequest, GenerateResponse,
    GetModelRequest, RerankRequest,
};
use llmgateway::{Client, Comparison, GenerationStream};

use crate::answer::{Answer, ComparedEvent, ComparedModel, EventOrFailure, Events, Failure, Repeated, encode};
use crate::case::{Case, How, Repeat, decode};

type Failed = Box<dyn Error>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let mut runner = Runner::default();
    for line in io::stdin().lock().lines() {
        let answer = runner.run(serde_json::from_str(&line?)?).await?;
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &answer)?;
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

/// Makes calls; keeps one client for each way to connect.
#[derive(Default)]
struct Runner {
    clients: HashMap<How, Client>,
}

impl Runner {
    /// Makes the call of a case; returns what came of it.
    async fn run(&mut self, case: Case) -> Result<Answer, Failed> {
        let started = Instant::now();
        let mut client = self.client(&case.client)?;
        if let Some(timeout_s) = case.timeout_s {
            client = client.with_timeout(Duration::from_secs_f64(timeout_s));
        }
        let mut answer = Answer { name: case.name.clone(), ..Answer::default() };
        match &case.repeat {
            Some(how) => answer.repeat = Some(repeat(&case, how, &client).await?),
            None => call(&case, &client, &mut answer).await?,
        }
        answer.elapsed_ms = started.elapsed().as_millis();
        Ok(answer)
    }

    fn client(&mut self, how: &How) -> Result<Client, Failed> {
        if let Some(client) = self.clients.get(how) {
            return Ok(client.clone());
        }
        let mut builder = Client::builder().target(&how.target).tls(how.tls);
        if let Some(key) = &how.key {
            builder = builder.key(key);
        }
        if let Some(path) = &how.root_certificates {
            builder = builder.root_certificates(fs::read(path)?);
        }
        match (&how.client_certificate, &how.client_key) {
            (Some(certificate), Some(key)) => builder = builder.identity(fs::read(certificate)?, fs::read(key)?),
            (None, None) => {}
            _ => return Err("client_key and client_certificate belong together".into()),
        }
        let client = builder.connect_lazy()?;
        self.clients.insert(how.clone(), client.clone());
        Ok(client)
    }
}

async fn call(case: &Case, client: &Client, answer: &mut Answer) -> Result<(), Failed> {
    let cancelled_at = case.cancel_after_ms.map(|after| tokio::time::Instant::now() + Duration::from_millis(after));
    match case.rpc.as_str() {
        "StreamGenerate" => {
            let request: GenerateRequest = decode(&case.request_bytes)?;
            read_stream(client.stream(request), case, cancelled_at, answer).await;
        }
        "Compare" => {
            let request: CompareRequest = decode(&case.request_bytes)?;
            let comparison = client.compare(request.generation.unwrap_or_default(), request.models);
            read_comparison(comparison, case, cancelled_at, answer).await;
        }
        _ => match until(cancelled_at, unary(case, client, answer)).await {
            None => answer.cancelled = true,
            Some(result) => answer.error = result?.err().map(|error| Failure::from(&error)),
        },
    }
    if let (Some(follow_up), Some(response)) = (&case.follow_up_bytes, answer.response.clone()) {
        let asked = ask_once_more(decode(&response)?, decode(follow_up)?, client, answer).await?;
        answer.error = asked.err().map(|error| Failure::from(&error));
    }
    Ok(())
}

/// Waits for a future until it is cancelled, which drops it; returns `None` then.
async fn until<F: Future>(cancelled_at: Option<tokio::time::Instant>, future: F) -> Option<F::Output> {
    match cancelled_at {
        Some(at) => tokio::time::timeout_at(at, future).await.ok(),
        None => Some(future.await),
    }
}

/// Makes a call that is answered with one message. The outer error is one of the case, the inner one that of the call.
async fn unary(case: &Case, client: &Client, answer: &mut Answer) -> Result<Result<(), llmgateway::Error>, Failed> {
    let request = case.request_bytes.as_str();
    let response = match case.rpc.as_str() {
        "Generate" => {
            let request: GenerateRequest = decode(request)?;
            client.generate(request).await.map(|response| encode(&response))
        }
        "Embed" => client.embed(decode::<EmbedRequest>(request)?).await.map(|response| encode(&response)),
        "Rerank" => client.rerank(decode::<RerankRequest>(request)?).await.map(|response| encode(&response)),
        "CountTokens" => {
            let request: CountTokensRequest = decode(request)?;
            let counted = client.count_tokens(request.generation.unwrap_or_default()).await;
            counted.map(|response| encode(&response))
        }
        "ExplainRoute" => {
            let request: ExplainRouteRequest = decode(request)?;
            let explained = client.explain(request.generation.unwrap_or_default()).await;
            explained.map(|response| encode(&response))
        }
        "GetModel" => {
            let request: GetModelRequest = decode(request)?;
            client.model(request.id).await.map(|model| encode(&model))
        }
        "ListModels" => match client.models().await {
            Ok(models) => {
                answer.model_ids = Some(models.into_iter().map(|model| model.id).collect());
                return Ok(Ok(()));
            }
            Err(error) => Err(error),
        },
        rpc => return Err(format!("no such RPC: {rpc}").into()),
    };
    Ok(response.map(|response| answer.response = Some(response)))
}

/// Asks once more with the answer's message before the last one.
async fn ask_once_more(
    first: GenerateResponse,
    mut request: GenerateRequest,
    client: &Client,
    answer: &mut Answer,
) -> Result<Result<(), llmgateway::Error>, Failed> {
    let candidate = first.candidates.into_iter().next().ok_or("the answer has no candidate")?;
    let place = request.messages.len().checked_sub(1).ok_or("the follow-up has no message")?;
    request.messages.insert(place, candidate.message.unwrap_or_default());
    answer.sent = Some(encode(&request));
    let response = client.generate(request).await;
    Ok(response.map(|response| answer.follow_up = Some(encode(&response))))
}

async fn read_stream(
    mut stream: GenerationStream,
    case: &Case,
    cancelled_at: Option<tokio::time::Instant>,
    answer: &mut Answer,
) {
    let mut events = Vec::new();
    loop {
        match until(cancelled_at, stream.next()).await {
            None => answer.cancelled = true,
            Some(None) => {}
            Some(Some(Err(error))) => answer.error = Some(Failure::from(&error)),
            Some(Some(Ok(event))) => {
                events.push(encode(&event));
                if case.leave_after != Some(events.len()) {
                    continue;
                }
                answer.left = true;
            }
        }
        break;
    }
    answer.events = Some(Events::Single(events));
    answer.response = Some(encode(stream.response()));
    answer.text = Some(stream.response().text());
    answer.is_finished = Some(stream.is_finished());
}

async fn read_comparison(
    mut comparison: Comparison,
    case: &Case,
    cancelled_at: Option<tokio::time::Instant>,
    answer: &mut Answer,
) {
    let mut events = Vec::new();
    loop {
        match until(cancelled_at, comparison.next()).await {
            None => answer.cancelled = true,
            Some(None) => {}
            Some(Some(Err(error))) => answer.error = Some(Failure::from(&error)),
            Some(Some(Ok(came))) => {
                let what = match &came.event {
                    Ok(event) => EventOrFailure::Event(encode(event)),
                    Err(error) => EventOrFailure::Error(Box::new(Failure::from(error))),
                };
                events.push(ComparedEvent { model_index: came.model_index, what });
                if case.leave_after != Some(events.len()) {
                    continue;
                }
                answer.left = true;
            }
        }
        break;
    }
    answer.events = Some(Events::Compared(events));
    let models = comparison.models().iter().map(|model| ComparedModel {
        name: model.name().to_owned(),
        response: encode(model.response()),
        error: model.error().map(Failure::from),
    });
    answer.models = Some(models.collect());
}

/// Makes the call many times, several at once.
async fn repeat(case: &Case, how: &Repeat, client: &Client) -> Result<Repeated, Failed> {
    let begun = AtomicUsize::new(0);
    let repeated = Mutex::new(Repeated { succeeded: 0, failed: BTreeMap::new() });
    let work = async || -> Result<(), Failed> {
        while begun.fetch_add(1, Ordering::Relaxed) < how.count {
            let mut answer = Answer::default();
            call(case, client, &mut answer).await?;
            let mut repeated = repeated.lock().map_err(|_| "a worker panicked")?;
            match answer.error {
                None => repeated.succeeded += 1,
                Some(error) => *repeated.failed.entry(format!("{}: {}", error.kind, error.message)).or_default() += 1,
            }
        }
        Ok(())
    };
    try_join_all((0..how.concurrency).map(|_| work())).await?;
    Ok(repeated.into_inner()?)
}
