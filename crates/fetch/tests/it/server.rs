//! A server that says exactly what a test tells it, a resolver that knows what a test tells it, and short ways to ask.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use certvouch_fetch::{
    BoxFuture, Fetch, FetchError, FetchPolicy, Fetched, Fetcher, Payload, Resolve, Roots,
};

/// A server on a loopback port. Each connection gets one call of the handler with the head of its request.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(
        handler: impl Fn(&str, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (handler, store) = (Arc::new(handler), Arc::clone(&heard));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (handler, store) = (Arc::clone(&handler), Arc::clone(&store));
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let head = read_head(&mut stream);
                    store.lock().unwrap().push(head.clone());
                    // The fetcher may hang up in the middle of it; that is often the point.
                    drop(handler(&head, &mut stream));
                });
            }
        });
        Self { address, heard }
    }

    /// A server that always says the same.
    pub(crate) fn saying(octets: impl Into<Vec<u8>>) -> Self {
        let octets = octets.into();
        Self::start(move |_, stream| stream.write_all(&octets))
    }

    /// A server that answers 200 with this body and these further header lines.
    pub(crate) fn with_body(headers: &str, body: &[u8]) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        Self::saying([head.as_bytes(), body].concat())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The heads of the requests so far.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

pub(crate) fn read_head(stream: &mut impl io::Read) -> String {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut octet).unwrap_or(0) == 1 {
        head.push(octet[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Keeps the connection open without a word until the other side closes it.
pub(crate) fn hold(stream: &mut TcpStream) -> io::Result<()> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).map(drop)
}

/// A resolver that knows these names and no others.
#[derive(Debug)]
pub(crate) struct Names(HashMap<String, Vec<IpAddr>>);

impl Names {
    pub(crate) fn new(names: &[(&str, &[&str])]) -> Arc<Self> {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let names = names
            .iter()
            .map(|(name, texts)| ((*name).to_owned(), addresses(texts)));
        Arc::new(Self(names.collect()))
    }
}

impl Resolve for Names {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let found = self.0.get(host);
        let addresses = found.map(|list| list.iter().map(|ip| SocketAddr::new(*ip, port)));
        let addresses = addresses.map(Iterator::collect);
        Box::pin(async { addresses.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// The defaults with short times, so that a test that waits does not wait long, and no roots of the system.
pub(crate) fn policy() -> FetchPolicy {
    let mut policy = FetchPolicy::default();
    policy.connect_timeout = Duration::from_secs(10);
    policy.total_timeout = Duration::from_secs(30);
    policy.rate_grace = Duration::from_secs(20);
    policy.roots = Roots::Named(Vec::new());
    policy
}

pub(crate) async fn ask(fetcher: &Fetcher, fetch: &Fetch) -> Result<Payload, FetchError> {
    match fetcher.fetch(fetch).await? {
        Fetched::Body(payload) => Ok(payload),
        other => panic!("a body was expected, not {other:?}"),
    }
}

/// A GET of a URL that the operator wrote, by this policy.
pub(crate) async fn get(policy: FetchPolicy, url: &str) -> Result<Payload, FetchError> {
    let fetcher = Fetcher::new(policy).unwrap();
    ask(&fetcher, &named(url)).await
}

pub(crate) fn named(url: &str) -> Fetch {
    Fetch::named(url.parse().unwrap(), "application/pkix-crl")
}

pub(crate) fn foreign(url: &str) -> Fetch {
    Fetch::foreign(url.parse().unwrap(), "application/pkix-crl")
}
