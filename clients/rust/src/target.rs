//! Where the gateway is.

use std::fmt;

use crate::ConfigError;

/// The host and port of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    /// Reads `host:port`, or one of gRPC's names: `dns:///host:port`, `ipv4:address:port`, `ipv6:[address]:port`.
    pub(crate) fn parse(target: &str) -> Result<Self, ConfigError> {
        let invalid = |why: &'static str| ConfigError::Target { target: target.to_owned(), why };
        let address = match target.split_once(':') {
            Some(("dns", rest)) if rest.starts_with("//") => rest
                .strip_prefix("///")
                .ok_or_else(|| invalid("names are resolved by the system: write dns:///HOST:PORT"))?,
            // `dns:9000` is a host of that name.
            Some(("dns", rest)) if rest.parse::<u16>().is_err() => rest,
            Some(("ipv4" | "ipv6", rest)) if rest.contains(':') => rest,
            _ => target,
        };
        if address.contains('/') {
            return Err(invalid("give HOST:PORT, without a scheme or a path"));
        }
        let (host, port) = address.rsplit_once(':').ok_or_else(|| invalid("the port is missing: give HOST:PORT"))?;
        let port = port.parse().map_err(|_| invalid("the port must be a number from 0 to 65535"))?;
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner,
            None if host.contains(':') => return Err(invalid("an IPv6 address stands in brackets: [::1]:50051")),
            None => host,
        };
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._:%".contains(character);
        if host.is_empty() || !host.chars().all(is_plain) {
            return Err(invalid("the host must be a name or an address"));
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_in_all_its_forms() {
        for (text, host, port) in [
            ("127.0.0.1:50051", "127.0.0.1", 50051),
            ("gateway:1", "gateway", 1),
            ("dns:///gateway.example.com:50051", "gateway.example.com", 50051),
            ("dns:gateway:50051", "gateway", 50051),
            ("dns:9000", "dns", 9000),
            ("ipv4:10.0.0.1:80", "10.0.0.1", 80),
            ("ipv6:[::1]:80", "::1", 80),
            ("[::1]:80", "::1", 80),
        ] {
            assert_eq!(Target::parse(text).unwrap(), Target { host: host.to_owned(), port }, "{text}");
        }
    }

    #[test]
    fn a_target_that_is_none_is_refused_with_what_would_be_right() {
        for (text, why) in [
            ("gateway", "the port is missing"),
            ("gateway:http", "the port must be a number"),
            ("gateway:70000", "the port must be a number"),
            ("http://gateway:50051", "without a scheme"),
            ("dns://8.8.8.8/gateway:50051", "dns:///HOST:PORT"),
            ("::1:50051", "in brackets"),
            (":50051", "a name or an address"),
            ("the gateway:50051", "a name or an address"),
        ] {
            let message = Target::parse(text).unwrap_err().to_string();
            assert!(message.contains(why), "{text}: {message}");
        }
    }

    #[test]
    fn a_target_is_written_with_the_brackets_that_it_needs() {
        assert_eq!(Target::parse("dns:///gateway:1").unwrap().to_string(), "gateway:1");
        assert_eq!(Target::parse("[::1]:80").unwrap().to_string(), "[::1]:80");
    }
}
