//! What is known about each target: written to a file by the agent, shown by `certvouch staple status`, told as metrics.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use certvouch_stapling::Standing;
use certvouch_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::push::{self, PushReport};
use crate::escape::escape;
use crate::metrics::{Kind, Page};

/// Everything that an agent knows. Times are Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// When it was written.
    pub written: i64,
    /// The agent's process.
    pub process: u32,
    /// The targets, in the order of the configuration.
    pub targets: Vec<TargetReport>,
    /// Failures since the agent's start, by their codes.
    pub errors: BTreeMap<String, u64>,
    /// The change logs that are followed.
    #[serde(default)]
    pub push: Vec<PushReport>,
}

/// One target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TargetReport {
    /// Its name.
    pub name: String,
    /// The certificate's serial number in hex.
    pub serial: String,
    /// good, revoked, unknown or missing.
    pub standing: String,
    /// Whether this is as it has to be.
    pub healthy: bool,
    /// thisUpdate of the staple.
    pub this_update: Option<i64>,
    /// nextUpdate of the staple.
    pub next_update: Option<i64>,
    /// The moment from which it is not stapled any more.
    pub valid_until: Option<i64>,
    /// When a responder was last asked.
    pub last_attempt: Option<i64>,
    /// When an answer was last believed.
    pub last_success: Option<i64>,
    /// When a responder is asked next.
    pub next_attempt: Option<i64>,
    /// Attempts with an answer.
    pub successes: u64,
    /// Attempts without one.
    pub failures: u64,
    /// Failures since the last answer.
    pub failures_in_a_row: u32,
    /// Where the staple came from.
    pub origin: Option<String>,
    /// The last failure.
    pub last_error: Option<ErrorReport>,
    /// Where the staple goes.
    pub deliveries: Vec<DeliveryReport>,
    /// What the server was seen to send.
    pub confirmed: Option<ConfirmReport>,
    /// The intermediates that are stapled too, the certificate's issuer first.
    #[serde(default)]
    pub intermediates: Vec<IntermediateReport>,
}

/// An intermediate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IntermediateReport {
    /// Its serial number in hex.
    pub serial: String,
    /// good, revoked, unknown or missing.
    pub standing: String,
    /// The moment from which its staple is not given out any more.
    pub valid_until: Option<i64>,
    /// When an answer was last believed.
    pub last_success: Option<i64>,
    /// When a responder is asked next.
    pub next_attempt: Option<i64>,
    /// Attempts with an answer.
    pub successes: u64,
    /// Attempts without one.
    pub failures: u64,
    /// Failures since the last answer.
    pub failures_in_a_row: u32,
    /// The last failure.
    pub last_error: Option<ErrorReport>,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorReport {
    /// When.
    pub at: i64,
    /// The stable code.
    pub code: String,
    /// What happened.
    pub text: String,
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeliveryReport {
    /// nginx, haproxy, file or exec.
    pub kind: String,
    /// delivered, withdrawn, pending, failed, or kept: what a former agent left, until somebody answers.
    pub state: String,
    /// Since when.
    pub at: Option<i64>,
    /// Why it failed, or what the operator should know.
    pub note: Option<String>,
}

/// What a handshake showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConfirmReport {
    /// When.
    pub at: i64,
    /// yes, or what else was seen.
    pub outcome: String,
    /// Whether the server sends what it should.
    pub right: bool,
}

impl TargetReport {
    /// Something came of the first attempt, or of what was kept, or nothing is to be done; and what came of it is where it
    /// belongs. Before the first attempt ends there is nothing to deliver, which looks like nothing left to deliver.
    fn was_looked_after(&self) -> bool {
        let is_known = self.successes + self.failures > 0
            || self.origin.is_some()
            || self.last_error.is_some();
        let waits = |it: &DeliveryReport| {
            it.state == "pending"
                || self.standing == "good" && matches!(&*it.state, "withdrawn" | "kept")
        };
        (self.healthy || is_known) && !self.deliveries.iter().any(waits)
    }
}

/// The file of a report, by the configuration's name: several agents may share a folder.
#[must_use]
pub fn path(state: &Path, config: &Path) -> PathBuf {
    let stem = config.file_stem().unwrap_or_default().to_string_lossy();
    state.join(format!("{stem}.status.json"))
}

