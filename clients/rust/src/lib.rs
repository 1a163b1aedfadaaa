//! The Rust client of llmgateway: language models of many providers behind one gRPC API.
//!
//! [`Client`] makes the calls; a [`Prompt`] says what to ask in a few words, and the messages in [`v1`], which are the contract
//! itself, say all else. Every failed call is an [`Error`]: branch on its [`kind`](Error::kind).
//!
//! ```no_run
//! use llmgateway::{Client, Prompt};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().target("127.0.0.1:50051").connect_lazy()?;
//! let mut stream = client.stream(Prompt::new("Tell me more.").model("mock/lorem"));
//! let mut text = stream.text();
//! while let Some(piece) = text.next().await {
//!     print!("{}", piece?);
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![warn(missing_debug_implementations, missing_docs)]

mod call;
mod client;
mod compare;
mod diagnosis;
mod error;
mod fold;
mod pool;
mod prompt;
mod retry;
#[cfg(test)]
mod scripted;
mod stream;
mod target;
mod transport;
mod unknown;

pub use client::{Client, ClientBuilder, ConfigError};
pub use compare::{ComparedEvent, ComparedModel, Comparison};
pub use error::{Error, ErrorKind, FieldViolation};
pub use fold::{Fold, GrammarError, fold};
pub use prompt::Prompt;
pub use stream::{GenerationStream, TextStream};
pub use tonic::Code;
pub use unknown::UnknownFields;
pub use {prost, prost_types};

/// The messages of the contract, generated from `proto/llmgateway/v1`.
///
/// They keep the fields that they do not know, and write them again: so an answer of a gateway that is newer than this client
/// can be sent back unchanged.
#[allow(clippy::all, missing_docs)]
pub mod v1 {
    include!("gen/llmgateway.v1.rs");

    #[cfg(test)]
    mod tests;
}

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
