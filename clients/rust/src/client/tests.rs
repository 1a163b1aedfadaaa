use std::future::poll_fn;
use std::pin::pin;

use h2::Reason;
use prost::Message;
use prost::bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tonic::Code;

use super::*;
use crate::ErrorKind;
use crate::scripted::{Scripted, Seen, Step, fail, ok};
use crate::v1::compare_response::Item;
use crate::v1::generation_event::Event;
use crate::v1::part::Content;
use crate::v1::part_delta::Delta;
use crate::v1::{
    CandidateFinished, CompareFailure, CompareResponse, ErrorReason, GenerationEvent, GenerationFinished,
    GenerationStarted, PartDelta, PartFinished, PartStarted, StreamGenerateResponse,
};

const UNAVAILABLE: u16 = Code::Unavailable as u16;
/// Has a client try again at once.
const AT_ONCE: (&str, &str) = ("grpc-retry-pushback-ms", "0");

fn client(server: &Scripted) -> Client {
    Client::builder().target(server.target()).connect_lazy().unwrap()
}

fn event(event: Event) -> GenerationEvent {
    GenerationEvent { event: Some(event), ..GenerationEvent::default() }
}

fn delta(text: &str) -> GenerationEvent {
    event(Event::PartDelta(PartDelta { delta: Some(Delta::Text(text.to_owned())), ..PartDelta::default() }))
}

fn opening() -> Vec<GenerationEvent> {
    let part = Some(Content::Text(String::new()).into());
    vec![
        event(Event::Started(GenerationStarted::default())),
        event(Event::PartStarted(PartStarted { part, ..PartStarted::default() })),
    ]
}

fn ending() -> Vec<GenerationEvent> {
    vec![
        event(Event::PartFinished(PartFinished::default())),
        event(Event::CandidateFinished(CandidateFinished::default())),
        event(Event::Finished(GenerationFinished::default())),
    ]
}

fn whole(text: &str) -> Vec<GenerationEvent> {
    [opening(), vec![delta(text)], ending()].concat()
}

fn message(events: Vec<GenerationEvent>) -> Step {
    Step::Message(StreamGenerateResponse { events, ..StreamGenerateResponse::default() }.encode_to_vec().into())
}

fn streamed(events: Vec<GenerationEvent>) -> Vec<Step> {
    vec![Step::Headers, message(events), Step::Status(0, vec![])]
}

fn answer() -> Vec<Step> {
    ok(&GenerateResponse::default())
}

/// Reads a stream to its failure; returns the events before it, too.
async fn read(mut stream: GenerationStream) -> (Vec<GenerationEvent>, Option<Error>) {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => events.push(event),
            Err(error) => {
                assert!(stream.next().await.is_none(), "nothing comes after an error");
                return (events, Some(error));
            }
        }
    }
    (events, None)
}

// What a call brings along.

#[tokio::test]
async fn every_method_makes_its_call() {
    fn brought<M: Message + Default>(seen: Seen, path: &str) -> M {
        assert_eq!(seen.path, format!("/llmgateway.v1.LLMGateway/{path}"));
        M::decode(seen.message).unwrap()
    }
    let mut server = Scripted::start([ok(&())]).await;
    let client = client(&server);
    let prompt = || Prompt::new("Hello").model("mock/echo");
    let request = GenerateRequest::from(prompt());

    client.generate(prompt()).await.unwrap();
    assert_eq!(brought::<GenerateRequest>(server.seen().await, "Generate"), request);
    let embed = EmbedRequest::new("m", ["a", "b"]);
    client.embed(embed.clone()).await.unwrap();
    assert_eq!(brought::<EmbedRequest>(server.seen().await, "Embed"), embed);
    let rerank = RerankRequest::new("m", "q", ["a", "b"]);
    client.rerank(rerank.clone()).await.unwrap();
    assert_eq!(brought::<RerankRequest>(server.seen().await, "Rerank"), rerank);
    client.count_tokens(prompt()).await.unwrap();
    assert_eq!(brought::<CountTokensRequest>(server.seen().await, "CountTokens").generation, Some(request.clone()));
    client.explain(prompt()).await.unwrap();
    assert_eq!(brought::<ExplainRouteRequest>(server.seen().await, "ExplainRoute").generation, Some(request.clone()));
    client.model("mock/echo").await.unwrap();
    assert_eq!(brought::<GetModelRequest>(server.seen().await, "GetModel").id, "mock/echo");
    client.models().await.unwrap();
    assert_eq!(brought::<ListModelsRequest>(server.seen().await, "ListModels").page_size, 1000);
    assert!(client.stream(prompt()).collect().await.is_err());
    assert_eq!(brought::<GenerateRequest>(server.seen().await, "StreamGenerate"), request);
    assert!(client.compare(prompt(), ["a", "b"]).collect().await.is_err());
    let compare = brought::<CompareRequest>(server.seen().await, "Compare");
    assert_eq!((compare.generation, compare.models), (Some(request), vec!["a".to_owned(), "b".to_owned()]));
}

