//! A corpus of OCSP responses for verifiers: each case with what a verifier must say of it, and why.
//!
//! The cases are tables in the modules below, one module for each class of bug that verifiers had, and some for what
//! is seldom tested. The expected verdicts are written by hand from the rules that each case cites; no verifier of
//! ours had a say. [`all`] makes the cases, [`write()`] lays them out as files for other projects, [`read`] takes them
//! in again. Times are fixed; keys, and with them the octets, differ from run to run.

mod algorithms;
mod binding;
mod duplicates;
mod encodings;
mod files;
mod freshness;
mod nonces;
mod record;
mod seconds;
mod signature;
mod signer;
mod status;

use crate::ask::HashAlg;
use crate::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, T0, World};
use crate::reply::{Reply, Single};

pub use files::{read, write};

const DAY: i64 = 86_400;

/// The profiles, in the order in which the tables write their letters.
pub const PROFILES: [&str; 6] = [
    "strict", "rfc9919", "openssl", "java", "firefox", "chromium",
];

/// What a verifier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    /// Verified, current, good.
    Good,
    /// Verified and revoked.
    Revoked,
    /// Verified, current, and the responder does not know the certificate.
    Unknown,
    /// Right in everything but time.
    NotCurrent,
    /// Not to be believed.
    NotTrusted,
    /// No OCSP response, or one that cannot mean anything.
    Malformed,
    /// An unsigned error, or an answer of another kind: no status.
    ResponderError,
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Good,
        Self::Revoked,
        Self::Unknown,
        Self::NotCurrent,
        Self::NotTrusted,
        Self::Malformed,
        Self::ResponderError,
    ];

    /// The word as `case.json` spells it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Good => "GOOD",
            Self::Revoked => "REVOKED",
            Self::Unknown => "UNKNOWN",
            Self::NotCurrent => "NOT-CURRENT",
            Self::NotTrusted => "NOT-TRUSTED",
            Self::Malformed => "MALFORMED",
            Self::ResponderError => "RESPONDER-ERROR",
        }
    }

    /// The word that is spelled so.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.text() == text)
    }

    /// The letter of the tables: G, R, U, N, T, M, E.
    fn of_letter(letter: char) -> Option<Self> {
        Self::ALL
            .into_iter()
            .zip("GRUNTME".chars())
            .find_map(|(word, known)| (known == letter).then_some(word))
    }
}

/// What a case is about. The first seven are the classes in which verifiers went wrong from 2024 to 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The response is not bound to the certificate.
    Binding,
    /// The record that is read is not the one that matched.
    Record,
    /// Several entries about one certificate, resolved by their position.
    Duplicates,
    /// Who may sign.
    Signer,
    /// Whether the signature is verified.
    Signature,
    /// Whatever is not revoked counts as fine.
    Status,
    /// Time is misjudged, or does not matter.
    Freshness,
    /// Each bound of time to the second.
    Seconds,
    /// Kinds of keys and signatures.
    Algorithms,
    /// CertIDs, serial numbers, and encodings that are not DER.
    Encodings,
    /// Nonces of every length.
    Nonces,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Binding,
        Self::Record,
        Self::Duplicates,
        Self::Signer,
        Self::Signature,
        Self::Status,
        Self::Freshness,
        Self::Seconds,
        Self::Algorithms,
        Self::Encodings,
        Self::Nonces,
    ];

    /// The name, with which the names of its cases begin.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Binding => "binding",
            Self::Record => "record",
            Self::Duplicates => "duplicates",
            Self::Signer => "signer",
            Self::Signature => "signature",
            Self::Status => "status",
            Self::Freshness => "freshness",
            Self::Seconds => "seconds",
            Self::Algorithms => "algorithms",
            Self::Encodings => "encodings",
            Self::Nonces => "nonces",
        }
    }

    /// What it is about, in a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Binding => "response not bound to the certificate",
            Self::Record => "another record read than the one matched",
            Self::Duplicates => "contradictory entries resolved by position",
            Self::Signer => "signer without authority",
            Self::Signature => "signature not verified",
            Self::Status => "everything that is not revoked counts as fine",
            Self::Freshness => "freshness not fatal, or misjudged",
            Self::Seconds => "bounds of time to the second",
            Self::Algorithms => "keys and signature algorithms",
            Self::Encodings => "CertIDs, serial numbers, BER",
            Self::Nonces => "nonces",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its class.
    pub class: Class,
    /// Its name, which begins with that of the class.
    pub name: String,
    /// Why the expected verdict is the right one.
    pub why: String,
    /// The rule behind it.
    pub citation: String,
    /// The moment of verification, Unix seconds.
    pub time: i64,
    /// The certificate asked about, DER.
    pub certificate: Vec<u8>,
    /// Its issuer, DER: trusted, and the anchor of the chain.
    pub issuer: Vec<u8>,
    /// What came, which is not always DER.
    pub response: Vec<u8>,
    /// What was sent, where that matters (nonces), DER.
    pub request: Option<Vec<u8>>,
    /// The verdict under each of [`PROFILES`].
    pub expected: [Word; 6],
}

impl Case {
    /// The verdict expected under a profile.
    ///
    /// # Panics
    /// When there is no such profile.
    #[must_use]
    pub fn expected_under(&self, profile: &str) -> Word {
        let index = PROFILES.iter().position(|known| *known == profile);
        self.expected[index.expect("one of PROFILES")]
    }

