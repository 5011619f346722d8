//! What is told of a change log that is followed.

use serde::{Deserialize, Serialize};

use crate::escape::escape;
use crate::metrics::{Kind, Page};
use crate::staple::report::{ErrorReport, span};

/// One change log. Times are Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PushReport {
    /// The admin port.
    pub url: String,
    /// Whether changes are heard of as they come.
    pub connected: bool,
    /// Since when that is so.
    pub since: Option<i64>,
    /// Streams that were opened since the start; each lasts some minutes.
    pub connects: u64,
    /// Attempts that failed, and streams that broke, since the start.
    pub failures: u64,
    /// Changes that were read since the start.
    pub events: u64,
    /// Certificates that were asked for because of them.
    pub concerned: u64,
    /// When a change was last read.
    pub last_event: Option<i64>,
    /// The last change of which staples say what it said; a restart goes on after it.
    pub position: Option<u64>,
    /// Why it is not connected, or was not.
    pub last_error: Option<ErrorReport>,
}

impl PushReport {
    /// One line for people.
    pub(in crate::staple) fn line(&self, now: i64) -> String {
        let since = self
            .since
            .map(|since| format!(" since {}", span(now - since)));
        let since = since.unwrap_or_default();
        let url = escape(&self.url);
        let numbers = format!("{} changes, {} asked for", self.events, self.concerned);
        match &self.last_error {
            _ if self.connected => format!("push {url}: connected{since}; {numbers}"),
            Some(error) => format!(
                "push {url}: not connected{since}: {}; {numbers}",
                escape(&error.text)
            ),
            None => format!("push {url}: not connected yet"),
        }
    }
}

/// Adds the metrics of all of them.
pub(in crate::staple) fn metrics(page: &mut Page, all: &[PushReport]) {
    if all.is_empty() {
        return;
    }
    let mut family = |name: &str, kind, help, value: fn(&PushReport) -> Option<i64>| {
        page.family(name, kind, help);
        for push in all {
            if let Some(value) = value(push) {
                page.sample(name, &[("url", &push.url)], value);
            }
        }
    };
    family(
        "certvouch_staple_push_connected",
        Kind::Gauge,
        "1 if changes are heard of as they come.",
        |push| Some(i64::from(push.connected)),
    );
    family(
        "certvouch_staple_push_since_timestamp_seconds",
        Kind::Gauge,
        "Since when it is connected, or is not.",
        |push| push.since,
    );
    family(
        "certvouch_staple_push_last_event_timestamp_seconds",
        Kind::Gauge,
        "When a change was last read.",
        |push| push.last_event,
    );
    type Counter<'a> = (&'a str, &'a str, fn(&PushReport) -> u64);
    let counters: [Counter<'_>; 4] = [
        (
            "certvouch_staple_push_connects_total",
            "Streams of changes that were opened.",
            |push| push.connects,
        ),
        (
            "certvouch_staple_push_failures_total",
            "Attempts that failed, and streams that broke.",
            |push| push.failures,
        ),
        (
            "certvouch_staple_push_events_total",
            "Changes that were read.",
            |push| push.events,
        ),
        (
            "certvouch_staple_push_asked_total",
            "Certificates that were asked for because of a change.",
            |push| push.concerned,
        ),
    ];
    for (name, help, value) in counters {
        page.family(name, Kind::Counter, help);
        for push in all {
            page.sample(name, &[("url", &push.url)], value(push));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> PushReport {
        PushReport {
            url: "https://a.example:8081".to_owned(),
            connected: true,
            since: Some(900),
            events: 7,
            concerned: 2,
            ..PushReport::default()
        }
    }

    // covers: T-30
    #[test]
    fn line_says_connected_or_why_not() {
        let mut report = report();
        let line = report.line(1_000);
        assert!(
            line.ends_with("connected since 100s; 7 changes, 2 asked for"),
            "{line}"
        );
        report.connected = false;
        report.last_error = Some(ErrorReport {
            at: 950,
            code: "refused".to_owned(),
            text: "HTTP 403\u{1b}[2J".to_owned(),
        });
        let line = report.line(1_000);
        assert!(
            line.contains("not connected since 100s: HTTP 403"),
            "{line}"
        );
        assert!(!line.contains('\u{1b}'));
        assert!(PushReport::default().line(0).ends_with("not connected yet"));
    }

    #[test]
    fn metrics_have_what_is_counted_and_nothing_without_push() {
        let mut page = Page::default();
        metrics(&mut page, &[]);
        assert_eq!(page.into_text(), "");
        let mut page = Page::default();
        metrics(&mut page, &[report()]);
        let text = page.into_text();
        for sample in [
            "connected{url=\"https://a.example:8081\"} 1\n",
            "events_total{url=\"https://a.example:8081\"} 7\n",
        ] {
            assert!(text.contains(sample), "{text}");
        }
        assert!(!text.contains("last_event_timestamp_seconds{"), "{text}");
    }
}
