//! What a configuration must keep beyond its grammar, as far as that shows without opening a key or a certificate.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::PathBuf;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::{Choice, PolicyFault};
use certvouch_status::crl::Location;
use certvouch_status::easy_rsa;

use super::choice::{
    ClientAddress, CrlReference, EmbedCertificate, NotRevoked, RequestSignatures, ResponderId,
};
use super::document::nearest;
use super::schema::{Admin, Config, IssuerConfig, Server, SignerConfig};
use super::units::Period;
use crate::signing::limits as signing;

/// A fault and the key that it stands at.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: Vec<&'static str>,
    pub(super) issuer: usize,
    pub(super) what: String,
}

/// Everything that is wrong with a configuration.
#[must_use]
pub(super) fn check(config: &Config) -> Vec<Found> {
    let mut faults = Vec::new();
    check_server(&config.server, &mut |key: &'static str, what| {
        let mut path = vec!["server"];
        path.extend(key.split('.'));
        faults.push(Found {
            path,
            issuer: 0,
            what,
        });
    });
    if let Some(admin) = &config.admin {
        check_admin(admin, &config.server, &mut |key: &'static str, what| {
            faults.push(Found {
                path: vec!["admin", key],
                issuer: 0,
                what,
            });
        });
    }
    let mut clock = |key: &'static str, what: &str| {
        faults.push(Found {
            path: vec!["clock", key],
            issuer: 0,
            what: what.to_owned(),
        });
    };
    if config.clock.ntp.iter().any(String::is_empty) {
        clock("ntp", "an NTP server is a host, or a host with a port");
    }
    if config.clock.stop.secs() < 2 {
        clock(
            "stop",
            "clock.stop is below 2s; from one second on the clock only counts as inaccurate",
        );
    }
    if config.issuers.is_empty() {
        faults.push(Found {
            path: vec!["issuer"],
            issuer: 0,
            what: "no issuer is configured: at least one [[issuer]] is needed".to_owned(),
        });
    }
    for (index, issuer) in config.issuers.iter().enumerate() {
        let mut refuse = |key: &'static str, what| {
            let mut path = vec!["issuer"];
            path.extend(key.split('.'));
            faults.push(Found {
                path,
                issuer: index,
                what,
            });
        };
        check_issuer(issuer, &mut refuse);
        if issuer.source.store && config.store.is_none() {
            refuse(
                "source.store",
                "the store is not named: store = \"status.db\" at the top of the file, above every table".to_owned(),
            );
        }
        check_against(issuer, &config.issuers[..index], &mut refuse);
    }
    faults
}

