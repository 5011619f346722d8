//! A real server: nginx with validators, redirects, compression by force, and slow or cut answers.

use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use certvouch_fetch::{FetchError, Fetched, Fetcher};
use certvouch_testkit::peer;
use certvouch_testkit::process::{Server, TempDir, free_port, temp_dir};

use crate::server::{ask, named, policy};

struct Nginx {
    port: u16,
    dir: TempDir,
    _process: Server,
}

impl Nginx {
    fn start() -> Option<Self> {
        let Some(program) = peer::on_path("nginx").or_else(|| {
            let usual = std::path::PathBuf::from("/usr/sbin/nginx");
            usual.is_file().then_some(usual)
        }) else {
            // Says aloud that it is absent, or fails where peers are demanded.
            let absent = peer::require_or_skip("nginx");
            assert!(absent.is_none(), "found in one place and not in the other");
            return None;
        };
        let (dir, port) = (temp_dir(), free_port());
        let root = dir.path().display();
        // A compressed file is served to everybody, as a server does that ignores Accept-Encoding.
        let configuration = format!(
            "daemon off; master_process off; pid {root}/pid; error_log stderr;
             events {{ worker_connections 32; }}
             http {{
               access_log off; default_type application/pkix-crl;
               client_body_temp_path {root}/t1; proxy_temp_path {root}/t2;
               fastcgi_temp_path {root}/t3; uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
               server {{
                 listen 127.0.0.1:{port}; root {root}/www; etag on;
                 location = /moved.crl {{ return 302 /ca.crl; }}
                 location = /circle.crl {{ return 302 /circle.crl; }}
                 location = /packed.crl {{ add_header Content-Encoding gzip; }}
                 location = /fresh.crl {{ expires 10m; }}
                 location = /slow.crl {{ limit_rate 200; }}
               }}
             }}"
        );
        fs::create_dir(dir.path().join("www")).unwrap();
        fs::write(dir.path().join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(dir.path().join("nginx.conf"));
        command.arg("-p").arg(dir.path());
        let process = Server::start(&mut command);
        let nginx = Self {
            port,
            dir,
            _process: process,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(nginx)
    }

    fn put(&self, name: &str, octets: &[u8]) {
        let www = self.dir.path().join("www");
        fs::write(www.join("new"), octets).unwrap();
        fs::rename(www.join("new"), www.join(name)).unwrap();
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

// covers: T-25
#[tokio::test]
async fn nginx_serves_validates_and_is_held_to_the_limits() {
    let Some(nginx) = Nginx::start() else {
        return;
    };
    let truth = vec![0x30; 5000];
    for name in ["ca.crl", "packed.crl", "fresh.crl", "slow.crl"] {
        nginx.put(name, &truth);
    }
    let fetcher = Fetcher::new(policy()).unwrap();
    let mut fetch = named(&nginx.url("ca.crl"));
    let first = ask(&fetcher, &fetch).await.unwrap();
    assert_eq!(first.bytes, truth);
    assert_eq!(first.content_type.as_deref(), Some("application/pkix-crl"));
    fetch.validators = first.validators;
    assert!(matches!(
        fetcher.fetch(&fetch).await,
        Ok(Fetched::NotModified(_))
    ));
    nginx.put("ca.crl", b"newer");
    assert_eq!(ask(&fetcher, &fetch).await.unwrap().bytes, "newer");

    let moved = ask(&fetcher, &named(&nginx.url("moved.crl"))).await;
    assert_eq!(moved.unwrap().url.path(), "/ca.crl");
    let fresh = ask(&fetcher, &named(&nginx.url("fresh.crl"))).await;
    assert_eq!(fresh.unwrap().freshness.seconds, Some(600));
    for (path, error) in [
        ("circle.crl", FetchError::TooManyRedirects { limit: 3 }),
        ("packed.crl", FetchError::ContentCoding),
        ("absent.crl", FetchError::Status(404)),
    ] {
        let outcome = ask(&fetcher, &named(&nginx.url(path))).await;
        assert_eq!(outcome.unwrap_err(), error);
    }
    let mut strict = policy();
    strict.rate_grace = Duration::from_millis(50);
    let strict = Fetcher::new(strict).unwrap();
    let slow = ask(&strict, &named(&nginx.url("slow.crl"))).await;
    assert_eq!(slow.unwrap_err(), FetchError::TooSlow { min_rate: 1024 });
}
