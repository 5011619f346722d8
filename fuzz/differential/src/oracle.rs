//! OpenSSL's word: good, or the first thing it minds. What `openssl ocsp` does, by its library calls.

use std::cmp::Ordering;

use certvouch_testkit::ask::{self, HashAlg, Params};
use certvouch_testkit::clock::Civil;
use certvouch_testkit::pki::{Cert, World};
use certvouch_testkit::reply::Reply;
use certvouch_types::BasicOcspResponse;
use openssl::asn1::Asn1GeneralizedTimeRef;
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspResponse, OcspResponseStatus};
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyParam;

/// Whose clock judges the times of an entry.
#[derive(Clone, Copy)]
pub(crate) enum Clock {
    /// OpenSSL's call, which reads the clock of the machine.
    Real,
    /// The same rules at this moment.
    Fixed(i64),
}

/// What `openssl ocsp` tolerates, in seconds.
const TOLERANCE: u32 = 300;

/// OpenSSL's view of a world.
pub(crate) struct Oracle {
    clock: Clock,
    store: X509Store,
    issuer: X509,
    /// Whose name and key stand in a builder whose every member is replaced.
    anybody: Cert,
    certificates: Stack<X509>,
    ids: Vec<OcspCertId>,
    /// The same CertIDs in DER, with parameters NULL and absent.
    known: Vec<Vec<u8>>,
}

impl Oracle {
    pub(crate) fn new(world: &World, now: i64, clock: Clock) -> Self {
        // proof: a fixture of testkit, and memory enough
        let parse = |der: &[u8]| X509::from_der(der).expect("testkit writes certificates");
        let (leaf, issuer) = (parse(&world.ee_good.der), parse(&world.ca_a.der));
        // proof: a fixture of testkit, and memory enough
        let mut store = X509StoreBuilder::new().expect("a store");
        store
            .add_cert(issuer.clone())
            // proof: a fixture of testkit, and memory enough
            .expect("a certificate in a store");
        // proof: a fixture of testkit, and memory enough
        let mut parameters = X509VerifyParam::new().expect("parameters");
        parameters.set_time(now);
        // proof: a fixture of testkit, and memory enough
        store.set_param(&parameters).expect("parameters of a store");
        let digests = [
            MessageDigest::sha1(),
            MessageDigest::sha256(),
            MessageDigest::sha384(),
            MessageDigest::sha512(),
        ];
        let ids =
            // proof: a fixture of testkit, and memory enough
            digests.map(|digest| OcspCertId::from_cert(digest, &leaf, &issuer).expect("a CertID"));
        let known = HashAlg::ALL.into_iter().flat_map(|hash| {
            [Params::Null, Params::Absent]
                .map(|form| ask::cert_id(hash, &form, &world.ca_a, &world.ee_good.serial))
        });
        let known = known.collect();
        // proof: a fixture of testkit, and memory enough
        let mut certificates = Stack::new().expect("a stack");
        // proof: a fixture of testkit, and memory enough
        certificates
            .push(issuer.clone())
            .expect("a certificate on a stack");
        Self {
            clock,
            issuer,
            anybody: world.d_a.clone(),
            store: store.build(),
            certificates,
            ids: ids.into(),
            known,
        }
    }

    /// Nothing if OpenSSL takes the response for a good one, else why not.
    pub(crate) fn minds(&self, response: &[u8]) -> Option<String> {
        let first = |stage: &str, stack: openssl::error::ErrorStack| {
            let errors: Vec<_> = stack
                .errors()
                .iter()
                .filter_map(|error| error.reason())
                .collect();
            Some(format!("{stage}: {}", errors.join(", ")))
        };
        let parsed = match OcspResponse::from_der(response) {
            Ok(parsed) => parsed,
            Err(stack) => return first("parse", stack),
        };
        if parsed.status() != OcspResponseStatus::SUCCESSFUL {
            return Some("status".to_owned());
        }
        let basic = match parsed.basic() {
            Ok(basic) => basic,
            Err(stack) => return first("basic", stack),
        };
        // As the program does: by embedded certificates first, then with the issuer at hand and trusted.
        // proof: a fixture of testkit, and memory enough
        let none = Stack::new().expect("a stack");
        if basic.verify(&none, &self.store, OcspFlag::empty()).is_err()
            && let Err(stack) = basic.verify(&self.certificates, &self.store, OcspFlag::TRUST_OTHER)
        {
            return first("verify", stack);
        }
        let Some(status) = self.ids.iter().find_map(|id| basic.find_status(id)) else {
            return Some("no status".to_owned());
        };
        if status.status != OcspCertStatus::GOOD {
            return Some("another status".to_owned());
        }
        match self.clock {
            Clock::Real => status
                .check_validity(TOLERANCE, None)
                .err()
                .and_then(|stack| first("validity", stack)),
            Clock::Fixed(now) => {
                let shown = |time: &Asn1GeneralizedTimeRef| unix(&time.to_string());
                let next_update = status.next_update().map(shown);
                is_current(shown(status.this_update), next_update, now)
                    .is_none()
                    .then(|| "validity: at the fixed moment".to_owned())
            }
        }
    }

