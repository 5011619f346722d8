//! Tests of whole configurations: defaults, paths, the list of keys, what is refused.

use super::*;

const SMALL: &str = "[[issuer]]\nname = \"a\"\ncertificate = \"ca.pem\"\n\
    signer = { certificate = \"ocsp.pem\", key = \"ocsp.key\" }\nsource = { index = \"index.txt\" }\n";

/// Writes a file into a folder of its own and loads it.
fn load(text: &str) -> (tempfile::TempDir, Result<Config, ConfigError>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certvouch.toml");
    std::fs::write(&file, text).unwrap();
    let config = Config::from_file(&file);
    (folder, config)
}

fn refused(text: &str) -> String {
    load(text).1.unwrap_err().to_string()
}

#[test]
fn small_file_gets_every_default() {
    let (folder, config) = load(SMALL);
    let config = config.unwrap();
    assert_eq!(config.server, Server::default());
    assert_eq!(config.log, Log::default());
    let [issuer] = &config.issuers[..] else {
        panic!("one issuer")
    };
    assert_eq!(issuer.policy(), certvouch_responder::Policy::default());
    assert_eq!(issuer.certificate, Some(folder.path().join("ca.pem")));
    assert_eq!(issuer.source.index, Some(folder.path().join("index.txt")));
    assert_eq!(issuer.signers[0].key, folder.path().join("ocsp.key"));
}

#[test]
fn printed_configuration_reads_back_as_the_same() {
    for text in [
        SMALL.to_owned(),
        SMALL.replace("name = \"a\"\n", ""),
        format!(
            "store = \"status.db\"\n[server]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\npaths = [\"/ocsp\", \"/\"]\nthreads = 3\n\
             limits = {{ body = \"1KiB\", cache = \"3MiB\" }}\ntimeouts = {{ idle = \"90s\" }}\n\
             [log]\nformat = \"json\"\nlevel = \"debug\"\n\
             [admin]\nhosts = [\"status.example\"]\ntokens = \"tokens.toml\"\n{SMALL}\
             [[issuer]]\nname = \"b\"\ncertificate = \"b.pem\"\nsource = {{ easy_rsa = \"pki\" }}\n\
             signer = [{{ key = \"ca.key\", sign_with_ca_key = true, passphrase_file = \"p\" }},\n\
             {{ key = \"k\", certificate = \"c\", algorithm = \"rsa-pss-sha256\" }}]\n\
             unlisted = \"revoked\"\nvalidity = \"2d\"\nmax_age = \"refresh\"\nbackdate = \"5m\"\nnonce = \"require\"\n\
             nonce_form = \"raw\"\nresponder_id = \"by-name\"\nembed_certificate = \"never\"\nexpired = \"retain=7y\"\n\
             hashes = [\"sha256\"]\nallow_unrevoke = true\nca_compromised = \"2026-01-10T00:00:00Z\"\n\
             request_signatures = \"require\"\nrequestors = [\"client.pem\"]\ncert_hash = \"newcerts\"\n"
        ),
    ] {
        let (_folder, config) = load(&text);
        let config = config.unwrap();
        let printed = config.to_toml().unwrap();
        let (_other, again) = load(&printed);
        assert_eq!(again.unwrap(), config, "{printed}");
    }
}

#[test]
fn list_of_keys_is_that_of_the_structs() {
    let issuer = IssuerConfig {
        certificate: Some("c".into()),
        ca_compromised: Some("2026-01-10T00:00:00Z".parse().unwrap()),
        validity: Some("1h".parse().unwrap()),
        max_age: Some(choice::MaxAge::Refresh),
        nonce: Some(choice::Nonce::Echo),
        requestors: vec!["r".into()],
        cert_hash: Some("h".into()),
        source: SourceConfig {
            index: Some("i".into()),
            easy_rsa: Some("e".into()),
            store: true,
            crl: vec!["c".to_owned()],
            delta_crl: vec!["d".to_owned()],
            good_list: Some("g".into()),
            state: Some("s".into()),
            refresh: Some("5m".parse().unwrap()),
            allow_addresses: vec!["10.0.0.0/8".parse().unwrap()],
            crl_issuers: vec!["i".into()],
            accept_sha1: true,
            tls_ca: Some("t".into()),
            proxy: Some("http://p".to_owned()),
        },
        signers: vec![SignerConfig {
            certificate: Some("c".into()),
            passphrase_file: Some("p".into()),
            algorithm: Some("a".into()),
            ..SignerConfig::default()
        }],
        ..IssuerConfig::default()
    };
    let config = Config {
        store: Some("s".into()),
        server: Server {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..Server::default()
        },
        issuers: vec![issuer],
        clock: ClockConfig {
            ntp: vec!["n".to_owned()],
            ..ClockConfig::default()
        },
        admin: Some(Admin {
            hosts: vec!["h".to_owned()],
            tokens: Some("t".into()),
            tls_certificate: Some("c".into()),
            tls_key: Some("k".into()),
            tls_client_ca: Some("c".into()),
            ..Admin::default()
        }),
        ..Config::default()
    };
    let full: toml::Table = config.to_toml().unwrap().parse().unwrap();
    let mut found = Vec::new();
    collect(&toml::Value::Table(full), "", &mut found);
    found.sort_unstable();
    let mut known: Vec<String> = KEYS.iter().map(ToString::to_string).collect();
    known.sort_unstable();
    assert_eq!(found, known);
}

