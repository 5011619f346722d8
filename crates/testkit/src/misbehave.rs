//! An HTTP server that says what it is told, however wrong, and a table of what responders do wrong.
//!
//! It listens on a free port of the loopback interface, one thread for each connection. What a handler returns is sent
//! octet by octet; a connection that hangs is closed when the server is dropped.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::pki::World;
use crate::reply::{Reply, Single, Status, error};

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// The request target.
    pub target: String,
    /// The header, with its lines as they came.
    pub header: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The OCSP request in the target of a GET or in the body of a POST, if there is one.
    #[must_use]
    pub fn ocsp(&self) -> Option<Vec<u8>> {
        if self.method == "POST" {
            return Some(self.body.clone());
        }
        let segment = self.target.rsplit('/').next()?;
        let text = segment
            .replace("%2F", "/")
            .replace("%2B", "+")
            .replace("%3D", "=");
        STANDARD
            .decode(text)
            .ok()
            .filter(|der| der.first() == Some(&0x30))
    }

    /// The nonce of the OCSP request, without its wrapping.
    #[must_use]
    pub fn nonce(&self) -> Option<Vec<u8>> {
        const OID: [u8; 11] = [
            0x06, 0x09, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02,
        ];
        let der = self.ocsp()?;
        let at = der.windows(OID.len()).position(|part| part == OID)?;
        // OCTET STRING { OCTET STRING { nonce } }, all short.
        let value = der.get(at + OID.len()..)?;
        let length = usize::from(*value.get(3)?);
        value.get(4..4 + length).map(<[u8]>::to_vec)
    }
}

/// What is done with a connection once its request was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends an OCSP response as it should be sent.
    Ocsp(Vec<u8>),
    /// Sends a status, header lines and a body, with a fitting Content-Length.
    Http(u16, Vec<(String, String)>, Vec<u8>),
    /// Sends these octets and closes.
    Raw(Vec<u8>),
    /// Sends these octets, and nothing more.
    Hang(Vec<u8>),
    /// Sends these octets one by one, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Sends an OCSP header with this length, and as many octets.
    Huge(usize),
}

impl Act {
    /// A response with a Content-Type.
    #[must_use]
    pub fn typed(status: u16, content_type: &str, body: &[u8]) -> Self {
        let header = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self::Http(status, header, body.to_vec())
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        let header = vec![("Location".to_owned(), to.to_owned())];
        Self::Http(302, header, Vec::new())
    }
}

/// Says what is done with a request.
pub type Handler = Arc<dyn Fn(&Request) -> Act + Send + Sync>;

/// A running server; it stops when it is dropped.
pub struct Misbehaving {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Misbehaving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Misbehaving({})", self.address)
    }
}

impl Misbehaving {
    /// Starts a server.
    ///
    /// # Panics
    /// When the loopback interface gives no port.
    #[must_use]
    pub fn start(handler: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Self {
        Self::serve(Arc::new(handler))
    }

    /// Starts a server with a handler of the table.
    ///
    /// # Panics
    /// As [`Misbehaving::start`].
    #[must_use]
    pub fn serve(handler: Handler) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let server = Self {
            address,
            requests: Arc::default(),
            streams: Arc::default(),
            stop: Arc::default(),
        };
        let (requests, streams) = (Arc::clone(&server.requests), Arc::clone(&server.streams));
        let stop = Arc::clone(&server.stop);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                if let Ok(clone) = stream.try_clone() {
                    lock(&streams).push(clone);
                }
                let (handler, requests) = (Arc::clone(&handler), Arc::clone(&requests));
                let stop = Arc::clone(&stop);
                thread::spawn(move || {
                    // The other side may close at any time; that is its right.
                    drop(converse(stream, &handler, &requests, &stop));
                });
            }
        });
        server
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, with a `/` at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }
}

