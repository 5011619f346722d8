//! OCSP responses written by hand, with control over every field, right or wrong.
//!
//! A [`Reply`] starts as what a well-behaved delegate or CA would send and is bent by its methods: the form of the
//! ResponderID, any number of [`Single`]s with any CertID and times, extensions at both levels, the algorithm and
//! the octets of the signature, embedded certificates in any order, and encodings that are not DER. The signature
//! is made over exactly the octets that are sent, unless a method says otherwise. Independent of our encoder.

use crate::ask::{self, HashAlg, Params};
use crate::der;
use crate::pki::{Cert, SigAlg};

/// certStatus of a [`Single`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// good.
    Good,
    /// revoked, at Unix seconds, with a CRLReason.
    Revoked(i64, Option<u8>),
    /// unknown.
    Unknown,
    /// Any octets.
    Raw(Vec<u8>),
}

impl Status {
    fn der(&self) -> Vec<u8> {
        match self {
            Self::Good => der::tlv(0x80, &[]),
            Self::Revoked(at, reason) => {
                let reason = reason.map_or_else(Vec::new, |reason| {
                    der::explicit(0, &der::enumerated(reason))
                });
                der::tlv(0xA1, &[der::generalized_time(*at), reason].concat())
            }
            Self::Unknown => der::tlv(0x82, &[]),
            Self::Raw(octets) => octets.clone(),
        }
    }
}

/// A SingleResponse in the making.
#[derive(Clone, Debug)]
pub struct Single {
    cert_id: Vec<u8>,
    status: Status,
    this_update: Vec<u8>,
    next_update: Option<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
}

impl Single {
    /// About any CertID (DER), good, from `this_update` without nextUpdate.
    #[must_use]
    pub fn new(cert_id: &[u8], this_update: i64) -> Self {
        Self {
            cert_id: cert_id.to_vec(),
            status: Status::Good,
            this_update: der::generalized_time(this_update),
            next_update: None,
            extensions: Vec::new(),
        }
    }

    /// About a certificate of an issuer, by SHA-256: good, made an hour before `now`, valid for four days.
    #[must_use]
    pub fn about(issuer: &Cert, serial: &[u8], now: i64) -> Self {
        Self::by(HashAlg::Sha256, issuer, serial, now)
    }

    /// As [`Single::about`], by another hash.
    #[must_use]
    pub fn by(hash: HashAlg, issuer: &Cert, serial: &[u8], now: i64) -> Self {
        let cert_id = ask::cert_id(hash, &Params::Null, issuer, serial);
        Self::new(&cert_id, now - 3600).next_update(now - 3600 + 4 * 86_400)
    }

    /// The status.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// The CertID, as any octets.
    #[must_use]
    pub fn cert_id(mut self, cert_id: &[u8]) -> Self {
        self.cert_id = cert_id.to_vec();
        self
    }

    /// thisUpdate.
    #[must_use]
    pub fn this_update(mut self, unix: i64) -> Self {
        self.this_update = der::generalized_time(unix);
        self
    }

    /// thisUpdate as any octets.
    #[must_use]
    pub fn this_update_der(mut self, time: &[u8]) -> Self {
        self.this_update = time.to_vec();
        self
    }

    /// nextUpdate.
    #[must_use]
    pub fn next_update(mut self, unix: i64) -> Self {
        self.next_update = Some(der::generalized_time(unix));
        self
    }

    /// No nextUpdate.
    #[must_use]
    pub fn no_next_update(mut self) -> Self {
        self.next_update = None;
        self
    }

    /// Adds a singleExtension.
    #[must_use]
    pub fn extension(mut self, dotted: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions
            .push(der::extension(dotted, critical, value));
        self
    }

    /// Adds an archive cutoff.
    #[must_use]
    pub fn archive_cutoff(self, unix: i64) -> Self {
        self.extension("1.3.6.1.5.5.7.48.1.6", false, &der::generalized_time(unix))
    }

    /// The SingleResponse, DER.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        let next_update = self
            .next_update
            .as_ref()
            .map_or_else(Vec::new, |time| der::explicit(0, time));
        der::seq(&[
            &self.cert_id,
            &self.status.der(),
            &self.this_update,
            &next_update,
            &extensions(&self.extensions),
        ])
    }
}

/// A response in the making.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u8,
    response_type: String,
    version: Option<u8>,
    responder_id: Vec<u8>,
    produced_at: Vec<u8>,
    singles: Vec<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
    tbs: Option<Vec<u8>>,
    signer: Cert,
    sig_alg: SigAlg,
    algorithm: Vec<u8>,
    signature: Signing,
    certs: Vec<Vec<u8>>,
    trailing: Vec<u8>,
}

