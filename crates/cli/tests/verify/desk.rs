//! A world's certificates as files, and the program asked about one of them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use certvouch_testkit::peer::{self, Outcome};
use certvouch_testkit::pki::{KeyAlg, T0, World};
use certvouch_testkit::process::{TempDir, temp_dir};
use certvouch_testkit::reply::{Reply, Single};
use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_certvouch");
pub(crate) const NOW: &str = "2026-01-10T00:00:00Z";
pub(crate) const DAY: i64 = 86_400;

/// A world's certificates as files, and room for a response.
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) dir: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let world = World::new(KeyAlg::P256);
        let dir = temp_dir();
        fs::write(dir.path().join("ca.der"), &world.ca_a.der).unwrap();
        world.ee_good.write_pem(&dir.path().join("ee.pem"));
        Self { world, dir }
    }

    pub(crate) fn put(&self, name: &str, octets: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, octets).unwrap();
        path
    }

    pub(crate) fn single(&self) -> Single {
        Single::about(&self.world.ca_a, &self.world.ee_good.serial, T0)
    }

    pub(crate) fn reply(&self) -> Reply {
        Reply::delegated(&self.world.d_a, T0)
    }

    pub(crate) fn good(&self) -> Vec<u8> {
        self.reply().single(&self.single()).build()
    }

    /// Verifies at [`NOW`] with more flags; a later --cert, --issuer or --at takes the place of the usual one.
    pub(crate) fn verify(&self, response: &[u8], more: &[&str]) -> Outcome {
        self.put("response.der", response);
        let mut words = vec!["verify"];
        for (flag, value) in [
            ("--cert", "ee.pem"),
            ("--issuer", "ca.der"),
            ("--response", "response.der"),
            ("--at", NOW),
        ] {
            if !more.contains(&flag) {
                words.extend([flag, value]);
            }
        }
        words.extend(more);
        self.run(&words, &[])
    }

    pub(crate) fn run(&self, words: &[&str], stdin: &[u8]) -> Outcome {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.dir.path()).args(words);
        peer::run(&mut command, stdin, peer::PATIENCE)
    }

    /// Runs it both ways, and checks what has to agree: code, word, brackets, and that nothing but 0 says good.
    pub(crate) fn judged(&self, response: &[u8], more: &[&str]) -> (i32, String, Value) {
        let text = self.verify(response, more);
        let json = self.verify(response, &[more, &["--json"]].concat());
        assert_eq!((text.err(), json.err()), (String::new(), String::new()));
        assert_eq!(text.code, json.code);
        let object: Value = serde_json::from_str(&json.out()).unwrap();
        let code = text.code.unwrap();
        let out = text.out();
        let line = out.lines().next().unwrap().to_owned();
        let verdict = object["verdict"].as_str().unwrap();
        let brackets = object["text"].as_str().unwrap();
        assert_eq!(line, format!("{verdict} ({brackets})"));
        assert_eq!(object["code"], code);
        assert_eq!(verdict == "GOOD", code == 0, "{line}");
        assert_eq!(object["reason"].is_null(), code == 0);
        let of_response = object["checks"].as_array().unwrap().iter().filter(|check| {
            let code = check["code"].as_str().unwrap();
            !code.starts_with("crl")
        });
        assert_eq!(of_response.count(), 21);
        let advised = out.contains("\n  cause: ") && out.contains("\n  next:  ");
        assert_eq!(advised, code != 0, "{out}");
        assert_eq!(object["cause"].is_string(), code != 0);
        assert_eq!(object["next"].is_string(), code != 0);
        if code != 0 {
            assert!(!out.to_lowercase().contains("good"), "{out}");
        }
        (code, line, object)
    }
}
