//! `staples = "chain"`: the intermediates have staples of their own, and Exim sends each with its certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use certvouch_testkit::ask::HashAlg;
use certvouch_testkit::der;
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::peer::{self, Outcome};
use certvouch_testkit::pki::{Cert, CertBuilder, KeyUsage, from_pem};
use certvouch_testkit::process::{Server, free_port};
use certvouch_testkit::reply::{Reply, Single, Status};

use crate::clients::{NAME, leaf};
use crate::servers::exim;
use crate::support::{Site, eventually, run};

/// A leaf below an intermediate (CA-A) below a root (CA-B), and the root's responder.
struct Tree {
    site: Site,
    root: Misbehaving,
    /// What the root's responder says: 0 nothing, 1 good, 2 revoked.
    says: Arc<AtomicUsize>,
    _responder: Server,
    responder: std::net::SocketAddr,
}

const SILENT: usize = 0;
const GOOD: usize = 1;
const REVOKED: usize = 2;
/// Serial number of the intermediate.
const SERIAL: [u8; 2] = [0x2C, 0x01];

impl Tree {
    fn new() -> Option<Self> {
        let site = Site::new()?;
        let says = Arc::new(AtomicUsize::new(GOOD));
        let (world, now) = (site.world.clone(), site.world.now);
        let root = Misbehaving::start({
            let says = Arc::clone(&says);
            move |_| {
                let status = match says.load(Ordering::SeqCst) {
                    SILENT => return Act::typed(503, "text/plain", b"later"),
                    GOOD => Status::Good,
                    _ => Status::Revoked(now - 60, Some(2)),
                };
                let single = Single::by(HashAlg::Sha1, &world.ca_b, &SERIAL, now).status(status);
                Act::Ocsp(Reply::delegated(&world.d_b, now).single(&single).build())
            }
        });
        let intermediate = intermediate(&site, &root.url());
        let leaf = leaf(&site, &site.world.ee_good.serial, &[]);
        let path = |name: &str| site.path().join(name);
        std::fs::write(path("www.pem"), leaf.pem() + &intermediate.pem()).unwrap();
        site.world.ca_b.write_pem(&path("root.pem"));
        let (server, responder) = site.responder(&[]);
        Some(Self {
            site,
            root,
            says,
            _responder: server,
            responder,
        })
    }

    fn configure(&self, deliver: &str) {
        let further = "staples = \"chain\"\nissuer = \"root.pem\"";
        self.site.configure(self.responder, further, deliver);
        let path = self.site.path().join("staple.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("networks = [\"127.0.0.0/8\"]\n{text}")).unwrap();
    }

    fn file(&self, name: &str) -> Vec<Vec<u8>> {
        let text = std::fs::read_to_string(self.site.path().join(name));
        responses(&text.unwrap_or_default())
    }

    /// What the report has of the intermediate.
    fn above(&self) -> serde_json::Value {
        let report = self.site.report().unwrap_or_default();
        report["targets"][0]["intermediates"][0].clone()
    }
}

/// The intermediate: the name and key of CA-A, issued by CA-B.
fn intermediate(site: &Site, responder: &str) -> Cert {
    let (below, world) = (&site.world.ca_a, &site.world);
    CertBuilder::new(&[("CN", "CA-A"), ("O", "certvouch tests")], &below.key)
        .serial(&SERIAL)
        .validity(below.not_before, below.not_after)
        .basic_constraints(true, None)
        .key_usage(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign])
        .ski_sha1()
        .aia(&[responder], &[])
        .issued_by(&world.ca_b)
}

/// The OCSP responses in a text, PEM.
fn responses(text: &str) -> Vec<Vec<u8>> {
    const END: &str = "-----END OCSP RESPONSE-----";
    let blocks = text.split_inclusive(END);
    let found = blocks.filter_map(|block| {
        let begin = block.find("-----BEGIN OCSP RESPONSE")?;
        from_pem("OCSP RESPONSE", &block[begin..])
    });
    found.collect()
}

/// Whether a response has an entry about this serial number.
fn is_about(response: &[u8], serial: &[u8]) -> bool {
    let integer = der::tlv(0x02, serial);
    response.windows(integer.len()).any(|part| part == integer)
}

/// `gnutls-cli` behind STARTTLS, which saves all staples that came.
fn gnutls(site: &Site, port: u16, versions: &str) -> (Outcome, Vec<Vec<u8>>) {
    let client = peer::require_or_skip("gnutls-cli").unwrap();
    let saved = site.path().join("saved.pem");
    drop(std::fs::remove_file(&saved));
    let outcome = client.run(&[
        "--starttls-proto=smtp",
        "--x509cafile",
        &site.path().join("root.pem").to_string_lossy(),
        "--verify-hostname",
        NAME,
        "--priority",
        versions,
        "--save-ocsp-multi",
        &saved.to_string_lossy(),
        "-p",
        &port.to_string(),
        "127.0.0.1",
    ]);
    let saved = std::fs::read_to_string(saved).unwrap_or_default();
    (outcome, responses(&saved))
}

