//! Adds the events of a generation up to its whole. Pure.

use std::collections::BTreeSet;
use std::fmt;

use crate::v1::generation_event::Event;
use crate::v1::part::Content;
use crate::v1::part_delta::Delta;
use crate::v1::{
    CallInfo, Candidate, CandidateFinished, ChatMessage, GenerateResponse, GenerationEvent, Media, Part, PartDelta,
    PartFinished, PartStarted, Role, ToolCall, Usage, media, tool_call,
};

/// Events in an order that the contract does not allow. The message says which, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrammarError(String);

impl GrammarError {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for GrammarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GrammarError {}

/// Returns the whole of a generation, which is by definition the sum of its events.
///
/// How text is cut into deltas has no meaning: the sum is the same.
///
/// # Errors
///
/// Where the events are none that the contract allows, or lack their end.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a GenerationEvent>) -> Result<GenerateResponse, GrammarError> {
    let mut whole = Fold::new();
    for event in events {
        whole.add(event)?;
    }
    if !whole.is_finished() {
        return Err(GrammarError::new("the events end without finished, which is the last event"));
    }
    Ok(whole.into_response())
}

/// Adds events one by one; takes time linear in their size.
///
/// Events of a kind newer than this client change nothing, nor do heartbeats and provider events.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    response: GenerateResponse,
    /// What is not over yet of each candidate, in the order of the response's.
    states: Vec<CandidateState>,
    has_started: bool,
    is_finished: bool,
}

#[derive(Clone, Debug, Default)]
struct CandidateState {
    is_finished: bool,
    open_parts: BTreeSet<usize>,
}

impl Fold {
    /// Starts with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the last event has been added: [`response`](Self::response) is whole.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// What the events so far add up to.
    pub fn response(&self) -> &GenerateResponse {
        &self.response
    }

    /// What the events add up to.
    pub fn into_response(self) -> GenerateResponse {
        self.response
    }

    /// Adds the next event.
    ///
    /// # Errors
    ///
    /// Where the event has no place here.
    pub fn add(&mut self, event: &GenerationEvent) -> Result<(), GrammarError> {
        let Some(what) = &event.event else {
            return Ok(());
        };
        let name = name_of(what);
        if self.is_finished {
            return Err(GrammarError::new(format!("{name} follows finished, which is the last event")));
        }
        match what {
            Event::Heartbeat(_) | Event::ProviderEvent(_) => return Ok(()),
            Event::Started(_) if self.has_started => return Err(GrammarError::new("started comes twice")),
            Event::Started(started) => {
                self.has_started = true;
                self.learn(&started.call, &started.usage);
                return Ok(());
            }
            _ if !self.has_started => {
                return Err(GrammarError::new(format!("{name} precedes started, which is the first event")));
            }
            Event::Finished(finished) => {
                self.check_closed()?;
                self.learn(&finished.call, &finished.usage);
                self.is_finished = true;
                return Ok(());
            }
            _ => {}
        }
        let mut candidate = self.candidate(event.candidate_index)?;
        match what {
            Event::PartStarted(started) => candidate.open_part(started),
            Event::PartDelta(delta) => candidate.append(delta),
            Event::PartFinished(finished) => candidate.close_part(finished),
            Event::CandidateFinished(finished) => candidate.finish(finished),
            _ => Ok(()),
        }
    }

    /// What an event leaves out stands as an earlier one said it.
    fn learn(&mut self, call: &Option<CallInfo>, usage: &Option<Usage>) {
        if call.is_some() {
            self.response.call.clone_from(call);
        }
        if usage.is_some() {
            self.response.usage.clone_from(usage);
        }
    }

    fn check_closed(&self) -> Result<(), GrammarError> {
        let pairs = self.response.candidates.iter().zip(&self.states);
        let open: Vec<i32> =
            pairs.filter(|(_, state)| !state.is_finished).map(|(candidate, _)| candidate.index).collect();
        if open.is_empty() {
            return Ok(());
        }
        Err(GrammarError::new(format!("finished comes while candidates are open: {open:?}")))
    }

