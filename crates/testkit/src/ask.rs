//! OCSP requests written by hand, valid or not (RFC 6960 4.1, RFC 9654 2.1), and GET targets.
//!
//! [`Ask`] collects the parts and [`Ask::build`] puts them together; nothing is checked. [`get_segment`]
//! encodes a request for the path of a GET, strictly (RFC 6960 A.1) or in one of the ways clients in the
//! field get wrong ([`GetForm`]).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use crate::der;
use crate::pki::{Cert, SigAlg};

/// id-pkix-ocsp-nonce.
pub const NONCE: &str = "1.3.6.1.5.5.7.48.1.2";

/// id-pkix-ocsp-response (AcceptableResponses).
pub const ACCEPTABLE_RESPONSES: &str = "1.3.6.1.5.5.7.48.1.4";

/// A CertID hash algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlg {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlg {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The object identifier, dotted.
    #[must_use]
    pub fn oid(self) -> &'static str {
        match self {
            Self::Sha1 => "1.3.14.3.2.26",
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        }
    }

    /// The digest of `input`.
    #[must_use]
    pub fn digest(self, input: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, input).as_ref().to_vec()
    }

    /// AlgorithmIdentifier with the given parameters.
    #[must_use]
    pub fn identifier(self, parameters: &Params) -> Vec<u8> {
        match parameters {
            Params::Absent => der::seq(&[&der::oid(self.oid())]),
            Params::Null => der::seq(&[&der::oid(self.oid()), &der::null()]),
            Params::Other(tlv) => der::seq(&[&der::oid(self.oid()), tlv]),
        }
    }
}

/// Parameters of the CertID's AlgorithmIdentifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Params {
    /// No parameters.
    Absent,
    /// NULL, as nearly all clients send.
    Null,
    /// Something else (one TLV).
    Other(Vec<u8>),
}

/// CertID for a serial (INTEGER content octets, as they stand) of an issuer.
#[must_use]
pub fn cert_id(hash: HashAlg, parameters: &Params, issuer: &Cert, serial: &[u8]) -> Vec<u8> {
    cert_id_from(
        &hash.identifier(parameters),
        &hash.digest(&issuer.subject),
        &hash.digest(&issuer.key.public_bits()),
        serial,
    )
}

/// CertID of these parts, as they are.
#[must_use]
pub fn cert_id_from(algorithm: &[u8], name_hash: &[u8], key_hash: &[u8], serial: &[u8]) -> Vec<u8> {
    der::seq(&[
        algorithm,
        &der::octets(name_hash),
        &der::octets(key_hash),
        &der::int_bytes(serial),
    ])
}

/// `Q1` of the requirements for any certificate: one entry, SHA-1 with NULL, no extensions.
#[must_use]
pub fn q1(issuer: &Cert, serial: &[u8]) -> Vec<u8> {
    Ask::for_serial(HashAlg::Sha1, issuer, serial).build()
}

/// `Q256` of the requirements for any certificate: one entry, SHA-256 with NULL, no extensions.
#[must_use]
pub fn q256(issuer: &Cert, serial: &[u8]) -> Vec<u8> {
    Ask::for_serial(HashAlg::Sha256, issuer, serial).build()
}

/// A request in the making.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    version: Vec<u8>,
    requestor_name: Vec<u8>,
    entries: Vec<Vec<u8>>,
    extensions: Option<Vec<Vec<u8>>>,
    signature: Vec<u8>,
}

impl Ask {
    /// A request with no entry yet (built like that, it breaks "one or more").
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A request with one entry; hash parameters NULL.
    #[must_use]
    pub fn for_serial(hash: HashAlg, issuer: &Cert, serial: &[u8]) -> Self {
        Self::new().entry(&cert_id(hash, &Params::Null, issuer, serial))
    }

    /// One more entry with this CertID.
    #[must_use]
    pub fn entry(self, cert_id: &[u8]) -> Self {
        self.raw_entry(&der::seq(&[cert_id]))
    }

    /// One more entry with singleRequestExtensions (complete Extension TLVs; an empty list is written as
    /// an empty SEQUENCE, which is malformed).
    #[must_use]
    pub fn entry_with_extensions(self, cert_id: &[u8], extensions: &[Vec<u8>]) -> Self {
        let extensions = der::explicit(0, &der::seq_of(extensions));
        self.raw_entry(&der::seq(&[cert_id, &extensions]))
    }

    /// Any bytes in the place of a Request.
    #[must_use]
    pub fn raw_entry(mut self, request: &[u8]) -> Self {
        self.entries.push(request.to_vec());
        self
    }

    /// A nonce of these octets, in its two layers of OCTET STRING.
    #[must_use]
    pub fn nonce(self, octets: &[u8]) -> Self {
        self.extension(NONCE, false, &der::octets(octets))
    }

