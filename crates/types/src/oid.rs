//! OBJECT IDENTIFIERs, kept as their content octets, and those that certvouch knows by name.

use core::fmt;

/// An OBJECT IDENTIFIER by its content octets (without tag and length).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid<'a>(&'a [u8]);

impl<'a> Oid<'a> {
    /// Takes content octets, or nothing if they are not a DER OBJECT IDENTIFIER (X.690 8.19).
    #[must_use]
    pub fn from_content(content: &'a [u8]) -> Option<Self> {
        let ends = content.last().is_some_and(|octet| octet & 0x80 == 0);
        // Each arc begins at the start or after an octet without the top bit; 80 as first octet is padding.
        let padded = content.first() == Some(&0x80)
            || content
                .windows(2)
                .any(|pair| pair[0] & 0x80 == 0 && pair[1] == 0x80);
        (ends && !padded).then_some(Self(content))
    }

    /// The content octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Display for Oid<'_> {
    /// The dotted form. An arc of more than 128 bits is shown as `?`: nobody has one, and no memory is spent on it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arc: Option<u128> = Some(0);
        let mut first = true;
        for octet in self.0 {
            arc = arc
                .filter(|value| value.leading_zeros() >= 7)
                .map(|value| (value << 7) | u128::from(octet & 0x7F));
            if octet & 0x80 != 0 {
                continue;
            }
            match (first, arc) {
                (true, Some(value)) => {
                    let root = (value / 40).min(2);
                    write!(f, "{root}.{}", value - root * 40)?;
                }
                (false, Some(value)) => write!(f, ".{value}")?,
                (true, None) => f.write_str("?")?,
                (false, None) => f.write_str(".?")?,
            }
            first = false;
            arc = Some(0);
        }
        Ok(())
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $bytes:expr;)*) => {
        $($(#[$doc])* pub const $name: Oid<'static> = Oid($bytes);)*
    };
}

oids! {
    /// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1 (RFC 6960 4.2.1).
    OCSP_BASIC = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 1];
    /// id-pkix-ocsp-nonce (RFC 9654 2.1).
    OCSP_NONCE = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 2];
    /// id-pkix-ocsp-crl, CRL references (RFC 6960 4.4.2).
    OCSP_CRL = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 3];
    /// id-pkix-ocsp-response, acceptable response types (RFC 6960 4.4.3).
    OCSP_RESPONSE = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 4];
    /// id-pkix-ocsp-nocheck (RFC 6960 4.2.2.2.1).
    OCSP_NOCHECK = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 5];
    /// id-pkix-ocsp-archive-cutoff (RFC 6960 4.4.4).
    OCSP_ARCHIVE_CUTOFF = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 6];
    /// id-pkix-ocsp-service-locator (RFC 6960 4.4.6).
    OCSP_SERVICE_LOCATOR = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 7];
    /// id-pkix-ocsp-pref-sig-algs (RFC 6960 4.4.7).
    OCSP_PREF_SIG_ALGS = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 8];
    /// id-pkix-ocsp-extended-revoke (RFC 6960 4.4.8).
    OCSP_EXTENDED_REVOKE = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 9];
    /// id-isismtt-at-certHash, the positive statement (Common PKI / ISIS-MTT part 4, SigG profile).
    ISIS_MTT_CERT_HASH = &[0x2B, 0x24, 8, 3, 0x0D];
    /// id-ad-ocsp (RFC 5280 4.2.2.1).
    AD_OCSP = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1];
    /// id-ad-caIssuers (RFC 5280 4.2.2.1).
    AD_CA_ISSUERS = &[0x2B, 6, 1, 5, 5, 7, 0x30, 2];
    /// id-kp-OCSPSigning, 1.3.6.1.5.5.7.3.9 (RFC 6960 4.2.2.2).
    KP_OCSP_SIGNING = &[0x2B, 6, 1, 5, 5, 7, 3, 9];
    /// anyExtendedKeyUsage, 2.5.29.37.0 (RFC 5280 4.2.1.12).
    ANY_EXTENDED_KEY_USAGE = &[0x55, 0x1D, 0x25, 0x00];
    /// id-pe-authorityInfoAccess.
    AUTHORITY_INFO_ACCESS = &[0x2B, 6, 1, 5, 5, 7, 1, 1];
    /// id-pe-tlsfeature (RFC 7633).
    TLS_FEATURE = &[0x2B, 6, 1, 5, 5, 7, 1, 0x18];
    /// id-ce-subjectKeyIdentifier.
    SUBJECT_KEY_IDENTIFIER = &[0x55, 0x1D, 0x0E];
    /// id-ce-keyUsage.
    KEY_USAGE = &[0x55, 0x1D, 0x0F];
    /// id-ce-subjectAltName.
    SUBJECT_ALT_NAME = &[0x55, 0x1D, 0x11];
    /// id-ce-basicConstraints.
    BASIC_CONSTRAINTS = &[0x55, 0x1D, 0x13];
    /// id-ce-cRLNumber.
    CRL_NUMBER = &[0x55, 0x1D, 0x14];
    /// id-ce-cRLReasons, a CRL entry extension that never stands in a response of ours (BR 7.3.2).
    CRL_REASON = &[0x55, 0x1D, 0x15];
    /// id-ce-holdInstructionCode, 2.5.29.23 (RFC 3280 5.3.2).
    HOLD_INSTRUCTION_CODE = &[0x55, 0x1D, 0x17];
    /// id-ce-invalidityDate, 2.5.29.24 (RFC 5280 5.3.2).
    INVALIDITY_DATE = &[0x55, 0x1D, 0x18];
    /// expiredCertsOnCRL (X.509 9.5.2.8).
    EXPIRED_CERTS_ON_CRL = &[0x55, 0x1D, 0x3C];
    /// id-ce-deltaCRLIndicator.
    DELTA_CRL_INDICATOR = &[0x55, 0x1D, 0x1B];
    /// id-ce-issuingDistributionPoint.
    ISSUING_DISTRIBUTION_POINT = &[0x55, 0x1D, 0x1C];
    /// id-ce-certificateIssuer.
    CERTIFICATE_ISSUER = &[0x55, 0x1D, 0x1D];
    /// id-ce-nameConstraints.
    NAME_CONSTRAINTS = &[0x55, 0x1D, 0x1E];
    /// id-ce-cRLDistributionPoints.
    CRL_DISTRIBUTION_POINTS = &[0x55, 0x1D, 0x1F];
    /// id-ce-certificatePolicies.
    CERTIFICATE_POLICIES = &[0x55, 0x1D, 0x20];
    /// id-ce-authorityKeyIdentifier.
    AUTHORITY_KEY_IDENTIFIER = &[0x55, 0x1D, 0x23];
    /// id-ce-extKeyUsage.
    EXTENDED_KEY_USAGE = &[0x55, 0x1D, 0x25];
    /// id-ce-freshestCRL.
    FRESHEST_CRL = &[0x55, 0x1D, 0x2E];
    /// id-ce-noRevAvail (RFC 9608).
    NO_REV_AVAIL = &[0x55, 0x1D, 0x38];
    /// id-holdinstruction-none, 1.2.840.10040.2.1 (RFC 3280 5.3.2).
    HOLD_INSTRUCTION_NONE = &[0x2A, 0x86, 0x48, 0xCE, 0x38, 2, 1];
    /// id-holdinstruction-callissuer.
    HOLD_INSTRUCTION_CALL_ISSUER = &[0x2A, 0x86, 0x48, 0xCE, 0x38, 2, 2];
    /// id-holdinstruction-reject.
    HOLD_INSTRUCTION_REJECT = &[0x2A, 0x86, 0x48, 0xCE, 0x38, 2, 3];
    /// SHA-1.
    SHA1 = &[0x2B, 0x0E, 3, 2, 0x1A];
    /// SHA-224.
    SHA224 = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4];
    /// SHA-256.
    SHA256 = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    /// SHA-384.
    SHA384 = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
    /// SHA-512.
    SHA512 = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];
    /// rsaEncryption.
    RSA_ENCRYPTION = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1];
    /// sha1WithRSAEncryption.
    SHA1_WITH_RSA = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 5];
    /// id-mgf1.
    MGF1 = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 8];
    /// id-RSASSA-PSS.
    RSASSA_PSS = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 0x0A];
    /// sha256WithRSAEncryption.
    SHA256_WITH_RSA = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 0x0B];
    /// sha384WithRSAEncryption.
    SHA384_WITH_RSA = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 0x0C];
    /// sha512WithRSAEncryption.
    SHA512_WITH_RSA = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 0x0D];
    /// id-ecPublicKey.
    EC_PUBLIC_KEY = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];
    /// secp256r1.
    SECP256R1 = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7];
    /// secp384r1.
    SECP384R1 = &[0x2B, 0x81, 4, 0, 0x22];
    /// secp521r1.
    SECP521R1 = &[0x2B, 0x81, 4, 0, 0x23];
    /// ecdsa-with-SHA1.
    ECDSA_WITH_SHA1 = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 1];
    /// ecdsa-with-SHA256.
    ECDSA_WITH_SHA256 = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2];
    /// ecdsa-with-SHA384.
    ECDSA_WITH_SHA384 = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 3];
    /// ecdsa-with-SHA512.
    ECDSA_WITH_SHA512 = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 4];
    /// id-Ed25519.
    ED25519 = &[0x2B, 0x65, 0x70];
    /// id-ml-dsa-44 (RFC 9881).
    ML_DSA_44 = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x11];
    /// id-ml-dsa-65.
    ML_DSA_65 = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x12];
    /// id-ml-dsa-87.
    ML_DSA_87 = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x13];
    /// id-at-commonName.
    COMMON_NAME = &[0x55, 4, 3];
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn dotted_form_follows_the_arcs() {
        assert_eq!(OCSP_NONCE.to_string(), "1.3.6.1.5.5.7.48.1.2");
        assert_eq!(SHA256.to_string(), "2.16.840.1.101.3.4.2.1");
        assert_eq!(ECDSA_WITH_SHA384.to_string(), "1.2.840.10045.4.3.3");
        assert_eq!(Oid(&[0x88, 0x37, 3]).to_string(), "2.999.3");
    }

    #[test]
    fn content_that_is_cut_or_padded_is_refused() {
        assert!(Oid::from_content(&[]).is_none());
        assert!(Oid::from_content(&[0x2A, 0x86]).is_none());
        assert!(Oid::from_content(&[0x2A, 0x80, 0x01]).is_none());
        assert!(Oid::from_content(&[0x80, 0x01]).is_none());
        assert!(Oid::from_content(&[0x2A, 0x86, 0x80, 0x01]).is_some());
    }
}