/// Takes a key below `server`, `admin` or `issuer`, and what is wrong there.
type Refuse<'a> = &'a mut dyn FnMut(&'static str, String);

fn check_server(server: &Server, refuse: Refuse<'_>) {
    if server.listen.is_empty() {
        refuse("listen", "listen names no address".to_owned());
    }
    let mut seen = HashSet::new();
    for address in server.listen.iter().filter(|address| address.port() != 0) {
        if !seen.insert(address) {
            refuse("listen", format!("{address} is named twice"));
        }
    }
    if server.paths.is_empty() {
        refuse(
            "paths",
            "paths names no prefix; the default is \"/\"".to_owned(),
        );
    }
    for path in &server.paths {
        if !path.starts_with('/') || path.contains(['?', '#', ' ', '%']) {
            refuse(
                "paths",
                format!("{path:?} is no path prefix such as \"/\" or \"/ocsp\""),
            );
        }
    }
    if server.threads > MOST_THREADS {
        let threads = server.threads;
        refuse(
            "threads",
            format!("{threads} threads: at most {MOST_THREADS}, and 0 is one for each core"),
        );
    }
    let limits = &server.limits;
    for (key, zero) in [
        ("limits.connections", limits.connections == 0),
        (
            "limits.connections_per_source",
            limits.connections_per_source == 0,
        ),
        ("limits.requests", limits.requests == 0),
        ("signing.queue", server.signing.queue == 0),
        ("limits.body", limits.body.octets() == 0),
        ("limits.target", limits.target.octets() == 0),
        ("limits.entries", limits.entries == 0),
        ("limits.cache", limits.cache.octets() == 0),
    ] {
        if zero {
            refuse(
                key,
                format!("{key} is 0, so that nothing could be answered"),
            );
        }
    }
    if limits.body.octets() > MOST_BODY {
        refuse("limits.body", "limits.body is over 16MiB".to_owned());
    }
    if limits.target.octets() > MOST_TARGET {
        refuse(
            "limits.target",
            "limits.target is over 60KiB, more than HTTP libraries take".to_owned(),
        );
    }
    if server.signing.threads > signing::MOST_THREADS {
        let most = signing::MOST_THREADS;
        refuse(
            "signing.threads",
            format!("at most {most} threads sign, and 0 is one for each core"),
        );
    }
    if server.signing.queue > signing::MOST_QUEUE {
        let most = signing::MOST_QUEUE;
        refuse(
            "signing.queue",
            format!("signing.queue is over {most}, so that nobody would wait for the end of it"),
        );
    }
    let through_proxy = server.client_address != ClientAddress::Connection;
    if through_proxy == server.trusted_proxies.is_empty() {
        refuse(
            "client_address",
            "client_address and trusted_proxies go together: which proxies are believed, and how they name their clients \
             (\"proxy-protocol\", \"forwarded\" or \"x-forwarded-for\")"
                .to_owned(),
        );
    }
    let timeouts = &server.timeouts;
    for (key, period) in [
        ("timeouts.idle", timeouts.idle),
        ("timeouts.header", timeouts.header),
        ("timeouts.body", timeouts.body),
        ("timeouts.write", timeouts.write),
        ("timeouts.connection", timeouts.connection),
    ] {
        if period == Period::default() {
            refuse(
                key,
                format!("{key} is 0, so that nothing could be answered"),
            );
        }
    }
}

fn check_admin(admin: &Admin, server: &Server, refuse: Refuse<'_>) {
    if admin.tls_certificate.is_some() != admin.tls_key.is_some() {
        let key = if admin.tls_key.is_some() {
            "tls_key"
        } else {
            "tls_certificate"
        };
        refuse(
            key,
            "tls_certificate and tls_key belong together".to_owned(),
        );
    }
    if admin.tls_client_ca.is_some() && admin.tls_certificate.is_none() {
        refuse(
            "tls_client_ca",
            "clients show certificates over TLS only: tls_certificate and tls_key".to_owned(),
        );
    }
    // Tokens would travel in the clear (threats T-33).
    if !admin.listen.ip().is_loopback() && admin.tls_certificate.is_none() {
        refuse(
            "listen",
            format!(
                "{}: beyond loopback the admin port needs TLS: tls_certificate = \"admin.pem\", tls_key = \"admin.key\"",
                admin.listen
            ),
        );
    }
    if admin.listen.port() != 0 && server.listen.contains(&admin.listen) {
        refuse(
            "listen",
            format!("{}: the public port is there already", admin.listen),
        );
    }
    for host in &admin.hosts {
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_name = !host.is_empty() && host.chars().all(is_host);
        if !is_name && host.parse::<IpAddr>().is_err() {
            refuse(
                "hosts",
                format!(
                    "{host:?} is no host name such as \"status.example\"; the port does not belong to it"
                ),
            );
        }
    }
}

fn check_issuer(issuer: &IssuerConfig, refuse: Refuse<'_>) {
    if issuer.name.is_empty() {
        refuse("name", "the issuer has no name".to_owned());
    }
    if issuer.name.chars().count() > LONGEST_NAME {
        refuse(
            "name",
            format!("the name is longer than {LONGEST_NAME} characters"),
        );
    }
    let source = &issuer.source;
    check_source(issuer, refuse);
    if issuer.certificate.is_none() && source.easy_rsa.is_none() {
        refuse("certificate", "the CA certificate is not named".to_owned());
    }
    if issuer.signers.is_empty() {
        refuse(
            "signer",
            "nobody signs: signer = { certificate = \"ocsp.pem\", key = \"ocsp.key\" }; `certvouch signer new` makes \
             them"
                .to_owned(),
        );
    }
    for signer in &issuer.signers {
        check_signer(signer, refuse);
    }
    check_policy(issuer, refuse);
}

/// The profile's bounds, and what belongs together.
fn check_policy(issuer: &IssuerConfig, refuse: Refuse<'_>) {
    let policy = issuer.policy();
    for fault in policy.faults() {
        refuse(key_of(&fault), fault.to_string());
    }
    let source = &issuer.source;
    let without_list = !source.crl.is_empty() && source.good_list.is_none();
    let requires = issuer.request_signatures == RequestSignatures::Require;
    let embeds_none = issuer.embed_certificate == EmbedCertificate::Never;
    for (is_chosen, choice) in [
        (without_list, Choice::CrlWithoutGoodList),
        (requires, Choice::SignatureRequired),
        (issuer.responder_id == ResponderId::ByName, Choice::ByName),
        (embeds_none, Choice::NoCertificate),
    ] {
        if let Err(fault) = policy.check_choice(choice)
            && is_chosen
        {
            refuse(key_of(&fault), fault.to_string());
        }
    }
    match (requires, issuer.requestors.is_empty()) {
        (true, true) => refuse(
            "request_signatures",
            "request_signatures = \"require\" names nobody who may ask: requestors = [\"client.pem\"]".to_owned(),
        ),
        (false, false) => refuse(
            "requestors",
            "requestors goes with request_signatures = \"require\"".to_owned(),
        ),
        _ => {}
    }
    if issuer.crl_reference == CrlReference::Send && source.crl.is_empty() {
        refuse(
            "crl_reference",
            "crl_reference goes with CRLs only: source = { crl = [\"…\"] }".to_owned(),
        );
    }
}

/// The key at which a fault of a policy stands.
fn key_of(fault: &PolicyFault) -> &'static str {
    match fault {
        PolicyFault::Backdate(_) => "backdate",
        PolicyFault::NoHashes => "hashes",
        PolicyFault::Retention(_) => "expired",
        PolicyFault::Forbidden { choice, .. } => match choice {
            Choice::ByName => "responder_id",
            Choice::DropExpired | Choice::RetainExpired => "expired",
            Choice::ExtendedRevoke => "unlisted",
            Choice::GoodWithoutIssuance => "not_revoked",
            Choice::NoCertificate => "embed_certificate",
            Choice::NonceRequired => "nonce",
            Choice::SignatureRequired => "request_signatures",
            Choice::WithoutSha256 => "hashes",
            _ => "source",
        },
        _ => "validity",
    }
}

