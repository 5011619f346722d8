//! A server with a store, an admin port and a token.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use certvouch_testkit::answer::{Answer, CertStatus};
use certvouch_testkit::ask;
use certvouch_testkit::http::{self, Connection, Response};
use certvouch_testkit::peer::{self, Outcome};
use certvouch_testkit::pki::{KeyAlg, World};
use certvouch_testkit::process::{PATIENCE, Server, TempDir, temp_dir};
use serde_json::Value;

/// Two issuers: one in the store, one with an index.
const CONFIG: &str = "store = \"status.db\"\n\
    [server]\nlisten = [\"127.0.0.1:0\"]\nthreads = 2\n\
    [admin]\nlisten = \"127.0.0.1:0\"\ntokens = \"tokens.toml\"\n\
    [[issuer]]\nname = \"a\"\ncertificate = \"ca.pem\"\nsource = { store = true }\n\
    signer = { certificate = \"ocsp.pem\", key = \"ocsp.key\" }\n";

pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) world: World,
    pub(crate) server: Server,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// With every scope.
    pub(crate) token: String,
}

/// The program with these arguments, in this folder.
pub(crate) fn certvouch(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_certvouch"));
    command.args(arguments).current_dir(dir);
    for name in ["CERTVOUCH_LOG", "CERTVOUCH_ADMIN", "CERTVOUCH_TOKEN_FILE"] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Outcome {
    peer::run(&mut certvouch(dir, arguments), b"", PATIENCE)
}

fn start(dir: &Path) -> (Server, SocketAddr, SocketAddr) {
    let server = Server::start(&mut certvouch(
        dir,
        &["serve", "--config", "certvouch.toml"],
    ));
    let public = server.listening_address();
    let told = server.wait_for_stderr("the admin port is open");
    let at = told.split("the admin port is open").nth(1).unwrap();
    let at = at.split("http://").nth(1).unwrap();
    let end = at.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit());
    let admin = at[..end.unwrap_or(at.len())].parse().unwrap();
    (server, public, admin)
}

impl Site {
    pub(crate) fn new() -> Self {
        let dir = temp_dir();
        let world = World::current(KeyAlg::P256);
        let _files = world.write(dir.path());
        std::fs::write(dir.path().join("certvouch.toml"), CONFIG).unwrap();
        let (server, public, admin) = start(dir.path());
        let mut site = Self {
            dir,
            world,
            server,
            public,
            admin,
            token: String::new(),
        };
        site.token = site.new_token("all", "admin", &[]);
        std::fs::write(site.path().join("token"), &site.token).unwrap();
        site
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Ends the server without a word, and starts it again.
    pub(crate) fn kill_and_start(&mut self) {
        self.server.kill();
        (self.server, self.public, self.admin) = start(self.dir.path());
    }

    pub(crate) fn new_token(&self, name: &str, scope: &str, further: &[&str]) -> String {
        let fixed = ["token", "new", "--config", "certvouch.toml", "--name", name];
        let outcome = run(
            self.path(),
            &[&fixed[..], &["--scope", scope], further].concat(),
        );
        assert!(outcome.success(), "{outcome:?}");
        outcome.out().trim_end().to_owned()
    }

    /// Sends a request with a body, with whatever header fields.
    pub(crate) fn raw(&self, method: &str, target: &str, fields: &str, body: &[u8]) -> Response {
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n",
            self.admin,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        let mut connection = Connection::open(self.admin);
        connection.send(&request).unwrap();
        connection.read_response(false).unwrap()
    }

    /// Asks with a token.
    pub(crate) fn ask_as(&self, token: &str, method: &str, target: &str, body: &str) -> Response {
        let fields = format!("Authorization: Bearer {token}\r\n");
        self.raw(method, target, &fields, body.as_bytes())
    }

    pub(crate) fn ask(&self, method: &str, target: &str, body: &str) -> Response {
        self.ask_as(&self.token, method, target, body)
    }

    /// PUT or PATCH about a certificate of the issuer in the store.
    pub(crate) fn change(&self, method: &str, serial: &str, body: &str) -> (u16, Value) {
        let target = format!("/v1/issuers/a/certificates/{serial}");
        let response = self.ask(method, &target, body);
        (response.status, json(&response))
    }

    /// The answer on the public port.
    pub(crate) fn status(&self, serial: &[u8]) -> CertStatus {
        let question = ask::q1(&self.world.ca_a, serial);
        let response = http::post(self.public, "/", &question);
        assert_eq!(response.status, 200, "{response:?}");
        Answer::successful(&response.body).single().status
    }
}

pub(crate) fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

pub(crate) fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|_| panic!("{}", text(response)))
}

/// The objects of an NDJSON body.
pub(crate) fn lines(response: &Response) -> Vec<Value> {
    let text = text(response);
    let each = text.lines().map(|line| serde_json::from_str(line).unwrap());
    each.collect()
}

pub(crate) fn is_revoked(status: CertStatus) -> bool {
    matches!(status, CertStatus::Revoked { .. })
}
