//! Names of what is told apart by OBJECT IDENTIFIER: extensions, purposes, algorithms; and the parts that several kinds
//! of messages share (CertID, algorithms, names, embedded certificates).

use certvouch_crypto::{AWS_LC, SignatureAlgorithm};
use certvouch_types::der::{Reader, tag};
use certvouch_types::pkix::Name;
use certvouch_types::{
    AlgorithmIdentifier, CertId, Certificate, HashAlgorithm, Oid, Parameters, oid,
};

use super::tree::Value;

/// OIDs that `certvouch_types` has no name for, by their content octets.
const OTHERS: [(&[u8], &str); 17] = [
    (&[0x2B, 0x24, 8, 3, 0x0D], "certHash"),
    (
        &[0x2B, 6, 1, 4, 1, 0xD6, 0x79, 2, 4, 2],
        "signedCertificateTimestampList",
    ),
    (
        &[0x2B, 6, 1, 4, 1, 0xD6, 0x79, 2, 4, 5],
        "signedCertificateTimestampList",
    ),
    (&[0x55, 0x1D, 0x09], "subjectDirectoryAttributes"),
    (&[0x55, 0x1D, 0x12], "issuerAltName"),
    (&[0x55, 0x1D, 0x1E], "nameConstraints"),
    (&[0x55, 0x1D, 0x21], "policyMappings"),
    (&[0x55, 0x1D, 0x24], "policyConstraints"),
    (&[0x55, 0x1D, 0x36], "inhibitAnyPolicy"),
    (&[0x2B, 6, 1, 5, 5, 7, 1, 3], "qcStatements"),
    (&[0x2B, 6, 1, 5, 5, 7, 3, 1], "serverAuth"),
    (&[0x2B, 6, 1, 5, 5, 7, 3, 2], "clientAuth"),
    (&[0x2B, 6, 1, 5, 5, 7, 3, 3], "codeSigning"),
    (&[0x2B, 6, 1, 5, 5, 7, 3, 4], "emailProtection"),
    (&[0x2B, 6, 1, 5, 5, 7, 3, 8], "timeStamping"),
    (&[0x2B, 6, 1, 5, 5, 7, 0x30, 3], "timeStamping"),
    (&[0x2B, 6, 1, 5, 5, 7, 0x30, 5], "caRepository"),
];

