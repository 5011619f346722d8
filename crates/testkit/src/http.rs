//! A raw, blocking HTTP/1.x client: it sends exactly the octets it is given and reads one response at a time.
//!
//! Servers must be tested with what a proper client cannot send: raw request targets, HTTP/1.0, pipelined or
//! slow requests, half messages. Reading stops with an error at the deadline, so a server that says nothing
//! fails the test instead of hanging it.

use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// How long a response may take unless [`Connection::set_deadline`] says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A response as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status line, without line end.
    pub status_line: String,
    /// The status code.
    pub status: u16,
    /// The header fields in their order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the first field with this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|field| field.1.as_str())
    }

    /// How many fields have this name.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.headers
            .iter()
            .filter(|field| field.0.eq_ignore_ascii_case(name))
            .count()
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    patience: Duration,
}

impl Connection {
    /// Opens a connection.
    ///
    /// # Panics
    /// When nobody listens there.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .unwrap_or_else(|why| panic!("connect to {address}: {why}"));
        stream.set_nodelay(true).expect("set TCP_NODELAY");
        Self {
            stream,
            buffer: Vec::new(),
            patience: PATIENCE,
        }
    }

    /// How long each later [`Self::read_response`] may take.
    pub fn set_deadline(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Sends these octets.
    ///
    /// # Errors
    /// When the other side has closed.
    pub fn send(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.stream.write_all(octets)
    }

    /// Sends these octets in pieces with a pause after each.
    ///
    /// # Errors
    /// When the other side has closed.
    pub fn send_slowly(
        &mut self,
        octets: &[u8],
        piece: usize,
        pause: Duration,
    ) -> Result<(), Error> {
        for part in octets.chunks(piece) {
            self.stream.write_all(part)?;
            thread::sleep(pause);
        }
        Ok(())
    }

    /// Says that nothing more will be sent; reading goes on.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub fn finish_sending(&self) -> Result<(), Error> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Reads one response; its body by Content-Length, chunks, or up to the end of the connection. Octets
    /// behind it stay for the next call.
    ///
    /// `head` tells that the request was HEAD, whose response has no body whatever its header says.
    ///
    /// # Errors
    /// At the deadline (`TimedOut`), at a premature end (`UnexpectedEof`), or when it is no HTTP
    /// (`InvalidData`).
    pub fn read_response(&mut self, head: bool) -> Result<Response, Error> {
        let deadline = Instant::now() + self.patience;
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|part| part == b"\r\n\r\n") {
                break at;
            }
            self.fill(deadline)?;
        };
        let head_octets: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let mut response = parse_head(&head_octets[..end])?;
        if !(head || response.status == 304 || response.status == 204 || response.status < 200) {
            response.body = self.read_body(&response, deadline)?;
        }
        Ok(response)
    }

    /// What comes before the other side closes; nothing but the unread rest of the connection.
    ///
    /// # Errors
    /// At the deadline.
    pub fn read_to_end(&mut self) -> Result<Vec<u8>, Error> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.fill(deadline) {
                Ok(()) => {}
                Err(why) if is_end(&why) => return Ok(std::mem::take(&mut self.buffer)),
                Err(why) => return Err(why),
            }
        }
    }

    fn read_body(&mut self, response: &Response, deadline: Instant) -> Result<Vec<u8>, Error> {
        if response
            .header("transfer-encoding")
            .is_some_and(|v| v.eq_ignore_ascii_case("chunked"))
        {
            return self.read_chunks(deadline);
        }
        if let Some(length) = response.header("content-length") {
            let length: usize = length.parse().map_err(|_| invalid("Content-Length"))?;
            return self.take(length, deadline);
        }
        loop {
            match self.fill(deadline) {
                Ok(()) => {}
                Err(why) if is_end(&why) => return Ok(std::mem::take(&mut self.buffer)),
                Err(why) => return Err(why),
            }
        }
    }

    fn read_chunks(&mut self, deadline: Instant) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = self.buffer.windows(2).position(|part| part == b"\r\n") {
                    break at;
                }
                self.fill(deadline)?;
            };
            let line = self.take(end + 2, deadline)?;
            let size = String::from_utf8_lossy(&line[..end]).into_owned();
            let size = size.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size.trim(), 16).map_err(|_| invalid("chunk size"))?;
            body.extend(self.take(size, deadline)?);
            self.take(2, deadline)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn take(&mut self, length: usize, deadline: Instant) -> Result<Vec<u8>, Error> {
        while self.buffer.len() < length {
            self.fill(deadline)?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn fill(&mut self, deadline: Instant) -> Result<(), Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(
                ErrorKind::TimedOut,
                "no complete response in time",
            ));
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut piece = [0; 16 * 1024];
        let count = match self.stream.read(&mut piece) {
            Ok(0) => return Err(Error::new(ErrorKind::UnexpectedEof, "the connection ended")),
            Ok(count) => count,
            // The name a read timeout goes by differs between systems.
            Err(why) if why.kind() == ErrorKind::WouldBlock => {
                return Err(Error::new(ErrorKind::TimedOut, why));
            }
            Err(why) => return Err(why),
        };
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(())
    }
}

