//! The valid responses that are mutated, and how a changed one is signed again.

use certvouch_testkit::ask::{HashAlg, NONCE};
use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, KeyAlg, World};
use certvouch_testkit::reply::{Reply, Single, Status};

use crate::mutate::Node;

/// A world of one key algorithm, and its valid responses.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) world: World,
    pub(crate) seeds: Vec<Seed>,
}

/// A valid response and who signed it.
pub(crate) struct Seed {
    pub(crate) signer: Cert,
    pub(crate) embedded: Vec<Vec<u8>>,
    /// ResponseData.
    pub(crate) data: Node,
    pub(crate) whole: Node,
    pub(crate) response: Vec<u8>,
}

impl Setting {
    pub(crate) fn new(name: &'static str, alg: KeyAlg, now: i64) -> Self {
        let world = World::around(alg, now);
        let serial = &world.ee_good.serial;
        let of = |hash| Single::by(hash, &world.ca_a, serial, now);
        let other = Single::by(HashAlg::Sha1, &world.ca_a, &world.ee_rev.serial, now);
        let (one, rich) = (
            of(HashAlg::Sha1),
            of(HashAlg::Sha256).archive_cutoff(now - 86_400),
        );
        let revoked = one.clone().status(Status::Revoked(now - 86_400, Some(1)));
        let by_delegate = |singles: &[&Single]| {
            let start = Reply::delegated(&world.d_a, now - 3600);
            singles
                .iter()
                .fold(start, |reply, single| reply.single(single))
        };
        let (d, ca) = (vec![world.d_a.der.clone()], vec![world.ca_a.der.clone()]);
        let both = [d.clone(), ca.clone()].concat();
        let replies = [
            (&world.d_a, d.clone(), by_delegate(&[&one])),
            (&world.d_a, d.clone(), by_delegate(&[&rich, &one]).by_name()),
            (
                &world.d_a,
                d.clone(),
                by_delegate(&[&other, &one]).nonce(&[7; 32]),
            ),
            (
                &world.d_a,
                d.clone(),
                by_delegate(&[&one]).extension("1.2.3.4", false, &der::null()),
            ),
            (
                &world.d_a,
                d.clone(),
                by_delegate(&[&one, &revoked]).version(0),
            ),
            (
                &world.d_a,
                d,
                by_delegate(&[&one]).extension(NONCE, true, &der::octets(&[9; 16])),
            ),
            (
                &world.d_a,
                both,
                by_delegate(&[&of(HashAlg::Sha384).no_next_update(), &one]),
            ),
            (
                &world.ca_a,
                ca,
                Reply::delegated(&world.ca_a, now - 3600).single(&one),
            ),
            (
                &world.ca_a,
                Vec::new(),
                Reply::new(&world.ca_a, now - 3600).single(&one).by_name(),
            ),
        ];
        let seeds = replies.into_iter().map(|(signer, embedded, reply)| {
            let reply = embedded
                .iter()
                .fold(reply.no_certs(), |reply, cert| reply.cert(cert));
            let response = reply.build();
            Seed {
                signer: signer.clone(),
                embedded,
                data: only(&reply.tbs()),
                whole: only(&response),
                response,
            }
        });
        let seeds = seeds.collect();
        Self { name, world, seeds }
    }
}

/// The element that these octets, made by testkit, are.
pub(crate) fn only(octets: &[u8]) -> Node {
    // proof: a fixture of testkit, and memory enough
    let mut nodes = Node::read_all(octets).expect("testkit writes DER");
    // proof: a fixture of testkit, and memory enough
    nodes.pop().expect("one element")
}

impl Seed {
    /// The response with another ResponseData, signed for it.
    pub(crate) fn with_data(&self, data: &[u8], embedded: &[Vec<u8>], signer: &Cert) -> Vec<u8> {
        let start = Reply::new(signer, 0).tbs_der(data);
        embedded
            .iter()
            .fold(start, |reply, cert| reply.cert(cert))
            .build()
    }
}

/// A certificate with another TBSCertificate, signed by the issuer.
pub(crate) fn issued(tbs: &[u8], issuer: &Cert) -> Vec<u8> {
    let sig_alg = issuer.key.sig_alg();
    let signature = issuer.key.sign(sig_alg, tbs);
    der::seq(&[tbs, &sig_alg.identifier(), &der::bits(&signature)])
}

/// The TBSCertificate of a certificate that testkit made.
pub(crate) fn tbs_certificate(certificate: &[u8]) -> Vec<u8> {
    // proof: a fixture of testkit, and memory enough
    let outer = der::read_only(certificate).expect("testkit writes DER");
    // proof: a fixture of testkit, and memory enough
    let (tbs, _) = der::read(outer.content).expect("testkit writes DER");
    tbs.raw.to_vec()
}
