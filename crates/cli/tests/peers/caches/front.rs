//! A cache of somebody else, running, with the configuration of docs/caches.md.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use certvouch_testkit::peer::Peer;
use certvouch_testkit::process::{PATIENCE, Server, TempDir, free_port, temp_dir};

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Varnish,
    Haproxy,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Nginx, Self::Varnish, Self::Haproxy];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Varnish => "varnish",
            Self::Haproxy => "haproxy",
        }
    }

    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::Varnish => "varnishd",
            Self::Nginx | Self::Haproxy => self.name(),
        }
    }

    /// The page's block for it.
    fn block(self) -> String {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/caches.md");
        let page = fs::read_to_string(page).expect("docs/caches.md is there");
        let fence = match self {
            Self::Varnish => "```vcl\n",
            Self::Nginx => "```nginx\n",
            Self::Haproxy => "```haproxy\n",
        };
        let (_, rest) = page.split_once(fence).expect("the block's beginning");
        let (block, _) = rest.split_once("```").expect("the block's end");
        block.to_owned()
    }
}

/// A running cache.
pub(super) struct Front {
    pub(super) address: SocketAddr,
    _process: Server,
    _dir: TempDir,
}

impl Front {
    /// In front of this server.
    pub(super) fn start(kind: Kind, peer: &Peer, origin: SocketAddr) -> Self {
        let (dir, port) = (temp_dir(), free_port());
        let root = dir.path();
        let (text, file) = configuration(kind, root, port, origin);
        let path = root.join(file);
        fs::write(&path, text).expect("the configuration is written");
        let mut command = Command::new(&peer.program);
        match kind {
            Kind::Nginx => command
                .arg("-c")
                .arg(&path)
                .arg("-p")
                .arg(root)
                .args(["-e", "stderr"]),
            // -j none: it would become another user, who may not enter the folder of a test.
            Kind::Varnish => command
                .args(["-F", "-j", "none", "-s", "malloc,16m", "-n"])
                .arg(root.join("work"))
                .args(["-a", &format!("127.0.0.1:{port}"), "-f"])
                .arg(&path),
            Kind::Haproxy => command.args(["-db", "-f"]).arg(&path),
        };
        let process = Server::start(&mut command);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            let said = process.stderr();
            assert!(
                Instant::now() < deadline,
                "{kind:?} does not listen: {said}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            address,
            _process: process,
            _dir: dir,
        }
    }
}

/// The page's block at home, with what a whole configuration needs around it, and the name of its file.
///
/// Compression is switched on in all of them, for every kind of body where the cache heeds no-transform.
fn configuration(kind: Kind, root: &Path, port: u16, origin: SocketAddr) -> (String, &'static str) {
    let replace = |text: String, from: &str, to: &str| {
        assert!(text.contains(from), "docs/caches.md: {kind:?}: {from}");
        text.replace(from, to)
    };
    let shown = root.display();
    let block = kind.block();
    match kind {
        Kind::Nginx => {
            let block = replace(block, "/var/cache/nginx/ocsp", &format!("{shown}/cache"));
            let block = replace(block, "listen 80;", &format!("listen 127.0.0.1:{port};"));
            let block = replace(block, "127.0.0.1:8080", &origin.to_string());
            let text = format!(
                "daemon off; master_process off; pid {shown}/pid; error_log stderr;\n\
                 events {{ worker_connections 128; }}\n\
                 http {{ access_log off; gzip on; gzip_proxied any; gzip_min_length 1;\n\
                 client_body_temp_path {shown}/t1; proxy_temp_path {shown}/t2; fastcgi_temp_path {shown}/t3;\n\
                 uwsgi_temp_path {shown}/t4; scgi_temp_path {shown}/t5;\n{block} }}\n"
            );
            (text, "nginx.conf")
        }
        Kind::Varnish => {
            let block = replace(block, "\"8080\"", &format!("\"{}\"", origin.port()));
            (block, "default.vcl")
        }
        Kind::Haproxy => {
            let block = replace(block, "bind :80", &format!("bind 127.0.0.1:{port}"));
            let block = replace(block, "127.0.0.1:8080", &origin.to_string());
            let block = replace(
                block,
                "    filter cache ocsp\n",
                "    filter cache ocsp\n    filter compression\n    compression algo gzip\n    \
                 compression type application/ocsp-response\n",
            );
            let text = format!(
                "defaults\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n{block}"
            );
            (text, "haproxy.cfg")
        }
    }
}
