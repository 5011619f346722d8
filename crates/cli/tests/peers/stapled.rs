//! nginx staples our answers, and TLS clients judge what comes with the handshake: three peers in one world.
//!
//! For each cell there are two virtual servers: one whose nginx fetches by itself (at the bridge, and verifies what it
//! gets), and one that was given the answer in a file, since nginx staples nothing that is not good. `nginx` is judged
//! by what it staples or logs; curl (`--cert-status`) and `openssl s_client -status` get what nginx fetched where it
//! staples that, and the file otherwise.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use certvouch_testkit::peer::{Outcome, Peer};
use certvouch_testkit::process::{PATIENCE, Server, TempDir, free_port, temp_dir};

use crate::Verdicts;
use crate::bridge::{Bridge, Habits};
use crate::cells::Cell;
use crate::world::Responders;

/// The verdicts of nginx, curl and `openssl s_client`.
pub(crate) fn judge([nginx, curl, openssl]: [&Peer; 3], responders: &Responders) -> [Verdicts; 3] {
    let bridge = Bridge::start(responders);
    let front = Front::start(nginx, responders, &bridge);
    let cells = || Cell::all().enumerate().filter(|(_, cell)| served(cell));
    // nginx fetches when it is first asked, and staples from then on.
    for (index, cell) in cells() {
        let _ = front.s_client(openssl, &format!("fetch-{index}"), responders, &cell);
    }
    let (mut by_nginx, mut by_curl, mut by_s_client) =
        (Verdicts::new(), Verdicts::new(), Verdicts::new());
    for (index, cell) in cells() {
        let name = format!("fetch-{index}");
        by_nginx.insert(cell, front.wait(openssl, &name, responders, &cell));
        let name = if fetched(&cell) {
            name
        } else {
            format!("file-{index}")
        };
        let seen = front.s_client(openssl, &name, responders, &cell);
        by_s_client.insert(cell, read_s_client(&cell, &seen));
        by_curl.insert(cell, front.curl(curl, &name, responders, &cell));
    }
    let expected = Habits::from([("GET".to_owned(), false)]);
    assert_eq!(bridge.habits(), expected, "nginx asks in another way");
    [by_nginx, by_curl, by_s_client]
}

/// OpenSSL 3.0 makes no TLS server with an ML-DSA certificate.
fn served(cell: &Cell) -> bool {
    !cell.algorithm.starts_with("ml-dsa")
}

/// Whether nginx staples what it fetched: good, and about the CertID that it asked about.
fn fetched(cell: &Cell) -> bool {
    cell.status == "good" && cell.hash == "sha1"
}

/// A running nginx.
struct Front {
    port: u16,
    process: Server,
    _dir: TempDir,
}

impl Front {
    fn start(nginx: &Peer, responders: &Responders, bridge: &Bridge) -> Self {
        let (dir, port) = (temp_dir(), free_port());
        let root = dir.path();
        let shown = root.display();
        let mut servers = String::new();
        for (index, cell) in Cell::all().enumerate().filter(|(_, cell)| served(cell)) {
            let url = own_address(&cell, responders).unwrap_or_else(|| bridge.url(index));
            files(root, index, &cell, responders);
            let ca = responders.site(&cell).files.ca.display();
            let common = format!(
                "listen 127.0.0.1:{port} ssl; ssl_certificate {shown}/{index}.pem; \
                 ssl_certificate_key {shown}/{}.key; ssl_stapling on; return 204;",
                cell.algorithm
            );
            writeln!(
                servers,
                "server {{ server_name fetch-{index}.cells.test; {common} ssl_trusted_certificate {ca}; \
                 ssl_stapling_verify on; ssl_stapling_responder {url}; }}\n\
                 server {{ server_name file-{index}.cells.test; {common} ssl_stapling_file {shown}/{index}.der; }}"
            )
            .expect("a String takes everything");
        }
        let text = format!(
            "daemon off; master_process off; pid {shown}/pid; error_log stderr;\n\
             events {{ worker_connections 512; }}\n\
             http {{ access_log off; server_names_hash_max_size 4096; server_names_hash_bucket_size 64;\n\
             client_body_temp_path {shown}/t1; proxy_temp_path {shown}/t2; fastcgi_temp_path {shown}/t3;\n\
             uwsgi_temp_path {shown}/t4; scgi_temp_path {shown}/t5;\n{servers} }}\n"
        );
        fs::write(root.join("nginx.conf"), text).expect("the configuration is written");
        let mut command = Command::new(&nginx.program);
        command.arg("-c").arg(root.join("nginx.conf"));
        command.arg("-p").arg(root).args(["-e", "stderr"]);
        let process = Server::start(&mut command);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = process.stderr();
            assert!(Instant::now() < deadline, "nginx does not listen: {said}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            port,
            process,
            _dir: dir,
        }
    }

