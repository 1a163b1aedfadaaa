//! A generation as it is written, event by event.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use crate::call::MessageCall;
use crate::error::Error;
use crate::fold::Fold;
use crate::v1::generation_event::Event;
use crate::v1::part::Content;
use crate::v1::part_delta::Delta;
use crate::v1::{GenerateResponse, GenerationEvent, StreamGenerateResponse};

/// The events of one generation, one by one.
///
/// The call begins when the first event is asked for. Dropping the stream cancels it, and the provider stops working.
///
/// ```no_run
/// # async fn example(client: llmgateway::Client) -> Result<(), llmgateway::Error> {
/// use llmgateway::Prompt;
///
/// let mut stream = client.stream(Prompt::new("Hello").model("mock/echo"));
/// let mut text = stream.text();
/// while let Some(piece) = text.next().await {
///     print!("{}", piece?);
/// }
/// println!("{:?}", stream.response().usage);
/// # Ok(())
/// # }
/// ```
///
/// An event of a kind newer than this client has `event: None`: skip it. After an error the stream has ended.
#[must_use = "a stream does nothing until it is read"]
pub struct GenerationStream {
    call: MessageCall<StreamGenerateResponse>,
    events: VecDeque<GenerationEvent>,
    fold: Fold,
    content_came: bool,
    has_ended: bool,
}

impl GenerationStream {
    pub(crate) fn new(call: MessageCall<StreamGenerateResponse>) -> Self {
        Self { call, events: VecDeque::new(), fold: Fold::new(), content_came: false, has_ended: false }
    }

    /// Returns the next event, `None` after the last. Dropping the future before it is done loses nothing.
    pub async fn next(&mut self) -> Option<Result<GenerationEvent, Error>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Returns the answer's text in pieces as it comes: that of text parts, without reasoning or refusals.
    pub fn text(&mut self) -> TextStream<'_> {
        self.text_of(0)
    }

    /// As [`text`](Self::text), of another candidate than the first.
    pub fn text_of(&mut self, candidate_index: i32) -> TextStream<'_> {
        TextStream { stream: self, candidate_index, open_texts: Vec::new() }
    }

    /// Reads to the end and returns the whole answer.
    ///
    /// # Errors
    ///
    /// Where the call fails. To keep what came before, read with [`next`](Self::next) and look at [`response`](Self::response).
    pub async fn collect(mut self) -> Result<GenerateResponse, Error> {
        while let Some(event) = self.next().await {
            event?;
        }
        Ok(self.fold.into_response())
    }

    /// What the events so far add up to: the whole answer once the stream has ended.
    pub fn response(&self) -> &GenerateResponse {
        self.fold.response()
    }

    /// Whether the last event has come: [`response`](Self::response) is the whole answer.
    pub fn is_finished(&self) -> bool {
        self.fold.is_finished()
    }

    /// Cancels the call unless it has ended. No event comes afterwards; what came stays.
    pub fn close(&mut self) {
        self.events.clear();
        self.call.close();
        self.has_ended = true;
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<GenerationEvent, Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let result = loop {
            if let Some(event) = self.events.pop_front() {
                break self.add(&event).map(|()| event);
            }
            match ready!(self.call.poll_message(cx, self.content_came)) {
                Ok(Some(message)) => self.events.extend(message.events),
                Ok(None) if self.fold.is_finished() => {
                    self.close();
                    return Poll::Ready(None);
                }
                Ok(None) => break Err(self.broken("The stream ended without its last event.".to_owned())),
                Err(error) => break Err(error),
            }
        };
        if result.is_err() {
            self.close();
        }
        Poll::Ready(Some(result))
    }

    fn add(&mut self, event: &GenerationEvent) -> Result<(), Error> {
        self.fold.add(event).map_err(|error| self.broken(format!("The stream makes no sense: {error}.")))?;
        self.content_came |= is_content(event);
        Ok(())
    }

    fn broken(&self, message: String) -> Error {
        let call = self.fold.response().call.as_ref();
        Error::broken(message, call.map_or("", |call| &call.call_id), self.content_came)
    }
}

impl fmt::Debug for GenerationStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenerationStream").field("response", self.response()).finish_non_exhaustive()
    }
}

impl Stream for GenerationStream {
    type Item = Result<GenerationEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl FusedStream for GenerationStream {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

/// Whether an event shows that content has come: see [`Error::started`].
pub(crate) fn is_content(event: &GenerationEvent) -> bool {
    matches!(
        event.event,
        Some(
            Event::PartStarted(_)
                | Event::PartDelta(_)
                | Event::PartFinished(_)
                | Event::CandidateFinished(_)
                | Event::Finished(_)
        )
    )
}

/// The text of one candidate, piece by piece: see [`GenerationStream::text`].
#[derive(Debug)]
#[must_use = "a stream does nothing until it is read"]
pub struct TextStream<'a> {
    stream: &'a mut GenerationStream,
    candidate_index: i32,
    open_texts: Vec<i32>,
}

impl TextStream<'_> {
    /// Returns the next piece, never an empty one; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<String, Error>> {
        poll_fn(|cx| self.poll_piece(cx)).await
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<String, Error>>> {
        loop {
            match ready!(self.stream.poll_event(cx)) {
                Some(Ok(event)) => {
                    if let Some(piece) = self.piece(event).filter(|piece| !piece.is_empty()) {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn piece(&mut self, event: GenerationEvent) -> Option<String> {
        if event.candidate_index != self.candidate_index {
            return None;
        }
        match event.event? {
            Event::PartStarted(started) => {
                let Content::Text(text) = started.part?.content? else {
                    return None;
                };
                self.open_texts.push(started.index);
                Some(text)
            }
            Event::PartDelta(delta) if self.open_texts.contains(&delta.index) => match delta.delta? {
                Delta::Text(text) => Some(text),
                _ => None,
            },
            Event::PartFinished(finished) => {
                self.open_texts.retain(|index| *index != finished.index);
                None
            }
            _ => None,
        }
    }
}

impl Stream for TextStream<'_> {
    type Item = Result<String, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_piece(cx)
    }
}