impl Drop for Misbehaving {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for stream in lock(&self.streams).drain(..) {
            // It may be closed already.
            drop(stream.shutdown(Shutdown::Both));
        }
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn converse(
    mut stream: TcpStream,
    handler: &Handler,
    requests: &Mutex<Vec<Request>>,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    let Some(request) = read_request(&mut stream)? else {
        return Ok(());
    };
    lock(requests).push(request.clone());
    match handler(&request) {
        Act::Ocsp(der) => {
            let act = Act::typed(200, "application/ocsp-response", &der);
            stream.write_all(&http(&act))?;
        }
        act @ Act::Http(..) => stream.write_all(&http(&act))?,
        Act::Raw(octets) => stream.write_all(&octets)?,
        Act::Hang(octets) => {
            stream.write_all(&octets)?;
            // Until the other side gives up, or the server is dropped.
            while stream.read(&mut [0; 64])? > 0 {}
        }
        Act::Drip(octets, pause) => {
            for octet in octets {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                stream.write_all(&[octet])?;
                thread::sleep(pause);
            }
        }
        Act::Huge(length) => {
            stream.write_all(&http_head(length))?;
            let piece = vec![0x30; 64 * 1024];
            let mut left = length;
            while left > 0 {
                let part = piece.len().min(left);
                stream.write_all(&piece[..part])?;
                left -= part;
            }
        }
    }
    stream.shutdown(Shutdown::Write)
}

fn http_head(length: usize) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

fn http(act: &Act) -> Vec<u8> {
    let Act::Http(status, header, body) = act else {
        return Vec::new();
    };
    let lines: String = header
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!(
        "HTTP/1.1 {status} X\r\n{lines}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Request>> {
    let mut octets = Vec::new();
    let mut piece = [0; 4096];
    let end = loop {
        if let Some(end) = octets.windows(4).position(|part| part == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut piece)? {
            0 => return Ok(None),
            count => octets.extend_from_slice(&piece[..count]),
        }
    };
    let header = String::from_utf8_lossy(&octets[..end]).into_owned();
    let length = header
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .unwrap_or(0);
    let mut body = octets[end + 4..].to_vec();
    while body.len() < length {
        match stream.read(&mut piece)? {
            0 => return Ok(None),
            count => body.extend_from_slice(&piece[..count]),
        }
    }
    let mut words = header.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    Ok(Some(Request {
        method: word(),
        target: word(),
        header,
        body,
    }))
}

/// One thing that responders do wrong.
#[derive(Clone)]
pub struct Behaviour {
    /// Its name, for tables.
    pub name: &'static str,
    /// How it is done.
    pub handler: Handler,
}

impl std::fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A right answer about a certificate of CA-A with this status, with the nonce of the request if it has one.
#[must_use]
pub fn answer(world: &World, serial: &[u8], status: Status, request: &Request) -> Vec<u8> {
    let single = Single::about(&world.ca_a, serial, world.now).status(status);
    let reply = Reply::delegated(&world.d_a, world.now).single(&single);
    match request.nonce() {
        Some(nonce) => reply.nonce(&nonce).build(),
        None => reply.build(),
    }
}

/// What responders do wrong, about EE-good of a world; the first does nothing wrong.
#[must_use]
pub fn table(world: &World) -> Vec<Behaviour> {
    let good = || Single::about(&world.ca_a, &world.ee_good.serial, world.now);
    let reply = |single: &Single| Reply::delegated(&world.d_a, world.now).single(single);
    let right = reply(&good()).build();
    let ocsp = |der: Vec<u8>| Act::Ocsp(der);
    let head = http_head(right.len());
    let half = [&head[..], &right[..right.len() / 2]].concat();
    let page = b"<!DOCTYPE html><html><body>Please log in</body></html>";
    let expired = good()
        .this_update(world.now - 8 * 86_400)
        .next_update(world.now - 3 * 86_400);
    let early = good()
        .this_update(world.now + 3600)
        .next_update(world.now + 86_400);
    let other = Single::about(&world.ca_a, &world.ee_hold.serial, world.now);
    let drip = [&head[..], &right[..]].concat();
    let fixed = |name: &'static str, act: Act| Behaviour {
        name,
        handler: Arc::new(move |_| act.clone()),
    };
    let mut all = vec![
        fixed("good", ocsp(right.clone())),
        fixed("hangs", Act::Hang(Vec::new())),
        fixed("half a body, then closes", Act::Raw(half.clone())),
        fixed("half a body, then hangs", Act::Hang(half)),
        fixed(
            "an octet every second",
            Act::Drip(drip, Duration::from_secs(1)),
        ),
        fixed("closes without a word", Act::Raw(Vec::new())),
        fixed("HTTP 500", Act::typed(500, "text/plain", b"oops")),
        fixed("HTML with 200", Act::typed(200, "text/html", page)),
        fixed(
            "HTML as an OCSP response",
            Act::typed(200, "application/ocsp-response", page),
        ),
        fixed("10 MB", Act::Huge(10 << 20)),
        fixed("redirect to a forbidden address", {
            Act::redirect("http://169.254.169.254/latest/meta-data/")
        }),
        fixed("expired", ocsp(reply(&expired).build())),
        fixed("skewed clock", {
            let by = Reply::delegated(&world.d_a, world.now + 3600);
            ocsp(by.single(&early).build())
        }),
        fixed("wrong certificate", ocsp(reply(&other).build())),
        fixed("another CA's signer", {
            let by = Reply::delegated(&world.d_b, world.now);
            ocsp(by.single(&good()).build())
        }),
        fixed(
            "bad signature",
            ocsp(reply(&good()).bad_signature().build()),
        ),
        fixed("wrong nonce", {
            ocsp(reply(&good()).nonce(&[7; 32]).build())
        }),
        fixed("no nonce", ocsp(right)),
    ];
    for (name, status) in [
        ("malformedRequest", 1),
        ("internalError", 2),
        ("tryLater", 3),
        ("sigRequired", 5),
        ("unauthorized", 6),
    ] {
        all.push(fixed(name, ocsp(error(status))));
    }
    all.push(Behaviour {
        name: "redirect loop",
        handler: Arc::new(|request| Act::redirect(&request.target)),
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask;
    use crate::http;
    use crate::pki::KeyAlg;

    #[test]
    fn server_says_what_it_is_told_and_remembers_what_it_was_asked() {
        let world = World::new(KeyAlg::P256);
        let body = ask::q256(&world.ca_a, &world.ee_good.serial);
        let server = Misbehaving::start(|_| Act::typed(418, "text/tea", b"pot"));
        let said = http::post(server.address(), "/x", &body);
        assert_eq!((said.status, said.body.as_slice()), (418, &b"pot"[..]));
        let segment = ask::get_segment(&body, ask::GetForm::Strict);
        let _ = http::get(server.address(), &format!("/ca/{segment}"));
        let heard = server.requests();
        assert_eq!(heard.len(), 2);
        assert!(
            heard
                .iter()
                .all(|request| request.ocsp().as_ref() == Some(&body))
        );
    }

    #[test]
    fn nonce_is_found_in_the_request() {
        let world = World::new(KeyAlg::P256);
        let serial = &world.ee_good.serial;
        let ask = ask::Ask::for_serial(ask::HashAlg::Sha1, &world.ca_a, serial);
        let server = Misbehaving::start(|_| Act::Raw(Vec::new()));
        let body = ask.nonce(&[9; 32]).build();
        let mut connection = http::Connection::open(server.address());
        let request = http::post_request(server.address(), "/", &body);
        connection.send(&request).unwrap();
        assert!(connection.read_response(false).is_err());
        assert_eq!(server.requests()[0].nonce(), Some(vec![9; 32]));
    }

    #[test]
    fn hanging_connection_ends_with_the_server() {
        let server = Misbehaving::start(|_| Act::Hang(b"HTTP/1.1 200 OK\r\n".to_vec()));
        let mut connection = http::Connection::open(server.address());
        let request = http::get_request(server.address(), "/");
        connection.send(&request).unwrap();
        while server.requests().is_empty() {
            thread::yield_now();
        }
        drop(server);
        assert!(connection.read_to_end().is_ok());
    }
}