    /// Returns a candidate; opens it with its first event.
    fn candidate(&mut self, index: i32) -> Result<OpenCandidate<'_>, GrammarError> {
        if index < 0 {
            return Err(GrammarError::new(format!("candidate {index}: indexes start at 0")));
        }
        let candidates = &mut self.response.candidates;
        let place = candidates.binary_search_by_key(&index, |candidate| candidate.index).unwrap_or_else(|place| {
            let message = ChatMessage { role: Role::Assistant.into(), ..ChatMessage::default() };
            candidates.insert(place, Candidate { index, message: Some(message), ..Candidate::default() });
            self.states.insert(place, CandidateState::default());
            place
        });
        Ok(OpenCandidate { candidate: &mut candidates[place], state: &mut self.states[place] })
    }
}

/// One candidate on its way.
struct OpenCandidate<'a> {
    candidate: &'a mut Candidate,
    state: &'a mut CandidateState,
}

impl OpenCandidate<'_> {
    fn parts(&mut self) -> &mut Vec<Part> {
        &mut self.candidate.message.get_or_insert_default().parts
    }

    fn open_part(&mut self, started: &PartStarted) -> Result<(), GrammarError> {
        if self.state.is_finished {
            return Err(self.error(started.index, "part_started follows candidate_finished"));
        }
        let next = self.parts().len();
        if usize::try_from(started.index) != Ok(next) {
            return Err(self.error(started.index, &format!("part_started comes where part {next} is the next")));
        }
        self.parts().push(started.part.clone().unwrap_or_default());
        self.state.open_parts.insert(next);
        Ok(())
    }

    fn append(&mut self, delta: &PartDelta) -> Result<(), GrammarError> {
        let Some(place) = self.open(delta.index) else {
            return Err(self.error(delta.index, "part_delta comes while the part is not open"));
        };
        append(&mut self.parts()[place], delta).map_err(|what| self.error(delta.index, &what))
    }

    fn close_part(&mut self, finished: &PartFinished) -> Result<(), GrammarError> {
        let Some(place) = self.open(finished.index) else {
            return Err(self.error(finished.index, "part_finished comes while the part is not open"));
        };
        self.state.open_parts.remove(&place);
        let part = &mut self.parts()[place];
        if finished.signature.is_some() {
            part.signature.clone_from(&finished.signature);
        }
        let entries = finished.provider_json.iter();
        part.provider_json.extend(entries.map(|(dialect, text)| (dialect.clone(), text.clone())));
        Ok(())
    }

    fn finish(&mut self, finished: &CandidateFinished) -> Result<(), GrammarError> {
        let index = self.candidate.index;
        if self.state.is_finished {
            return Err(GrammarError::new(format!("candidate {index}: candidate_finished comes twice")));
        }
        let open: Vec<_> = self.state.open_parts.iter().collect();
        if !open.is_empty() {
            let what = format!("candidate {index}: candidate_finished comes while parts are open: {open:?}");
            return Err(GrammarError::new(what));
        }
        self.state.is_finished = true;
        self.candidate.finish_reason = finished.finish_reason;
        self.candidate.provider_finish_reason.clone_from(&finished.provider_finish_reason);
        self.candidate.stop_sequence.clone_from(&finished.stop_sequence);
        self.candidate.provider_json.clone_from(&finished.provider_json);
        Ok(())
    }

    /// Returns the place of a part that is open.
    fn open(&self, index: i32) -> Option<usize> {
        usize::try_from(index).ok().filter(|place| self.state.open_parts.contains(place))
    }

    fn error(&self, part_index: i32, what: &str) -> GrammarError {
        GrammarError::new(format!("candidate {}, part {part_index}: {what}", self.candidate.index))
    }
}

