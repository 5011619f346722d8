//! Bodies of lines: one that is read line by line, and one that is written as it becomes known. Neither is ever held
//! whole, so that a slow reader slows the writer and nothing fills up.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Octets of one line: a certificate with a large post-quantum key and signature has 10,000.
pub(super) const MAX_LINE: usize = 256 * 1024;

/// How long the first lines of a batch wait for more. Arbitrary: a few syncs of a disk.
const PATIENCE: Duration = Duration::from_millis(20);

/// A line of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Its octets, without the end.
    Whole(Vec<u8>),
    /// It has more than [`MAX_LINE`] octets, and was passed over.
    TooLong,
}

/// The body of a request, line by line.
pub(super) struct Lines {
    body: Body,
    rest: Vec<u8>,
    is_passing: bool,
    is_over: bool,
}

impl Lines {
    pub(super) const fn of(body: Body) -> Self {
        Self {
            body,
            rest: Vec::new(),
            is_passing: false,
            is_over: false,
        }
    }

    /// Up to so many lines, at least one if there is one; none at the end. What is on its way is waited for a little,
    /// so that a batch is no handful because octets come in parts.
    ///
    /// # Errors
    /// The connection broke, or the body did.
    pub(super) async fn next(&mut self, most: usize) -> Result<Vec<Line>, axum::Error> {
        let mut found = Vec::new();
        let mut patience = None;
        loop {
            self.split(most, &mut found);
            if found.len() >= most {
                return Ok(found);
            }
            if self.is_over {
                if !self.rest.is_empty() {
                    found.push(Line::Whole(std::mem::take(&mut self.rest)));
                }
                return Ok(found);
            }
            let frame = if found.is_empty() {
                self.body.frame().await
            } else {
                let until = *patience.get_or_insert_with(|| Instant::now() + PATIENCE);
                match tokio::time::timeout_at(until, self.body.frame()).await {
                    Ok(frame) => frame,
                    Err(_) => return Ok(found),
                }
            };
            match frame {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.rest.extend_from_slice(&data);
                    }
                }
                None => self.is_over = true,
            }
        }
    }

    fn split(&mut self, most: usize, found: &mut Vec<Line>) {
        let mut begin = 0;
        while found.len() < most {
            let Some(length) = self.rest[begin..].iter().position(|it| *it == b'\n') else {
                break;
            };
            let line = &self.rest[begin..begin + length];
            if std::mem::take(&mut self.is_passing) {
                // The end of one that was told of already.
            } else if length > MAX_LINE {
                found.push(Line::TooLong);
            } else {
                found.push(Line::Whole(line.to_vec()));
            }
            begin += length + 1;
        }
        self.rest.drain(..begin);
        if self.rest.len() > MAX_LINE && !self.rest.contains(&b'\n') {
            if !std::mem::replace(&mut self.is_passing, true) {
                found.push(Line::TooLong);
            }
            self.rest.clear();
        }
    }
}

/// The body of a response whose parts come from a channel; it ends when the sender is dropped.
#[derive(Debug)]
pub(super) struct Parts(pub(super) mpsc::Receiver<Bytes>);

impl hyper::body::Body for Parts {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = self.get_mut().0.poll_recv(context);
        polled.map(|part| part.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(parts: &[&[u8]], most: usize) -> Vec<Vec<Line>> {
        let (sender, receiver) = mpsc::channel(64);
        for part in parts {
            sender.send(Bytes::copy_from_slice(part)).await.unwrap();
        }
        drop(sender);
        let mut lines = Lines::of(Body::new(Parts(receiver)));
        let mut all = Vec::new();
        loop {
            let found = lines.next(most).await.unwrap();
            if found.is_empty() {
                return all;
            }
            all.push(found);
        }
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn lines_do_not_care_where_parts_end() {
        let all = lines(&[b"a\nb", b"c\n\nd"], 2).await;
        assert_eq!(
            all,
            [vec![whole("a"), whole("bc")], vec![whole(""), whole("d")]]
        );
        let all = lines(&[b"a\nb\nc\n"], 2).await;
        assert_eq!(all, [vec![whole("a"), whole("b")], vec![whole("c")]]);
        assert!(lines(&[], 2).await.is_empty());
    }

    #[tokio::test]
    async fn line_that_is_too_long_is_one_line_all_the_same() {
        let long = vec![b'x'; MAX_LINE / 2 + 1];
        let all = lines(&[b"a\n", &long, &long, &long, b"\nb\n"], 10).await;
        assert_eq!(all.concat(), [whole("a"), Line::TooLong, whole("b")]);
        let at_once = [&long[..], &long, b"\nb\n"].concat();
        let all = lines(&[&at_once], 10).await;
        assert_eq!(all.concat(), [Line::TooLong, whole("b")]);
    }
}
