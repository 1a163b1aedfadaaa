//! A client of the gateway: the contract's RPCs as methods, with typed errors and deadlines.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::call::Calls;
use crate::compare::Comparison;
use crate::diagnosis::Diagnosis;
use crate::error::Error;
use crate::pool::Pool;
use crate::prompt::Prompt;
use crate::retry::Throttle;
use crate::stream::GenerationStream;
use crate::target::Target;
use crate::v1::{
    CompareRequest, CountTokensRequest, CountTokensResponse, EmbedRequest, EmbedResponse, ExplainRouteRequest,
    ExplainRouteResponse, GenerateRequest, GenerateResponse, GetModelRequest, GetModelResponse, ListModelsRequest,
    ListModelsResponse, Model, RerankRequest, RerankResponse,
};

const DEFAULT_TARGET: &str = "127.0.0.1:50051";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
const DEFAULT_CHANNELS: usize = 4;
const PAGE_SIZE: i32 = 1_000;

/// Calls a gateway. A clone shares its connections.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use llmgateway::{Client, Prompt};
///
/// let client = Client::builder().target("127.0.0.1:50051").key("…").connect_lazy()?;
/// let answer = client.generate(Prompt::new("Hello").model("mock/echo")).await?;
/// println!("{}", answer.text());
/// # Ok(())
/// # }
/// ```
///
/// Calls run within Tokio. Dropping the future or the stream of a call cancels it, and the provider stops working.
#[derive(Clone)]
pub struct Client {
    calls: Arc<Calls>,
    timeout: Option<Duration>,
}

impl Client {
    /// Says how to reach a gateway, beginning with one on this machine.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Returns this client with another time-out: `Duration`, or `None` to leave the bound to the gateway.
    ///
    /// It bounds a call as a whole: retries and waits, all of a stream, all pages of the models.
    ///
    /// ```no_run
    /// # async fn example(client: llmgateway::Client) -> Result<(), llmgateway::Error> {
    /// # use llmgateway::Prompt;
    /// # use std::time::Duration;
    /// let prompt = Prompt::new("Hello").model("mock/echo");
    /// let answer = client.with_timeout(Duration::from_secs(5)).generate(prompt).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_timeout(&self, timeout: impl Into<Option<Duration>>) -> Self {
        Self { calls: Arc::clone(&self.calls), timeout: timeout.into() }
    }

    /// Returns a whole answer.
    ///
    /// # Errors
    ///
    /// As every method that makes a call: where the call fails.
    pub async fn generate(&self, prompt: impl Into<Prompt>) -> Result<GenerateResponse, Error> {
        let request = GenerateRequest::from(prompt.into());
        self.calls.unary("/llmgateway.v1.LLMGateway/Generate", &request, self.timeout).await
    }

    /// Returns an answer as it is written.
    pub fn stream(&self, prompt: impl Into<Prompt>) -> GenerationStream {
        let request = GenerateRequest::from(prompt.into());
        let call = self.calls.streaming("/llmgateway.v1.LLMGateway/StreamGenerate", &request, self.timeout);
        GenerationStream::new(call)
    }

    /// Returns what 2 to 16 models answer, as each writes it. The prompt names no model: `models` does.
    pub fn compare<T: Into<String>>(
        &self,
        prompt: impl Into<Prompt>,
        models: impl IntoIterator<Item = T>,
    ) -> Comparison {
        let models: Vec<String> = models.into_iter().map(Into::into).collect();
        let request = CompareRequest {
            generation: Some(prompt.into().into()),
            models: models.clone(),
            ..CompareRequest::default()
        };
        let call = self.calls.streaming("/llmgateway.v1.LLMGateway/Compare", &request, self.timeout);
        Comparison::new(call, models)
    }

    /// Returns a vector for each input.
    ///
    /// ```no_run
    /// # async fn example(client: llmgateway::Client) -> Result<(), llmgateway::Error> {
    /// # use llmgateway::v1::EmbedRequest;
    /// let vectors = client.embed(EmbedRequest::new("mock/embed", ["one", "two"])).await?.embeddings;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the call fails.
    pub async fn embed(&self, request: EmbedRequest) -> Result<EmbedResponse, Error> {
        self.calls.unary("/llmgateway.v1.LLMGateway/Embed", &request, self.timeout).await
    }

    /// Returns how well documents answer a query, best first.
    ///
    /// # Errors
    ///
    /// Where the call fails.
    pub async fn rerank(&self, request: RerankRequest) -> Result<RerankResponse, Error> {
        self.calls.unary("/llmgateway.v1.LLMGateway/Rerank", &request, self.timeout).await
    }

    /// Returns how many tokens a generation would read.
    ///
    /// # Errors
    ///
    /// Where the call fails.
    pub async fn count_tokens(&self, prompt: impl Into<Prompt>) -> Result<CountTokensResponse, Error> {
        let request = CountTokensRequest { generation: Some(prompt.into().into()), ..CountTokensRequest::default() };
        self.calls.unary("/llmgateway.v1.LLMGateway/CountTokens", &request, self.timeout).await
    }

    /// Returns where a generation would go now, and why. Nothing is sent to any model.
    ///
    /// # Errors
    ///
    /// Where the call fails.
    pub async fn explain(&self, prompt: impl Into<Prompt>) -> Result<ExplainRouteResponse, Error> {
        let request = ExplainRouteRequest { generation: Some(prompt.into().into()), ..ExplainRouteRequest::default() };
        self.calls.unary("/llmgateway.v1.LLMGateway/ExplainRoute", &request, self.timeout).await
    }

    /// Returns one model or route.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is none of that name.
    pub async fn model(&self, id: impl Into<String>) -> Result<Model, Error> {
        let request = GetModelRequest { id: id.into(), ..GetModelRequest::default() };
        let path = "/llmgateway.v1.LLMGateway/GetModel";
        let response: GetModelResponse = self.calls.unary(path, &request, self.timeout).await?;
        Ok(response.model.unwrap_or_default())
    }

    /// Returns all models and routes that the key may use.
    ///
    /// # Errors
    ///
    /// Where the call of any page fails.
    pub async fn models(&self) -> Result<Vec<Model>, Error> {
        let started = Instant::now();
        let mut models = Vec::new();
        let mut request = ListModelsRequest { page_size: PAGE_SIZE, ..ListModelsRequest::default() };
        loop {
            // What is left may be nothing: the call then fails for that.
            let left = self.timeout.map(|timeout| timeout.saturating_sub(started.elapsed()));
            let path = "/llmgateway.v1.LLMGateway/ListModels";
            let page: ListModelsResponse = self.calls.unary(path, &request, left).await?;
            models.extend(page.models);
            if page.next_page_token.is_empty() {
                return Ok(models);
            }
            request.page_token = page.next_page_token;
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// How to reach a gateway.
#[derive(Clone)]
#[must_use = "a builder connects nothing until `connect_lazy`"]
pub struct ClientBuilder {
    target: String,
    key: Option<String>,
    tls: bool,
    root_certificates: Option<Vec<u8>>,
    identity: Option<Identity>,
    timeout: Option<Duration>,
    channels: usize,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            target: DEFAULT_TARGET.to_owned(),
            key: None,
            tls: false,
            root_certificates: None,
            identity: None,
            timeout: Some(DEFAULT_TIMEOUT),
            channels: DEFAULT_CHANNELS,
        }
    }
}

