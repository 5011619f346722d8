//! Writes the evidence of a report into a folder ([`crate::command::bundle`]).

use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_client::{Checked, Subject};

use super::finding::Finding;
use super::report::Report;
use crate::command::bundle::{Bundle, FORMAT, Folder, INDEX, Item};
use crate::command::json;

/// Writes everything that proves the report again.
///
/// # Errors
/// The folder is not empty, or cannot be written.
pub(super) fn save(report: &Report, nonce_required: bool, dir: &Path) -> Result<()> {
    let mut folder = Folder::new(dir)?;
    let mut certificates = Vec::new();
    for (index, finding) in report.certificates.iter().enumerate() {
        certificates.push(item(finding, index + 1, report, &mut folder)?);
    }
    let bundle = Bundle {
        format: FORMAT,
        target: report.target.clone(),
        profile: report.profile.to_owned(),
        nonce_required,
        sha1_allowed: report.sha1_allowed,
        at: report.at.to_string(),
        verdict: report.verdict.to_owned(),
        certificates,
    };
    folder.put("report.json".to_owned(), json::line(report)?.as_bytes())?;
    folder.put(INDEX.to_owned(), json::line(&bundle)?.as_bytes())?;
    folder.finish()
}

fn item(
    finding: &Finding,
    number: usize,
    report: &Report,
    folder: &mut Folder<'_>,
) -> Result<Item> {
    let name = |what: &str| format!("{number}-{what}");
    let mut item = Item {
        place: finding.place.name().to_owned(),
        serial: finding.serial.clone(),
        verdict: finding.verdict.to_owned(),
        reason: finding.reason.map(str::to_owned),
        counted: finding.counted,
        at: finding.judged_at.unwrap_or(report.at).to_string(),
        certificate: None,
        issuer: None,
        request: None,
        response: None,
        crls: Vec::new(),
        crl_issuers: Vec::new(),
    };
    if let Subject::Certificate(der) = &finding.question.subject {
        item.certificate = Some(folder.put(name("certificate.pem"), pem(der).as_bytes())?);
    }
    let issuer = &finding.question.issuer;
    if !issuer.is_empty() {
        item.issuer = Some(folder.put(name("issuer.pem"), pem(issuer).as_bytes())?);
    }
    let crls = match &finding.basis {
        Some(Checked::Response {
            der,
            request,
            delegate_crls,
        }) => {
            if let Some(request) = request {
                item.request = Some(folder.put(name("request.der"), request)?);
            }
            item.response = Some(folder.put(name("response.der"), der)?);
            match delegate_crls.is_empty() {
                true => &finding.question.crls[..],
                false => &delegate_crls[..],
            }
        }
        Some(Checked::Crls(crls)) => &crls[..],
        _ => &[],
    };
    for (index, crl) in crls.iter().enumerate() {
        let name = name(&format!("crl-{}.der", index + 1));
        item.crls.push(folder.put(name, crl)?);
    }
    for (index, issuer) in finding.question.crl_issuers.iter().enumerate() {
        let name = name(&format!("crl-issuer-{}.pem", index + 1));
        item.crl_issuers
            .push(folder.put(name, pem(issuer).as_bytes())?);
    }
    Ok(item)
}

/// A certificate in PEM (RFC 7468 5).
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out + "-----END CERTIFICATE-----\n"
}