/// A GET with exactly this target, on a connection of its own.
///
/// # Panics
/// When no response comes.
#[must_use]
pub fn get(address: SocketAddr, target: &str) -> Response {
    once(address, &get_request(address, target))
}

/// A POST of an OCSP request with the right Content-Type, on a connection of its own.
///
/// # Panics
/// When no response comes.
#[must_use]
pub fn post(address: SocketAddr, target: &str, body: &[u8]) -> Response {
    once(address, &post_request(address, target, body))
}

/// Sends these octets on a connection of its own and reads one response (`HEAD` is noticed).
///
/// # Panics
/// When no response comes.
#[must_use]
pub fn once(address: SocketAddr, octets: &[u8]) -> Response {
    let mut connection = Connection::open(address);
    connection.send(octets).expect("send a request");
    connection
        .read_response(octets.starts_with(b"HEAD "))
        .expect("read a response")
}

/// The octets of a GET with exactly this target, keep-alive.
#[must_use]
pub fn get_request(address: SocketAddr, target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

/// The octets of a POST of an OCSP request, keep-alive.
#[must_use]
pub fn post_request(address: SocketAddr, target: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/ocsp-request\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn is_end(why: &Error) -> bool {
    matches!(
        why.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
    )
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{what} makes no sense"))
}

fn parse_head(octets: &[u8]) -> Result<Response, Error> {
    let text = std::str::from_utf8(octets).map_err(|_| invalid("the header"))?;
    let mut lines = text.split("\r\n");
    let status_line = lines.next().unwrap_or_default().to_owned();
    let mut words = status_line.split(' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().and_then(|code| code.parse().ok());
    let (true, Some(status)) = (version.starts_with("HTTP/1."), status) else {
        return Err(invalid("the status line"));
    };
    let headers = lines.map(|line| {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| invalid("a header field"))?;
        Ok((name.to_owned(), value.trim().to_owned()))
    });
    let headers = headers.collect::<Result<Vec<_>, Error>>()?;
    Ok(Response {
        status_line,
        status,
        headers,
        body: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that reads `octets_in` octets and then says its piece and closes.
    fn serve(octets_in: usize, say: &'static [u8]) -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut heard = vec![0; octets_in];
            stream.read_exact(&mut heard).unwrap();
            stream.write_all(say).unwrap();
            heard
        });
        (address, server)
    }

    #[test]
    fn pipelined_responses_are_told_apart() {
        let say = b"HTTP/1.1 200 OK\r\nX-a: 1\r\nx-A: 2\r\nContent-Length: 3\r\n\r\nabc\
                    HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n\
                    HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n\
                    HTTP/1.0 404 Not Found\r\n\r\nrest";
        let (address, server) = serve(4, say);
        let mut connection = Connection::open(address);
        connection
            .send_slowly(b"a//b", 1, Duration::from_millis(1))
            .unwrap();
        let first = connection.read_response(false).unwrap();
        assert_eq!((first.status, first.body.as_slice()), (200, &b"abc"[..]));
        assert_eq!((first.header("X-A"), first.count("x-a")), (Some("1"), 2));
        assert_eq!(connection.read_response(false).unwrap().status, 304);
        assert_eq!(connection.read_response(false).unwrap().body, b"de");
        let last = connection.read_response(false).unwrap();
        assert_eq!(
            (last.status_line.as_str(), last.body),
            ("HTTP/1.0 404 Not Found", b"rest".to_vec())
        );
        assert_eq!(server.join().unwrap(), b"a//b");
    }

    #[test]
    fn silence_ends_at_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connection = Connection::open(listener.local_addr().unwrap());
        connection.set_deadline(Duration::from_millis(30));
        assert_eq!(
            connection.read_response(false).unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        assert_eq!(
            connection.read_to_end().unwrap_err().kind(),
            ErrorKind::TimedOut
        );
    }

    #[test]
    fn half_a_response_is_an_error() {
        let (address, _server) = serve(1, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
        let mut connection = Connection::open(address);
        connection.send(b"x").unwrap();
        assert_eq!(
            connection.read_response(false).unwrap_err().kind(),
            ErrorKind::UnexpectedEof
        );
    }
}