/// What becomes of the signature.
#[derive(Clone, Debug)]
enum Signing {
    Right,
    BitFlipped,
    Raw(Vec<u8>),
    /// Over other octets than those sent.
    Over(Vec<u8>),
}

impl Reply {
    /// Signed by the holder of `signer`, byKey, produced at `produced_at`, with no entries and no certificates.
    #[must_use]
    pub fn new(signer: &Cert, produced_at: i64) -> Self {
        let sig_alg = signer.key.sig_alg();
        Self {
            status: 0,
            response_type: "1.3.6.1.5.5.7.48.1.1".to_owned(),
            version: None,
            responder_id: by_key(&signer.key_hash_sha1()),
            produced_at: der::generalized_time(produced_at),
            singles: Vec::new(),
            extensions: Vec::new(),
            tbs: None,
            signer: signer.clone(),
            sig_alg,
            algorithm: sig_alg.identifier(),
            signature: Signing::Right,
            certs: Vec::new(),
            trailing: Vec::new(),
        }
    }

    /// What a delegate sends: its own certificate embedded.
    #[must_use]
    pub fn delegated(delegate: &Cert, produced_at: i64) -> Self {
        Self::new(delegate, produced_at).cert(&delegate.der)
    }

    /// Adds an entry.
    #[must_use]
    pub fn single(self, single: &Single) -> Self {
        self.single_der(&single.der())
    }

    /// Adds an entry as any octets.
    #[must_use]
    pub fn single_der(mut self, single: &[u8]) -> Self {
        self.singles.push(single.to_vec());
        self
    }

    /// Names the signer by its subject.
    #[must_use]
    pub fn by_name(self) -> Self {
        let name = self.signer.subject.clone();
        self.named(&name)
    }

    /// Names somebody by this Name (DER).
    #[must_use]
    pub fn named(self, name: &[u8]) -> Self {
        self.responder_id_der(&der::explicit(1, name))
    }

    /// Names somebody by this key hash.
    #[must_use]
    pub fn keyed(self, hash: &[u8]) -> Self {
        self.responder_id_der(&by_key(hash))
    }

    /// The ResponderID as any octets.
    #[must_use]
    pub fn responder_id_der(mut self, responder_id: &[u8]) -> Self {
        self.responder_id = responder_id.to_vec();
        self
    }

    /// Spells a version out.
    #[must_use]
    pub fn version(mut self, version: u8) -> Self {
        self.version = Some(version);
        self
    }

    /// producedAt as any octets.
    #[must_use]
    pub fn produced_at_der(mut self, time: &[u8]) -> Self {
        self.produced_at = time.to_vec();
        self
    }

    /// Adds a responseExtension.
    #[must_use]
    pub fn extension(mut self, dotted: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions
            .push(der::extension(dotted, critical, value));
        self
    }

    /// Adds a nonce, wrapped as it should be.
    #[must_use]
    pub fn nonce(self, octets: &[u8]) -> Self {
        self.extension(ask::NONCE, false, &der::octets(octets))
    }

    /// Embeds a certificate behind those that are there.
    #[must_use]
    pub fn cert(mut self, der: &[u8]) -> Self {
        self.certs.push(der.to_vec());
        self
    }

    /// Embeds none.
    #[must_use]
    pub fn no_certs(mut self) -> Self {
        self.certs.clear();
        self
    }

    /// Signs with another algorithm of the same key.
    #[must_use]
    pub fn sig_alg(mut self, sig_alg: SigAlg) -> Self {
        self.sig_alg = sig_alg;
        self.algorithm = sig_alg.identifier();
        self
    }

    /// States another signatureAlgorithm than the one used.
    #[must_use]
    pub fn algorithm_der(mut self, identifier: &[u8]) -> Self {
        self.algorithm = identifier.to_vec();
        self
    }

    /// Signs with the key of somebody else than the ResponderID names.
    #[must_use]
    pub fn signed_by(mut self, signer: &Cert) -> Self {
        self.signer = signer.clone();
        self.sig_alg(signer.key.sig_alg())
    }

    /// Flips a bit of the signature.
    #[must_use]
    pub fn bad_signature(mut self) -> Self {
        self.signature = Signing::BitFlipped;
        self
    }

    /// Sends these octets as signature.
    #[must_use]
    pub fn signature(mut self, octets: &[u8]) -> Self {
        self.signature = Signing::Raw(octets.to_vec());
        self
    }

