//! A world's certificates as files, responders on loopback, and the program asked.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use certvouch_testkit::misbehave::{Act, Misbehaving, answer};
use certvouch_testkit::peer::{self, Outcome};
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, T0, World};
use certvouch_testkit::process::{TempDir, temp_dir};
use certvouch_testkit::reply::Status;
use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_certvouch");
/// The moment of the world, as `--at` has it.
pub(crate) const NOW: &str = "2026-01-10T00:00:00Z";
pub(crate) const DAY: i64 = 86_400;

pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) dir: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::of(World::new(KeyAlg::P256))
    }

    /// A world of today, for peers that look at the clock.
    pub(crate) fn today() -> Self {
        Self::of(World::current(KeyAlg::P256))
    }

    fn of(world: World) -> Self {
        let dir = temp_dir();
        let desk = Self { world, dir };
        desk.put("ca.pem", desk.world.ca_a.pem().as_bytes());
        desk.put("ee.pem", desk.world.ee_good.pem().as_bytes());
        desk
    }

    pub(crate) fn put(&self, name: &str, octets: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, octets).unwrap();
        path
    }

    /// Writes a certificate of CA-A with these URLs.
    pub(crate) fn certificate(
        &self,
        name: &str,
        ocsp: &[&str],
        issuers: &[&str],
        crls: &[&str],
    ) -> Cert {
        let mut builder = CertBuilder::new(&[("CN", name)], &Key::cached(KeyAlg::P256, "ee"))
            .serial(&[0x77])
            .validity(T0 - DAY, T0 + DAY);
        if !ocsp.is_empty() || !issuers.is_empty() {
            builder = builder.aia(ocsp, issuers);
        }
        if !crls.is_empty() {
            builder = builder.crl_dp(crls);
        }
        let made = builder.issued_by(&self.world.ca_a);
        self.put(&format!("{name}.pem"), made.pem().as_bytes());
        made
    }

    /// A responder of CA-A that says this about a serial number.
    pub(crate) fn responder(&self, serial: &[u8], status: Status) -> Misbehaving {
        let (world, serial) = (self.world.clone(), serial.to_vec());
        Misbehaving::start(move |request| {
            Act::Ocsp(answer(&world, &serial, status.clone(), request))
        })
    }

    /// Runs `certvouch check` with these words, at [`NOW`] unless they say another time.
    pub(crate) fn check(&self, words: &[&str]) -> Outcome {
        let at = ["--at", NOW];
        let at = if words.contains(&"--at") || self.world.now != T0 {
            &[][..]
        } else {
            &at
        };
        self.run(&[&["check"], words, at].concat())
    }

    pub(crate) fn run(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.dir.path()).args(words);
        peer::run(&mut command, &[], peer::PATIENCE)
    }

    /// Runs it both ways, and checks what has to agree.
    pub(crate) fn judged(&self, words: &[&str]) -> Judged {
        let text = self.check(words);
        let json = self.check(&[words, &["--json"]].concat());
        assert_eq!((text.err(), json.err()), (String::new(), String::new()));
        assert_eq!(text.code, json.code, "{}", text.out());
        let object: Value = serde_json::from_str(&json.out()).unwrap();
        let (code, out) = (text.code.unwrap(), text.out());
        let line = out.lines().next().unwrap().to_owned();
        let word = object["verdict"].as_str().unwrap();
        assert!(line.starts_with(&format!("{word} (")), "{line}");
        assert_eq!(object["code"], code);
        assert_eq!(word == "GOOD", code == 0, "{line}");
        assert_eq!(object["reason"].is_null(), code == 0, "{line}");
        let advised = out.contains("\n  cause: ") && out.contains("\n  next:  ");
        assert_eq!(advised, code != 0, "{out}");
        assert_eq!(object["next"].is_string(), code != 0);
        if code != 0 {
            assert!(!out.contains("GOOD"), "{out}");
        }
        Judged {
            code,
            line,
            out,
            json: object,
        }
    }
}

/// What one call said, in both forms.
pub(crate) struct Judged {
    pub(crate) code: i32,
    pub(crate) line: String,
    pub(crate) out: String,
    pub(crate) json: Value,
}

impl Judged {
    /// The command behind `next:`.
    pub(crate) fn next(&self) -> String {
        self.json["next"].as_str().unwrap().to_owned()
    }
}