/// Appends what one delta holds. What appends to a part of a kind newer than this client is skipped.
fn append(part: &mut Part, delta: &PartDelta) -> Result<(), String> {
    if let (Some(content), Some(piece)) = (&mut part.content, &delta.delta) {
        append_piece(content, piece)?;
    }
    part.annotations.extend_from_slice(&delta.annotations);
    part.logprobs.extend_from_slice(&delta.logprobs);
    Ok(())
}

fn append_piece(content: &mut Content, piece: &Delta) -> Result<(), String> {
    match (&mut *content, piece) {
        (Content::Text(text) | Content::Refusal(text), Delta::Text(piece)) => text.push_str(piece),
        (Content::Reasoning(reasoning), Delta::Text(piece)) => reasoning.text.push_str(piece),
        (Content::ToolCall(call), Delta::Text(_) | Delta::ArgumentsJson(_)) => append_input(call, piece)?,
        (Content::Media(media), Delta::Data(piece)) => append_data(media, piece)?,
        (Content::Media(media), Delta::Transcript(piece)) => media.transcript.push_str(piece),
        _ => {
            return Err(format!(
                "a delta of {} does not fit a part of the kind {}",
                name_of_delta(piece),
                name_of_content(content)
            ));
        }
    }
    Ok(())
}

fn append_input(call: &mut ToolCall, piece: &Delta) -> Result<(), String> {
    use tool_call::Input;
    match (&mut call.input, piece) {
        (Some(Input::Text(text)), Delta::Text(piece)) => text.push_str(piece),
        (Some(Input::ArgumentsJson(text)), Delta::ArgumentsJson(piece)) => text.push_str(piece),
        (Some(held), _) => {
            let held = if matches!(held, Input::Text(_)) { "text" } else { "arguments_json" };
            return Err(format!("a delta of {} does not fit a tool_call that holds {held}", name_of_delta(piece)));
        }
        (input, Delta::Text(piece)) => *input = Some(Input::Text(piece.clone())),
        (input, Delta::ArgumentsJson(piece)) => *input = Some(Input::ArgumentsJson(piece.clone())),
        _ => {}
    }
    Ok(())
}

fn append_data(media: &mut Media, piece: &[u8]) -> Result<(), String> {
    use media::Source;
    let held = match &mut media.source {
        Some(Source::Data(data)) => {
            data.extend_from_slice(piece);
            return Ok(());
        }
        None => {
            media.source = Some(Source::Data(piece.to_vec()));
            return Ok(());
        }
        Some(Source::Uri(_)) => "uri",
        Some(Source::FileId(_)) => "file_id",
    };
    Err(format!("a delta of data does not fit a media that holds {held}"))
}

fn name_of(event: &Event) -> &'static str {
    match event {
        Event::Started(_) => "started",
        Event::PartStarted(_) => "part_started",
        Event::PartDelta(_) => "part_delta",
        Event::PartFinished(_) => "part_finished",
        Event::CandidateFinished(_) => "candidate_finished",
        Event::Finished(_) => "finished",
        Event::Heartbeat(_) => "heartbeat",
        Event::ProviderEvent(_) => "provider_event",
    }
}

fn name_of_delta(delta: &Delta) -> &'static str {
    match delta {
        Delta::Text(_) => "text",
        Delta::ArgumentsJson(_) => "arguments_json",
        Delta::Data(_) => "data",
        Delta::Transcript(_) => "transcript",
    }
}

fn name_of_content(content: &Content) -> &'static str {
    match content {
        Content::Text(_) => "text",
        Content::Media(_) => "media",
        Content::Reasoning(_) => "reasoning",
        Content::ToolCall(_) => "tool_call",
        Content::ToolResult(_) => "tool_result",
        Content::Refusal(_) => "refusal",
        Content::ProviderPart(_) => "provider_part",
    }
}

#[cfg(test)]
mod tests;
