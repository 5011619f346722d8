//! Adapters that hold response-signing keys: floor 2 of certvouch, and the only crate that names a key.
//!
//! [`SigningIdentity::load`] takes a key file, a certificate and the issuer's certificate, and gives a signer
//! only if every client that follows RFC 6960 would accept its signatures. Anything else is a [`LoadError`]
//! that says what is wrong and which command or configuration line mends it; there is no fallback, least of
//! all to the CA's own key. [`new::create`] makes a key, a certificate request and, with the CA's key at hand,
//! the certificate.
//!
//! What it promises:
//!
//! * **Closed files.** A key or passphrase file that others may read or write is refused (threats T-32).
//! * **No secrets in words.** `Debug` and errors never show key material or a passphrase. Secrets that this
//!   crate holds as octets lie in [`zeroize::Zeroizing`].
//! * **No argument, no environment.** A passphrase comes from a file or from a prompt of the caller.
//! * **Time is an argument.** Nothing here reads a clock.
//!
//! Known issues: while a PKCS#12 file is opened, the library that does it holds the decrypted key in memory
//! that it does not wipe; the parsed keys inside the cryptographic library are wiped by that library.

#![warn(missing_docs)]

mod certificate;
mod error;
mod file;
mod identity;
mod key;
pub mod limits;
pub mod new;
mod passphrase;
mod pem;
mod signer;

pub use certificate::read_certificates;
pub use error::{
    CertificateError, CertificateFault, FileError, FileFault, ForeignFormat, KeyError, KeyFault,
    LoadError,
};
pub use file::read_secret;
pub use identity::{NocheckRule, SignWithCaKey, SignerConfig, SigningIdentity, Warning};
pub use key::KeyKind;
pub use passphrase::{PassphraseSource, Prompt};
pub use signer::FileSigner;