/// The RFC's name of what an OID stands for.
pub(super) fn of_oid(oid: Oid<'_>) -> Option<&'static str> {
    let known = [
        (oid::OCSP_BASIC, "id-pkix-ocsp-basic"),
        (oid::OCSP_NONCE, "nonce"),
        (oid::OCSP_CRL, "crlReferences"),
        (oid::OCSP_RESPONSE, "acceptableResponses"),
        (oid::OCSP_NOCHECK, "nocheck"),
        (oid::OCSP_ARCHIVE_CUTOFF, "archiveCutoff"),
        (oid::OCSP_SERVICE_LOCATOR, "serviceLocator"),
        (oid::OCSP_PREF_SIG_ALGS, "preferredSignatureAlgorithms"),
        (oid::OCSP_EXTENDED_REVOKE, "extendedRevoke"),
        (oid::AD_OCSP, "ocsp"),
        (oid::AD_CA_ISSUERS, "caIssuers"),
        (oid::KP_OCSP_SIGNING, "OCSPSigning"),
        (oid::ANY_EXTENDED_KEY_USAGE, "anyExtendedKeyUsage"),
        (oid::AUTHORITY_INFO_ACCESS, "authorityInfoAccess"),
        (oid::TLS_FEATURE, "tlsFeature"),
        (oid::SUBJECT_KEY_IDENTIFIER, "subjectKeyIdentifier"),
        (oid::KEY_USAGE, "keyUsage"),
        (oid::SUBJECT_ALT_NAME, "subjectAltName"),
        (oid::BASIC_CONSTRAINTS, "basicConstraints"),
        (oid::CRL_NUMBER, "cRLNumber"),
        (oid::DELTA_CRL_INDICATOR, "deltaCRLIndicator"),
        (oid::ISSUING_DISTRIBUTION_POINT, "issuingDistributionPoint"),
        (oid::EXPIRED_CERTS_ON_CRL, "expiredCertsOnCRL"),
        (oid::CRL_REASON, "reasonCode"),
        (oid::HOLD_INSTRUCTION_CODE, "holdInstructionCode"),
        (oid::HOLD_INSTRUCTION_NONE, "holdInstructionNone"),
        (
            oid::HOLD_INSTRUCTION_CALL_ISSUER,
            "holdInstructionCallIssuer",
        ),
        (oid::HOLD_INSTRUCTION_REJECT, "holdInstructionReject"),
        (oid::INVALIDITY_DATE, "invalidityDate"),
        (oid::CERTIFICATE_ISSUER, "certificateIssuer"),
        (oid::CRL_DISTRIBUTION_POINTS, "cRLDistributionPoints"),
        (oid::CERTIFICATE_POLICIES, "certificatePolicies"),
        (oid::AUTHORITY_KEY_IDENTIFIER, "authorityKeyIdentifier"),
        (oid::EXTENDED_KEY_USAGE, "extKeyUsage"),
        (oid::FRESHEST_CRL, "freshestCRL"),
        (oid::NO_REV_AVAIL, "noRevAvail"),
        (oid::RSA_ENCRYPTION, "RSA"),
        (oid::RSASSA_PSS, "RSASSA-PSS"),
        (oid::EC_PUBLIC_KEY, "EC"),
        (oid::SECP256R1, "P-256"),
        (oid::SECP384R1, "P-384"),
        (oid::SECP521R1, "P-521"),
        (oid::ED25519, "Ed25519"),
        (oid::ML_DSA_44, "ML-DSA-44"),
        (oid::ML_DSA_65, "ML-DSA-65"),
        (oid::ML_DSA_87, "ML-DSA-87"),
    ];
    let named = known.into_iter().find(|(known, _)| *known == oid);
    let other = || {
        OTHERS
            .into_iter()
            .find(|(content, _)| *content == oid.as_bytes())
    };
    named
        .map(|(_, name)| name)
        .or_else(|| other().map(|(_, name)| name))
}

/// The name of an OID, else its dotted form.
pub(super) fn oid_or_name(oid: Oid<'_>) -> Value {
    of_oid(oid).map_or_else(|| oid.to_string().into(), Into::into)
}

/// A signature algorithm.
pub(super) fn signature_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> Value {
    match SignatureAlgorithm::from_identifier(algorithm) {
        Some(known) => known.name().into(),
        None => any_algorithm(algorithm),
    }
}

fn any_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> Value {
    let name = of_oid(algorithm.oid).map_or_else(|| algorithm.oid.to_string(), str::to_owned);
    match algorithm.parameters {
        Parameters::Other(raw) => {
            format!("{name} with parameters {}", super::tree::hex(raw)).into()
        }
        _ => name.into(),
    }
}

/// The kind of a key and its size.
pub(super) fn public_key(certificate: &Certificate<'_>) -> Value {
    let key = &certificate.subject_public_key_info;
    if let Some(bits) = certvouch_crypto::rsa_modulus_bits(key) {
        return format!("RSA, {bits} bits").into();
    }
    if let Parameters::Other(raw) = key.algorithm.parameters
        && let Ok(curve) = Reader::new(raw).oid("parameters")
        && key.algorithm.oid == oid::EC_PUBLIC_KEY
    {
        let curve = of_oid(curve).map_or_else(|| curve.to_string(), str::to_owned);
        return format!("EC, {curve}").into();
    }
    any_algorithm(&key.algorithm)
}

/// A CertID with all its members.
pub(super) fn cert_id(cert_id: &CertId<'_>) -> Value {
    let hash = match HashAlgorithm::from_oid(cert_id.hash_algorithm.oid) {
        Some(hash) => hash.to_string().into(),
        None => any_algorithm(&cert_id.hash_algorithm),
    };
    let parameters = match cert_id.hash_algorithm.parameters {
        Parameters::Absent => Value::Nothing,
        Parameters::Null => "NULL".into(),
        Parameters::Other(raw) => Value::octets(raw),
        _ => "unknown".into(),
    };
    let mut fields = vec![
        ("hashAlgorithm", hash),
        ("parameters", parameters),
        ("issuerNameHash", Value::octets(cert_id.issuer_name_hash)),
        ("issuerKeyHash", Value::octets(cert_id.issuer_key_hash)),
        ("serialNumber", cert_id.serial_number.to_string().into()),
    ];
    if let Err(fault) = cert_id.check() {
        fields.push(("fault", fault.to_string().into()));
    }
    Value::Fields(fields)
}

/// A Name given as its whole triple.
pub(super) fn name(raw: &[u8]) -> Value {
    let mut reader = Reader::new(raw);
    match Name::read(&mut reader, "Name") {
        Ok(name) => name.to_string().into(),
        Err(_) => Value::octets(raw),
    }
}

/// `GeneralName` (RFC 5280 4.2.1.6) with its kind.
pub(super) fn general_name(element: certvouch_types::der::Element<'_>) -> Value {
    let (kind, value) = match element.tag {
        0x81 => ("rfc822Name", text(element.value)),
        0x82 => ("dNSName", text(element.value)),
        0x86 => ("uniformResourceIdentifier", text(element.value)),
        0x87 => ("iPAddress", address(element.value)),
        0x88 => {
            let oid = Oid::from_content(element.value);
            let shown = oid.map_or_else(
                || Value::octets(element.value),
                |oid| oid.to_string().into(),
            );
            ("registeredID", shown)
        }
        0xA4 => ("directoryName", name(element.value)),
        0xA0 => ("otherName", Value::octets(element.raw)),
        _ => ("other", Value::octets(element.raw)),
    };
    Value::Fields(vec![(kind, value)])
}

/// Characters, or octets where they are none.
fn text(octets: &[u8]) -> Value {
    std::str::from_utf8(octets).map_or_else(|_| Value::octets(octets), Into::into)
}

fn address(octets: &[u8]) -> Value {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return std::net::Ipv4Addr::from(four).to_string().into();
    }
    <[u8; 16]>::try_from(octets).map_or_else(
        |_| Value::octets(octets),
        |sixteen| std::net::Ipv6Addr::from(sixteen).to_string().into(),
    )
}