    /// A nonce whose octets stand in extnValue without the inner OCTET STRING.
    #[must_use]
    pub fn unwrapped_nonce(self, octets: &[u8]) -> Self {
        self.extension(NONCE, false, octets)
    }

    /// An entry in requestExtensions.
    #[must_use]
    pub fn extension(self, dotted: &str, critical: bool, value: &[u8]) -> Self {
        self.raw_extension(&der::extension(dotted, critical, value))
    }

    /// Any bytes in the place of an Extension of requestExtensions.
    #[must_use]
    pub fn raw_extension(mut self, extension: &[u8]) -> Self {
        self.extensions
            .get_or_insert_default()
            .push(extension.to_vec());
        self
    }

    /// requestExtensions as an empty SEQUENCE, unless extensions follow.
    #[must_use]
    pub fn empty_extensions(mut self) -> Self {
        self.extensions.get_or_insert_default();
        self
    }

    /// version written out (0 is v1, whose encoding DER forbids).
    #[must_use]
    pub fn version(mut self, encoded: u8) -> Self {
        self.version = der::explicit(0, &der::uint(&[encoded]));
        self
    }

    /// requestorName: a GeneralName TLV, for example `der::tlv(0x86, b"http://…")`.
    #[must_use]
    pub fn requestor_name(mut self, general_name: &[u8]) -> Self {
        self.requestor_name = der::explicit(1, general_name);
        self
    }

    /// requestorName as directoryName; `name` is a Name TLV.
    #[must_use]
    pub fn requestor_directory_name(self, name: &[u8]) -> Self {
        self.requestor_name(&der::explicit(4, name))
    }

    /// optionalSignature by this certificate's key over the parts given so far, with `certs` (left out
    /// when empty). Call it last.
    #[must_use]
    pub fn sign(self, signer: &Cert, sig_alg: SigAlg, certs: &[&Cert]) -> Self {
        let signature = signer.key.sign(sig_alg, &self.tbs());
        self.raw_signature(&sig_alg.identifier(), &signature, certs)
    }

    /// optionalSignature of any bytes.
    #[must_use]
    pub fn raw_signature(mut self, algorithm: &[u8], signature: &[u8], certs: &[&Cert]) -> Self {
        let certs: Vec<Vec<u8>> = certs.iter().map(|cert| cert.der.clone()).collect();
        let certs = if certs.is_empty() {
            Vec::new()
        } else {
            der::explicit(0, &der::seq_of(&certs))
        };
        self.signature = der::explicit(0, &der::seq(&[algorithm, &der::bits(signature), &certs]));
        self
    }

    /// The TBSRequest, DER.
    #[must_use]
    pub fn tbs(&self) -> Vec<u8> {
        let extensions = self
            .extensions
            .as_ref()
            .map_or_else(Vec::new, |list| der::explicit(2, &der::seq_of(list)));
        der::seq(&[
            &self.version,
            &self.requestor_name,
            &der::seq_of(&self.entries),
            &extensions,
        ])
    }

    /// The OCSPRequest, DER.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        der::seq(&[&self.tbs(), &self.signature])
    }
}

/// How a request is put into the path of a GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GetForm {
    /// Padded standard base64 with `/`, `+` and `=` percent-encoded in upper case: the correct form.
    Strict,
    /// As strict, with `%2f`, `%2b`, `%3d`.
    LowerCaseEscapes,
    /// Nothing percent-encoded: raw `/`, `+` and `=`.
    Raw,
    /// `/` raw, the rest strict.
    RawSlash,
    /// `+` raw, the rest strict.
    RawPlus,
    /// `+` turned into a space (`%20`), the rest strict: what form decoding on the way makes of it.
    SpaceForPlus,
    /// Alphabet of base64url, padding percent-encoded.
    Base64Url,
    /// Standard alphabet percent-encoded, no padding.
    NoPadding,
    /// Every octet percent-encoded.
    EveryOctetEscaped,
}

impl GetForm {
    /// All forms.
    pub const ALL: [Self; 9] = [
        Self::Strict,
        Self::LowerCaseEscapes,
        Self::Raw,
        Self::RawSlash,
        Self::RawPlus,
        Self::SpaceForPlus,
        Self::Base64Url,
        Self::NoPadding,
        Self::EveryOctetEscaped,
    ];
}