/// Which source there is, and that nothing stands there that belongs to another.
fn check_source(issuer: &IssuerConfig, refuse: Refuse<'_>) {
    let source = &issuer.source;
    let has_crl = !source.crl.is_empty();
    if source.store {
        if source.index.is_some() || source.easy_rsa.is_some() || has_crl {
            refuse(
                "source",
                "source names both the store and something else: one of them; `certvouch import` brings an index or a \
                 CRL into the store"
                    .to_owned(),
            );
        }
        if issuer.allow_unrevoke {
            refuse(
                "allow_unrevoke",
                "allow_unrevoke goes with an index only: in a store each revocation is taken back by a word of its own"
                    .to_owned(),
            );
        }
    }
    match (&source.index, &source.easy_rsa, has_crl) {
        _ if source.store => {}
        (None, None, false) => refuse(
            "source",
            "no source says who is revoked: source = { index = \"index.txt\" }, { easy_rsa = \"pki\" }, { crl = \
             [\"http://pki.example/ca.crl\"] } or { store = true }"
                .to_owned(),
        ),
        (Some(_), Some(_), _) => refuse(
            "source",
            "source names both an index and an easy-rsa folder: one of them".to_owned(),
        ),
        (Some(_), None, true) | (None, Some(_), true) => refuse(
            "source",
            "source names both CRLs and an index: one of them; an index that only says what was issued is a good_list"
                .to_owned(),
        ),
        _ => {}
    }
    if !has_crl {
        for (key, is_set) in [
            ("source.delta_crl", !source.delta_crl.is_empty()),
            ("source.good_list", source.good_list.is_some()),
            ("source.state", source.state.is_some()),
            ("source.refresh", source.refresh.is_some()),
            ("source.allow_addresses", !source.allow_addresses.is_empty()),
            ("source.crl_issuers", !source.crl_issuers.is_empty()),
            ("source.accept_sha1", source.accept_sha1),
            ("source.tls_ca", source.tls_ca.is_some()),
            ("source.proxy", source.proxy.is_some()),
            ("not_revoked", issuer.not_revoked != NotRevoked::default()),
        ] {
            if is_set {
                refuse(
                    key,
                    format!("{key} goes with CRLs only: source = {{ crl = [\"…\"] }}"),
                );
            }
        }
        return;
    }
    if issuer.allow_unrevoke {
        refuse(
            "allow_unrevoke",
            "allow_unrevoke goes with an index only: a newer CRL is the CA's word".to_owned(),
        );
    }
    for (key, places) in [
        ("source.crl", &source.crl),
        ("source.delta_crl", &source.delta_crl),
    ] {
        for place in places {
            if place.is_empty() {
                refuse(key, format!("{key} names nothing"));
            } else if let Err(why) = Location::from_text(place) {
                refuse(key, why);
            }
        }
    }
    if let Some(proxy) = &source.proxy
        && !matches!(Location::from_text(proxy), Ok(Location::Url(_)))
    {
        refuse(
            "source.proxy",
            format!("{proxy:?} is no URL such as \"http://proxy:3128\""),
        );
    }
    if source.refresh == Some(Period::default()) {
        refuse(
            "source.refresh",
            "refresh is 0, so that servers would be asked without a pause".to_owned(),
        );
    }
}

