//! Private keys of every kind certvouch supports, with their encodings.
//!
//! [`Key::cached`] keeps one key per algorithm and label for the whole process, since making RSA keys is
//! slow; different labels are different keys. Keys are cheap to clone.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};
use aws_lc_rs::signature::{PqdsaKeyPair, PqdsaSigningAlgorithm, RsaEncoding, RsaKeyPair};

use super::pem;
use crate::der;

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlg {
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// ML-DSA-44 (FIPS 204, RFC 9881).
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

impl KeyAlg {
    /// Every kind, the quick and common ones first.
    pub const ALL: [Self; 9] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The signature algorithms this kind of key can be asked for; the first is its usual one.
    #[must_use]
    pub fn sig_algs(self) -> &'static [SigAlg] {
        use SigAlg as S;
        match self {
            Self::Rsa2048 | Self::Rsa3072 => &[
                S::RsaSha256,
                S::RsaSha384,
                S::RsaSha512,
                S::RsaPssSha256,
                S::RsaPssSha384,
                S::RsaPssSha512,
            ],
            Self::P256 => &[S::EcdsaSha256],
            Self::P384 => &[S::EcdsaSha384],
            Self::P521 => &[S::EcdsaSha512, S::EcdsaSha384, S::EcdsaSha256],
            Self::Ed25519 => &[S::Ed25519],
            Self::MlDsa44 => &[S::MlDsa44],
            Self::MlDsa65 => &[S::MlDsa65],
            Self::MlDsa87 => &[S::MlDsa87],
        }
    }

    /// True for the kinds OpenSSL 3.0 and other programs of its age do not know.
    #[must_use]
    pub fn is_ml_dsa(self) -> bool {
        matches!(self, Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87)
    }

    /// AlgorithmIdentifier of the SubjectPublicKeyInfo, as DER.
    #[must_use]
    pub fn spki_algorithm(self) -> Vec<u8> {
        der::hex(match self {
            Self::Rsa2048 | Self::Rsa3072 => "300d06092a864886f70d0101010500",
            Self::P256 => "301306072a8648ce3d020106082a8648ce3d030107",
            Self::P384 => "301006072a8648ce3d020106052b81040022",
            Self::P521 => "301006072a8648ce3d020106052b81040023",
            Self::Ed25519 => "300506032b6570",
            Self::MlDsa44 => "300b0609608648016503040311",
            Self::MlDsa65 => "300b0609608648016503040312",
            Self::MlDsa87 => "300b0609608648016503040313",
        })
    }
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigAlg {
    /// sha256WithRSAEncryption.
    RsaSha256,
    /// sha384WithRSAEncryption.
    RsaSha384,
    /// sha512WithRSAEncryption.
    RsaSha512,
    /// RSASSA-PSS, SHA-256, MGF1 with SHA-256, salt 32.
    RsaPssSha256,
    /// RSASSA-PSS, SHA-384, MGF1 with SHA-384, salt 48.
    RsaPssSha384,
    /// RSASSA-PSS, SHA-512, MGF1 with SHA-512, salt 64.
    RsaPssSha512,
    /// ecdsa-with-SHA256.
    EcdsaSha256,
    /// ecdsa-with-SHA384.
    EcdsaSha384,
    /// ecdsa-with-SHA512.
    EcdsaSha512,
    /// Ed25519.
    Ed25519,
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

impl SigAlg {
    /// Every algorithm.
    pub const ALL: [Self; 13] = [
        Self::RsaSha256,
        Self::RsaSha384,
        Self::RsaSha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The whole AlgorithmIdentifier, as DER.
    #[must_use]
    pub fn identifier(self) -> Vec<u8> {
        let pss = |hash: &str, salt: &str| {
            format!(
                "304106092a864886f70d01010a3034a00f300d06096086480165030402{hash}0500a11c301a06092a86\
                 4886f70d010108300d06096086480165030402{hash}0500a2030201{salt}"
            )
        };
        der::hex(&match self {
            Self::RsaSha256 => "300d06092a864886f70d01010b0500".to_owned(),
            Self::RsaSha384 => "300d06092a864886f70d01010c0500".to_owned(),
            Self::RsaSha512 => "300d06092a864886f70d01010d0500".to_owned(),
            Self::RsaPssSha256 => pss("01", "20"),
            Self::RsaPssSha384 => pss("02", "30"),
            Self::RsaPssSha512 => pss("03", "40"),
            Self::EcdsaSha256 => "300a06082a8648ce3d040302".to_owned(),
            Self::EcdsaSha384 => "300a06082a8648ce3d040303".to_owned(),
            Self::EcdsaSha512 => "300a06082a8648ce3d040304".to_owned(),
            Self::Ed25519 => "300506032b6570".to_owned(),
            Self::MlDsa44 => "300b0609608648016503040311".to_owned(),
            Self::MlDsa65 => "300b0609608648016503040312".to_owned(),
            Self::MlDsa87 => "300b0609608648016503040313".to_owned(),
        })
    }
}

/// A private key. Clones share it.
#[derive(Clone)]
pub struct Key {
    alg: KeyAlg,
    pair: Arc<Pair>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("alg", &self.alg)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// A new key.
    ///
    /// # Panics
    /// When the crypto library cannot make one.
    #[must_use]
    pub fn generate(alg: KeyAlg) -> Self {
        let rsa = |size| Pair::Rsa(RsaKeyPair::generate(size).expect("an RSA key"));
        let pair = match alg {
            KeyAlg::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyAlg::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyAlg::P256 | KeyAlg::P384 | KeyAlg::P521 => {
                let curve = ecdsa(alg, alg.sig_algs()[0]);
                Pair::Ec(EcdsaKeyPair::generate(curve).expect("an EC key"))
            }
            KeyAlg::Ed25519 => Pair::Ed(Ed25519KeyPair::generate().expect("an Ed25519 key")),
            KeyAlg::MlDsa44 | KeyAlg::MlDsa65 | KeyAlg::MlDsa87 => {
                Pair::MlDsa(PqdsaKeyPair::generate(ml_dsa(alg)).expect("an ML-DSA key"))
            }
        };
        Self {
            alg,
            pair: Arc::new(pair),
        }
    }

    /// The process-wide key of this kind and label; made at the first call. An Ed25519 key follows from its label, and
    /// its signatures from the key: worlds of that kind are the same in every run.
    ///
    /// # Panics
    /// As [`Key::generate`].
    #[must_use]
    pub fn cached(alg: KeyAlg, label: &str) -> Self {
        static CACHE: OnceLock<Mutex<HashMap<(KeyAlg, String), Key>>> = OnceLock::new();
        let cache = CACHE.get_or_init(Mutex::default);
        let slot = (alg, label.to_owned());
        if let Some(key) = cache.lock().expect("no panic while held").get(&slot) {
            return key.clone();
        }
        // Made without the lock, so that tests in other threads go on; the first one stored wins.
        let made = match alg {
            KeyAlg::Ed25519 => Self::ed25519_of(label),
            _ => Self::generate(alg),
        };
        cache
            .lock()
            .expect("no panic while held")
            .entry(slot)
            .or_insert(made)
            .clone()
    }

    /// An Ed25519 key by its label.
    fn ed25519_of(label: &str) -> Self {
        let seed = digest(&SHA256, format!("certvouch-testkit {label}").as_bytes());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("a seed of 32 octets");
        Self {
            alg: KeyAlg::Ed25519,
            pair: Arc::new(Pair::Ed(pair)),
        }
    }

    /// Kind of the key.
    #[must_use]
    pub fn alg(&self) -> KeyAlg {
        self.alg
    }

    /// The usual signature algorithm of this kind of key.
    #[must_use]
    pub fn sig_alg(&self) -> SigAlg {
        self.alg.sig_algs()[0]
    }

    /// What stands in the subjectPublicKey BIT STRING, without its unused-bits octet: the input of the
    /// issuerKeyHash and of the byKey responder ID.
    #[must_use]
    pub fn public_bits(&self) -> Vec<u8> {
        match &*self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
            Pair::MlDsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// SubjectPublicKeyInfo, as DER.
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        der::seq(&[&self.alg.spki_algorithm(), &der::bits(&self.public_bits())])
    }

    /// Signs; ECDSA signatures come as DER `ECDSA-Sig-Value`.
    ///
    /// # Panics
    /// When the key cannot sign with that algorithm (see [`KeyAlg::sig_algs`]).
    #[must_use]
    pub fn sign(&self, sig_alg: SigAlg, message: &[u8]) -> Vec<u8> {
        assert!(
            self.alg.sig_algs().contains(&sig_alg),
            "a {:?} key does not sign with {sig_alg:?}",
            self.alg
        );
        let rng = SystemRandom::new();
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(rsa_encoding(sig_alg), &rng, message, &mut out)
                    .expect("an RSA signature");
                out
            }
            Pair::Ec(_) => {
                let pair = EcdsaKeyPair::from_pkcs8(ecdsa(self.alg, sig_alg), &self.pkcs8_der())
                    .expect("our own PKCS#8");
                pair.sign(&rng, message)
                    .expect("an ECDSA signature")
                    .as_ref()
                    .to_vec()
            }
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::MlDsa(pair) => {
                let mut out = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut out).expect("an ML-DSA signature");
                out.truncate(length);
                out
            }
        }
    }

    /// PKCS#8 v1 PrivateKeyInfo, as DER (ML-DSA in the seed form).
    #[must_use]
    pub fn pkcs8_der(&self) -> Vec<u8> {
        match &*self.pair {
            Pair::Rsa(pair) => {
                let document: Pkcs8V1Der<'_> = pair.as_der().expect("PKCS#8 of an RSA key");
                document.as_ref().to_vec()
            }
            Pair::Ec(pair) => pair
                .to_pkcs8v1()
                .expect("PKCS#8 of an EC key")
                .as_ref()
                .to_vec(),
            Pair::Ed(pair) => pair
                .to_pkcs8v1()
                .expect("PKCS#8 of Ed25519")
                .as_ref()
                .to_vec(),
            Pair::MlDsa(pair) => pair
                .to_pkcs8v1()
                .expect("PKCS#8 of ML-DSA")
                .as_ref()
                .to_vec(),
        }
    }

    /// `-----BEGIN PRIVATE KEY-----`.
    #[must_use]
    pub fn pkcs8_pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8_der())
    }

    /// The older form: SEC 1 `ECPrivateKey` (with named curve) for EC, PKCS#1 `RSAPrivateKey` for RSA,
    /// nothing for the others.
    #[must_use]
    pub fn traditional_der(&self) -> Option<Vec<u8>> {
        match &*self.pair {
            Pair::Rsa(_) => {
                let info = self.pkcs8_der();
                let parts = der::read_only(&info).and_then(|seq| der::read_all(seq.content));
                Some(parts.expect("our own PKCS#8")[2].content.to_vec())
            }
            Pair::Ec(pair) => {
                let document: EcPrivateKeyRfc5915Der<'_> =
                    pair.private_key().as_der().expect("RFC 5915 of an EC key");
                Some(document.as_ref().to_vec())
            }
            Pair::Ed(_) | Pair::MlDsa(_) => None,
        }
    }

    /// `-----BEGIN EC PRIVATE KEY-----` or `-----BEGIN RSA PRIVATE KEY-----`, where that form exists.
    #[must_use]
    pub fn traditional_pem(&self) -> Option<String> {
        let label = match &*self.pair {
            Pair::Rsa(_) => "RSA PRIVATE KEY",
            _ => "EC PRIVATE KEY",
        };
        self.traditional_der().map(|der| pem(label, &der))
    }
}

