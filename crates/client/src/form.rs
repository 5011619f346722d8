//! The forms of a request: hash, nonce, method; and the URL of a GET (RFC 6960 A.1, RFC 9919 6).

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_crypto::digest;
use certvouch_fetch::{Caches, FetchError};
use certvouch_types::{CertIdTemplate, Certificate, HashAlgorithm, RequestWriter, SerialNumber};
use certvouch_verify::{CurrencyFault, Reason};
use http::Uri;

use crate::failure::Failure;
use crate::limits::{MAX_GET_URL, NONCES};
use crate::policy::{CertIdHash, NonceMode, Policy};

/// How a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// In the URL.
    Get,
    /// In the body.
    Post,
}

/// One form of the same question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Form {
    /// The hash of the CertID.
    pub hash: HashAlgorithm,
    /// Octets of the nonce.
    pub nonce: Option<usize>,
    /// How it travels.
    pub method: Method,
    /// Whether caches were told to ask the origin.
    pub past_caches: bool,
}

impl Form {
    /// The first form by a policy; [`Method`] follows from the length of the URL.
    pub(crate) fn first(policy: &Policy, caches: Caches) -> Self {
        let nonce = match policy.nonce {
            NonceMode::Off => None,
            NonceMode::Try | NonceMode::Require => Some(NONCES[0]),
        };
        Self {
            hash: policy.cert_id_hash.first(),
            nonce,
            method: Method::Get,
            past_caches: caches == Caches::Passed,
        }
    }

    /// The form to try after this one failed so, if another may help (requirements 17.5).
    pub(crate) fn next(self, policy: &Policy, failure: &Failure) -> Option<Self> {
        use certvouch_types::OcspResponseStatus::{InternalError, MalformedRequest, Unauthorized};
        let sha1 =
            (policy.cert_id_hash == CertIdHash::Sha256ThenSha1).then_some(HashAlgorithm::Sha1);
        let post = Self {
            method: Method::Post,
            ..self
        };
        match failure {
            Failure::Refused(why) => match why.reason() {
                Reason::ResponderError(MalformedRequest) => {
                    self.with_less_nonce(policy).or_else(|| {
                        Some(Self {
                            hash: sha1.unwrap_or(self.hash),
                            ..post
                        })
                    })
                }
                Reason::ResponderError(InternalError) => self.with_less_nonce(policy),
                Reason::ResponderError(Unauthorized) => sha1.map(|hash| Self { hash, ..self }),
                // A cache on the way may hold what is out of date, or somebody else's (RFC 9919 7.2).
                Reason::NotCurrent(
                    CurrencyFault::Expired { .. } | CurrencyFault::TooOld { .. },
                )
                | Reason::WrongCertificate { .. } => Some(Self {
                    past_caches: true,
                    ..self
                }),
                Reason::Malformed(_) => Some(post),
                _ => None,
            },
            // Responders that know no GET, proxies that change paths.
            Failure::NotOcsp { .. } | Failure::Fetch(FetchError::Status(_)) => Some(post),
            _ => None,
        }
        .filter(|next| *next != self)
    }

    fn with_less_nonce(self, policy: &Policy) -> Option<Self> {
        let nonce = match (self.nonce?, policy.nonce) {
            (octets, _) if octets == NONCES[0] => Some(NONCES[1]),
            (_, NonceMode::Try) => None,
            _ => return None,
        };
        Some(Self { nonce, ..self })
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.method {
            Method::Get => "GET",
            Method::Post => "POST",
        })?;
        write!(f, ", {} CertID", hash_name(self.hash))?;
        match self.nonce {
            Some(octets) => write!(f, ", nonce of {octets} octets")?,
            None => f.write_str(", no nonce")?,
        }
        if self.past_caches {
            f.write_str(", past caches")?;
        }
        Ok(())
    }
}