fn check_signer(signer: &SignerConfig, refuse: Refuse<'_>) {
    if signer.key.as_os_str().is_empty() {
        refuse("signer", "the signer has no key".to_owned());
    }
    if signer.certificate.is_none() && !signer.sign_with_ca_key {
        refuse(
            "signer",
            "the signer has no certificate (only the CA itself needs none, and sign_with_ca_key = true says that it \
             is meant)"
                .to_owned(),
        );
    }
    if let Some(name) = &signer.algorithm
        && SignatureAlgorithm::from_name(name).is_none_or(SignatureAlgorithm::uses_sha1)
    {
        let known = || {
            let usable = SignatureAlgorithm::ALL.into_iter();
            usable
                .filter(|a| !a.uses_sha1())
                .map(SignatureAlgorithm::name)
        };
        let hint = match nearest(name, known()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("known are {}", known().collect::<Vec<_>>().join(", ")),
        };
        refuse(
            "signer",
            format!("{name:?} is no signature algorithm to sign with: {hint}"),
        );
    }
}

/// What an issuer must not share with those before it.
fn check_against(issuer: &IssuerConfig, others: &[IssuerConfig], refuse: Refuse<'_>) {
    for other in others {
        if issuer.name == other.name && !issuer.name.is_empty() {
            refuse(
                "name",
                format!("two issuers have the name {:?}", issuer.name),
            );
        }
        if let (Some(list), Some(others_list)) = (&issuer.source.good_list, &other.source.good_list)
            && same_file(list, others_list)
            && !list.is_dir()
        {
            refuse(
                "source.good_list",
                format!(
                    "the issuers {:?} and {:?} share the good-list {}: it names serial numbers without their issuer; give \
                     each CA its own, or a folder of certificates",
                    other.name,
                    issuer.name,
                    list.display()
                ),
            );
        }
        let (Some(index), Some(others_index)) = (index_of(issuer), index_of(other)) else {
            continue;
        };
        if same_file(&index, &others_index) {
            refuse(
                "source",
                format!(
                    "the issuers {:?} and {:?} share the index {}: it names serial numbers without their issuer, so one \
                     CA's revocations would be answered for the other; give each CA its own",
                    other.name,
                    issuer.name,
                    index.display()
                ),
            );
        }
    }
}

fn same_file(one: &PathBuf, two: &PathBuf) -> bool {
    one == two
        || matches!((one.canonicalize(), two.canonicalize()), (Ok(one), Ok(two)) if one == two)
}

/// The index file of an issuer, also that inside an easy-rsa folder.
#[must_use]
pub fn index_of(issuer: &IssuerConfig) -> Option<PathBuf> {
    let source = &issuer.source;
    let easy_rsa = || {
        let folder = source.easy_rsa.as_ref()?;
        Some(easy_rsa::detect(folder).map_or_else(|| folder.join("index.txt"), |found| found.index))
    };
    source.index.clone().or_else(easy_rsa)
}

/// More threads than cores never helped; more than this is a typing mistake.
const MOST_THREADS: usize = 1024;
/// A body is held in memory while it is read.
const MOST_BODY: u64 = 16 << 20;
/// hyper itself refuses targets of 64 KiB with 414; ours must come first.
const MOST_TARGET: u64 = 60 << 10;
/// Names stand in every log line of their issuer.
const LONGEST_NAME: usize = 100;
