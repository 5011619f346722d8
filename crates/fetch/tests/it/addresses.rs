//! Which addresses are connected to: judged on the address itself, whatever the name was.

use certvouch_fetch::{AddressClass, AddressRule, FetchError, Fetcher, Network};

use crate::server::{Names, Server, ask, foreign, named, policy};

fn refused(error: &FetchError) -> AddressClass {
    match error {
        FetchError::AddressRefused { class, .. } => *class,
        other => panic!("the address was to be refused: {other}"),
    }
}

// covers: T-24, T-25
#[tokio::test]
async fn literal_address_that_is_not_public_is_refused_unless_the_operator_wrote_it() {
    let server = Server::with_body("", b"truth");
    let fetcher = Fetcher::new(policy()).unwrap();
    let error = ask(&fetcher, &foreign(&server.url("/"))).await.unwrap_err();
    assert_eq!(refused(&error), AddressClass::Loopback);
    assert_eq!(server.heard(), Vec::<String>::new());
    let payload = ask(&fetcher, &named(&server.url("/"))).await.unwrap();
    assert_eq!(payload.bytes, "truth");
    for (url, class) in [
        (
            "http://169.254.169.254/latest/meta-data",
            AddressClass::LinkLocal,
        ),
        ("http://[fd00:ec2::254]/", AddressClass::LinkLocal),
        ("http://[fe80::1]/", AddressClass::LinkLocal),
        ("http://10.0.0.1/", AddressClass::Private),
        ("http://[::ffff:192.168.0.1]/", AddressClass::Private),
        ("http://0.0.0.0/", AddressClass::Loopback),
        ("http://224.0.0.1/", AddressClass::Multicast),
    ] {
        let error = ask(&fetcher, &foreign(url)).await.unwrap_err();
        assert_eq!(refused(&error), class, "{url}");
    }
}

// covers: T-24, T-25
#[tokio::test]
async fn name_that_leads_to_a_forbidden_address_is_refused_even_if_the_operator_wrote_it() {
    let server = Server::with_body("", b"truth");
    let names = Names::new(&[
        ("loop.example", &["127.0.0.1"]),
        ("meta.example", &["169.254.169.254", "fd00:ec2::254"]),
        ("private.example", &["10.1.2.3"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("nothing.example", &[]),
    ]);
    let fetcher = Fetcher::with_resolver(policy(), names).unwrap();
    for (name, class) in [
        ("loop.example", AddressClass::Loopback),
        ("meta.example", AddressClass::LinkLocal),
        ("private.example", AddressClass::Private),
        ("mapped.example", AddressClass::Loopback),
    ] {
        let url = format!("http://{name}:{}/", server.port());
        let error = ask(&fetcher, &named(&url)).await.unwrap_err();
        assert_eq!(refused(&error), class, "{name}");
        assert!(error.to_string().starts_with(name), "{error}");
    }
    let error = ask(&fetcher, &named("http://nothing.example/")).await;
    assert!(
        matches!(error, Err(FetchError::Resolve { .. })),
        "{error:?}"
    );
    let error = ask(&fetcher, &named("http://other.example/")).await;
    assert!(
        matches!(error, Err(FetchError::Resolve { .. })),
        "{error:?}"
    );
    assert_eq!(server.heard(), Vec::<String>::new());
}

// covers: T-24
#[tokio::test]
async fn of_several_addresses_only_an_allowed_one_is_connected_to() {
    let server = Server::with_body("", b"truth");
    let names = Names::new(&[(
        "mixed.example",
        &["169.254.169.254", "10.0.0.1", "127.0.0.1"],
    )]);
    let url = format!("http://mixed.example:{}/", server.port());
    let mut allowed = policy();
    allowed.named_networks = vec!["127.0.0.1".parse::<Network>().unwrap()];
    let fetcher = Fetcher::with_resolver(allowed, names.clone()).unwrap();
    assert_eq!(ask(&fetcher, &foreign(&url)).await.unwrap().bytes, "truth");
    let fetcher = Fetcher::with_resolver(policy(), names).unwrap();
    assert!(matches!(
        ask(&fetcher, &foreign(&url)).await,
        Err(FetchError::AddressRefused { .. })
    ));
    assert_eq!(server.heard().len(), 1);
}

// covers: T-24
#[tokio::test]
async fn rule_for_private_networks_lets_no_local_address_pass() {
    let mut inside = policy();
    inside.address_rule = AddressRule::PublicAndPrivate;
    let fetcher = Fetcher::new(inside).unwrap();
    for url in ["http://127.0.0.1:9/", "http://169.254.169.254/"] {
        let error = ask(&fetcher, &foreign(url)).await;
        assert!(
            matches!(error, Err(FetchError::AddressRefused { .. })),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn localhost_that_the_operator_wrote_is_the_local_machine() {
    let server = Server::with_body("", b"truth");
    let names = Names::new(&[("localhost", &["::1", "127.0.0.1"])]);
    let fetcher = Fetcher::with_resolver(policy(), names).unwrap();
    let url = format!("http://localhost:{}/", server.port());
    // Nobody listens at ::1; the next address is tried.
    assert_eq!(ask(&fetcher, &named(&url)).await.unwrap().bytes, "truth");
    assert!(matches!(
        ask(&fetcher, &foreign(&url)).await,
        Err(FetchError::AddressRefused { .. })
    ));
}

// covers: T-24
#[tokio::test]
async fn url_with_another_scheme_or_a_user_name_is_refused() {
    let fetcher = Fetcher::new(policy()).unwrap();
    for url in [
        "ftp://127.0.0.1/ca.crl",
        "ldap://127.0.0.1/cn=ca",
        "file:///etc/passwd",
        "http://user@127.0.0.1/",
        "http://user:secret@127.0.0.1/",
        "/ca.crl",
    ] {
        let Ok(uri) = url.parse() else {
            // What is no URI at all cannot even be asked for.
            continue;
        };
        let fetch = certvouch_fetch::Fetch::named(uri, "*/*");
        let error = ask(&fetcher, &fetch).await.unwrap_err();
        assert!(matches!(error, FetchError::Url(_)), "{url}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