    fn new(class: Class, name: &str, expected: &str, why: &str, citation: &str) -> Self {
        Self {
            class,
            name: format!("{}-{name}", class.name()),
            why: why.to_owned(),
            citation: citation.to_owned(),
            time: T0,
            certificate: Vec::new(),
            issuer: Vec::new(),
            response: Vec::new(),
            request: None,
            expected: letters(expected),
        }
    }

    fn about(mut self, certificate: &Cert, issuer: &Cert) -> Self {
        self.certificate.clone_from(&certificate.der);
        self.issuer.clone_from(&issuer.der);
        self
    }

    fn answer(mut self, response: &[u8]) -> Self {
        self.response = response.to_vec();
        self
    }

    fn at(mut self, time: i64) -> Self {
        self.time = time;
        self
    }

    fn asked(mut self, request: &[u8]) -> Self {
        self.request = Some(request.to_vec());
        self
    }
}

/// One letter for all profiles, or one for each.
fn letters(text: &str) -> [Word; 6] {
    let words: Vec<Word> = text
        .chars()
        .map(|letter| Word::of_letter(letter).expect("a letter of Word"))
        .collect();
    match words.as_slice() {
        [one] => [*one; 6],
        six => six.try_into().expect("one letter or six"),
    }
}

/// The cases of one class about EE-good of CA-A, at [`T0`] unless said otherwise.
struct Table<'w> {
    class: Class,
    world: &'w World,
    cases: Vec<Case>,
}

impl<'w> Table<'w> {
    fn new(class: Class, world: &'w World) -> Self {
        Self {
            class,
            world,
            cases: Vec::new(),
        }
    }

    /// Adds a case with these octets as response, and hands it back to be bent.
    fn add(
        &mut self,
        name: &str,
        expected: &str,
        response: &[u8],
        why: &str,
        citation: &str,
    ) -> &mut Case {
        let case = Case::new(self.class, name, expected, why, citation)
            .about(&self.world.ee_good, &self.world.ca_a)
            .answer(response);
        self.cases.push(case);
        self.cases.last_mut().expect("pushed a line above")
    }
}

/// An entry for a certificate of an issuer: good, an hour old, for four days. Its CertID is by SHA-1, which every
/// verifier knows (Java 17 knows no other); `encodings.rs` has them all.
fn about(issuer: &Cert, serial: &[u8]) -> Single {
    Single::by(HashAlg::Sha1, issuer, serial, T0)
}

/// The same for EE-good.
fn single(world: &World) -> Single {
    about(&world.ca_a, &world.ee_good.serial)
}

/// D-A's answer with these entries.
fn delegated(world: &World, singles: &[&Single]) -> Reply {
    singles
        .iter()
        .fold(Reply::delegated(&world.d_a, T0 - 3600), |reply, single| {
            reply.single(single)
        })
}

/// D-A's good answer for EE-good.
fn good(world: &World) -> Reply {
    delegated(world, &[&single(world)])
}

/// A certificate in the making that is a delegate in nothing but its dates.
fn bare_delegate(label: &str) -> CertBuilder {
    let key = Key::cached(KeyAlg::P256, label);
    CertBuilder::new(&[("CN", label), ("O", "certvouch tests")], &key)
        .serial(&[0x11])
        .validity(T0 - 30 * DAY, T0 + 90 * DAY)
}

/// The same with everything that a delegate has.
fn delegate(label: &str) -> CertBuilder {
    bare_delegate(label)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
}

/// All cases. Keys are made once in a process.
///
/// # Panics
/// When the crypto library cannot make a key.
#[must_use]
pub fn all() -> Vec<Case> {
    let world = World::new(KeyAlg::P256);
    [
        binding::cases(&world),
        record::cases(&world),
        duplicates::cases(&world),
        signer::cases(&world),
        signature::cases(&world),
        status::cases(&world),
        freshness::cases(&world),
        seconds::cases(&world),
        algorithms::cases(&world),
        encodings::cases(&world),
        nonces::cases(&world),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_cases_and_every_case_a_name_of_its_own() {
        let cases = all();
        let mut names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for class in Class::ALL {
            let of = cases.iter().filter(|case| case.class == class);
            assert!(of.count() >= 5, "{}", class.name());
            assert_eq!(Class::of(class.name()), Some(class));
        }
        for case in &cases {
            let text = [&case.why, &case.citation];
            assert!(text.iter().all(|text| text.len() > 5), "{}", case.name);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(case.name.chars().all(plain), "{}", case.name);
        }
        // In each class of bugs something must be refused, and something must not.
        for class in &Class::ALL[..7] {
            let words = |word| {
                cases
                    .iter()
                    .any(|case| case.class == *class && case.expected[1] == word)
            };
            assert!(words(Word::Good), "{}", class.name());
            assert!(
                Word::ALL[1..].iter().any(|word| words(*word)),
                "{}",
                class.name()
            );
        }
    }

    #[test]
    fn letters_stand_for_words_in_the_order_of_the_profiles() {
        assert_eq!(letters("T"), [Word::NotTrusted; 6]);
        let six = letters("GRUNME");
        assert_eq!(six[1], Word::Revoked);
        assert_eq!(six[5], Word::ResponderError);
        for word in Word::ALL {
            assert_eq!(Word::of(word.text()), Some(word));
        }
    }

    #[test]
    fn cases_are_read_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let cases = all();
        write(folder.path(), &cases).unwrap();
        assert_eq!(read(folder.path()).unwrap(), cases);
    }
}
