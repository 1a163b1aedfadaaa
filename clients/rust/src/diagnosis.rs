//! Why a gateway cannot be reached, found by looking: a library's own words seldom say what to do.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::pool;
use crate::target::Target;

const LIMIT: Duration = Duration::from_secs(1);
/// How long the calls that failed together share what one of them saw.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// The client's part of the start of HTTP/2 (RFC 9113, 3.4): its preface, and a SETTINGS frame that sets nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const FRAME_HEADER_BYTES: usize = 9;
const SETTINGS: u8 = 4;
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Looks at a target; once at a time, and what was seen stands for a second.
pub(crate) struct Diagnosis {
    target: Target,
    tls: bool,
    seen: Mutex<Option<(Instant, Finding)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    UnknownHost,
    NoAnswer,
    Http1,
    WantsTls,
    PlainText,
    TlsFailed,
    /// A healthy server, or anything else: the library's words stand.
    Unclear,
}

impl Diagnosis {
    pub(crate) fn new(target: Target, tls: bool) -> Self {
        Self { target, tls, seen: Mutex::default() }
    }

    /// Returns what to do, `None` where nothing was found out. `said` are the library's words. Takes 1 s at most.
    pub(crate) async fn explain(&self, said: &str, deadline: Option<Instant>) -> Option<String> {
        let limit = Instant::now() + LIMIT;
        let finding = match deadline {
            Some(deadline) => timeout_at(deadline, self.share(limit)).await.ok()?,
            None => self.share(limit).await,
        };
        self.message(finding, said)
    }

    async fn share(&self, limit: Instant) -> Finding {
        let mut seen = self.seen.lock().await;
        match *seen {
            Some((at, finding)) if at.elapsed() < SHARED_FOR => finding,
            _ => {
                let finding = look(&self.target, self.tls, limit).await;
                *seen = Some((Instant::now(), finding));
                finding
            }
        }
    }

    fn message(&self, finding: Finding, said: &str) -> Option<String> {
        let (target, host) = (&self.target, &self.target.host);
        Some(match finding {
            Finding::UnknownHost => format!("{host} is no known host name: correct the target."),
            Finding::NoAnswer => format!(
                "Nothing answers at {target}: start the gateway there (llmgateway serve), or correct the target."
            ),
            Finding::Http1 => format!(
                "{target} speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. \
                 Give its gRPC port (50051 unless configured otherwise)."
            ),
            Finding::WantsTls => {
                format!("{target} does not speak gRPC in plain text, so it may want TLS: connect with TLS.")
            }
            Finding::PlainText => {
                format!("{target} speaks plain text, not TLS: connect without TLS, or give the port that has it.")
            }
            Finding::TlsFailed => format!(
                "The TLS handshake with {target} failed: check that the root certificates sign the server's certificate, \
                 that the certificate names {host}, and that a client certificate is given if the server asks for one. ({said})"
            ),
            Finding::Unclear => return None,
        })
    }
}

async fn look(target: &Target, tls: bool, limit: Instant) -> Finding {
    let addresses = match timeout_at(limit, pool::resolve(target)).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(_)) => return Finding::UnknownHost,
        Err(_) => return Finding::Unclear,
    };
    let Ok(Ok(stream)) = timeout_at(limit, TcpStream::connect(addresses.as_slice())).await else {
        return Finding::NoAnswer;
    };
    match timeout_at(limit, first_bytes(stream)).await {
        Ok(bytes) => classify(&bytes, tls),
        Err(_) => Finding::Unclear,
    }
}

/// Begins HTTP/2 and returns the first bytes that come back: none where the server closes without a word.
async fn first_bytes(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FRAME_HEADER_BYTES);
    let talk = async {
        stream.write_all(PREFACE).await?;
        while bytes.len() < FRAME_HEADER_BYTES && stream.read_buf(&mut bytes).await? > 0 {}
        io::Result::Ok(())
    };
    // A server that resets the connection has said what it had to say, too.
    let _reset = talk.await.is_err();
    bytes
}

fn classify(bytes: &[u8], tls: bool) -> Finding {
    let is_settings = bytes.len() >= FRAME_HEADER_BYTES && bytes[0] == 0 && bytes[3] == SETTINGS;
    let is_turned_away = bytes.is_empty() || bytes.starts_with(&TLS_ALERT);
    match (tls, is_settings, is_turned_away) {
        _ if bytes.starts_with(b"HTTP/1") => Finding::Http1,
        (true, true, _) => Finding::PlainText,
        (true, _, true) => Finding::TlsFailed,
        (false, _, true) => Finding::WantsTls,
        _ => Finding::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const SETTINGS_FRAME: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64";

    /// Answers every connection with the same bytes, and closes it; returns where.
    async fn answering(bytes: &'static [u8]) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut preface = vec![0; PREFACE.len()];
                stream.read_exact(&mut preface).await.unwrap();
                assert_eq!(preface, PREFACE);
                stream.write_all(bytes).await.unwrap();
            }
        });
        Target { host: "127.0.0.1".to_owned(), port }
    }

    #[tokio::test]
    async fn what_a_server_says_tells_what_is_wrong() {
        for (bytes, tls, expected) in [
            (b"HTTP/1.1 400 Bad Request\r\n".as_slice(), false, Some("it may be the gateway's REST port")),
            (b"HTTP/1.1 400 Bad Request\r\n", true, Some("it may be the gateway's REST port")),
            (b"\x15\x03\x03\0\x02\x02\x46", false, Some("connect with TLS.")),
            (b"", false, Some("connect with TLS.")),
            (b"\x15\x03\x03\0\x02\x02\x46", true, Some("(its own words)")),
            (b"", true, Some("(its own words)")),
            (SETTINGS_FRAME, true, Some("speaks plain text, not TLS")),
            (SETTINGS_FRAME, false, None),
            (b"220 mail.example.com", false, None),
            (b"220 mail.example.com", true, None),
        ] {
            let target = answering(bytes).await;
            let message = Diagnosis::new(target.clone(), tls).explain("its own words", None).await;
            match expected {
                None => assert_eq!(message, None, "{bytes:?}"),
                Some(words) => {
                    let message = message.unwrap();
                    assert!(message.contains(words), "{message}");
                    assert!(message.contains(&target.to_string()), "{message}");
                }
            }
        }
    }

    #[tokio::test]
    async fn where_nothing_listens_nothing_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let target = Target { host: "127.0.0.1".to_owned(), port };
        let message = Diagnosis::new(target, false).explain("", None).await.unwrap();
        assert_eq!(
            message,
            format!(
                "Nothing answers at 127.0.0.1:{port}: start the gateway there (llmgateway serve), or correct the target."
            )
        );
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_is_told() {
        let target = Target { host: "gateway.invalid".to_owned(), port: 1 };
        let message = Diagnosis::new(target, false).explain("", None).await;
        assert_eq!(message.as_deref(), Some("gateway.invalid is no known host name: correct the target."));
    }

    #[tokio::test]
    async fn one_look_serves_all_who_ask_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let diagnosis = Diagnosis::new(Target { host: "127.0.0.1".to_owned(), port }, false);
        let serve = async {
            let (stream, _) = listener.accept().await.unwrap();
            drop(stream);
            // A second look would wait here for its answer, and find nothing out.
        };
        let (first, second, ()) = tokio::join!(diagnosis.explain("", None), diagnosis.explain("", None), serve);
        assert!(first.is_some());
        assert_eq!(first, second);
    }
}