/// The paths of all keys, as [`KEYS`] writes them.
fn collect(value: &toml::Value, prefix: &str, into: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = format!("{prefix}{key}");
                into.push(path.clone());
                collect(value, &format!("{path}."), into);
            }
        }
        toml::Value::Array(array) => array.iter().for_each(|value| collect(value, prefix, into)),
        _ => {}
    }
}

#[test]
fn issuer_without_a_name_goes_by_its_file() {
    let (_folder, config) = load(&SMALL.replace("name = \"a\"\n", ""));
    assert_eq!(config.unwrap().issuers[0].name, "ca");
}

#[test]
fn every_refusal_names_the_line_and_the_remedy() {
    let with = |key: &str| format!("{SMALL}{key}\n");
    for (text, line, part) in [
        (String::new(), 1, "no issuer is configured"),
        (with("validity = \"30s\""), 6, "604800 s (FRESH-1: "),
        (with("validity = \"8d\""), 6, "FRESH-1"),
        (with("backdate = \"2h\""), 6, "FRESH-7"),
        (with("hashes = []"), 6, "hash algorithm"),
        (
            SMALL.replace("{ index = \"index.txt\" }", "{}"),
            5,
            "no source says who is revoked",
        ),
        (
            SMALL.replace("{ index", "{ easy_rsa = \"p\", index"),
            5,
            "both an index and an easy-rsa folder",
        ),
        (
            SMALL.replace("certificate = \"ca.pem\"\n", ""),
            1,
            "the CA certificate is not named",
        ),
        (
            SMALL.replace("certificate = \"ocsp.pem\", ", ""),
            4,
            "sign_with_ca_key = true",
        ),
        (
            SMALL.replace("key = \"ocsp.key\"", "algorithm = \"ed25519\""),
            4,
            "no key",
        ),
        (
            SMALL.replace("key = ", "algorithm = \"ecdsa-sha265\", key = "),
            4,
            "did you mean \"ecdsa-sha256\"?",
        ),
        (
            SMALL.replace("key = ", "algorithm = \"rsa-sha1\", key = "),
            4,
            "no signature algorithm to sign with",
        ),
        (
            format!("{SMALL}{SMALL}"),
            7,
            "two issuers have the name \"a\"",
        ),
        (
            format!("[server]\npaths = [\"ocsp\"]\n{SMALL}"),
            2,
            "no path prefix such as",
        ),
        (format!("[server]\nlisten = []\n{SMALL}"), 2, "no address"),
        (
            format!("[server]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n{SMALL}"),
            2,
            "named twice",
        ),
        (
            format!("[server.limits]\nentries = 0\n{SMALL}"),
            2,
            "limits.entries is 0",
        ),
        (
            format!("[server.timeouts]\n\nheader = \"0s\"\n{SMALL}"),
            3,
            "timeouts.header is 0",
        ),
        (
            format!("[admin]\nlisten = \"0.0.0.0:8081\"\n{SMALL}"),
            2,
            "beyond loopback the admin port needs TLS",
        ),
        (
            format!("[admin]\ntls_key = \"k\"\n{SMALL}"),
            2,
            "tls_certificate and tls_key belong together",
        ),
        (
            format!("[admin]\nlisten = \"127.0.0.1:8080\"\n{SMALL}"),
            2,
            "the public port is there already",
        ),
        (
            format!("[admin]\nhosts = [\"http://x\"]\n{SMALL}"),
            2,
            "is no host name",
        ),
        (
            format!("[server]\nthreads = 5000\n{SMALL}"),
            2,
            "at most 1024",
        ),
    ] {
        let shown = refused(&text);
        assert!(
            shown.contains(&format!("certvouch.toml:{line}: ")) && shown.contains(part),
            "{text}\n{shown}"
        );
    }
}

#[test]
fn store_is_named_once_and_no_issuer_has_another_source_beside_it() {
    let store = SMALL.replace("index = \"index.txt\"", "store = true");
    let shown = refused(&store);
    assert!(
        shown.contains("certvouch.toml:5: ") && shown.contains("the store is not named"),
        "{shown}"
    );
    let (folder, config) = load(&format!("store = \"s.db\"\n{store}"));
    assert_eq!(config.unwrap().store, Some(folder.path().join("s.db")));
    let both = SMALL.replace("{ index", "{ store = true, index");
    let shown = refused(&format!("store = \"s.db\"\n{both}"));
    assert!(
        shown.contains("both the store and something else"),
        "{shown}"
    );
    let shown = refused(&format!("store = \"s.db\"\n{store}allow_unrevoke = true\n"));
    assert!(shown.contains("allow_unrevoke"), "{shown}");
}