    /// A known difference that stands in this response, by which OpenSSL refuses more than the rules ask.
    ///
    /// `signer` is the delegate's certificate by which we believed it. What is embedded is material and never trusted,
    /// and all of it is tried (RFC 6960 4.2.2.2): OpenSSL parses all of it and stops at the first certificate that the
    /// ResponderID names. Whether that is the reason is tried out, without the other certificates. A certificate that
    /// the CA's key signed is read by us as far as it matters. An entry about another certificate hinders nothing (RFC
    /// 6960 4.2.2.3); OpenSSL wants all entries to be of one issuer, by digests that it knows.
    pub(crate) fn explains(
        &self,
        response: &[u8],
        why: &str,
        signer: Option<&[u8]>,
    ) -> Option<&'static str> {
        let Ok(certvouch_types::OcspResponse::Successful(bytes)) =
            certvouch_types::OcspResponse::parse(response)
        else {
            return None;
        };
        let basic = BasicOcspResponse::from_response_bytes(&bytes).ok()?;
        if basic.certs().count() > usize::from(signer.is_some()) {
            let alone = Reply::new(&self.anybody, 0)
                .tbs_der(basic.tbs)
                .algorithm_der(basic.signature_algorithm.raw)
                .signature(basic.signature);
            let alone = signer
                .into_iter()
                .fold(alone, |reply, raw| reply.cert(raw))
                .build();
            return match self.minds(&alone) {
                None => {
                    Some("embedded certificates beside the signer's; without them OpenSSL agrees")
                }
                Some(why) => self.explains(&alone, &why, signer),
            };
        }
        if let Some(known) = signer.and_then(|raw| self.certificate(raw)) {
            return Some(known);
        }
        let ours = |raw: &[u8]| self.known.iter().any(|known| known == raw);
        if basic
            .data
            .responses
            .iter()
            .any(|single| !ours(single.cert_id.raw))
        {
            return Some("an entry about another certificate");
        }
        // The one in date counts; OpenSSL looks at one of them.
        if why.starts_with("validity") && basic.data.responses.len() > 1 {
            return Some("one of several entries about the certificate is out of date");
        }
        None
    }

    /// What OpenSSL minds in a certificate that the CA's key signed.
    fn certificate(&self, raw: &[u8]) -> Option<&'static str> {
        let Ok(parsed) = X509::from_der(raw) else {
            return Some("a delegate's certificate, signed by the CA, that OpenSSL does not parse");
        };
        // X509_V_ERR_UNSPECIFIED: extensions of one of the two cannot be read; the issuer's can.
        if self.issuer.issued(&parsed).as_raw() == 1 {
            return Some("a delegate's extension, signed by the CA, that OpenSSL cannot read");
        }
        // Equal names, whatever their case: OpenSSL takes it for self-signed and looks no further.
        let same = parsed.subject_name().try_cmp(self.issuer.subject_name());
        same.is_ok_and(Ordering::is_eq)
            .then_some("a delegate that the CA's key certified under the CA's own name")
    }
}

/// OCSP_check_validity at a moment: thisUpdate not ahead, nextUpdate neither past nor before thisUpdate.
fn is_current(this_update: Option<i64>, next_update: Option<Option<i64>>, now: i64) -> Option<()> {
    let tolerance = i64::from(TOLERANCE);
    let this_update = this_update.filter(|time| *time <= now + tolerance)?;
    match next_update {
        None => Some(()),
        Some(time) => time
            .filter(|time| *time >= now - tolerance && *time >= this_update)
            .map(drop),
    }
}

/// Reads `Jan 10 00:00:00 2026 GMT`, as OpenSSL prints a time; nothing where it prints that there is none.
fn unix(printed: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let words: Vec<&str> = printed.split_whitespace().collect();
    let [month, day, time, year, "GMT"] = words[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let clock: Vec<i64> = time
        .split(':')
        .map(|part| {
            part.split('.')
                .next()
                .and_then(|digits| digits.parse().ok())
        })
        .collect::<Option<_>>()?;
    let [hour, minute, second] = clock[..] else {
        return None;
    };
    let civil = Civil {
        year: year.parse().ok()?,
        month: i64::try_from(month + 1).ok()?,
        day: day.parse().ok()?,
        second_of_day: hour * 3600 + minute * 60 + second,
    };
    Some(civil.to_unix())
}
