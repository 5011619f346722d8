//! PKCS#8: decrypting EncryptedPrivateKeyInfo (RFC 5958 3, RFC 8018 6.2).

use std::path::Path;

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use zeroize::Zeroizing;

use certvouch_types::AlgorithmIdentifier;
use certvouch_types::der::Reader;

use crate::error::{ForeignFormat, KeyError, KeyFault, LoadError};
use crate::limits::{MAX_PBKDF2_ITERATIONS, MAX_SCRYPT_MEMORY};
use crate::passphrase::PassphraseSource;

/// Decrypts an EncryptedPrivateKeyInfo. The passphrase is asked for only when everything else is right.
pub(super) fn decrypt(
    input: &[u8],
    path: &Path,
    passphrase: &PassphraseSource,
) -> Result<Zeroizing<Vec<u8>>, LoadError> {
    let fail = |fault| LoadError::from(KeyError::new(path, fault));
    let scheme = scheme(input).map_err(fail)?;
    let info = EncryptedPrivateKeyInfoRef::try_from(input).map_err(|_| fail(scheme))?;
    let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm else {
        return Err(fail(KeyFault::Foreign(ForeignFormat::Pbes1)));
    };
    if !affordable(&parameters.kdf) {
        return Err(fail(KeyFault::KdfCost));
    }
    let secret = passphrase.obtain(path)?;
    let plain = info
        .decrypt(secret.as_slice())
        .map_err(|_| fail(KeyFault::PassphraseWrong))?;
    Ok(Zeroizing::new(plain.as_bytes().to_vec()))
}

/// What to say about the encryption if it turns out to be unsupported.
fn scheme(input: &[u8]) -> Result<KeyFault, KeyFault> {
    let malformed = |why: certvouch_types::DecodeError| KeyFault::Malformed(why.to_string());
    let mut outer = Reader::new(input);
    let mut members = outer
        .sequence("EncryptedPrivateKeyInfo")
        .map_err(malformed)?;
    outer.finish("EncryptedPrivateKeyInfo").map_err(malformed)?;
    let algorithm =
        AlgorithmIdentifier::read(&mut members, "encryptionAlgorithm").map_err(malformed)?;
    members.octet_string("encryptedData").map_err(malformed)?;
    Ok(match algorithm.oid.as_bytes() {
        // 1.2.840.113549.1.5.13
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 5, 0x0D] => KeyFault::Encryption(
            "PBES2 with a cipher or a function that is unknown here".to_owned(),
        ),
        // The rest of PKCS#5 and the PBE of PKCS#12, 1.2.840.113549.1.12.1.x
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 5, _]
        | [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 1, _] => {
            KeyFault::Foreign(ForeignFormat::Pbes1)
        }
        _ => KeyFault::Encryption(algorithm.oid.to_string()),
    })
}

fn affordable(kdf: &Kdf) -> bool {
    match kdf {
        Kdf::Pbkdf2(parameters) => parameters.iteration_count <= MAX_PBKDF2_ITERATIONS,
        Kdf::Scrypt(parameters) => 128_u64
            .checked_mul(parameters.cost_parameter)
            .and_then(|memory| memory.checked_mul(u64::from(parameters.block_size)))
            .is_some_and(|memory| memory <= MAX_SCRYPT_MEMORY && parameters.parallelization <= 16),
        _ => false,
    }
}
