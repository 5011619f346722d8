//! A public key infrastructure made by hand: keys, certificates with full control over every field, and
//! the fixture world of the requirements.
//!
//! [`Key`] makes and encodes keys, [`CertBuilder`] writes certificates (also wrong ones), [`World`] holds
//! `CA-A`, `D-A`, `EE-good` and their kin. All certificates carry their private key beside them ([`Cert`]).

mod cert;
mod key;
mod world;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use cert::{Cert, CertBuilder, KeyUsage};
pub use key::{Key, KeyAlg, SigAlg};
pub use world::{World, WorldFiles};

/// The frozen moment of the requirements: 2026-01-10T00:00:00Z.
pub const T0: i64 = 1_768_003_200;

/// When `EE-rev` was revoked: 2026-01-02T03:04:05Z.
pub const REVOKED_AT: i64 = 1_767_323_045;

/// PEM text with lines of 64 characters (RFC 7468).
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// The DER of the first PEM block with this label, if there is one.
#[must_use]
pub fn from_pem(label: &str, text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(body).ok()
}
