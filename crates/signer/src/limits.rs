//! Every limit of this crate, each with its reason.

/// Octets of a key file. The largest in use, a PKCS#12 with an ML-DSA-87 chain of four, has about 50 kB.
pub const MAX_KEY_FILE: u64 = 512 * 1024;

/// Octets of a certificate file: a few hundred certificates, such as a whole CA bundle given by mistake.
pub const MAX_CERTIFICATE_FILE: u64 = 1024 * 1024;

/// Octets of a passphrase file; only its first line counts.
pub const MAX_PASSPHRASE_FILE: u64 = 4096;

/// Iterations of PBKDF2. OWASP advises 600,000 for HMAC-SHA-256; ten million take some seconds.
pub const MAX_PBKDF2_ITERATIONS: u32 = 10_000_000;

/// Octets of memory for scrypt (128 · N · r): OpenSSL's default takes 16 MiB.
pub const MAX_SCRYPT_MEMORY: u64 = 1024 * 1024 * 1024;

/// Bits of an RSA modulus, the fewest (requirements ALG-1).
pub const MIN_RSA_BITS: usize = 2048;

/// Bits of an RSA modulus, the most: what verifiers are willing to compute (threats T-23).
pub const MAX_RSA_BITS: usize = 8192;

/// Days before the end of a certificate from which on its signer is told about it.
pub const EXPIRES_SOON_DAYS: i64 = 30;

/// Days beyond which a delegate's certificate counts as long-lived: it cannot be revoked in practice
/// (RFC 6960 4.2.2.2.1), so its life is the time that a stolen key stays useful.
pub const LONG_LIFE_DAYS: i64 = 366;
