//! Between a client that cannot choose and the responder: the client asks at `http://ADDRESS/CELL`, and the bridge asks
//! the responder what the cell says, by the cell's method.
//!
//! What the client wrote is passed on octet for octet where it is a request of that cell; where the client cannot write
//! such a request (another hash, a nonce or none), the test's own is sent in its place. The answer is handed back as it
//! came. How the client asked is remembered.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_testkit::ask::{GetForm, get_segment};
use certvouch_testkit::der;
use certvouch_testkit::http;

use crate::cells::Cell;
use crate::world::Responders;

/// A client that says nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer heads and bodies are no OCSP requests.
const MOST: u64 = 64 * 1024;

/// What the bridge knows of a cell.
struct Route {
    cell: Cell,
    responder: SocketAddr,
    request: Vec<u8>,
}

/// What a client did of its own will: its methods, and whether it sent nonces.
pub(crate) type Habits = BTreeSet<(String, bool)>;

/// A running bridge; stopped when dropped.
pub(crate) struct Bridge {
    address: SocketAddr,
    habits: Arc<Mutex<Habits>>,
    stop: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Bridge {
    pub(crate) fn start(responders: &Responders) -> Self {
        let routes: Arc<Vec<Route>> = Arc::new(
            Cell::all()
                .map(|cell| {
                    let site = responders.site(&cell);
                    Route {
                        cell,
                        responder: site.address,
                        request: site.request(&cell),
                    }
                })
                .collect(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let habits = Arc::new(Mutex::new(Habits::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, stopped) = (Arc::clone(&habits), Arc::clone(&stop));
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (routes, seen) = (Arc::clone(&routes), Arc::clone(&seen));
                // A client that goes away or sends nonsense gets no answer; its verdict shows it.
                std::thread::spawn(move || stream.ok().and_then(|one| serve(one, &routes, &seen)));
            }
        });
        Self {
            address,
            habits,
            stop,
            listener: Some(listener),
        }
    }

    /// Where a client asks for the cell with this place among all cells.
    pub(crate) fn url(&self, index: usize) -> String {
        format!("http://{}/{index}", self.address)
    }

    /// How the clients asked so far.
    pub(crate) fn habits(&self) -> Habits {
        self.habits
            .lock()
            .expect("no panic while it is held")
            .clone()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees the flag.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
    }
}

fn serve(mut stream: TcpStream, routes: &[Route], habits: &Mutex<Habits>) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let (method, index, asked) = read(&stream)?;
    let route = routes.get(index)?;
    let has_nonce = contains(&asked, &der::oid(certvouch_testkit::ask::NONCE));
    habits.lock().ok()?.insert((method, has_nonce));
    let fits = contains(&asked, &der::oid(route.cell.hash_alg().oid()))
        && has_nonce == route.cell.has_nonce();
    let request = if fits { &asked } else { &route.request };
    let response = if route.cell.method == "GET" {
        let segment = get_segment(request, GetForm::Strict);
        http::get(route.responder, &format!("/{segment}"))
    } else {
        http::post(route.responder, "/", request)
    };
    let head = format!(
        "HTTP/1.1 {} Bridged\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        response.status,
        response.header("content-type").unwrap_or("none/none"),
        response.body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&response.body).ok()
}

/// The method, the cell's place in the target, and the OCSPRequest.
fn read(stream: &TcpStream) -> Option<(String, usize, Vec<u8>)> {
    let mut reader = BufReader::new(stream.take(MOST));
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        let field = field.trim_end();
        if field.is_empty() {
            break;
        }
        if let Some((name, value)) = field.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let path = target.trim_start_matches('/');
    let (index, segment) = path.split_once('/').unwrap_or((path, ""));
    let body = if method == "GET" {
        let plain = segment
            .replace("%2F", "/")
            .replace("%2f", "/")
            .replace("%2B", "+")
            .replace("%2b", "+")
            .replace("%3D", "=")
            .replace("%3d", "=");
        STANDARD.decode(plain).ok()?
    } else {
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        body
    };
    Some((method, index.parse().ok()?, body))
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}