#[tokio::test]
async fn a_call_brings_the_key_the_client_s_name_and_its_time() {
    let mut server = Scripted::start([answer()]).await;
    let client = Client::builder().target(server.target()).key("secret").connect_lazy().unwrap();
    client.generate("Hello").await.unwrap();
    let seen = server.seen().await;
    assert_eq!(seen.header("authorization"), Some("Bearer secret"));
    assert!(seen.header("user-agent").unwrap().starts_with("llmgateway-rust "), "{:?}", seen.header("user-agent"));
    let timeout = seen.header("grpc-timeout").unwrap();
    let millis: u64 = timeout.strip_suffix('m').expect("so long a time is told in milliseconds").parse().unwrap();
    assert!((590_000..=600_000).contains(&millis), "{timeout}");
    assert_eq!(seen.header("grpc-previous-rpc-attempts"), None);

    client.with_timeout(None).generate("Hello").await.unwrap();
    assert_eq!(server.seen().await.header("grpc-timeout"), None);
}

#[test]
fn a_key_that_cannot_be_sent_is_refused() {
    for key in ["", "a key", "key\n", "schlüssel", "tab\t"] {
        let refused = Client::builder().key(key).connect_lazy().unwrap_err();
        assert_eq!(
            refused.to_string(),
            "The key must be printable ASCII without spaces. Was it copied with a line break?",
            "{key:?}"
        );
    }
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let message = |builder: ClientBuilder| builder.connect_lazy().unwrap_err().to_string();
    assert_eq!(message(Client::builder().channels(0)), "The channels must be at least 1.");
    let target = message(Client::builder().target("https://gateway"));
    assert_eq!(target, "The target \"https://gateway\" cannot be used: give HOST:PORT, without a scheme or a path.");
    let tls = "The certificates or the client's key cannot be used: give them as PEM.";
    assert_eq!(message(Client::builder().identity("no PEM", "no PEM")), tls);
}

#[test]
fn what_callers_hold_may_be_sent_and_shared_between_threads() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Client>();
    check::<GenerationStream>();
    check::<Comparison>();
    check::<Error>();
}

#[test]
fn what_is_secret_is_not_shown() {
    let builder = Client::builder().key("secret");
    assert!(!format!("{builder:?}").contains("secret"));
    assert!(!format!("{:?}", builder.connect_lazy().unwrap()).contains("secret"));
}

#[tokio::test]
async fn all_pages_of_the_models_are_read_within_one_deadline() {
    let page = |ids: &[&str], next: &str| {
        let models = ids.iter().map(|id| Model { id: (*id).to_owned(), ..Model::default() }).collect();
        ok(&ListModelsResponse { models, next_page_token: next.to_owned(), ..ListModelsResponse::default() })
    };
    let mut server = Scripted::start([page(&["a", "b"], "p2"), page(&[], "p3"), page(&["c"], "")]).await;
    let models = client(&server).models().await.unwrap();
    assert_eq!(models.into_iter().map(|model| model.id).collect::<Vec<_>>(), ["a", "b", "c"]);
    let seen = server.all_seen();
    let tokens: Vec<_> =
        seen.iter().map(|seen| ListModelsRequest::decode(seen.message.clone()).unwrap().page_token).collect();
    assert_eq!(tokens, ["", "p2", "p3"]);

    let endless = Scripted::start([page(&["a"], "p2")]).await;
    let error = client(&endless).with_timeout(Duration::from_millis(100)).models().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
}

// Retries.

#[tokio::test]
async fn unavailable_is_tried_again_and_the_server_is_told_how_often() {
    let gone = || fail(UNAVAILABLE, &[AT_ONCE]);
    let mut server = Scripted::start([gone(), gone(), gone(), answer()]).await;
    client(&server).generate("Hello").await.unwrap();
    let attempts: Vec<_> =
        server.all_seen().iter().map(|seen| seen.header("grpc-previous-rpc-attempts").map(str::to_owned)).collect();
    assert_eq!(attempts, [None, Some("1".to_owned()), Some("2".to_owned()), Some("3".to_owned())]);

    let mut server = Scripted::start([gone(), streamed(whole("Hello"))]).await;
    assert_eq!(client(&server).stream("Hello").collect().await.unwrap().text(), "Hello");
    assert_eq!(server.all_seen().len(), 2);
}

