//! What a case asks for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use llmgateway::prost::Message;
use serde::Deserialize;

use crate::Failed;

#[derive(Deserialize)]
pub struct Case {
    pub name: String,
    pub client: How,
    pub rpc: String,
    pub request_bytes: String,
    pub timeout_s: Option<f64>,
    pub leave_after: Option<usize>,
    pub cancel_after_ms: Option<u64>,
    pub follow_up_bytes: Option<String>,
    pub repeat: Option<Repeat>,
}

/// How to connect.
#[derive(Clone, Deserialize, PartialEq, Eq, Hash)]
pub struct How {
    pub target: String,
    pub key: Option<String>,
    #[serde(default)]
    pub tls: bool,
    pub root_certificates: Option<String>,
    pub client_key: Option<String>,
    pub client_certificate: Option<String>,
}

#[derive(Deserialize)]
pub struct Repeat {
    pub count: usize,
    pub concurrency: usize,
}

/// Reads a message.
pub fn decode<M: Message + Default>(text: &str) -> Result<M, Failed> {
    Ok(M::decode(STANDARD.decode(text)?.as_slice())?)
}
