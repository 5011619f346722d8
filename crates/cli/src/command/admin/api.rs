//! `/v1` of an admin port, from the outside.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use certvouch_fetch::{Answer, Bearer, Call, FetchError, FetchPolicy, Fetcher, Roots};
use http::{Method, Uri};
use serde_json::Value;

use super::Server;
use crate::command::input;
use crate::escape::{escape, escape_display};
use crate::remote;
use crate::serial::Serial;

/// Octets of one answer: a page of a search, or the results of one bulk request.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// For one request; a bulk one waits for as many commits as it has batches.
const LONGEST: Duration = Duration::from_secs(280);

/// How often a request is sent again when the server says that it is busy.
const TRIES: u32 = 5;

/// Why the server did not do what was asked.
#[derive(Debug)]
pub(in crate::command) enum ApiError {
    /// It was not reached, or what answered is no admin port.
    Unreachable(anyhow::Error),
    /// It refused: the HTTP status and its words.
    Refused(u16, String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "{why:#}"),
            Self::Refused(_, why) => f.write_str(why),
        }
    }
}

/// An admin port, and the issuer that is asked about.
#[derive(Debug)]
pub(in crate::command) struct Api {
    base: String,
    issuer: String,
    bearer: Bearer,
    fetcher: Fetcher,
    runtime: tokio::runtime::Runtime,
}

impl Api {
    /// Reads the token; nothing is asked yet.
    ///
    /// # Errors
    /// The token, the roots or the URL cannot be used.
    pub(in crate::command) fn new(server: &Server) -> Result<Self> {
        let base = remote::base(&server.admin)
            .map_err(|why| anyhow!("--admin {}: {why}", escape(&server.admin)))?;
        let mut policy = FetchPolicy::default();
        policy.max_body = MAX_ANSWER;
        policy.total_timeout = LONGEST;
        policy.header_timeout = LONGEST;
        policy.max_redirects = 0;
        if let Some(path) = &server.tls_ca {
            policy.roots = Roots::Named(input::read_certificates(path)?);
        }
        Ok(Self {
            base,
            issuer: server.issuer.clone(),
            bearer: remote::bearer(&server.token_file)?,
            fetcher: Fetcher::new(policy).map_err(|why| anyhow!("{}", escape_display(&why)))?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    /// The certificate with this serial number, as a place of the API.
    pub(in crate::command) fn place(&self, serial: &Serial) -> String {
        format!("{}/{serial}", self.certificates())
    }

    /// All certificates of the issuer, as a place of the API.
    pub(in crate::command) fn certificates(&self) -> String {
        format!("/v1/issuers/{}/certificates", percent_encode(&self.issuer))
    }

    /// Asks, and gives the JSON of the answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(in crate::command) fn json(
        &self,
        method: Method,
        place: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), ApiError> {
        let body = body.map(|value| (Bytes::from(value.to_string()), "application/json"));
        let answer = self.ask(method, place, body)?;
        let value = serde_json::from_slice(&answer.bytes)
            .map_err(|_| ApiError::Unreachable(self.not_ours()))?;
        Ok((answer.status, value))
    }

    /// Sends NDJSON, and gives the NDJSON of the answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(in crate::command) fn lines(
        &self,
        place: &str,
        lines: Vec<u8>,
    ) -> Result<Vec<Value>, ApiError> {
        let body = Some((Bytes::from(lines), "application/x-ndjson"));
        let answer = self.ask(Method::POST, place, body)?;
        answer
            .bytes
            .split(|octet| *octet == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                serde_json::from_slice(line).map_err(|_| ApiError::Unreachable(self.not_ours()))
            })
            .collect()
    }

    fn ask(
        &self,
        method: Method,
        place: &str,
        body: Option<(Bytes, &'static str)>,
    ) -> Result<Answer, ApiError> {
        let url: Uri = format!("{}{place}", self.base)
            .parse()
            .map_err(|_| ApiError::Unreachable(anyhow!("no URL: {}", escape(place))))?;
        let mut call = Call::get(url, "application/json, application/x-ndjson");
        call.method = method;
        call.body = body;
        call.bearer = Some(self.bearer.clone());
        let mut left = TRIES;
        loop {
            left -= 1;
            let answer = self
                .runtime
                .block_on(self.fetcher.call(&call))
                .map_err(|why| ApiError::Unreachable(self.unreachable(&why)))?;
            match answer.status {
                200..=299 => return Ok(answer),
                // Every request here may be sent twice: what is said twice changes nothing the second time.
                503 if left > 0 => {
                    let pause = answer.retry_after.unwrap_or(1).min(30);
                    std::thread::sleep(Duration::from_secs(pause));
                }
                status => return Err(self.refused(status, &answer)),
            }
        }
    }

    fn refused(&self, status: u16, answer: &Answer) -> ApiError {
        match remote::refusal(answer) {
            Some(why) => ApiError::Refused(status, why),
            None => ApiError::Unreachable(self.not_ours()),
        }
    }

    fn unreachable(&self, why: &FetchError) -> anyhow::Error {
        anyhow!(
            "{}: {}; --admin names the address under [admin] of the server's configuration",
            escape(&self.base),
            escape_display(why)
        )
    }

    fn not_ours(&self) -> anyhow::Error {
        anyhow!(remote::not_ours(&self.base))
    }
}

/// All but the unreserved characters of RFC 3986 2.3, so that a name stays one segment of a path.
pub(super) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_stays_one_segment() {
        assert_eq!(percent_encode("device-ca_1.x~"), "device-ca_1.x~");
        assert_eq!(percent_encode("a/b ?ä%"), "a%2Fb%20%3F%C3%A4%25");
    }
}
