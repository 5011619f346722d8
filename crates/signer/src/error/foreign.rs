//! Forms of private keys that we recognise but do not read, and the commands that convert them.

use core::fmt;
use std::path::Path;

use super::shell;

/// A form of private key that is recognised but not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignFormat {
    /// BER with indefinite lengths where DER is needed; some tools write PKCS#12 so.
    Ber,
    /// An EC key whose curve is spelled out in numbers instead of named.
    ExplicitCurve,
    /// A Java key store of the JCEKS type.
    Jceks,
    /// A Java key store of the JKS type.
    Jks,
    /// A JSON Web Key.
    Jwk,
    /// PEM encrypted by its `Proc-Type: 4,ENCRYPTED` header.
    LegacyEncryptedPem,
    /// A private key BLOB of Microsoft's CryptoAPI.
    MsBlob,
    /// OpenSSH's own form.
    OpenSsh,
    /// PKCS#8 encrypted with a scheme of PKCS#5 1.5 or PKCS#12 (PBES1).
    Pbes1,
    /// An OpenPGP key.
    Pgp,
    /// A PKCS#12 file whose protection is not supported.
    Pkcs12,
    /// PuTTY's own form.
    Putty,
    /// Microsoft's PVK.
    Pvk,
    /// A key that lives in a TPM.
    Tpm,
}

impl ForeignFormat {
    /// Finds out whether octets that are neither PEM nor DER are one of them.
    pub(crate) fn of_octets(input: &[u8]) -> Option<Self> {
        let text = input.trim_ascii_start();
        match input {
            [0xFE, 0xED, 0xFE, 0xED, ..] => Some(Self::Jks),
            [0xCE, 0xCE, 0xCE, 0xCE, ..] => Some(Self::Jceks),
            [0x1E, 0xF1, 0xB5, 0xB0, ..] => Some(Self::Pvk),
            // PRIVATEKEYBLOB, version 2, reserved.
            [0x07, 0x02, 0x00, 0x00, ..] => Some(Self::MsBlob),
            // An OpenPGP packet with tag 5, secret key, in the old and the new form (RFC 9580 4.2).
            [0x94..=0x97 | 0xC5, ..] => Some(Self::Pgp),
            [0x30, 0x80, ..] => Some(Self::Ber),
            _ if text.starts_with(b"PuTTY-User-Key-File") => Some(Self::Putty),
            _ if text.starts_with(b"{") && text.windows(5).any(|w| w == b"\"kty\"") => {
                Some(Self::Jwk)
            }
            _ => None,
        }
    }

    /// Finds out whether a PEM label is that of one of them.
    pub(crate) fn of_label(label: &str) -> Option<Self> {
        match label {
            "OPENSSH PRIVATE KEY" => Some(Self::OpenSsh),
            "PGP PRIVATE KEY BLOCK" => Some(Self::Pgp),
            "TSS2 PRIVATE KEY" | "TSS PRIVATE KEY" => Some(Self::Tpm),
            _ => None,
        }
    }

    /// The command that makes something readable of it.
    #[must_use]
    pub fn conversion(self, path: &Path) -> String {
        let from = shell(path);
        let new = |ending: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            shell(Path::new(&name))
        };
        let p8 = new(".p8");
        match self {
            Self::Ber | Self::Pkcs12 => format!(
                "openssl pkcs12 -in {from} -out {p8} (it asks for the old and for a new passphrase; \
                 the new file holds key and certificates)"
            ),
            Self::ExplicitCurve => {
                format!("openssl pkey -in {from} -ec_param_enc named_curve -out {p8}")
            }
            Self::Jceks | Self::Jks => format!(
                "keytool -importkeystore -srckeystore {from} -destkeystore {} -deststoretype PKCS12",
                new(".p12")
            ),
            Self::Jwk => format!(
                "step crypto key format --pkcs8 --pem < {from} > {p8} && chmod 600 {p8} (openssl \
                 reads no JWK)"
            ),
            Self::LegacyEncryptedPem | Self::Pbes1 => {
                format!("openssl pkey -in {from} -aes256 -out {p8}")
            }
            Self::MsBlob => format!("openssl rsa -inform MSBLOB -in {from} -aes256 -out {p8}"),
            Self::OpenSsh => format!(
                "install -m 600 {from} {p8} && ssh-keygen -p -m PKCS8 -f {p8} (openssl reads no \
                 OpenSSH keys)"
            ),
            Self::Pgp => {
                "certvouch signer new --issuer ca.pem --out DIR (an OpenPGP key has no certificate \
                 of a CA; make a key of its own)"
                    .to_owned()
            }
            Self::Putty => {
                let ssh = new(".ssh");
                format!(
                    "puttygen {from} -O private-openssh-new -o {ssh} && ssh-keygen -p -m PKCS8 -f {ssh}"
                )
            }
            Self::Pvk => format!("openssl rsa -inform PVK -in {from} -aes256 -out {p8}"),
            Self::Tpm => {
                "certvouch signer new --issuer ca.pem --out DIR (a key in a TPM cannot be taken \
                 out; make one in a file)"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for ForeignFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ber => "BER with indefinite lengths, not DER",
            Self::ExplicitCurve => "an EC key with explicit curve parameters",
            Self::Jceks => "a Java key store (JCEKS)",
            Self::Jks => "a Java key store (JKS)",
            Self::Jwk => "a JSON Web Key",
            Self::LegacyEncryptedPem => "PEM encrypted by its Proc-Type header (PKCS#1 time)",
            Self::MsBlob => "a Microsoft private key BLOB",
            Self::OpenSsh => "an OpenSSH private key",
            Self::Pbes1 => "PKCS#8 encrypted with a scheme older than PBES2",
            Self::Pgp => "an OpenPGP key",
            Self::Pkcs12 => "PKCS#12 with a protection that is not supported",
            Self::Putty => "a PuTTY private key",
            Self::Pvk => "a Microsoft PVK private key",
            Self::Tpm => "a key that lives in a TPM",
        })
    }
}