    /// Signs other octets than those sent.
    #[must_use]
    pub fn signed_over(mut self, message: &[u8]) -> Self {
        self.signature = Signing::Over(message.to_vec());
        self
    }

    /// Sends this ResponseData, whatever the other methods said, and signs it.
    #[must_use]
    pub fn tbs_der(mut self, tbs: &[u8]) -> Self {
        self.tbs = Some(tbs.to_vec());
        self
    }

    /// Another responseType.
    #[must_use]
    pub fn response_type(mut self, dotted: &str) -> Self {
        dotted.clone_into(&mut self.response_type);
        self
    }

    /// Another responseStatus, with responseBytes all the same.
    #[must_use]
    pub fn response_status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// Octets behind the end of the OCSPResponse.
    #[must_use]
    pub fn trailing(mut self, octets: &[u8]) -> Self {
        self.trailing = octets.to_vec();
        self
    }

    /// The ResponseData as it will be sent.
    #[must_use]
    pub fn tbs(&self) -> Vec<u8> {
        if let Some(tbs) = &self.tbs {
            return tbs.clone();
        }
        let version = self
            .version
            .map_or_else(Vec::new, |v| der::explicit(0, &der::int_bytes(&[v])));
        der::seq(&[
            &version,
            &self.responder_id,
            &self.produced_at,
            &der::seq_of(&self.singles),
            &extensions(&self.extensions),
        ])
    }

    /// The BasicOCSPResponse.
    #[must_use]
    pub fn basic(&self) -> Vec<u8> {
        let tbs = self.tbs();
        let signature = match &self.signature {
            Signing::Right => self.signer.key.sign(self.sig_alg, &tbs),
            Signing::BitFlipped => {
                let mut signature = self.signer.key.sign(self.sig_alg, &tbs);
                let middle = signature.len() / 2;
                signature[middle] ^= 1;
                signature
            }
            Signing::Raw(octets) => octets.clone(),
            Signing::Over(message) => self.signer.key.sign(self.sig_alg, message),
        };
        let certs = if self.certs.is_empty() {
            Vec::new()
        } else {
            der::explicit(0, &der::seq_of(&self.certs))
        };
        der::seq(&[&tbs, &self.algorithm, &der::bits(&signature), &certs])
    }

    /// The OCSPResponse.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let bytes = der::seq(&[&der::oid(&self.response_type), &der::octets(&self.basic())]);
        let mut out = der::seq(&[&der::enumerated(self.status), &der::explicit(0, &bytes)]);
        out.extend_from_slice(&self.trailing);
        out
    }
}

/// The five octets of an unsigned error.
#[must_use]
pub fn error(status: u8) -> Vec<u8> {
    der::seq(&[&der::enumerated(status)])
}

fn by_key(hash: &[u8]) -> Vec<u8> {
    der::explicit(2, &der::octets(hash))
}

/// `[1] EXPLICIT SEQUENCE OF Extension`, or nothing.
fn extensions(list: &[Vec<u8>]) -> Vec<u8> {
    if list.is_empty() {
        Vec::new()
    } else {
        der::explicit(1, &der::seq_of(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Answer, CertStatus, ResponderId};
    use crate::pki::{KeyAlg, T0, World};

    #[test]
    fn reply_is_what_the_reader_reads() {
        let world = World::new(KeyAlg::P256);
        let single = Single::about(&world.ca_a, &world.ee_good.serial, T0);
        let revoked = single.clone().status(Status::Revoked(T0 - 5, Some(1)));
        let reply = Reply::delegated(&world.d_a, T0)
            .single(&single.archive_cutoff(T0 - 9))
            .single(&revoked)
            .nonce(&[7; 32]);
        let basic = Answer::successful(&reply.build());
        assert_eq!(
            basic.responder_id,
            ResponderId::ByKey(world.d_a.key_hash_sha1())
        );
        assert_eq!(basic.nonce(), Some(vec![7; 32]));
        assert_eq!(basic.singles[0].status, CertStatus::Good);
        assert_eq!(basic.singles[0].next_update, Some(T0 - 3600 + 4 * 86_400));
        assert_eq!(
            basic.singles[1].status,
            CertStatus::Revoked {
                at: T0 - 5,
                reason: Some(1)
            }
        );
        assert_eq!(basic.verify_with(&world.d_a.der), Ok(()));
        let broken = Answer::successful(&reply.bad_signature().build());
        assert!(broken.verify_with(&world.d_a.der).is_err());
        assert_eq!(error(6), [0x30, 3, 0x0A, 1, 6]);
    }
}