#[test]
fn profile_brings_its_defaults_and_printing_shows_them() {
    let (_folder, config) = load(&format!("{SMALL}profile = \"br\"\n"));
    let config = config.unwrap();
    let policy = config.issuers[0].policy();
    assert_eq!(
        policy,
        certvouch_responder::Policy::of(&certvouch_responder::Profile::BR)
    );
    let printed = config.to_toml().unwrap();
    for line in [
        "profile = \"br\"",
        "validity = \"4d\"",
        "max_age = \"refresh\"",
        "nonce = \"ignore\"",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
}

// covers: BR-4.9.9-4, BR-4.9.9-10, FRESH-1, ETSI1-CSS-6.3.10-05/-06
#[test]
fn what_a_profile_forbids_is_refused_at_its_line_with_the_rule() {
    let crl = SMALL.replace("{ index = \"index.txt\" }", "{ crl = [\"ca.crl\"] }");
    let with = |profile: &str, key: &str| format!("{SMALL}profile = \"{profile}\"\n{key}\n");
    for (text, line, part) in [
        (with("br", "validity = \"1h\""), 7, "FRESH-1"),
        (with("br", "validity = \"8d\""), 7, "FRESH-1"),
        (with("br", "unlisted = \"revoked\""), 7, "D-7"),
        (with("br", "nonce = \"require\""), 7, "BR-4.9.9-4"),
        (
            with("lightweight", "responder_id = \"by-name\""),
            7,
            "R9919-3.2.2-2",
        ),
        (
            with("lightweight", "embed_certificate = \"never\""),
            7,
            "R9919-3.2.2-1",
        ),
        (with("lightweight", "hashes = [\"sha1\"]"), 7, "D-1"),
        (with("etsi", "expired = \"drop\""), 7, "ETSI1-CSS-6.3.10-04"),
        (
            with(
                "etsi",
                "request_signatures = \"require\"\nrequestors = [\"c\"]",
            ),
            7,
            "ETSI1-CSS-6.3.10-10",
        ),
        (
            with("private", "request_signatures = \"require\""),
            7,
            "names nobody who may ask",
        ),
        (
            with("private", "requestors = [\"c\"]"),
            7,
            "goes with request_signatures",
        ),
        (
            with("private", "crl_reference = \"send\""),
            7,
            "goes with CRLs only",
        ),
        (format!("{crl}profile = \"br\"\n"), 5, "BR-4.9.9-4"),
        (
            format!("{crl}profile = \"br\"\nnot_revoked = \"good\"\n"),
            7,
            "BR-4.9.9-10",
        ),
        // An issuer without a source has no status to offer, under `etsi` as under any other.
        (
            with("etsi", "").replace("{ index = \"index.txt\" }", "{}"),
            5,
            "no source says who is revoked",
        ),
    ] {
        let shown = refused(&text);
        assert!(
            shown.contains(&format!("certvouch.toml:{line}: ")) && shown.contains(part),
            "{text}\n{shown}"
        );
    }
}

#[test]
fn two_issuers_with_one_index_are_refused_with_the_reason() {
    let second = SMALL.replace("\"a\"", "\"b\"");
    let shown = refused(&format!("{SMALL}{second}"));
    assert!(shown.contains("certvouch.toml:10: "), "{shown}");
    assert!(shown.contains("share the index"), "{shown}");
    assert!(shown.contains("give each CA its own"), "{shown}");
}

#[test]
fn index_shared_through_a_link_or_an_easy_rsa_folder_is_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pki")).unwrap();
    std::fs::write(folder.path().join("pki/index.txt"), "").unwrap();
    std::os::unix::fs::symlink("pki/index.txt", folder.path().join("index.txt")).unwrap();
    for source in [
        "{ easy_rsa = \"pki\" }",
        "{ easy_rsa = \".\" }",
        "{ index = \"./pki/../index.txt\" }",
    ] {
        let second = SMALL
            .replace("\"a\"", "\"b\"")
            .replace("{ index = \"index.txt\" }", source);
        let file = folder.path().join("certvouch.toml");
        std::fs::write(&file, format!("{SMALL}{second}")).unwrap();
        let shown = Config::from_file(&file).unwrap_err().to_string();
        assert!(shown.contains("share the index"), "{source}: {shown}");
    }
}

#[test]
fn unreadable_file_is_named() {
    let why = Config::from_file(Path::new("/nonexistent/c.toml")).unwrap_err();
    assert!(
        why.to_string()
            .starts_with("/nonexistent/c.toml cannot be read: ")
    );
}

// covers: T-33
#[test]
fn client_certificates_without_tls_are_refused() {
    let text = format!("[admin]\ntls_client_ca = \"c\"\n{SMALL}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let shown = Config::from_file(file.path()).unwrap_err().to_string();
    assert!(
        shown.contains(":2: clients show certificates over TLS only"),
        "{shown}"
    );
}
