//! Commands of other programs that ask the same: so that nobody has to believe ours.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_client::{Attempt, Method, Outcome, get_url};
use certvouch_types::HashAlgorithm;

use crate::command::quote::{shell_path, shell_word};

/// The files that the openssl command names.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// The certificate's, or its serial number.
    pub(super) subject: Subject,
    pub(super) issuer: PathBuf,
}

/// What openssl is asked about.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    File(PathBuf),
    Serial(String),
}

/// For each responder that was asked, by openssl if there are files, and by curl with the very request.
pub(super) fn commands(outcome: &Outcome, files: Option<&Files>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for attempt in outcome.attempts() {
        let both = [openssl(attempt, files), curl(attempt)];
        for command in both.into_iter().flatten() {
            if !all.contains(&command) {
                all.push(command);
            }
        }
    }
    all
}

fn openssl(attempt: &Attempt, files: Option<&Files>) -> Option<String> {
    let (url, form, files) = (attempt.url.as_ref()?, attempt.form?, files?);
    let hash = match form.hash {
        HashAlgorithm::Sha256 => "-sha256 ",
        HashAlgorithm::Sha384 => "-sha384 ",
        HashAlgorithm::Sha512 => "-sha512 ",
        _ => "",
    };
    let subject = match &files.subject {
        Subject::File(path) => format!("-cert {}", shell_path(path)),
        Subject::Serial(hex) => format!("-serial 0x{hex}"),
    };
    let nonce = if form.nonce.is_some() {
        ""
    } else {
        " -no_nonce"
    };
    let issuer = shell_path(&files.issuer);
    Some(format!(
        "openssl ocsp {hash}-issuer {issuer} {subject} -url {}{nonce} -CAfile {issuer} -partial_chain -resp_text",
        shell_word(&url.to_string())
    ))
}

fn curl(attempt: &Attempt) -> Option<String> {
    let (url, form, request) = (
        attempt.url.as_ref()?,
        attempt.form?,
        attempt.request.as_ref()?,
    );
    let read = "openssl ocsp -respin response.der -noverify -resp_text";
    if form.method == Method::Get {
        let url = get_url(url, request)?;
        return Some(format!(
            "curl -sS -o response.der {} && {read}",
            shell_word(&url.to_string())
        ));
    }
    Some(format!(
        "echo {} | base64 -d | curl -sS -o response.der --data-binary @- -H 'Content-Type: application/ocsp-request' \
         {} && {read}",
        STANDARD.encode(request),
        shell_word(&url.to_string())
    ))
}