    /// Until nginx staples what it fetched, or says in its log why not.
    fn wait(
        &self,
        openssl: &Peer,
        name: &str,
        responders: &Responders,
        cell: &Cell,
    ) -> Option<String> {
        let index = name.trim_start_matches("fetch-");
        let about = format!("/{index}.pem\"");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.process.stderr();
            let line = log.lines().find(|line| line.contains(&about));
            let refusal = format!(
                "certificate status \"{}\" in the OCSP response",
                cell.status
            );
            match line {
                Some(line) if cell.status != "good" && line.contains(&refusal) => return None,
                Some(line) => return Some(line.to_owned()),
                None => {}
            }
            let seen = self.s_client(openssl, name, responders, cell);
            if !seen.out().contains("OCSP response: no response sent") {
                return read_s_client(cell, &seen);
            }
            if Instant::now() > deadline {
                return Some("nginx neither staples nor complains".to_owned());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn s_client(
        &self,
        openssl: &Peer,
        name: &str,
        responders: &Responders,
        cell: &Cell,
    ) -> Outcome {
        let ca = responders.site(cell).files.ca.to_string_lossy();
        openssl.run(&[
            "s_client",
            "-connect",
            &format!("127.0.0.1:{}", self.port),
            "-servername",
            &format!("{name}.cells.test"),
            "-CAfile",
            &ca,
            "-status",
        ])
    }

    fn curl(
        &self,
        curl: &Peer,
        name: &str,
        responders: &Responders,
        cell: &Cell,
    ) -> Option<String> {
        let ca = responders.site(cell).files.ca.to_string_lossy();
        let host = format!("{name}.cells.test:{}", self.port);
        let outcome = curl.run(&[
            "--silent",
            "--show-error",
            "--cert-status",
            "--noproxy",
            "*",
            "--cacert",
            &ca,
            "--resolve",
            &format!("{host}:127.0.0.1"),
            &format!("https://{host}/"),
        ]);
        let text = outcome.all();
        // 91: "Invalid certificate status".
        let right = match cell.status {
            "good" => outcome.success() && text.is_empty(),
            "revoked" => {
                outcome.code == Some(91)
                    && text.contains("SSL certificate revocation reason: keyCompromise")
            }
            // It computes a CertID by SHA-1 and says the same when it finds none, so another hash is no pass.
            _ => {
                cell.hash == "sha1"
                    && outcome.code == Some(91)
                    && text.contains("SSL server certificate status verification FAILED")
            }
        };
        let code = outcome.code.unwrap_or_default();
        (!right).then(|| format!("exit {code}: {}", text.replace('\n', " | ")))
    }
}

/// What nginx asks of its own will goes to the responder without a bridge.
fn own_address(cell: &Cell, responders: &Responders) -> Option<String> {
    let own = (cell.method, cell.hash, cell.nonce) == ("GET", "sha1", "no-nonce");
    own.then(|| format!("http://{}/", responders.site(cell).address))
}

/// The certificate with its issuer, its key, and the answer that is stapled from a file.
fn files(root: &Path, index: usize, cell: &Cell, responders: &Responders) {
    let site = responders.site(cell);
    let leaf = site.leaf(cell, "http://127.0.0.1/");
    let chain = leaf.pem() + &site.world.ca_a.pem();
    fs::write(root.join(format!("{index}.pem")), chain).expect("the chain is written");
    leaf.write_key_pem(&root.join(format!("{}.key", cell.algorithm)));
    let answer = site.send(cell, &site.request(cell));
    fs::write(root.join(format!("{index}.der")), answer).expect("the answer is written");
}

/// `openssl s_client` verifies the certificate and prints the staple; what it prints must be the cell's answer.
fn read_s_client(cell: &Cell, outcome: &Outcome) -> Option<String> {
    let text = outcome.out();
    let right = outcome.success()
        && text.contains("Verify return code: 0 (ok)")
        && text.contains("OCSP Response Status: successful (0x0)")
        && text.contains(&format!("Cert Status: {}", cell.status))
        && text.contains(&format!("Hash Algorithm: {}", cell.hash))
        && text.contains("Next Update: ")
        && text.contains("OCSP Nonce") == cell.has_nonce();
    (!right).then(|| outcome.all().replace('\n', " | "))
}
