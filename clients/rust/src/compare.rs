//! Several models at once: what each writes as it is written, and how each ended.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use crate::call::MessageCall;
use crate::error::Error;
use crate::fold::Fold;
use crate::stream::is_content;
use crate::v1::compare_response::Item;
use crate::v1::{CompareResponse, GenerateResponse, GenerationEvent};

/// One of the models that are compared: what it has written by now, and how it ended.
#[derive(Debug)]
pub struct ComparedModel {
    name: String,
    error: Option<Error>,
    fold: Fold,
    content_came: bool,
}

impl ComparedModel {
    fn new(name: String) -> Self {
        Self { name, error: None, fold: Fold::new(), content_came: false }
    }

    /// What it was asked by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its events so far add up to: the whole answer once it has finished. What came before a failure stays.
    pub fn response(&self) -> &GenerateResponse {
        self.fold.response()
    }

    /// Why it failed, `None` if it has not.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Whether its last event has come: [`response`](Self::response) is the whole answer.
    pub fn is_finished(&self) -> bool {
        self.fold.is_finished()
    }

    /// Whether it has finished or failed: nothing more comes from it.
    pub fn has_ended(&self) -> bool {
        self.is_finished() || self.error.is_some()
    }

    /// Returns the whole answer, or why there is none; `None` while it is being written.
    pub fn result(&self) -> Option<Result<&GenerateResponse, &Error>> {
        match &self.error {
            Some(error) => Some(Err(error)),
            None => self.is_finished().then(|| Ok(self.response())),
        }
    }
}

/// What came next of one model.
#[derive(Clone, Debug)]
pub struct ComparedEvent {
    /// The model's place among those asked, and in [`Comparison::models`].
    pub model_index: usize,
    /// An event, or the failure that ended the model; it is the model's [`error`](ComparedModel::error) from then on.
    pub event: Result<GenerationEvent, Error>,
}

/// What several models write, event by event, each as it comes.
///
/// The call begins when the first event is asked for. Dropping the comparison cancels it, and every provider stops working.
///
/// ```no_run
/// # async fn example(client: llmgateway::Client) -> Result<(), llmgateway::Error> {
/// let mut comparison = client.compare("Why?", ["mock/echo", "mock/lorem"]);
/// while let Some(came) = comparison.next().await {
///     let came = came?;
///     println!("{}: {:?}", comparison.models()[came.model_index].name(), came.event);
/// }
/// for model in comparison.models() {
///     match model.error() {
///         Some(error) => println!("{}: {error}", model.name()),
///         None => println!("{}: {}", model.name(), model.response().text()),
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// That one model fails ends nothing for the others. An `Err` of the stream itself concerns them all: then it is the error of
/// each that had not ended.
#[must_use = "a comparison does nothing until it is read"]
pub struct Comparison {
    call: MessageCall<CompareResponse>,
    models: Vec<ComparedModel>,
    events: VecDeque<(usize, GenerationEvent)>,
    has_ended: bool,
}

impl Comparison {
    pub(crate) fn new(call: MessageCall<CompareResponse>, models: Vec<String>) -> Self {
        let models = models.into_iter().map(ComparedModel::new).collect();
        Self { call, models, events: VecDeque::new(), has_ended: false }
    }

    /// Returns what came next of any model, `None` once every model has ended. Dropping the future before it is done loses
    /// nothing.
    pub async fn next(&mut self) -> Option<Result<ComparedEvent, Error>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// The models in the order in which they were asked, each as far as it is.
    pub fn models(&self) -> &[ComparedModel] {
        &self.models
    }

    /// Reads to the end and returns the models, each with its answer or its error.
    ///
    /// # Errors
    ///
    /// Where the call as a whole fails.
    pub async fn collect(mut self) -> Result<Vec<ComparedModel>, Error> {
        while let Some(came) = self.next().await {
            came?;
        }
        Ok(self.models)
    }

    /// Cancels the call unless it has ended. No event comes afterwards; what came stays.
    pub fn close(&mut self) {
        self.events.clear();
        self.call.close();
        self.has_ended = true;
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ComparedEvent, Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let result = loop {
            if let Some((model_index, event)) = self.events.pop_front() {
                let added = self.add(model_index, &event);
                break added.map(|()| ComparedEvent { model_index, event: Ok(event) });
            }
            let content_came = self.models.iter().any(|model| model.content_came);
            match ready!(self.call.poll_message(cx, content_came)) {
                Ok(Some(message)) => match self.take(message) {
                    Ok(None) => {}
                    Ok(Some(failed)) => break Ok(failed),
                    Err(error) => break Err(error),
                },
                Ok(None) if self.models.iter().all(ComparedModel::has_ended) => {
                    self.close();
                    return Poll::Ready(None);
                }
                Ok(None) => break Err(broken("The stream ended before every model had.")),
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = &result {
            self.close();
            for model in self.models.iter_mut().filter(|model| !model.has_ended()) {
                model.error = Some(error.clone());
            }
        }
        Poll::Ready(Some(result))
    }

    /// Queues the events of a message, or returns the failure in it. One of a kind newer than this client holds nothing.
    fn take(&mut self, message: CompareResponse) -> Result<Option<ComparedEvent>, Error> {
        let index = message.model_index;
        let place = usize::try_from(index).ok().filter(|place| *place < self.models.len());
        let Some(model_index) = place else {
            return Err(makes_no_sense(&format!("there is no model {index}")));
        };
        let model = &mut self.models[model_index];
        if model.has_ended() {
            return Err(makes_no_sense(&format!("{} goes on after its end", model.name)));
        }
        match message.item {
            Some(Item::Failure(told)) => {
                let error = Error::from_compare_failure(told, model.content_came);
                model.error = Some(error.clone());
                Ok(Some(ComparedEvent { model_index, event: Err(error) }))
            }
            Some(Item::Events(message)) => {
                self.events.extend(message.events.into_iter().map(|event| (model_index, event)));
                Ok(None)
            }
            None => Ok(None),
        }
    }

    fn add(&mut self, model_index: usize, event: &GenerationEvent) -> Result<(), Error> {
        let model = &mut self.models[model_index];
        let added = model.fold.add(event);
        added.map_err(|error| makes_no_sense(&format!("{}: {error}", model.name)))?;
        model.content_came |= is_content(event);
        Ok(())
    }
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comparison").field("models", &self.models).finish_non_exhaustive()
    }
}

impl Stream for Comparison {
    type Item = Result<ComparedEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl FusedStream for Comparison {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

fn makes_no_sense(what: &str) -> Error {
    broken(&format!("The stream makes no sense: {what}."))
}

fn broken(message: &str) -> Error {
    Error::broken(message.to_owned(), "", false)
}
