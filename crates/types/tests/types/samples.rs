//! Valid messages, many and different, from a generator that gives the same ones in every run.
//!
//! They are put together by the hand-made DER of the test kit, not by our writers.

use certvouch_testkit::ask::{ACCEPTABLE_RESPONSES, Ask, HashAlg, Params, cert_id_from};
use certvouch_testkit::der;
use certvouch_testkit::pki::{KeyAlg, T0, World};

/// The numbers of xorshift64*: enough for choices, and the same everywhere.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next()).unwrap() % limit
    }

    pub(crate) fn octet(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    fn chance(&mut self) -> bool {
        self.below(2) == 0
    }

    fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.octet()).collect()
    }

    fn time(&mut self) -> i64 {
        T0 + i64::try_from(self.below(10_000_000)).unwrap()
    }
}

fn hash(numbers: &mut Numbers) -> HashAlg {
    HashAlg::ALL[numbers.below(4)]
}

/// A CertID with hashes of the right length and a serial number that a CA may use.
fn cert_id(numbers: &mut Numbers) -> Vec<u8> {
    let hash = hash(numbers);
    let length = hash.digest(b"").len();
    let parameters = [Params::Null, Params::Absent][numbers.below(2)].clone();
    let size = 1 + numbers.below(19);
    let mut serial = numbers.octets(size);
    serial[0] |= 1;
    cert_id_from(
        &hash.identifier(&parameters),
        &numbers.octets(length),
        &numbers.octets(length),
        &der::uint_content(&serial),
    )
}

fn extensions(numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let preferred = der::seq(&[&der::seq(&[&der::seq(&[&der::oid("1.2.840.10045.4.3.2")])])]);
    let crl_id = der::seq(&[&der::explicit(0, &der::ia5("http://crl.example/"))]);
    let known = [
        ("1.3.6.1.5.5.7.48.1.8", preferred),
        (
            "1.3.6.1.5.5.7.48.1.6",
            der::generalized_time(numbers.time()),
        ),
        ("1.3.6.1.5.5.7.48.1.3", crl_id),
        ("1.3.6.1.5.5.7.48.1.9", der::null()),
        (
            ACCEPTABLE_RESPONSES,
            der::seq(&[&der::oid("1.3.6.1.5.5.7.48.1.1")]),
        ),
        ("1.2.3.4.5", numbers.octets(3)),
    ];
    let mut chosen = Vec::new();
    for (dotted, value) in known {
        if numbers.below(3) == 0 {
            chosen.push(der::extension(dotted, numbers.chance(), &value));
        }
    }
    chosen
}

/// Requests with 1 to 4 entries, with and without everything that is optional.
pub(crate) fn requests(count: u64) -> Vec<Vec<u8>> {
    let world = World::new(KeyAlg::P256);
    (0..count)
        .map(|seed| request(&mut Numbers::new(seed), &world))
        .collect()
}

fn request(numbers: &mut Numbers, world: &World) -> Vec<u8> {
    let mut ask = Ask::new();
    match numbers.below(4) {
        0 => ask = ask.requestor_directory_name(&world.ee_good.subject),
        1 => ask = ask.requestor_name(&der::tlv(0x86, b"https://client.example/")),
        _ => {}
    }
    for _ in 0..=numbers.below(4) {
        let id = cert_id(numbers);
        let own = extensions(numbers);
        ask = if own.is_empty() {
            ask.entry(&id)
        } else {
            ask.entry_with_extensions(&id, &own)
        };
    }
    for extension in extensions(numbers) {
        ask = ask.raw_extension(&extension);
    }
    if numbers.chance() {
        let size = [1, 16, 32, 127, 128][numbers.below(5)];
        ask = ask.nonce(&numbers.octets(size));
    }
    match numbers.below(4) {
        0 => {
            let algorithm = der::seq(&[&der::oid("1.2.840.10045.4.3.2")]);
            let signature = numbers.octets(70);
            ask.raw_signature(&algorithm, &signature, &[&world.ee_good, &world.ca_a])
        }
        1 => {
            let algorithm = der::seq(&[&der::oid("1.2.840.113549.1.1.11"), &der::null()]);
            ask.raw_signature(&algorithm, &numbers.octets(256), &[])
        }
        _ => ask,
    }
    .build()
}

/// Successful responses with 1 to 4 answers, with and without everything that is optional.
pub(crate) fn responses(count: u64) -> Vec<Vec<u8>> {
    let world = World::new(KeyAlg::P256);
    (0..count)
        .map(|seed| response(&mut Numbers::new(seed), &world))
        .collect()
}

fn response(numbers: &mut Numbers, world: &World) -> Vec<u8> {
    let responder = if numbers.chance() {
        der::explicit(1, &world.d_a.subject)
    } else {
        der::explicit(2, &der::octets(&world.d_a.key_hash_sha1()))
    };
    let singles: Vec<Vec<u8>> = (0..=numbers.below(4)).map(|_| single(numbers)).collect();
    let tbs = der::seq(&[
        &responder,
        &der::generalized_time(numbers.time()),
        &der::seq_of(&singles),
        &optional_extensions(numbers),
    ]);
    let algorithm = der::seq(&[&der::oid("1.2.840.113549.1.1.11"), &der::null()]);
    let certs = if numbers.chance() {
        der::explicit(0, &der::seq(&[&world.d_a.der, &world.ca_a.der]))
    } else {
        Vec::new()
    };
    let signature = numbers.octets(256);
    successful(&der::seq(&[
        &tbs,
        &algorithm,
        &der::bits(&signature),
        &certs,
    ]))
}

/// The envelope around a BasicOCSPResponse.
pub(crate) fn successful(basic: &[u8]) -> Vec<u8> {
    let bytes = der::seq(&[&der::oid("1.3.6.1.5.5.7.48.1.1"), &der::octets(basic)]);
    der::seq(&[&der::enumerated(0), &der::explicit(0, &bytes)])
}

fn optional_extensions(numbers: &mut Numbers) -> Vec<u8> {
    let list = extensions(numbers);
    if list.is_empty() {
        Vec::new()
    } else {
        der::explicit(1, &der::seq_of(&list))
    }
}

fn single(numbers: &mut Numbers) -> Vec<u8> {
    let id = cert_id(numbers);
    let time = der::generalized_time(numbers.time());
    let reasons = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10];
    let reason = der::enumerated(reasons[numbers.below(10)]);
    let status = match numbers.below(4) {
        0 => vec![0x80, 0],
        1 => vec![0x82, 0],
        2 => der::tlv(0xA1, &time),
        _ => der::tlv(0xA1, &[time, der::explicit(0, &reason)].concat()),
    };
    let next_update = if numbers.chance() {
        der::explicit(0, &der::generalized_time(numbers.time()))
    } else {
        Vec::new()
    };
    der::seq(&[
        &id,
        &status,
        &der::generalized_time(numbers.time()),
        &next_update,
        &optional_extensions(numbers),
    ])
}