/// What an embedded certificate is, in short.
pub(super) fn summary(der: &[u8]) -> Value {
    let certificate = match Certificate::parse(der) {
        Ok(certificate) => certificate,
        Err(why) => {
            return Value::fields([
                ("fault", why.to_string().into()),
                ("octets", Value::octets(der)),
            ]);
        }
    };
    let purpose = certificate.has_extended_key_usage(oid::KP_OCSP_SIGNING);
    Value::fields([
        ("subject", certificate.subject.to_string().into()),
        ("issuer", certificate.issuer.to_string().into()),
        ("serialNumber", certificate.serial_number.to_string().into()),
        ("notBefore", certificate.validity.not_before.into()),
        ("notAfter", certificate.validity.not_after.into()),
        ("publicKey", public_key(&certificate)),
        ("OCSPSigning", purpose.is_ok_and(|found| found).into()),
        ("nocheck", certificate.has_nocheck().into()),
        ("sha256", fingerprint(der)),
    ])
}

/// SHA-256 over the whole certificate.
pub(super) fn fingerprint(der: &[u8]) -> Value {
    Value::octets(AWS_LC.digest(HashAlgorithm::Sha256, der).as_ref())
}

/// Certificates that stand one behind the other.
pub(super) fn summaries(content: &[u8]) -> Value {
    let mut reader = Reader::new(content);
    let mut found = Vec::new();
    while let Ok(Some(element)) = reader.optional(tag::SEQUENCE, "Certificate") {
        found.push(summary(element.raw));
    }
    Value::List(found)
}