impl Report {
    /// Reads what an agent wrote.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn load(path: &Path) -> std::io::Result<Self> {
        let text = std::fs::read(path)?;
        serde_json::from_slice(&text)
            .map_err(|why| std::io::Error::new(std::io::ErrorKind::InvalidData, why))
    }

    /// How far a change log was followed.
    #[must_use]
    pub fn position(&self, url: &str) -> Option<u64> {
        self.push.iter().find(|push| push.url == url)?.position
    }

    /// As it stands in the file.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn encoded(&self) -> std::io::Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(std::io::Error::other)
    }

    /// Whether every target is as it has to be.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.targets.iter().all(|target| target.healthy)
    }

    /// Whether every target was looked after for the first time, however that ended.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.written != 0 && self.targets.iter().all(TargetReport::was_looked_after)
    }

    /// The table of `certvouch staple status`: one line for each target, and below it one for each intermediate.
    #[must_use]
    pub fn table(&self, now: Timestamp) -> String {
        let mut rows = vec![
            [
                "NAME", "STATUS", "LEFT", "LAST", "NEXT", "OK", "FAILED", "SENT", "ERROR",
            ]
            .map(str::to_owned),
        ];
        for target in &self.targets {
            rows.push(target.row(now.unix()));
            let above = target.intermediates.iter();
            rows.extend(above.map(|it| it.row(now.unix())));
        }
        let mut widths = [0; 9];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                // Writing to a String cannot fail.
                let _ = write!(line, "{cell:<width$}  ");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        for push in &self.push {
            text.push_str(&push.line(now.unix()));
            text.push('\n');
        }
        let _ = writeln!(text, "written {} ago", span(now.unix() - self.written));
        text
    }

    /// The metrics page.
    #[must_use]
    pub fn metrics(&self, now: Timestamp) -> String {
        let mut page = Page::default();
        self.gauge(
            &mut page,
            "certvouch_staple_seconds_to_expiry",
            "Seconds until the staple may not be given out any more; 0 without a staple.",
            |target| {
                let left = target.valid_until.map(|until| until - now.unix());
                Some(left.unwrap_or(0).max(0))
            },
        );
        self.gauge(
            &mut page,
            "certvouch_staple_last_success_timestamp_seconds",
            "When an answer was last believed.",
            |target| target.last_success,
        );
        self.gauge(
            &mut page,
            "certvouch_staple_healthy",
            "1 if the target is as it has to be.",
            |target| Some(i64::from(target.healthy)),
        );
        self.gauge(
            &mut page,
            "certvouch_staple_confirmed",
            "1 if a handshake showed what should be sent, 0 if it showed something else.",
            |target| target.confirmed.as_ref().map(|it| i64::from(it.right)),
        );
        page.family(
            "certvouch_staple_intermediate_seconds_to_expiry",
            Kind::Gauge,
            "Seconds until the staple of an intermediate may not be given out any more; absent where it never had one.",
        );
        for target in &self.targets {
            for above in &target.intermediates {
                let labels = [("target", &*target.name), ("serial", &*above.serial)];
                if let Some(until) = above.valid_until {
                    let name = "certvouch_staple_intermediate_seconds_to_expiry";
                    page.sample(name, &labels, (until - now.unix()).max(0));
                }
            }
        }
        page.family(
            "certvouch_staple_status",
            Kind::Gauge,
            "1 for the status that counts: good, revoked, unknown, missing.",
        );
        for target in &self.targets {
            let labels = [("target", &*target.name), ("status", &*target.standing)];
            page.sample("certvouch_staple_status", &labels, 1);
        }
        page.family(
            "certvouch_staple_fetches_total",
            Kind::Counter,
            "Attempts since the start, by outcome.",
        );
        for target in &self.targets {
            for (outcome, count) in [("success", target.successes), ("failure", target.failures)] {
                let labels = [("target", &*target.name), ("outcome", outcome)];
                page.sample("certvouch_staple_fetches_total", &labels, count);
            }
        }
        page.family(
            "certvouch_staple_errors_total",
            Kind::Counter,
            "Failures since the start, by kind.",
        );
        for (code, count) in &self.errors {
            page.sample("certvouch_staple_errors_total", &[("kind", code)], count);
        }
        push::metrics(&mut page, &self.push);
        page.into_text()
    }

    fn gauge(
        &self,
        page: &mut Page,
        name: &str,
        help: &str,
        value: impl Fn(&TargetReport) -> Option<i64>,
    ) {
        page.family(name, Kind::Gauge, help);
        for target in &self.targets {
            if let Some(value) = value(target) {
                page.sample(name, &[("target", &target.name)], value);
            }
        }
    }
}

impl TargetReport {
    fn row(&self, now: i64) -> [String; 9] {
        let failed = self
            .deliveries
            .iter()
            .find_map(|it| (it.state == "failed").then(|| it.note.clone()).flatten());
        let sent = self.confirmed.as_ref();
        row(
            &Line {
                name: &self.name,
                standing: &self.standing,
                valid_until: self.valid_until,
                last_success: self.last_success,
                next_attempt: self.next_attempt,
                successes: self.successes,
                failures: (self.failures_in_a_row, self.failures),
                sent: sent.map_or("-", |it| &it.outcome),
                error: failed.or_else(|| self.last_error.as_ref().map(words)),
            },
            now,
        )
    }
}

impl IntermediateReport {
    fn row(&self, now: i64) -> [String; 9] {
        row(
            &Line {
                name: &format!("+ {}", self.serial),
                standing: &self.standing,
                valid_until: self.valid_until,
                last_success: self.last_success,
                next_attempt: self.next_attempt,
                successes: self.successes,
                failures: (self.failures_in_a_row, self.failures),
                // A handshake of ours shows what comes for the certificate itself.
                sent: "-",
                error: self.last_error.as_ref().map(words),
            },
            now,
        )
    }
}