impl ClientBuilder {
    /// Sets where the gateway is: `host:port`, or a gRPC name such as `dns:///gateway:50051`; `127.0.0.1:50051` unless set.
    ///
    /// Several addresses behind one name are used in turn.
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    /// Sets the key that travels with every call, in plain text where there is no TLS.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Turns TLS on or off; it trusts the authorities of this machine unless [`root_certificates`](Self::root_certificates)
    /// are given.
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Trusts the authorities of these PEM certificates alone, and asks for TLS.
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.root_certificates = Some(pem.as_ref().to_vec());
        self
    }

    /// Shows the server this PEM certificate (mTLS), and asks for TLS.
    pub fn identity(mut self, certificate_pem: impl AsRef<[u8]>, key_pem: impl AsRef<[u8]>) -> Self {
        self.identity = Some(Identity::from_pem(certificate_pem, key_pem));
        self
    }

    /// Sets the time-out of a call that names none of its own, 600 s unless set; `None` leaves the bound to the gateway.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Sets how many connections to each address are opened at most, as calls run at once; 4 unless set.
    pub fn channels(mut self, channels: usize) -> Self {
        self.channels = channels;
        self
    }

    /// Returns the client. It connects with the first call.
    ///
    /// # Errors
    ///
    /// Where a setting cannot be used.
    pub fn connect_lazy(self) -> Result<Client, ConfigError> {
        if self.channels == 0 {
            return Err(ConfigError::Channels);
        }
        let target = Target::parse(&self.target)?;
        let authorization = self.key.as_deref().map(authorization).transpose()?;
        let tls = (self.tls || self.root_certificates.is_some() || self.identity.is_some()).then(|| {
            let config = match self.root_certificates {
                Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            match self.identity {
                Some(identity) => config.identity(identity),
                None => config,
            }
        });
        let diagnosis = Diagnosis::new(target.clone(), tls.is_some());
        let pool = Pool::new(target, tls, self.channels).map_err(ConfigError::Tls)?;
        let calls = Calls { pool: Arc::new(pool), authorization, throttle: Throttle::default(), diagnosis };
        Ok(Client { calls: Arc::new(calls), timeout: self.timeout })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without what is secret.
        f.debug_struct("ClientBuilder").field("target", &self.target).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// A setting that cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The target cannot be read.
    Target {
        /// The target as it was given.
        target: String,
        /// What would be right.
        why: &'static str,
    },
    /// The key cannot be sent.
    Key,
    /// No connection would be allowed.
    Channels,
    /// The certificates or the client's key cannot be used.
    Tls(tonic::transport::Error),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target { target, why } => write!(f, "The target {target:?} cannot be used: {why}."),
            Self::Key => {
                write!(f, "The key must be printable ASCII without spaces. Was it copied with a line break?")
            }
            Self::Channels => write!(f, "The channels must be at least 1."),
            Self::Tls(_) => write!(f, "The certificates or the client's key cannot be used: give them as PEM."),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}

/// Returns the metadata that carries a key.
fn authorization(key: &str) -> Result<MetadataValue<Ascii>, ConfigError> {
    if key.is_empty() || !key.chars().all(|character| character.is_ascii_graphic()) {
        return Err(ConfigError::Key);
    }
    let mut value: MetadataValue<Ascii> = format!("Bearer {key}").parse().map_err(|_| ConfigError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
