//! The fixture set of the requirements: `CA-A`, `D-A`, `CA-A2`, `CA-B`, `D-B`, `EE-good`, … .
//!
//! A [`World`] is made for one key algorithm and stands around one moment: [`World::new`] around the
//! frozen [`T0`], [`World::around`] around any other (the real time, for foreign programs). All distances
//! in time are the same in both: `EE-rev` was revoked 7 d 20:55:55 before, `EE-exp` expired 35 days
//! before. Keys come from the process-wide cache, so the second world of a kind is cheap; `CA-A` and
//! `CA-A2` have the same Name and different keys.

use std::path::{Path, PathBuf};

use super::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, REVOKED_AT, T0};
use crate::clock::Civil;
use crate::der;

/// The fixtures, for one key algorithm and one moment.
#[derive(Clone, Debug)]
pub struct World {
    /// The moment everything stands around, in Unix seconds.
    pub now: i64,
    /// When `EE-rev` was revoked (keyCompromise), in Unix seconds.
    pub revoked_at: i64,
    /// When `EE-hold` was put on hold, in Unix seconds: one day before `now`.
    pub held_at: i64,
    /// `CA-A`: the issuing CA, self-signed.
    pub ca_a: Cert,
    /// `D-A`: delegate of CA-A, with OCSPSigning and nocheck.
    pub d_a: Cert,
    /// `CA-A2`: same DN as CA-A, another key.
    pub ca_a2: Cert,
    /// `D-A2`: delegate of CA-A2.
    pub d_a2: Cert,
    /// `CA-B`: an unrelated CA.
    pub ca_b: Cert,
    /// `D-B`: delegate of CA-B.
    pub d_b: Cert,
    /// A CA whose subjectKeyIdentifier is not SHA-1 of its key (and 32 octets long).
    pub ca_ski: Cert,
    /// Delegate of `ca_ski`.
    pub d_ski: Cert,
    /// A valid certificate of `ca_ski`.
    pub ee_ski: Cert,
    /// `EE-good`: valid; serial of 16 octets.
    pub ee_good: Cert,
    /// `EE-rev`: revoked; serial at least 2^127, hence 17 content octets.
    pub ee_rev: Cert,
    /// `EE-hold`: on hold; serial of two octets with a zero digit in front.
    pub ee_hold: Cert,
    /// `EE-exp`: expired; serial of 20 octets.
    pub ee_exp: Cert,
    /// `S-X`: content octets of a serial that CA-A never assigned.
    pub s_x: Vec<u8>,
}

/// Where [`World::write`] put things.
#[derive(Clone, Debug)]
pub struct WorldFiles {
    /// CA-A, PEM.
    pub ca: PathBuf,
    /// CA-A's private key, PKCS#8 PEM, mode 0600.
    pub ca_key: PathBuf,
    /// D-A, PEM.
    pub signer_cert: PathBuf,
    /// D-A's private key, PKCS#8 PEM, mode 0600.
    pub signer_key: PathBuf,
    /// `index.txt` of CA-A.
    pub index: PathBuf,
    /// EE-good, PEM.
    pub ee_good: PathBuf,
    /// EE-rev, PEM.
    pub ee_rev: PathBuf,
    /// EE-hold, PEM.
    pub ee_hold: PathBuf,
    /// EE-exp, PEM.
    pub ee_exp: PathBuf,
}

const DAY: i64 = 86_400;

impl World {
    /// The world around the frozen moment [`T0`].
    #[must_use]
    pub fn new(alg: KeyAlg) -> Self {
        Self::around(alg, T0)
    }

    /// The world around the real time, for foreign programs that look at the system's clock.
    #[must_use]
    pub fn current(alg: KeyAlg) -> Self {
        Self::around(alg, crate::clock::real_now())
    }

    /// The world around any moment.
    #[must_use]
    pub fn around(alg: KeyAlg, now: i64) -> Self {
        let key = |label: &str| Key::cached(alg, label);
        let ca_a = ca("CA-A", &key("ca-a"), now, None);
        let ca_a2 = ca("CA-A", &key("ca-a2"), now, None);
        let ca_b = ca("CA-B", &key("ca-b"), now, None);
        let ca_ski = ca("CA-SKI", &key("ca-ski"), now, Some(&[0x5A; 32]));
        let ee_key = key("ee");
        let ee = |name: &str, serial: &str, from: i64, to: i64, issuer: &Cert| {
            let serial = der::uint_content(&der::hex(serial));
            end_entity(name, &ee_key)
                .serial(&serial)
                .validity(now + from, now + to)
                .issued_by(issuer)
        };
        let (from, to) = (-90 * DAY, 275 * DAY);
        Self {
            now,
            revoked_at: now - (T0 - REVOKED_AT),
            held_at: now - DAY,
            d_a: delegate("D-A", &key("d-a"), now, &ca_a),
            d_a2: delegate("D-A2", &key("d-a2"), now, &ca_a2),
            d_b: delegate("D-B", &key("d-b"), now, &ca_b),
            d_ski: delegate("D-SKI", &key("d-ski"), now, &ca_ski),
            ee_ski: ee("EE-ski", "2A", from, to, &ca_ski),
            ee_good: ee(
                "EE-good",
                "4A1B2C3D4E5F60718293A4B5C6D7E8F9",
                from,
                to,
                &ca_a,
            ),
            ee_rev: ee(
                "EE-rev",
                "C1D2E3F405162738495A6B7C8D9EAFB0",
                from,
                to,
                &ca_a,
            ),
            ee_hold: ee("EE-hold", "0A0B", from, to, &ca_a),
            ee_exp: ee(
                "EE-exp",
                "7F00112233445566778899AABBCCDDEEFF001122",
                -400 * DAY,
                -35 * DAY,
                &ca_a,
            ),
            s_x: der::hex("0DEFACED"),
            ca_a,
            ca_a2,
            ca_b,
            ca_ski,
        }
    }