fn rsa_encoding(sig_alg: SigAlg) -> &'static dyn RsaEncoding {
    match sig_alg {
        SigAlg::RsaSha256 => &signature::RSA_PKCS1_SHA256,
        SigAlg::RsaSha384 => &signature::RSA_PKCS1_SHA384,
        SigAlg::RsaSha512 => &signature::RSA_PKCS1_SHA512,
        SigAlg::RsaPssSha256 => &signature::RSA_PSS_SHA256,
        SigAlg::RsaPssSha384 => &signature::RSA_PSS_SHA384,
        SigAlg::RsaPssSha512 => &signature::RSA_PSS_SHA512,
        other => panic!("{other:?} is no RSA algorithm"),
    }
}

fn ecdsa(alg: KeyAlg, sig_alg: SigAlg) -> &'static EcdsaSigningAlgorithm {
    match (alg, sig_alg) {
        (KeyAlg::P256, SigAlg::EcdsaSha256) => &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        (KeyAlg::P384, SigAlg::EcdsaSha384) => &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        (KeyAlg::P521, SigAlg::EcdsaSha256) => &signature::ECDSA_P521_SHA256_ASN1_SIGNING,
        (KeyAlg::P521, SigAlg::EcdsaSha384) => &signature::ECDSA_P521_SHA384_ASN1_SIGNING,
        (KeyAlg::P521, SigAlg::EcdsaSha512) => &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
        other => panic!("{other:?} is no ECDSA pair we can sign with"),
    }
}

fn ml_dsa(alg: KeyAlg) -> &'static PqdsaSigningAlgorithm {
    match alg {
        KeyAlg::MlDsa44 => &signature::ML_DSA_44_SIGNING,
        KeyAlg::MlDsa65 => &signature::ML_DSA_65_SIGNING,
        KeyAlg::MlDsa87 => &signature::ML_DSA_87_SIGNING,
        other => panic!("{other:?} is no ML-DSA kind"),
    }
}
