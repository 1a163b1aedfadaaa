//! Requests from a few words, for callers who need no more of the contract than that.

use crate::v1::part::Content;
use crate::v1::{
    ChatMessage, EmbedInput, EmbedRequest, GenerateRequest, GenerateResponse, Part, RerankRequest, Role, Sampling,
    embed_input,
};

/// What to ask a model.
///
/// It is made from the user's text, from the messages of a conversation, or from a whole [`GenerateRequest`]; for what it has
/// no method for, set the field of the request.
///
/// ```
/// use llmgateway::Prompt;
/// use llmgateway::v1::GenerateRequest;
///
/// let request: GenerateRequest = Prompt::new("Why?").model("mock/echo").temperature(0.2).into();
/// assert_eq!(request.sampling.unwrap().temperature, Some(0.2));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt(GenerateRequest);

impl Prompt {
    /// Starts from a text of the user, the messages of a conversation, or a whole request.
    pub fn new(prompt: impl Into<Self>) -> Self {
        prompt.into()
    }

    /// Sets what to run: `provider/model`, or a route.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.0.model = model.into();
        self
    }

    /// Puts an instruction before the messages.
    pub fn system(mut self, instruction: impl Into<String>) -> Self {
        self.0.messages.insert(0, ChatMessage::text(Role::System, instruction));
        self
    }

    /// Sets the randomness, 0 to 2.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.0.sampling.get_or_insert_with(Sampling::default).temperature = Some(temperature);
        self
    }

    /// Sets the most tokens to write, reasoning included.
    pub fn max_output_token_count(mut self, count: i32) -> Self {
        self.0.max_output_token_count = Some(count);
        self
    }
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        vec![ChatMessage::text(Role::User, text)].into()
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        vec![ChatMessage::text(Role::User, text)].into()
    }
}

impl From<Vec<ChatMessage>> for Prompt {
    fn from(messages: Vec<ChatMessage>) -> Self {
        Self(GenerateRequest { messages, ..GenerateRequest::default() })
    }
}

impl From<GenerateRequest> for Prompt {
    fn from(request: GenerateRequest) -> Self {
        Self(request)
    }
}

impl From<Prompt> for GenerateRequest {
    fn from(prompt: Prompt) -> Self {
        prompt.0
    }
}

impl ChatMessage {
    /// A message of one text part.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role: role.into(), parts: vec![Content::Text(text.into()).into()], ..Self::default() }
    }
}

impl From<Content> for Part {
    fn from(content: Content) -> Self {
        Self { content: Some(content), ..Self::default() }
    }
}

impl EmbedRequest {
    /// Asks a model for a vector for each text.
    pub fn new<T: Into<String>>(model: impl Into<String>, texts: impl IntoIterator<Item = T>) -> Self {
        let input =
            |text: T| EmbedInput { input: Some(embed_input::Input::Text(text.into())), ..EmbedInput::default() };
        Self { model: model.into(), inputs: texts.into_iter().map(input).collect(), ..Self::default() }
    }
}

impl RerankRequest {
    /// Asks a model how well each document answers a query.
    pub fn new<T: Into<String>>(
        model: impl Into<String>,
        query: impl Into<String>,
        documents: impl IntoIterator<Item = T>,
    ) -> Self {
        let documents = documents.into_iter().map(Into::into).collect();
        Self { model: model.into(), query: query.into(), documents, ..Self::default() }
    }
}

impl GenerateResponse {
    /// Returns the text parts of the first candidate, joined; empty where it has none. Reasoning is no text.
    pub fn text(&self) -> String {
        self.text_of(0)
    }

    /// As [`text`](Self::text), of another candidate than the first.
    pub fn text_of(&self, candidate_index: i32) -> String {
        let candidates = self.candidates.iter().filter(|candidate| candidate.index == candidate_index);
        let parts = candidates.filter_map(|candidate| candidate.message.as_ref()).flat_map(|message| &message.parts);
        let texts = parts.filter_map(|part| match &part.content {
            Some(Content::Text(text)) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}
