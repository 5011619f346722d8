//! The single checks of a signing identity. Each cites the clause by which a client would do the same.

use certvouch_crypto::{SignatureAlgorithm, SignatureError, verify_signature};
use certvouch_responder::Signer as _;
use certvouch_types::der::tag;
use certvouch_types::{AlgorithmIdentifier, Certificate, Timestamp, oid};

use super::SignWithCaKey;
use crate::error::CertificateFault as Fault;
use crate::key::KeyKind;
use crate::signer::FileSigner;

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Ca,
    Delegate,
}

/// The issuer is a CA, and its certificate is valid.
pub(crate) fn issuer(issuer: &Certificate<'_>, now: Timestamp) -> Result<(), Fault> {
    if !issuer.is_ca().map_err(Fault::Malformed)? {
        return Err(Fault::IssuerNotCa);
    }
    let validity = issuer.validity;
    if now < validity.not_before {
        return Err(Fault::IssuerNotYetValid {
            not_before: validity.not_before,
            now,
        });
    }
    if now > validity.not_after {
        return Err(Fault::IssuerExpired {
            not_after: validity.not_after,
            now,
        });
    }
    Ok(())
}

/// RFC 6960 4.2.2.2: the CA itself or its delegate signs; the CA only by explicit word.
pub(super) fn role(
    signer: &FileSigner,
    issuer: &Certificate<'_>,
    allowed: SignWithCaKey,
) -> Result<Role, Fault> {
    match (is_key_of(signer, issuer), allowed) {
        (false, _) => Ok(Role::Delegate),
        (true, SignWithCaKey::Yes) => Ok(Role::Ca),
        (true, SignWithCaKey::No) => Err(Fault::CaKey),
    }
}

/// If the CA signs itself, a certificate given for it must be one of the CA.
pub(super) fn ca_certificates(given: &[Vec<u8>], issuer: &Certificate<'_>) -> Result<(), Fault> {
    let mut wrong = None;
    for der in given {
        let certificate = Certificate::parse(der).map_err(Fault::Malformed)?;
        let same_key = same_public_key(
            certificate.subject_public_key_info.subject_public_key,
            issuer.subject_public_key_info.subject_public_key,
        );
        match (same_key, certificate.subject == issuer.subject) {
            (true, true) => return Ok(()),
            (true, false) => wrong = Some(Fault::CaKeyOtherName),
            (false, _) => {
                let subject = certificate.subject.to_string();
                wrong = wrong.or(Some(Fault::KeyMismatch { subject }));
            }
        }
    }
    wrong.map_or(Ok(()), Err)
}

/// Finds the certificate of this key: the first that is valid now, or else the first.
pub(super) fn choose(
    candidates: Vec<Vec<u8>>,
    signer: &FileSigner,
    now: Timestamp,
) -> Result<Vec<u8>, Fault> {
    let mut matching: Option<Vec<u8>> = None;
    let mut subject = None;
    for der in candidates {
        let certificate = Certificate::parse(&der).map_err(Fault::Malformed)?;
        if !is_key_of(signer, &certificate) {
            subject.get_or_insert_with(|| certificate.subject.to_string());
        } else if certificate.validity.contains(now) {
            return Ok(der);
        } else if matching.is_none() {
            matching = Some(der);
        }
    }
    match (matching, subject) {
        (Some(der), _) => Ok(der),
        (None, Some(subject)) => Err(Fault::KeyMismatch { subject }),
        (None, None) => Err(Fault::Missing),
    }
}

/// Whether the certificate is for this key.
pub(crate) fn is_key_of(signer: &FileSigner, certificate: &Certificate<'_>) -> bool {
    let bits = certificate.subject_public_key_info.subject_public_key;
    same_public_key(signer.public_key_bits(), bits)
}

/// Compares the bits of two public keys. EC points may be written in a compressed form (RFC 5480 2.2): the
/// x coordinate behind 02 or 03, by the parity of y.
fn same_public_key(left: &[u8], right: &[u8]) -> bool {
    let compressed = |point: &[u8], short: &[u8]| match (point, short) {
        ([4, full @ ..], [form @ (2 | 3), x @ ..]) => {
            full.len() == 2 * x.len()
                && full.starts_with(x)
                && full.last().is_some_and(|y| y & 1 == form & 1)
        }
        _ => false,
    };
    left == right || compressed(left, right) || compressed(right, left)
}

/// Everything by which RFC 6960 4.2.2.2 has a client reject a delegate, except dates.
pub(super) fn delegate(
    certificate: &Certificate<'_>,
    issuer: &Certificate<'_>,
    kind: KeyKind,
) -> Result<(), Fault> {
    issued_by(certificate, issuer)?;
    let names = |purpose| {
        certificate
            .has_extended_key_usage(purpose)
            .map_err(Fault::Malformed)
    };
    if !names(oid::KP_OCSP_SIGNING)? {
        let any = names(oid::ANY_EXTENDED_KEY_USAGE)?;
        return Err(Fault::ExtendedKeyUsage { any });
    }
    if certificate.is_ca().map_err(Fault::Malformed)? {
        return Err(Fault::DelegateIsCa);
    }
    let Some(usage) = KeyUsageBits::of(certificate)? else {
        return Ok(());
    };
    if !usage.has(0) && !usage.has(1) {
        return Err(Fault::KeyUsage);
    }
    usage.fits(kind)
}