/// The usual name of a hash algorithm.
pub(crate) const fn hash_name(hash: HashAlgorithm) -> &'static str {
    match hash {
        HashAlgorithm::Sha1 => "SHA-1",
        HashAlgorithm::Sha256 => "SHA-256",
        HashAlgorithm::Sha384 => "SHA-384",
        HashAlgorithm::Sha512 => "SHA-512",
        _ => "another",
    }
}

/// The CertID of a serial number of an issuer.
pub(crate) fn cert_id(
    hash: HashAlgorithm,
    issuer: &Certificate<'_>,
    certificate: Option<&Certificate<'_>>,
    serial: SerialNumber<'_>,
) -> Vec<u8> {
    // As it stands in the certificate asked about: a CA may write its name in two ways (requirements R6960-4.1.1-C1).
    let name = certificate.map_or(issuer.subject, |certificate| certificate.issuer);
    let name = digest(hash, name.as_bytes());
    let key = digest(hash, issuer.subject_public_key_info.subject_public_key);
    CertIdTemplate {
        hash_algorithm: hash,
        issuer_name_hash: name.as_ref(),
        issuer_key_hash: key.as_ref(),
    }
    .write(serial)
}

/// A request with a fresh nonce, if it has one (RFC 9654 2.1).
///
/// # Errors
/// The operating system gives no random octets.
pub(crate) fn request(cert_id: &[u8], nonce: Option<usize>) -> Result<Vec<u8>, getrandom::Error> {
    let mut writer = RequestWriter::new().cert_id(cert_id);
    if let Some(octets) = nonce {
        let mut nonce = vec![0; octets];
        getrandom::fill(&mut nonce)?;
        writer = writer.nonce(&nonce);
    }
    Ok(writer.write())
}

/// The URL of a GET with this request, or nothing if it has to be a POST: it would have more than 255 octets
/// (requirements R9919-6-2), or the URL has a query, behind which no path can stand.
///
/// The path of the responder's URL is kept; base64 as in RFC 4648 4, with `/`, `+` and `=` percent-encoded.
#[must_use]
pub fn get_url(responder: &Uri, request: &[u8]) -> Option<Uri> {
    if responder.query().is_some() {
        return None;
    }
    let base = responder.to_string();
    let encoded = STANDARD
        .encode(request)
        .replace('/', "%2F")
        .replace('+', "%2B")
        .replace('=', "%3D");
    let url = format!("{}/{encoded}", base.trim_end_matches('/'));
    (url.len() <= MAX_GET_URL).then(|| url.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: R6960-A.1-2, R9919-6-3
    #[test]
    fn url_of_a_get_keeps_the_path_and_encodes_what_is_reserved() {
        let request = [0xFB, 0xFF, 0xBF, 0xFF];
        for (url, expected) in [
            (
                "http://a.example",
                "http://a.example/%2B%2F%2B%2F%2Fw%3D%3D",
            ),
            (
                "http://a.example/",
                "http://a.example/%2B%2F%2B%2F%2Fw%3D%3D",
            ),
            (
                "http://a.example:8080/ocsp/ca-1/",
                "http://a.example:8080/ocsp/ca-1/%2B%2F%2B%2F%2Fw%3D%3D",
            ),
        ] {
            let url = get_url(&url.parse().unwrap(), &request).unwrap();
            assert_eq!(url.to_string(), expected);
        }
    }

    // covers: R9919-6-2
    #[test]
    fn url_of_255_octets_is_a_get_and_one_more_a_post() {
        let request = [0x30; 60];
        let fixed = "http://a.example//".len() + 80;
        let url = |path: usize| -> Uri {
            format!("http://a.example/{}", "p".repeat(path))
                .parse()
                .unwrap()
        };
        let longest = get_url(&url(255 - fixed), &request).unwrap();
        assert_eq!(longest.to_string().len(), 255);
        assert_eq!(get_url(&url(256 - fixed), &request), None);
        assert_eq!(
            get_url(&"http://a.example/?ca=1".parse().unwrap(), &request),
            None
        );
    }
}