fn words(error: &ErrorReport) -> String {
    format!("{}: {}", error.code, error.text)
}

/// What stands in a line of the table.
struct Line<'a> {
    name: &'a str,
    standing: &'a str,
    valid_until: Option<i64>,
    last_success: Option<i64>,
    next_attempt: Option<i64>,
    successes: u64,
    failures: (u32, u64),
    sent: &'a str,
    error: Option<String>,
}

fn row(line: &Line<'_>, now: i64) -> [String; 9] {
    let none = || "-".to_owned();
    let left = line.valid_until.filter(|until| *until > now);
    // The agent is gone, and time went on. That ends no revocation.
    let ends = [Standing::Good.name(), Standing::Unknown.name()];
    let is_over = left.is_none() && ends.contains(&line.standing);
    let standing = if is_over { "expired" } else { line.standing };
    let (in_a_row, failures) = line.failures;
    [
        escape(line.name).to_string(),
        standing.to_owned(),
        left.map_or_else(none, |until| span(until - now)),
        line.last_success.map_or_else(none, |at| span(now - at)),
        line.next_attempt.map_or_else(none, |at| span(at - now)),
        line.successes.to_string(),
        format!("{in_a_row}/{failures}"),
        escape(line.sent).to_string(),
        line.error
            .as_ref()
            .map_or_else(none, |text| escape(text).to_string()),
    ]
}

/// A span of time in the largest unit that leaves something to read.
pub(super) fn span(seconds: i64) -> String {
    match seconds {
        ..=0 => "0s".to_owned(),
        1..=119 => format!("{seconds}s"),
        120..=7_199 => format!("{}m", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let target = TargetReport {
            name: "www\u{1b}[2J".to_owned(),
            standing: "good".to_owned(),
            healthy: true,
            valid_until: Some(10_000),
            last_success: Some(900),
            next_attempt: Some(5_000),
            successes: 3,
            last_error: Some(ErrorReport {
                at: 990,
                code: "connect".to_owned(),
                text: "refused\nforged line".to_owned(),
            }),
            ..TargetReport::default()
        };
        Report {
            written: 998,
            process: 7,
            targets: vec![target],
            errors: BTreeMap::from([("connect".to_owned(), 2)]),
            push: Vec::new(),
        }
    }

    // covers: T-30
    #[test]
    fn table_has_a_line_for_each_target_whatever_stands_in_it() {
        let table = report().table(Timestamp::from_unix(1_000));
        assert_eq!(table.lines().count(), 3, "{table}");
        assert!(!table.contains('\u{1b}'), "{table}");
        let line = table.lines().nth(1).unwrap();
        for word in ["good", "2h", "100s", "66m", "3", "0/0", "refused\\nforged"] {
            assert!(line.contains(word), "{word}: {line}");
        }
    }

    #[test]
    fn staple_of_an_agent_that_is_gone_is_shown_as_expired() {
        let table = report().table(Timestamp::from_unix(10_000));
        assert!(table.contains("expired"), "{table}");
    }

    #[test]
    fn metrics_tell_the_seconds_that_are_left_and_the_errors() {
        let page = report().metrics(Timestamp::from_unix(1_000));
        assert!(
            page.contains("certvouch_staple_seconds_to_expiry{target=\"www\\\\x1B[2J\"} 9000\n"),
            "{page}"
        );
        assert!(page.contains("certvouch_staple_errors_total{kind=\"connect\"} 2\n"));
        assert!(page.contains("status=\"good\"} 1\n"));
    }

    #[test]
    fn target_is_ready_when_its_first_attempt_has_ended_and_its_staple_is_delivered() {
        let delivery = |state: &str| DeliveryReport {
            kind: "file".to_owned(),
            state: state.to_owned(),
            at: None,
            note: None,
        };
        let ready = |standing: &str, healthy, successes, failures, state: &str| {
            let target = TargetReport {
                standing: standing.to_owned(),
                healthy,
                successes,
                failures,
                deliveries: vec![delivery(state)],
                ..TargetReport::default()
            };
            let report = Report {
                written: 1,
                targets: vec![target],
                ..Report::default()
            };
            report.is_ready()
        };
        // The first attempt is under way: nothing is there to be delivered.
        assert!(!ready("missing", false, 0, 0, "withdrawn"));
        // It came, and is not delivered yet.
        assert!(!ready("good", false, 1, 0, "withdrawn"));
        assert!(!ready("good", false, 1, 0, "pending"));
        assert!(!ready("good", false, 1, 0, "kept"));
        assert!(ready("missing", false, 0, 1, "kept"));
        assert!(ready("good", true, 1, 0, "delivered"));
        // It failed; a revocation is left out; nobody wants a staple.
        assert!(ready("missing", false, 0, 1, "withdrawn"));
        assert!(ready("revoked", false, 1, 0, "withdrawn"));
        assert!(ready("missing", true, 0, 0, "withdrawn"));
        assert!(!Report::default().is_ready());
    }
}