/// RFC 6960 4.2.2.2: issued directly by the CA, by name and by the same key (requirements D-20).
fn issued_by(certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> Result<(), Fault> {
    if certificate.issuer != issuer.subject {
        return Err(Fault::IssuerName {
            named: certificate.issuer.to_string(),
            expected: issuer.subject.to_string(),
        });
    }
    verify_signature(
        &issuer.subject_public_key_info,
        &certificate.signature_algorithm,
        certificate.tbs,
        certificate.signature,
    )
    .map_err(|why| match why {
        SignatureError::UnsupportedAlgorithm => {
            Fault::IssuerSignature(certificate.signature_algorithm.oid.to_string())
        }
        _ => Fault::IssuerKey,
    })
}

/// RFC 6960 4.2.2.2.1: nocheck is there, and its value is NULL.
pub(super) fn nocheck(certificate: &Certificate<'_>, delegated: bool) -> Option<Fault> {
    if !delegated {
        return None;
    }
    match certificate.extensions.find(oid::OCSP_NOCHECK) {
        None => Some(Fault::Nocheck),
        Some(found) if found.value == [tag::NULL, 0] => None,
        Some(_) => Some(Fault::NocheckValue),
    }
}

/// RFC 5280 4.1.2.5: both ends are inclusive.
pub(super) fn dates(certificate: &Certificate<'_>, now: Timestamp) -> Result<(), Fault> {
    let validity = certificate.validity;
    if now < validity.not_before {
        return Err(Fault::NotYetValid {
            not_before: validity.not_before,
            now,
        });
    }
    if now > validity.not_after {
        return Err(Fault::Expired {
            not_after: validity.not_after,
            now,
        });
    }
    Ok(())
}

/// A CA that signs responses itself needs digitalSignature (BR 7.1.2.10.7, RFC 5280 4.2.1.3; requirements D-39).
pub(super) fn ca_key_usage(issuer: &Certificate<'_>, kind: KeyKind) -> Result<(), Fault> {
    match KeyUsageBits::of(issuer)? {
        Some(usage) if !usage.has(0) => Err(Fault::CaKeyUsage),
        Some(usage) => usage.fits(kind),
        None => Ok(()),
    }
}

/// The last word: what the key signs must verify with the certificate, by the same code that clients of ours
/// use. It also finds a certificate whose key is tied to another algorithm than ours.
pub(super) fn test_signature(
    signer: &FileSigner,
    certificate: &Certificate<'_>,
) -> Result<(), Fault> {
    // Text can be mistaken for neither a certificate nor a response.
    let message = b"certvouch: test of a signing key";
    let failed = |why: &dyn core::fmt::Display| Fault::TestSignature(why.to_string());
    let signature = signer.sign_now(message).map_err(|why| failed(&why))?;
    let identifier =
        AlgorithmIdentifier::parse(SignatureAlgorithm::identifier(signer.algorithm()), "test");
    let identifier = identifier.map_err(|why| failed(&why))?;
    verify_signature(
        &certificate.subject_public_key_info,
        &identifier,
        message,
        &signature,
    )
    .map_err(|why| failed(&why))
}

/// The nine bits of keyUsage (RFC 5280 4.2.1.3).
struct KeyUsageBits<'a>(&'a [u8]);

impl<'a> KeyUsageBits<'a> {
    fn of(certificate: &Certificate<'a>) -> Result<Option<Self>, Fault> {
        let Some(extension) = certificate.extensions.find(oid::KEY_USAGE) else {
            return Ok(None);
        };
        let mut value = extension.contents();
        let (bits, _) = value.bit_string("keyUsage").map_err(Fault::Malformed)?;
        value.finish("keyUsage").map_err(Fault::Malformed)?;
        Ok(Some(Self(bits)))
    }

    fn has(&self, bit: usize) -> bool {
        self.0
            .get(bit / 8)
            .is_some_and(|octet| octet & (0x80 >> (bit % 8)) != 0)
    }

    /// RFC 9881 5: with ML-DSA neither keyEncipherment (2), dataEncipherment (3), keyAgreement (4),
    /// encipherOnly (7) nor decipherOnly (8).
    fn fits(&self, kind: KeyKind) -> Result<(), Fault> {
        if kind.is_ml_dsa() && [2, 3, 4, 7, 8].iter().any(|bit| self.has(*bit)) {
            return Err(Fault::KeyUsageEncipherment);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_point_is_the_same_key_only_with_the_right_parity() {
        assert!(same_public_key(&[4, 9, 8, 7, 6], &[2, 9, 8]));
        assert!(same_public_key(&[3, 9, 8], &[4, 9, 8, 7, 5]));
        assert!(!same_public_key(&[4, 9, 8, 7, 6], &[3, 9, 8]));
        assert!(!same_public_key(&[4, 9, 8, 7, 6], &[2, 9, 9]));
        assert!(!same_public_key(&[4, 9, 8, 7, 6], &[4, 9, 8, 7, 7]));
        assert!(!same_public_key(&[4], &[2]));
    }
}
