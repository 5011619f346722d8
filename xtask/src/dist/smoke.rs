//! Looks at a package that was built, and runs what is in it, without installing it.
//!
//! The program out of the package answers `openssl ocsp` from a throw-away PKI under the configuration that the package
//! brings, with that PKI's issuer added. What only an installation shows is `packaging/debian/try-in-chroot`'s.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{control, tool};

/// What an operator, systemd or Debian looks for.
const EXPECTED: [&str; 16] = [
    "etc/certvouch/certvouch.toml",
    "lib/systemd/system/certvouch.service",
    "lib/systemd/system/certvouch.socket",
    "usr/bin/certvouch",
    "usr/lib/sysusers.d/certvouch.conf",
    "usr/share/bash-completion/completions/certvouch",
    "usr/share/certvouch/monitoring/certvouch.rules.yml",
    "usr/share/certvouch/monitoring/grafana-certvouch.json",
    "usr/share/doc/certvouch/changelog.Debian.gz",
    "usr/share/doc/certvouch/copyright",
    "usr/share/doc/certvouch/examples/certvouch.toml",
    "usr/share/doc/certvouch/third-party-licences.txt.gz",
    "usr/share/fish/vendor_completions.d/certvouch.fish",
    "usr/share/man/man1/certvouch-serve.1.gz",
    "usr/share/man/man1/certvouch.1.gz",
    "usr/share/zsh/vendor-completions/_certvouch",
];

/// How long the program may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Checks the package below `out`.
pub(super) fn run(out: &Path, package: &Path) -> Result<bool> {
    let unpacked = out.join("unpacked");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)?;
    }
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--raw-extract").arg(package).arg(&unpacked);
    tool(unpack)?;
    look(&unpacked)?;
    let answered = answer(out, &unpacked)?;
    println!("smoke: {} files are there, {answered}", EXPECTED.len());
    Ok(true)
}

fn look(unpacked: &Path) -> Result<()> {
    for file in EXPECTED {
        ensure!(
            unpacked.join(file).is_file(),
            "{file} is not in the package"
        );
    }
    for script in ["postinst", "prerm", "postrm"] {
        let path = unpacked.join("DEBIAN").join(script);
        ensure!(control::is_executable(&path)?, "{script} cannot be run");
        let mut sh = Command::new("sh");
        sh.arg("-n").arg(&path);
        tool(sh)?;
    }
    let mut verify = Command::new("md5sum");
    verify
        .current_dir(unpacked)
        .args(["--check", "--quiet", "DEBIAN/md5sums"]);
    tool(verify)?;
    let mut contents = Command::new("man");
    contents
        .args(["--local-file", "--warnings"])
        .arg(unpacked.join("usr/share/man/man1/certvouch.1.gz"));
    if Path::new("/usr/bin/man").exists() {
        let said = tool(contents)?;
        ensure!(said.contains("certvouch"), "the man page is empty");
    }
    Ok(())
}

/// The program of the package on the configuration of the package.
fn answer(out: &Path, unpacked: &Path) -> Result<&'static str> {
    let program = unpacked.join("usr/bin/certvouch");
    let pki = out.join("pki");
    if pki.exists() {
        fs::remove_dir_all(&pki)?;
    }
    let mut demo = Running::start(
        Command::new(&program)
            .args(["demo", "--listen", "127.0.0.1:0", "--dir"])
            .arg(&pki),
    )?;
    let _ = demo.address()?;
    drop(demo);

    let configuration = fs::read_to_string(unpacked.join("etc/certvouch/certvouch.toml"))?;
    let configuration = configuration
        .replace("127.0.0.1:8081", "127.0.0.1:0")
        .replace("/var/lib/certvouch/", "")
        + "\n[server]\nlisten = [\"127.0.0.1:0\"]\n[[issuer]]\nname = \"demo\"\ncertificate = \"issuing-ca.pem\"\n\
           signer = { certificate = \"ocsp-signer.pem\", key = \"ocsp-signer.key\" }\nsource = { index = \"index.txt\" }\n";
    fs::write(pki.join("packaged.toml"), configuration)?;
    let mut server = Running::start(
        Command::new(&program)
            .args(["serve", "--config"])
            .arg(pki.join("packaged.toml"))
            .env("STATE_DIRECTORY", &pki),
    )?;
    let url = format!("http://{}/", server.address()?);
    for (name, word) in [("good", ": good"), ("revoked", ": revoked")] {
        let certificate = format!("{name}.pem");
        let mut openssl = Command::new("openssl");
        openssl.current_dir(&pki).args([
            "ocsp",
            "-issuer",
            "issuing-ca.pem",
            "-CAfile",
            "root.pem",
            "-cert",
            &certificate,
            "-url",
            &url,
        ]);
        let said = tool(openssl)?;
        ensure!(
            said.contains("Response verify OK") && said.contains(word),
            "openssl about {name}: {said}"
        );
    }
    Ok("and the program out of it answers")
}

/// A server that is killed when it is dropped.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Ok(Self(child.context("start the program of the package")?))
    }

    /// Where it listens, by its first line.
    fn address(&mut self) -> Result<String> {
        let begun = Instant::now();
        let out = self.0.stdout.as_mut().context("no standard output")?;
        let mut line = Vec::new();
        let mut octet = [0];
        while begun.elapsed() < PATIENCE {
            match out.read(&mut octet)? {
                0 => bail!("the program ended"),
                _ if octet[0] == b'\n' => break,
                _ => line.push(octet[0]),
            }
        }
        let line = String::from_utf8(line)?;
        line.strip_prefix("listening on http://")
            .map(str::to_owned)
            .with_context(|| format!("no address in {line:?}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