    /// CA-A's database in the format of `openssl ca`: D-A, EE-good, EE-rev, EE-hold, EE-exp (as `V`, past
    /// its date, as it stands until somebody runs `-updatedb`).
    #[must_use]
    pub fn index_txt(&self) -> String {
        let time = |unix| {
            let text = Civil::from_unix(unix).generalized();
            if Civil::from_unix(unix).year < 2050 {
                text[2..].to_owned()
            } else {
                text
            }
        };
        let row = |status: &str, cert: &Cert, revoked: &str, name: &str| {
            let (expires, serial) = (time(cert.not_after), cert.serial_hex());
            format!(
                "{status}\t{expires}\t{revoked}\t{serial}\tunknown\t/CN={name}/O=certvouch tests\n"
            )
        };
        [
            row("V", &self.d_a, "", "D-A"),
            row("V", &self.ee_good, "", "EE-good"),
            row(
                "R",
                &self.ee_rev,
                &format!("{},keyCompromise", time(self.revoked_at)),
                "EE-rev",
            ),
            row(
                "R",
                &self.ee_hold,
                &format!("{},certificateHold", time(self.held_at)),
                "EE-hold",
            ),
            row("V", &self.ee_exp, "", "EE-exp"),
        ]
        .concat()
    }

    /// Writes CA-A, its delegate, its database and its certificates into a folder.
    ///
    /// # Panics
    /// When a file cannot be written.
    #[must_use]
    pub fn write(&self, dir: &Path) -> WorldFiles {
        let files = WorldFiles {
            ca: dir.join("ca.pem"),
            ca_key: dir.join("ca.key"),
            signer_cert: dir.join("ocsp.pem"),
            signer_key: dir.join("ocsp.key"),
            index: dir.join("index.txt"),
            ee_good: dir.join("ee-good.pem"),
            ee_rev: dir.join("ee-rev.pem"),
            ee_hold: dir.join("ee-hold.pem"),
            ee_exp: dir.join("ee-exp.pem"),
        };
        self.ca_a.write_pem(&files.ca);
        self.ca_a.write_key_pem(&files.ca_key);
        self.d_a.write_pem(&files.signer_cert);
        self.d_a.write_key_pem(&files.signer_key);
        self.ee_good.write_pem(&files.ee_good);
        self.ee_rev.write_pem(&files.ee_rev);
        self.ee_hold.write_pem(&files.ee_hold);
        self.ee_exp.write_pem(&files.ee_exp);
        std::fs::write(&files.index, self.index_txt()).expect("write index.txt");
        files
    }
}

fn ca(name: &str, key: &Key, now: i64, ski: Option<&[u8]>) -> Cert {
    let ski = ski.map_or_else(|| super::cert::sha1(&key.public_bits()), <[u8]>::to_vec);
    CertBuilder::new(&[("CN", name), ("O", "certvouch tests")], key)
        .serial(&[1])
        .validity(now - 5 * 365 * DAY, now + 10 * 365 * DAY)
        .basic_constraints(true, None)
        .key_usage(&[
            KeyUsage::KeyCertSign,
            KeyUsage::CrlSign,
            KeyUsage::DigitalSignature,
        ])
        .ski(&ski)
        .self_signed()
}

fn delegate(name: &str, key: &Key, now: i64, issuer: &Cert) -> Cert {
    CertBuilder::new(&[("CN", name), ("O", "certvouch tests")], key)
        .serial(&[0x10])
        .validity(now - 30 * DAY, now + 90 * DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
        .ski_sha1()
        .issued_by(issuer)
}

fn end_entity(name: &str, key: &Key) -> CertBuilder {
    CertBuilder::new(&[("CN", name), ("O", "certvouch tests")], key)
        .key_usage(&[KeyUsage::DigitalSignature])
        .eku(&["1.3.6.1.5.5.7.3.1"])
}
