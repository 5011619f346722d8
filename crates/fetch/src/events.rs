//! Server-sent events of an API that the caller named: a body without an end, of which each event is small and silence has
//! a limit.
//!
//! Only what a reader of a log needs of the HTML standard (9.2.6): `id`, `event`, `data` and comments. The libraries for it
//! keep what comes until its end, however long that is; here an event has [`MAX_EVENT`] octets.

use std::collections::VecDeque;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::call::{Answer, Call};
use crate::error::FetchError;
use crate::fetcher::Fetcher;

/// Octets of one event, names of its fields included.
pub const MAX_EVENT: usize = 256 * 1024;

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The id; nothing if the event has none of its own.
    pub id: Option<String>,
    /// Its kind.
    pub kind: String,
    /// Its lines of data.
    pub data: Vec<u8>,
}

/// What came of asking for a stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum Followed {
    /// A stream.
    Events(EventStream),
    /// Something else, such as a refusal.
    Answer(Answer),
}

/// A stream of events. It ends when this is dropped.
#[derive(Debug)]
pub struct EventStream {
    body: Incoming,
    parser: Parser,
    ready: VecDeque<Event>,
    silence: Duration,
}

impl Fetcher {
    /// Asks for a stream of events. What comes until the header has the times of the policy; then nothing lasts too long
    /// but silence, which comments of the server break too.
    ///
    /// # Errors
    /// As [`Fetcher::call`].
    pub async fn events(&self, call: &Call, silence: Duration) -> Result<Followed, FetchError> {
        let limit = self.policy().total_timeout;
        tokio::time::timeout(limit, self.open_stream(call, silence))
            .await
            .unwrap_or(Err(FetchError::Timeout(limit)))
    }

    async fn open_stream(&self, call: &Call, silence: Duration) -> Result<Followed, FetchError> {
        let response = self.open(call).await?;
        let kind = response.headers().get(CONTENT_TYPE);
        let is_stream = response.status().as_u16() == 200
            && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if !is_stream {
            return self.answer(response, call).await.map(Followed::Answer);
        }
        Ok(Followed::Events(EventStream {
            body: response.into_body(),
            parser: Parser::default(),
            ready: VecDeque::new(),
            silence,
        }))
    }
}

impl EventStream {
    /// The next event; nothing when the server has ended the stream. What was read stays if this is dropped half-way.
    ///
    /// # Errors
    /// The stream broke, an event is too large, or nothing came for too long.
    pub async fn next(&mut self) -> Result<Option<Event>, FetchError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let frame = tokio::time::timeout(self.silence, self.body.frame())
                .await
                .map_err(|_| FetchError::Silence(self.silence))?;
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| FetchError::Http(error.to_string()))?;
            if let Some(data) = frame.data_ref() {
                self.parser.take(data, &mut self.ready)?;
            }
        }
    }
}

/// Makes events of octets.
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    /// Octets of the event so far.
    octets: usize,
    /// The last octet was a carriage return: a line feed behind it belongs to the same line end.
    after_return: bool,
}

impl Parser {
    fn take(&mut self, octets: &[u8], ready: &mut VecDeque<Event>) -> Result<(), FetchError> {
        for octet in octets {
            let follows = std::mem::replace(&mut self.after_return, *octet == b'\r');
            match octet {
                b'\n' if follows => {}
                b'\n' | b'\r' => ready.extend(self.end_line()),
                _ => {
                    self.octets += 1;
                    if self.octets > MAX_EVENT {
                        let limit = u64::try_from(MAX_EVENT).unwrap_or(u64::MAX);
                        return Err(FetchError::BodyTooLarge { limit });
                    }
                    self.line.push(*octet);
                }
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            self.octets = 0;
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let mut parts = line.splitn(2, |octet| *octet == b':');
        let name = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let text = || String::from_utf8_lossy(value).into_owned();
        match name {
            b"id" => self.event.id = Some(text()),
            b"event" => self.event.kind = text(),
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push(b'\n');
                }
                self.event.data.extend_from_slice(value);
            }
            // A comment has no name; others are for later versions. A comment alone is no beginning of an event.
            _ if !self.has_data && self.event == Event::default() => self.octets = 0,
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(parts: &[&[u8]]) -> Vec<(Option<String>, String, Vec<u8>)> {
        let (mut parser, mut ready) = (Parser::default(), VecDeque::new());
        for part in parts {
            parser.take(part, &mut ready).unwrap();
        }
        let each = ready.into_iter().map(|it| (it.id, it.kind, it.data));
        each.collect()
    }

    #[test]
    fn events_are_the_same_however_they_are_cut_and_whatever_ends_their_lines() {
        let text = b":beat\n\nid: 7\nevent: certificate\ndata: {\"a\":1}\n\nid:8\ndata:x\ndata:  y\nretry: 1\n\nid: 9\n\nevent: lost";
        let expected = vec![
            (
                Some("7".to_owned()),
                "certificate".to_owned(),
                b"{\"a\":1}".to_vec(),
            ),
            (Some("8".to_owned()), String::new(), b"x\n y".to_vec()),
        ];
        assert_eq!(parse(&[text]), expected);
        let octets: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(parse(&octets), expected);
        for end in ["\r\n", "\r"] {
            let text = String::from_utf8(text.to_vec()).unwrap();
            let text = text.replace('\n', end);
            assert_eq!(parse(&[text.as_bytes()]), expected, "{end:?}");
            let octets: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(parse(&octets), expected, "{end:?}");
        }
    }

    #[test]
    fn event_that_does_not_end_is_refused_and_comments_may_go_on_for_ever() {
        let (mut parser, mut ready) = (Parser::default(), VecDeque::new());
        for _ in 0..MAX_EVENT {
            parser.take(b":\n\n", &mut ready).unwrap();
            parser.take(b": beat\n", &mut ready).unwrap();
        }
        assert!(ready.is_empty());
        let line = [b"data: ".as_slice(), &vec![b'x'; 1_000], b"\n"].concat();
        let mut taken = 0;
        while parser.take(&line, &mut ready).is_ok() {
            taken += line.len();
            assert!(taken <= 2 * MAX_EVENT);
        }
        assert!(taken > MAX_EVENT / 2);
        let mut parser = Parser::default();
        let endless = vec![b':'; MAX_EVENT + 1];
        assert!(parser.take(&endless, &mut ready).is_err());
    }
}
