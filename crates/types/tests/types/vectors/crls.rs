//! CRLs and distribution points of the collection.

use certvouch_testkit::vectors::{Case, Params, Verdict, hex};
use certvouch_types::crl::RevokedCertificate;
use certvouch_types::crl::distribution_point::distribution_points;
use certvouch_types::crl::scope::{check_entry, check_head};
use certvouch_types::{Certificate, Crl, oid};
use serde_json::Value;

/// `crl-parse`: head, tail and every entry. Whether RFC 5280 forbids the use of what parses is asked where the case says
/// so (`profile`).
pub(super) fn parse(case: &Case, params: &mut Params) -> Verdict {
    // Whether the owner of the case parses on demand; we always read everything.
    params.take("lazy");
    let input = case.input("crl");
    let parsed =
        Crl::parse(&input).and_then(|crl| Ok((crl, crl.entries().collect::<Result<Vec<_>, _>>()?)));
    let (crl, entries) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // There are no values to compare.
            for param in ["text", "revoked", "invalidity_date"] {
                params.take(param);
            }
            return Verdict::with("err", error);
        }
    };
    if !crl.issuer.has_proper_strings() {
        return Verdict::with("err", "the issuer has a string outside its type");
    }
    // The entries that an index points at are read again, and say the same.
    for entry in &entries {
        let again = crl.entry_at(entry.at).unwrap();
        assert_eq!(
            (again.serial_number, again.reason),
            (entry.serial_number, entry.reason)
        );
    }
    head(&crl, params);
    list(&entries, params);
    let usable = check_head(&crl).and_then(|()| {
        entries
            .iter()
            .try_for_each(|entry| check_entry(&crl, entry))
    });
    match usable {
        Err(why) if case.expected == "profile" => Verdict::with("profile", why),
        _ => Verdict::new("ok"),
    }
}

fn head(crl: &Crl<'_>, params: &mut Params) {
    params.same("version", crl.version);
    params.same("this_update", crl.this_update.to_string());
    params.same("next_update", crl.next_update.map(|time| time.to_string()));
    let number = |number: Option<certvouch_types::crl::CrlNumber<'_>>| {
        let number = number.map(|number| {
            number
                .as_unsigned()
                .iter()
                .fold(0, |sum, octet| sum << 8 | u64::from(*octet))
        });
        number.map_or(Value::Null, Value::from)
    };
    params.same("crl_number", number(crl.known.crl_number));
    params.same("delta_base", number(crl.known.base_crl_number));
    if let Some(Value::String(expected)) = params.take("signed_using") {
        let ours = algorithm_name(&crl.signature_algorithm.oid.to_string());
        if !expected.starts_with(ours) {
            params.differs(&format!("signed using {ours}, expected {expected}"));
        }
    }
    if let Some(Value::String(text)) = params.take("text") {
        let line = format!("CRL version   \\: {}", crl.version);
        if !text.starts_with(&line) {
            params.differs(&format!("{line} does not begin {text}"));
        }
    }
}

/// Algorithms by the names that mbedTLS prints.
fn algorithm_name(oid: &str) -> &'static str {
    match oid {
        "1.2.840.113549.1.1.4" => "RSA with MD5",
        "1.2.840.113549.1.1.5" => "RSA with SHA1",
        "1.2.840.113549.1.1.14" => "RSA with SHA-224",
        "1.2.840.113549.1.1.11" => "RSA with SHA-256",
        "1.2.840.113549.1.1.12" => "RSA with SHA-384",
        "1.2.840.113549.1.1.13" => "RSA with SHA-512",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.10045.4.1" => "ECDSA with SHA1",
        "1.2.840.10045.4.3.1" => "ECDSA with SHA224",
        "1.2.840.10045.4.3.2" => "ECDSA with SHA256",
        "1.2.840.10045.4.3.3" => "ECDSA with SHA384",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA512",
        _ => "something else",
    }
}

fn list(entries: &[RevokedCertificate<'_>], params: &mut Params) {
    params.same("entries", entries.len());
    let numbers: Vec<String> = entries
        .iter()
        .map(|entry| entry.serial_number.to_string())
        .collect();
    match params.take("serials") {
        Some(Value::String(range)) => {
            let (first, last) = range.split_once("..").unwrap();
            let (first, last): (u8, u8) = (first.parse().unwrap(), last.parse().unwrap());
            let expected: Vec<String> = (first..=last)
                .map(|number| format!("{number:02X}"))
                .collect();
            if numbers != expected {
                params.differs(&format!("serials are {numbers:?}"));
            }
        }
        Some(expected) if expected != Value::from(numbers.clone()) => {
            params.differs(&format!("serials are {numbers:?}, expected {expected}"));
        }
        _ => {}
    }
    if let Some(Value::String(expected)) = params.take("revoked")
        && !numbers.contains(&expected)
    {
        params.differs(&format!("{expected} is not among {numbers:?}"));
    }
    if let Some(Value::String(expected)) = params.take("revoked_raw") {
        let raw: Vec<String> = entries
            .iter()
            .map(|entry| hex(entry.serial_number.content()))
            .collect();
        if !raw.contains(&expected) {
            params.differs(&format!("{expected} is not among {raw:?}"));
        }
    }
    if params.take("invalidity_date").is_some()
        && entries.iter().all(|entry| entry.invalidity_date.is_none())
    {
        params.differs("no invalidityDate");
    }
    if let Some(expected) = params.take("entry0_critical") {
        let found = entries.first().and_then(|entry| entry.unprocessable);
        if found.map(|oid| Value::from(oid.to_string())) != Some(expected) {
            params.differs("another critical extension");
        }
    }
}

/// `crldp-parse`: the cRLDistributionPoints of a certificate.
pub(super) fn distribution(case: &Case, _params: &mut Params) -> Verdict {
    let input = case.input("cert");
    let certificate = match Certificate::parse(&input) {
        Ok(certificate) => certificate,
        Err(error) => return Verdict::with("err", error),
    };
    let Some(extension) = certificate.extensions.find(oid::CRL_DISTRIBUTION_POINTS) else {
        return Verdict::with("err", "no cRLDistributionPoints");
    };
    match distribution_points(&extension) {
        Ok(points) => Verdict::with("ok", format!("{} points", points.count())),
        Err(error) => Verdict::with("err", error),
    }
}