#[tokio::test]
async fn a_call_is_tried_four_times_at_most() {
    let mut server = Scripted::start([fail(UNAVAILABLE, &[AT_ONCE, ("x-request-id", "call_1")])]).await;
    let error = client(&server).generate("Hello").await.unwrap_err();
    assert_eq!((error.kind(), error.call_id()), (ErrorKind::Unavailable, "call_1"));
    assert_eq!(server.all_seen().len(), 4);
}

#[tokio::test]
async fn what_is_not_to_be_tried_again_is_not() {
    let id = ("x-request-id", "call_1");
    for failure in [
        fail(UNAVAILABLE, &[("grpc-retry-pushback-ms", "-1"), id]),
        fail(UNAVAILABLE, &[("grpc-retry-pushback-ms", "soon"), id]),
        fail(Code::ResourceExhausted as u16, &[AT_ONCE, id]),
        fail(Code::Internal as u16, &[AT_ONCE, id]),
        // Once metadata has come, the call is answered.
        vec![Step::Headers, Step::Status(UNAVAILABLE, vec![("x-request-id", "call_1".to_owned())])],
        vec![Step::Headers, message(whole("")), Step::Status(UNAVAILABLE, vec![])],
    ] {
        let mut server = Scripted::start([failure]).await;
        assert!(client(&server).stream("Hello").collect().await.is_err());
        assert_eq!(server.all_seen().len(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_made_anew() {
    for broken in [vec![Step::Cut], vec![Step::Reset(Reason::REFUSED_STREAM)]] {
        let mut server = Scripted::start([broken, answer()]).await;
        client(&server).generate("Hello").await.unwrap();
        assert_eq!(server.all_seen().len(), 2);
    }
}

#[tokio::test]
async fn waits_end_with_the_deadline() {
    let mut server = Scripted::start([fail(UNAVAILABLE, &[("grpc-retry-pushback-ms", "3600000")])]).await;
    let error = client(&server).with_timeout(Duration::from_millis(100)).generate("Hello").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::DeadlineExceeded, Code::DeadlineExceeded));
    assert_eq!(error.message(), "The call took longer than its deadline of 100ms.");
    assert_eq!(server.all_seen().len(), 1);
}

#[tokio::test]
async fn the_calls_of_a_client_share_their_retries() {
    let gone = || fail(UNAVAILABLE, &[AT_ONCE, ("x-request-id", "call_1")]);
    // 50 failures use up half of 100 tokens: 12 calls of 4 tries, one of 2, and 7 of one each.
    let failures = 12 * 4 + 2 + 7;
    // So many halves of a token pay for those that are lacking, and for one more failure.
    let successes = 17;
    let mut script = vec![gone(); failures];
    script.extend(vec![answer(); successes]);
    script.extend([gone(), answer()]);
    let mut server = Scripted::start(script).await;
    let client = client(&server);
    for _ in 0..20 {
        client.generate("Hello").await.unwrap_err();
    }
    assert_eq!(server.all_seen().len(), failures);
    for _ in 0..successes {
        client.generate("Hello").await.unwrap();
    }
    client.generate("tried again").await.unwrap();
    assert_eq!(server.all_seen().len(), successes + 2);
}

// Deadlines and cancellation.

#[tokio::test]
async fn a_deadline_ends_a_call_and_cancels_it() {
    for wait in [vec![Step::Wait], vec![Step::Headers, Step::Wait]] {
        let mut server = Scripted::start([wait]).await;
        let client = client(&server).with_timeout(Duration::from_millis(100));
        let error = client.generate("Hello").await.unwrap_err();
        assert_eq!((error.kind(), error.started()), (ErrorKind::DeadlineExceeded, false));
        assert_eq!(server.left().await, Reason::CANCEL);
    }
}

#[tokio::test]
async fn a_deadline_after_content_says_that_content_came() {
    let mut server = Scripted::start([vec![Step::Headers, message(opening()), Step::Wait]]).await;
    let client = client(&server).with_timeout(Duration::from_millis(200));
    let (events, error) = read(client.stream("Hello")).await;
    let error = error.unwrap();
    assert_eq!((events.len(), error.kind(), error.started()), (2, ErrorKind::DeadlineExceeded, true));
    assert_eq!(server.left().await, Reason::CANCEL);
}

#[tokio::test]
async fn a_server_that_keeps_the_deadline_itself_is_understood() {
    let server = Scripted::start([fail(Code::DeadlineExceeded as u16, &[])]).await;
    let error = client(&server).generate("Hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
}

#[tokio::test]
async fn dropping_a_call_cancels_it() {
    for wait in [vec![Step::Wait], vec![Step::Headers, Step::Wait]] {
        let mut server = Scripted::start([wait]).await;
        let client = client(&server);
        {
            let mut running = pin!(client.generate("Hello"));
            tokio::select! {
                _ = &mut running => panic!("there is no answer"),
                _ = server.seen() => {}
            }
        }
        assert_eq!(server.left().await, Reason::CANCEL);
    }
}

#[tokio::test]
async fn dropping_or_closing_a_stream_cancels_its_call() {
    let mut server = Scripted::start([vec![Step::Headers, message(opening()), Step::Wait]]).await;
    let client = client(&server);
    let mut dropped = client.stream("Hello");
    dropped.next().await.unwrap().unwrap();
    drop(dropped);
    assert_eq!(server.left().await, Reason::CANCEL);

    let mut closed = client.stream("Hello");
    closed.next().await.unwrap().unwrap();
    closed.close();
    assert_eq!(server.left().await, Reason::CANCEL);
    assert!(closed.next().await.is_none());
    assert!(closed.response().candidates.is_empty(), "the second event was not read");
    assert!(!closed.is_finished());
}

#[tokio::test]
async fn a_stream_that_is_dropped_before_its_first_event_is_cancelled() {
    let mut server = Scripted::start([fail(UNAVAILABLE, &[AT_ONCE]), vec![Step::Wait]]).await;
    let client = client(&server);
    let mut stream = client.stream("Hello");
    for _ in 0..2 {
        tokio::select! {
            _ = stream.next() => panic!("there is no answer"),
            _ = server.seen() => {}
        }
    }
    drop(stream);
    assert_eq!(server.left().await, Reason::CANCEL);
}

#[tokio::test]
async fn a_stream_that_is_not_read_makes_no_call() {
    let mut server = Scripted::start([answer()]).await;
    let client = client(&server);
    drop(client.stream("Hello"));
    client.generate("Hello").await.unwrap();
    assert_eq!(server.all_seen().len(), 1);
}

// Streams.

#[tokio::test]
async fn events_come_one_by_one_however_they_were_sent() {
    let events = whole("Hello");
    let together = vec![streamed(events.clone())];
    let mut apart = vec![Step::Headers];
    apart.extend(events.iter().map(|event| message(vec![event.clone()])));
    apart.push(Step::Status(0, vec![]));
    for script in [together, vec![apart]] {
        let server = Scripted::start(script).await;
        let (read, error) = read(client(&server).stream("Hello")).await;
        assert!(error.is_none());
        assert_eq!(read, events);
    }
}

#[tokio::test]
async fn a_stream_is_one_of_the_futures_crates_too() {
    fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> impl Future<Output = Option<S::Item>> {
        poll_fn(|cx| std::pin::Pin::new(&mut *stream).poll_next(cx))
    }
    let server = Scripted::start([streamed(whole("Hello"))]).await;
    let mut stream = client(&server).stream("Hello");
    assert!(!futures_core::FusedStream::is_terminated(&stream));
    let mut count = 0;
    while next(&mut stream).await.transpose().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, whole("Hello").len());
    assert!(futures_core::FusedStream::is_terminated(&stream));
    assert_eq!(next(&mut stream).await.transpose().unwrap(), None);

    let mut stream = client(&server).stream("Hello");
    assert_eq!(next(&mut stream.text()).await.unwrap().unwrap(), "Hello");
}

#[tokio::test]
async fn the_text_of_one_candidate_comes_in_pieces_without_the_rest() {
    let of = |candidate_index, event: GenerationEvent| GenerationEvent { candidate_index, ..event };
    let part = |index, content: Content| {
        event(Event::PartStarted(PartStarted { index, part: Some(content.into()), ..PartStarted::default() }))
    };
    let piece = |index, text: &str| {
        let delta = Some(Delta::Text(text.to_owned()));
        event(Event::PartDelta(PartDelta { index, delta, ..PartDelta::default() }))
    };
    let close = |index| event(Event::PartFinished(PartFinished { index, ..PartFinished::default() }));
    let end = || event(Event::CandidateFinished(CandidateFinished::default()));
    let events = vec![
        event(Event::Started(GenerationStarted::default())),
        part(0, Content::Reasoning(crate::v1::Reasoning::default())),
        piece(0, "thought"),
        close(0),
        part(1, Content::Text("a".to_owned())),
        of(1, part(0, Content::Text("other".to_owned()))),
        of(1, piece(0, " one")),
        GenerationEvent::default(),
        part(2, Content::Refusal("no".to_owned())),
        piece(2, "no"),
        piece(1, ""),
        piece(1, "b"),
        close(1),
        close(2),
        of(1, close(0)),
        of(1, end()),
        end(),
        event(Event::Finished(GenerationFinished::default())),
    ];
    let server = Scripted::start([streamed(events)]).await;
    for (candidate_index, expected) in [(0, vec!["a", "b"]), (1, vec!["other", " one"]), (2, vec![])] {
        let mut stream = client(&server).stream("Hello");
        let mut text = stream.text_of(candidate_index);
        let mut pieces = Vec::new();
        while let Some(piece) = text.next().await {
            pieces.push(piece.unwrap());
        }
        assert_eq!(pieces, expected);
        assert!(stream.is_finished());
        assert_eq!(stream.response().text(), "ab");
    }
}

#[tokio::test]
async fn a_stream_without_its_end_is_broken() {
    for (events, started) in [(opening(), true), (opening()[..1].to_vec(), false), (vec![], false)] {
        let server = Scripted::start([streamed(events)]).await;
        let (_, error) = read(client(&server).stream("Hello")).await;
        let error = error.unwrap();
        assert_eq!(error.message(), "The stream ended without its last event.");
        assert_eq!((error.kind(), error.code(), error.started()), (ErrorKind::StreamBroken, Code::Internal, started));
    }
}

#[tokio::test]
async fn a_stream_that_makes_no_sense_is_broken_and_cancelled() {
    let mut server = Scripted::start([vec![Step::Headers, message(ending()), Step::Wait]]).await;
    let client = client(&server);
    let (events, error) = read(client.stream("Hello")).await;
    let error = error.unwrap();
    assert!(events.is_empty());
    assert_eq!(error.kind(), ErrorKind::StreamBroken);
    assert_eq!(error.message(), "The stream makes no sense: part_finished precedes started, which is the first event.");
    assert_eq!(server.left().await, Reason::CANCEL);
}

#[tokio::test]
async fn a_connection_that_breaks_after_content_breaks_the_stream() {
    for end in [
        Step::Cut,
        Step::End,
        Step::Reset(Reason::NO_ERROR),
        Step::Status(UNAVAILABLE, vec![("grpc-message", "gone".to_owned())]),
    ] {
        let mut server = Scripted::start([vec![Step::Headers, message(opening()), Step::Hold, end]]).await;
        let client = client(&server);
        let mut stream = client.stream("Hello");
        for _ in opening() {
            stream.next().await.unwrap().unwrap();
        }
        server.release();
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StreamBroken, "{error}");
        assert_eq!((error.code(), error.started()), (Code::Unavailable, true), "{error}");
        assert_eq!(stream.response().candidates.len(), 1, "what came stays");
        assert_eq!(server.all_seen().len(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_content_is_unavailable() {
    for end in [Step::Cut, Step::End, Step::Reset(Reason::NO_ERROR)] {
        let script = vec![Step::Headers, message(opening()[..1].to_vec()), Step::Hold, end];
        let server = Scripted::start([script]).await;
        let client = client(&server);
        let mut stream = client.stream("Hello");
        stream.next().await.unwrap().unwrap();
        server.release();
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    }
}

#[tokio::test]
async fn a_reset_has_the_code_that_grpc_gives_it() {
    for (reason, code) in [
        (Reason::INTERNAL_ERROR, Code::Internal),
        (Reason::PROTOCOL_ERROR, Code::Internal),
        (Reason::CANCEL, Code::Cancelled),
        (Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
        (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
    ] {
        let server = Scripted::start([vec![Step::Reset(reason)]]).await;
        let error = client(&server).generate("Hello").await.unwrap_err();
        assert_eq!(error.code(), code, "{reason:?}: {error}");
    }
}

#[tokio::test]
async fn details_that_are_no_base64_hide_nothing() {
    let broken = || Step::Status(Code::NotFound as u16, vec![("grpc-status-details-bin", "!no base64!".to_owned())]);
    for script in [vec![broken()], vec![Step::Headers, broken()]] {
        let server = Scripted::start([script]).await;
        assert_eq!(client(&server).generate("Hello").await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn an_answer_may_be_large_but_not_without_limit() {
    let text = "x".repeat(8 * 1024 * 1024);
    let server = Scripted::start([streamed(whole(&text))]).await;
    assert_eq!(client(&server).stream("Hello").collect().await.unwrap().text().len(), text.len());

    let server = Scripted::start([vec![Step::Headers, Step::BeginningOf(64 * 1024 * 1024 + 1), Step::Wait]]).await;
    let error = client(&server).generate("Hello").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidRequest, Code::ResourceExhausted));
    assert_eq!(error.reason(), ErrorReason::RequestTooLarge);
}

#[tokio::test]
async fn an_answer_that_is_missing_or_cannot_be_read_is_an_error() {
    let missing = vec![Step::Headers, Step::Status(0, vec![])];
    let nonsense = vec![Step::Headers, Step::Message(Bytes::from_static(b"\xff")), Step::Status(0, vec![])];
    for (script, words) in [(missing, "The answer is missing."), (nonsense, "The answer cannot be read")] {
        let server = Scripted::start([script]).await;
        let error = client(&server).generate("Hello").await.unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(error.message().contains(words), "{error}");
    }
}

// Comparisons.

fn compared(model_index: i32, item: Item) -> Step {
    let response = CompareResponse { model_index, item: Some(item), ..CompareResponse::default() };
    Step::Message(response.encode_to_vec().into())
}

fn wrote(model_index: i32, events: Vec<GenerationEvent>) -> Step {
    compared(model_index, Item::Events(StreamGenerateResponse { events, ..StreamGenerateResponse::default() }))
}

fn failed(model_index: i32) -> Step {
    let reason = ErrorReason::ProviderOverloaded.into();
    let failure = CompareFailure { code: Code::Unavailable as i32, reason, ..CompareFailure::default() };
    compared(model_index, Item::Failure(failure))
}

#[tokio::test]
async fn a_model_that_fails_ends_nothing_for_the_others() {
    let script = vec![
        Step::Headers,
        wrote(1, opening()),
        wrote(0, opening()),
        failed(1),
        Step::Message(CompareResponse::default().encode_to_vec().into()),
        failed(2),
        wrote(0, vec![delta("Hello")]),
        wrote(0, ending()),
        Step::Status(0, vec![]),
    ];
    let server = Scripted::start([script]).await;
    let mut comparison = client(&server).compare("Hello", ["a", "b", "a"]);
    let mut came = Vec::new();
    while let Some(next) = comparison.next().await {
        let next = next.unwrap();
        came.push((next.model_index, next.event.is_ok()));
    }
    let expected = [(1, true), (1, true), (0, true), (0, true), (1, false), (2, false)];
    assert_eq!(came[..6], expected);
    assert!(came[6..].iter().all(|came| *came == (0, true)));
    let [first, second, third] = comparison.models() else { panic!("there are three") };
    assert_eq!((first.name(), first.response().text(), first.is_finished()), ("a", "Hello".to_owned(), true));
    assert_eq!(first.result().unwrap().unwrap(), first.response());
    // Content had come of the second, and none of the third.
    assert_eq!(second.error().unwrap().kind(), ErrorKind::StreamBroken);
    assert_eq!(third.result().unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!((second.response().candidates.len(), second.has_ended()), (1, true));
}

#[tokio::test]
async fn what_concerns_all_models_is_the_error_of_each_that_had_not_ended() {
    let ok = || Step::Status(0, vec![]);
    for (steps, message, kind) in [
        (vec![ok()], "The stream ended before every model had.", ErrorKind::StreamBroken),
        (
            vec![wrote(2, opening()), Step::Wait],
            "The stream makes no sense: there is no model 2.",
            ErrorKind::StreamBroken,
        ),
        (
            vec![wrote(-1, opening()), Step::Wait],
            "The stream makes no sense: there is no model -1.",
            ErrorKind::StreamBroken,
        ),
        (
            vec![wrote(0, whole("")), Step::Wait],
            "The stream makes no sense: a goes on after its end.",
            ErrorKind::StreamBroken,
        ),
        (vec![failed(0), Step::Wait], "The stream makes no sense: a goes on after its end.", ErrorKind::StreamBroken),
        (
            vec![wrote(1, ending()), Step::Wait],
            "The stream makes no sense: b: part_finished precedes started, which is the first event.",
            ErrorKind::StreamBroken,
        ),
        (vec![Step::Hold, Step::Cut], "", ErrorKind::StreamBroken),
    ] {
        let mut script = vec![Step::Headers, wrote(0, whole("Hello"))];
        script.extend(steps);
        let server = Scripted::start([script]).await;
        let mut comparison = client(&server).compare("Hello", ["a", "b"]);
        let mut error = None;
        while let Some(came) = comparison.next().await {
            server.release();
            error = came.err();
        }
        let error = error.expect("it fails as a whole");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(message), "{error}");
        let [first, second] = comparison.models() else { panic!("there are two") };
        assert!(first.error().is_none() && first.is_finished());
        assert_eq!(second.error().unwrap().message(), error.message());
        assert!(comparison.next().await.is_none());
    }
}

#[tokio::test]
async fn dropping_a_comparison_cancels_it() {
    let mut server = Scripted::start([vec![Step::Headers, wrote(0, opening()), Step::Wait]]).await;
    let client = client(&server);
    let mut comparison = client.compare("Hello", ["a", "b"]);
    comparison.next().await.unwrap().unwrap();
    assert!(comparison.models()[1].result().is_none());
    drop(comparison);
    assert_eq!(server.left().await, Reason::CANCEL);
}

// Connections.

#[tokio::test]
async fn a_call_takes_the_connection_with_the_fewest_running() {
    let wait = || vec![Step::Headers, message(opening()), Step::Wait];
    let script = [answer(), answer(), wait(), wait(), answer(), wait(), answer()];
    let mut server = Scripted::start(script).await;
    let client = Client::builder().target(server.target()).channels(2).connect_lazy().unwrap();
    let mut connections = Vec::new();
    for _ in 0..2 {
        client.generate("one at a time").await.unwrap();
        connections.push(server.seen().await.connection);
    }
    let mut running = Vec::new();
    for _ in 0..2 {
        let mut stream = client.stream("at once");
        stream.next().await.unwrap().unwrap();
        connections.push(server.seen().await.connection);
        running.push(stream);
    }
    client.generate("of equals the first").await.unwrap();
    connections.push(server.seen().await.connection);
    drop(running.remove(0));
    server.left().await;
    let mut stream = client.stream("the one that is free again");
    stream.next().await.unwrap().unwrap();
    connections.push(server.seen().await.connection);
    assert_eq!(connections, [0, 0, 0, 1, 0, 0]);
}

#[tokio::test]
async fn the_addresses_of_a_name_serve_in_turn() {
    let mut servers = [Scripted::start([answer()]).await, Scripted::start([answer()]).await];
    let client = Client::builder().target("gateway.invalid:1").connect_lazy().unwrap();
    client.calls.pool.set_addresses(servers.iter().map(|server| server.address).collect()).await;
    for _ in 0..4 {
        client.generate("Hello").await.unwrap();
    }
    assert_eq!(servers.each_mut().map(|server| server.all_seen().len()), [2, 2]);
}

#[tokio::test]
async fn an_address_that_gives_no_connection_is_passed_over() {
    let mut server = Scripted::start([answer()]).await;
    let dead = unused_address().await;
    let client = Client::builder().target("gateway.invalid:1").connect_lazy().unwrap();
    client.calls.pool.set_addresses(vec![dead, server.address]).await;
    for _ in 0..4 {
        client.generate("Hello").await.unwrap();
        let seen = server.seen().await;
        assert_eq!(seen.header("grpc-previous-rpc-attempts"), None, "nothing had been sent to the other");
    }
}

#[tokio::test]
async fn a_gateway_that_restarts_is_found_again() {
    let server = Scripted::start([answer()]).await;
    let (client, address) = (client(&server), server.address);
    client.generate("Hello").await.unwrap();
    drop(server);
    let error = client.generate("Hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let _server = Scripted::start_at(address, [answer()]).await;
    client.generate("Hello").await.unwrap();
}

async fn unused_address() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

// What cannot be reached.

#[tokio::test]
async fn where_nothing_listens_the_error_says_what_to_do() {
    let address = unused_address().await;
    let client = Client::builder().target(address.to_string()).connect_lazy().unwrap();
    let expected = format!(
        "Nothing answers at {address}: start the gateway there (llmgateway serve), or correct the target. [UNAVAILABLE]"
    );
    let error = client.generate("Hello").await.unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Unavailable, expected.clone()));
    let (_, error) = read(client.stream("Hello")).await;
    assert_eq!(error.unwrap().to_string(), expected);
}

#[tokio::test]
async fn a_name_that_nobody_has_is_told() {
    let client = Client::builder().target("gateway.invalid:50051").connect_lazy().unwrap();
    let error = client.generate("Hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "gateway.invalid is no known host name: correct the target.");
}

#[tokio::test]
async fn tls_where_there_is_none_is_told() {
    let server = Scripted::start([answer()]).await;
    let client = Client::builder()
        .target(server.target())
        .root_certificates(tls::Authority::new().pem())
        .connect_lazy()
        .unwrap();
    let error = client.generate("Hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let target = server.target();
    let expected = format!("{target} speaks plain text, not TLS: connect without TLS, or give the port that has it.");
    assert_eq!(error.message(), expected);
}

#[tokio::test]
async fn the_port_of_another_protocol_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // It ends with the test's runtime.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await.unwrap();
        }
    });
    let client = Client::builder().target(address.to_string()).connect_lazy().unwrap();
    let error = client.generate("Hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let expected = format!(
        "{address} speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. \
         Give its gRPC port (50051 unless configured otherwise)."
    );
    assert_eq!(error.message(), expected);
}

#[tokio::test]
async fn a_failure_of_the_gateway_is_not_looked_into() {
    // A look would find nothing there, and say so.
    let server =
        Scripted::start([fail(Code::Internal as u16, &[("grpc-message", "Oh."), ("x-request-id", "c")])]).await;
    let client = client(&server);
    let error = client.generate("Hello").await.unwrap_err();
    assert_eq!((error.kind(), error.message(), error.call_id()), (ErrorKind::Other, "Oh.", "c"));
}

/// TLS, by certificates that each test makes.
mod tls {
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio_rustls::rustls::server::WebPkiClientVerifier;
    use tokio_rustls::rustls::{RootCertStore, ServerConfig};

    use super::*;

    pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

    /// A certificate and its key as PEM.
    struct Shown {
        certificate: String,
        key: String,
    }

    impl Authority {
        pub(super) fn new() -> Self {
            let mut params = CertificateParams::new([]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
        }

        pub(super) fn pem(&self) -> String {
            self.0.pem()
        }

        fn sign(&self, name: &str) -> Shown {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
            Shown { certificate: certificate.pem(), key: key.serialize_pem() }
        }

        /// Shows a certificate for `name`; asks clients for one if there is an authority for them.
        fn acceptor(&self, name: &str, clients: Option<&Authority>) -> TlsAcceptor {
            let shown = self.sign(name);
            let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
            let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
            let builder = match clients {
                None => builder.unwrap().with_no_client_auth(),
                Some(authority) => {
                    let mut roots = RootCertStore::empty();
                    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
                    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
                    builder.unwrap().with_client_cert_verifier(verifier)
                }
            };
            let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
            let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
            config.alpn_protocols = vec![b"h2".to_vec()];
            TlsAcceptor::from(Arc::new(config))
        }
    }

    fn trusting(server: &Scripted, authority: &Authority) -> ClientBuilder {
        Client::builder().target(server.target()).root_certificates(authority.pem())
    }

    fn handshake_failed(error: &Error, server: &Scripted) {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        let start = format!("The TLS handshake with {} failed: check that the root certificates", server.target());
        assert!(error.message().starts_with(&start), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_the_roots_sign_is_trusted() {
        let authority = Authority::new();
        let server = Scripted::start_with_tls([answer()], authority.acceptor("127.0.0.1", None)).await;
        trusting(&server, &authority).connect_lazy().unwrap().generate("Hello").await.unwrap();
    }

    #[tokio::test]
    async fn a_server_of_another_authority_or_name_is_not() {
        let authority = Authority::new();
        let server = Scripted::start_with_tls([answer()], authority.acceptor("127.0.0.1", None)).await;
        let client = trusting(&server, &Authority::new()).connect_lazy().unwrap();
        let error = client.generate("Hello").await.unwrap_err();
        handshake_failed(&error, &server);
        assert!(error.message().contains("(invalid peer certificate: "), "{error}");

        let server = Scripted::start_with_tls([answer()], authority.acceptor("elsewhere", None)).await;
        let client = trusting(&server, &authority).connect_lazy().unwrap();
        handshake_failed(&client.generate("Hello").await.unwrap_err(), &server);
    }

    #[tokio::test]
    async fn a_client_shows_its_certificate_where_the_server_asks_for_one() {
        let (authority, clients) = (Authority::new(), Authority::new());
        let acceptor = authority.acceptor("127.0.0.1", Some(&clients));
        let server = Scripted::start_with_tls([answer()], acceptor).await;
        let shown = clients.sign("client");
        let builder = trusting(&server, &authority);
        let known = builder.clone().identity(shown.certificate, shown.key).connect_lazy().unwrap();
        known.generate("Hello").await.unwrap();
        let unknown = builder.connect_lazy().unwrap();
        handshake_failed(&unknown.generate("Hello").await.unwrap_err(), &server);
    }

    #[tokio::test]
    async fn plain_text_where_tls_is_wanted_is_told() {
        let server = Scripted::start_with_tls([answer()], Authority::new().acceptor("127.0.0.1", None)).await;
        let error = client(&server).generate("Hello").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let target = server.target();
        let expected = format!("{target} does not speak gRPC in plain text, so it may want TLS: connect with TLS.");
        assert_eq!(error.message(), expected);
    }

    #[tokio::test]
    async fn the_target_s_host_is_what_tls_looks_at_whatever_its_address() {
        let authority = Authority::new();
        for (target, name) in [("dns:///gateway.invalid:1", "gateway.invalid"), ("[::1]:1", "::1")] {
            let server = Scripted::start_with_tls([answer()], authority.acceptor(name, None)).await;
            let builder = Client::builder().target(target).root_certificates(authority.pem());
            let client = builder.connect_lazy().unwrap();
            client.calls.pool.set_addresses(vec![server.address]).await;
            client.generate("Hello").await.unwrap();
        }
    }
}