/// The last part of a GET target for these octets, without the `/` before it.
#[must_use]
pub fn get_segment(request: &[u8], form: GetForm) -> String {
    let text = match form {
        GetForm::Base64Url => URL_SAFE.encode(request),
        GetForm::NoPadding => STANDARD_NO_PAD.encode(request),
        _ => STANDARD.encode(request),
    };
    text.chars()
        .map(|c| match (form, c) {
            (GetForm::Raw, c) | (GetForm::RawSlash, c @ '/') | (GetForm::RawPlus, c @ '+') => {
                c.to_string()
            }
            (GetForm::EveryOctetEscaped, c) => format!("%{:02X}", u32::from(c)),
            (GetForm::SpaceForPlus, '+') => "%20".to_owned(),
            (GetForm::LowerCaseEscapes, '/' | '+' | '=') => format!("%{:02x}", u32::from(c)),
            (_, '/' | '+' | '=') => format!("%{:02X}", u32::from(c)),
            (_, c) => c.to_string(),
        })
        .collect()
}

/// A request for which the base64 text has `/`, `+` and `=`, so that every [`GetForm`] differs: a SHA-1
/// question with a nonce of 16 octets chosen for it.
///
/// # Panics
/// Never in practice: among 65,536 nonces many fit.
#[must_use]
pub fn awkward_for_get(issuer: &Cert, serial: &[u8]) -> Vec<u8> {
    (0_u16..=u16::MAX)
        .map(|counter| {
            // Nonces of 16 to 18 octets, so that the length and hence the padding varies.
            let length = 16 + usize::from(counter % 3);
            let mut nonce = HashAlg::Sha256.digest(&counter.to_be_bytes());
            nonce.truncate(length);
            Ask::for_serial(HashAlg::Sha1, issuer, serial)
                .nonce(&nonce)
                .build()
        })
        .find(|request| {
            let text = STANDARD.encode(request);
            ['/', '+', '='].iter().all(|c| text.contains(*c))
        })
        .expect("one of 65,536 nonces fits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{KeyAlg, World};

    // RFC 9919 B.4, vector V2 of the requirements.
    #[test]
    fn request_of_rfc_9919_is_rebuilt_byte_for_byte() {
        let text = "MGEwXzBdMFswWTANBglghkgBZQMEAgEFAAQgOplGd1aAc6cHv95QGGNF5M1hNNsIXrqh0QQl8Dtv\
                    COoEIEdKbKMB8j3J9/cHhwThx/X8lucWdfbtiC56tlw/WEVDAgQBqvAN";
        let expected = STANDARD.decode(text).unwrap();
        let (name_hash, key_hash) = (&expected[27..59], &expected[61..93]);
        let algorithm = HashAlg::Sha256.identifier(&Params::Null);
        let serial = der::uint_content(&27_979_789_u32.to_be_bytes());
        let built = Ask::new().entry(&cert_id_from(&algorithm, name_hash, key_hash, &serial));
        assert_eq!(built.build(), expected);
        assert_eq!(get_segment(&expected, GetForm::Strict).len(), 138);
    }

    // RFC 9654 2.1, vector V1 of the requirements.
    #[test]
    fn nonce_extension_of_rfc_9654_is_rebuilt_byte_for_byte() {
        let vector = der::hex(
            "302f06092b060105050730010204220420dd49d4072c449da1c317bd1c1bdffedbe150312ec4cd0add18e5bd\
             6f84bf14c8",
        );
        let built = Ask::new().nonce(&vector[17..]).build();
        assert!(built.windows(vector.len()).any(|part| part == vector));
    }

    #[test]
    fn request_sizes_are_those_of_the_requirements() {
        let world = World::new(KeyAlg::P256);
        let size = |hash, serial: usize, nonce: Option<usize>| {
            let ask = Ask::for_serial(hash, &world.ca_a, &vec![0x11; serial]);
            nonce
                .map_or_else(|| ask.build(), |n| ask.clone().nonce(&vec![7; n]).build())
                .len()
        };
        assert_eq!(size(HashAlg::Sha1, 16, None), 83);
        assert_eq!(size(HashAlg::Sha1, 20, Some(32)), 142);
        assert_eq!(size(HashAlg::Sha256, 20, Some(32)), 170);
        assert_eq!(size(HashAlg::Sha384, 20, None), 152);
        assert_eq!(size(HashAlg::Sha512, 20, Some(32)), 237);
    }

    #[test]
    fn get_forms_differ_where_they_should() {
        let world = World::new(KeyAlg::P256);
        let request = awkward_for_get(&world.ca_a, &world.ee_good.serial);
        let forms: std::collections::HashSet<String> = GetForm::ALL
            .iter()
            .map(|form| get_segment(&request, *form))
            .collect();
        assert_eq!(forms.len(), GetForm::ALL.len());
        let strict = get_segment(&request, GetForm::Strict);
        assert!(!strict.contains(['/', '+', '=']) && strict.contains("%2F"));
        assert_eq!(
            get_segment(&request, GetForm::Raw),
            STANDARD.encode(&request)
        );
    }
}