// covers: R8446-4.4.2.1-1
#[test]
fn exim_sends_each_certificate_of_the_chain_with_a_staple_of_its_own() {
    let all = peer::require_or_skip("exim4").zip(peer::require_or_skip("gnutls-cli"));
    let (Some((program, _)), Some(tree)) = (all, Tree::new()) else {
        return;
    };
    let site = &tree.site;
    tree.configure("{ kind = \"exim\", file = \"www.exim.pem\" }");
    let outcome = site.once();
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let delivered = tree.file("www.exim.pem");
    assert_eq!(delivered.len(), 2);
    assert!(is_about(&delivered[0], &site.world.ee_good.serial));
    assert!(is_about(&delivered[1], &SERIAL));
    let starttls = free_port();
    let _server = exim(site, &program, starttls);
    let (outcome, seen) = gnutls(site, starttls, "NORMAL");
    assert!(
        outcome.out().contains("Handshake was completed"),
        "{}",
        outcome.all()
    );
    assert!(
        outcome.out().contains("The certificate is trusted"),
        "{}",
        outcome.all()
    );
    assert_eq!(seen, delivered);
    // TLS 1.2 has room for one (RFC 6961's list is in no library here).
    let (outcome, seen) = gnutls(site, starttls, "NORMAL:-VERS-TLS1.3");
    assert!(
        outcome.out().contains("The certificate is trusted"),
        "{}",
        outcome.all()
    );
    assert_eq!(seen, delivered[..1]);
    // OpenSSL passes over what comes with the intermediate.
    assert!(site.look().is("good"), "{:?}", site.look());
    // A revoked intermediate gets none: GnuTLS would load nothing, and there would be no TLS.
    tree.says.store(REVOKED, Ordering::SeqCst);
    let mut agent = site.agent();
    agent.hang_up();
    eventually("one staple", || tree.file("www.exim.pem").len() == 1);
    let (outcome, seen) = gnutls(site, starttls, "NORMAL");
    assert!(
        outcome.out().contains("Handshake was completed"),
        "{}",
        outcome.all()
    );
    assert_eq!(seen, delivered[..1]);
    let _ = agent.terminate();
}

#[test]
fn intermediate_that_is_revoked_is_told_and_one_without_an_answer_leaves_the_leaf_alone() {
    let Some(tree) = Tree::new() else {
        return;
    };
    let deliver = "[{ kind = \"file\", file = \"www.pem.ocsp\", format = \"pem\" },\n\
        { kind = \"exec\", format = \"pem\", command = [\"sh\", \"-c\", \"cat > exec.new; mv exec.new exec.pem\"] }]";
    tree.configure(deliver);
    tree.says.store(SILENT, Ordering::SeqCst);
    // No answer about the intermediate: the leaf's staple stands, and nothing is wrong.
    let outcome = tree.site.once();
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(tree.file("www.pem.ocsp").len(), 1);
    let above = tree.above();
    assert_eq!(above["standing"], "missing");
    assert!(above["failures"].as_u64() > Some(0), "{above}");
    assert!(!tree.root.requests().is_empty());
    // It comes.
    tree.says.store(GOOD, Ordering::SeqCst);
    let mut agent = tree.site.agent();
    eventually("two staples", || tree.file("www.pem.ocsp").len() == 2);
    eventually("the program", || {
        tree.file("exec.pem") == tree.file("www.pem.ocsp")
    });
    assert!(is_about(&tree.file("exec.pem")[1], &SERIAL));
    eventually("told", || tree.above()["standing"] == "good");
    // It is revoked: stapled, as a leaf's revocation is, and told.
    tree.says.store(REVOKED, Ordering::SeqCst);
    agent.hang_up();
    eventually("revoked", || tree.above()["standing"] == "revoked");
    let status = run(tree.site.path(), &["staple", "status"]);
    assert_eq!(status.code, Some(1), "{}", status.all());
    assert!(status.out().contains("+ 2C01"), "{}", status.out());
    let _ = agent.wait_for_stderr("an intermediate of its chain is revoked");
    eventually("stapled", || {
        tree.file("exec.pem") == tree.file("www.pem.ocsp")
    });
    assert_eq!(tree.file("exec.pem").len(), 2);
    let _ = agent.terminate();
}

#[test]
fn intermediate_whose_root_is_missing_is_told_of() {
    let Some(tree) = Tree::new() else {
        return;
    };
    let deliver = "{ kind = \"exim\", file = \"www.exim.pem\" }";
    tree.site
        .configure(tree.responder, "staples = \"chain\"", deliver);
    let outcome = tree.site.once();
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(tree.file("www.exim.pem").len(), 1);
    let report = tree.site.report().unwrap();
    let told = report["targets"][0]["last_error"]["text"].as_str();
    assert!(
        told.is_some_and(|told| told.contains("issuer of an intermediate")),
        "{report}"
    );
}
