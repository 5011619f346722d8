//! The slice of X.509 (RFC 5280) that status needs: certificates, names, and the extensions that decide who may
//! sign.

pub mod certificate;
pub mod general_name;
pub mod name;
mod name_match;
pub mod tls_feature;

pub use certificate::{BasicConstraints, Certificate, KeyUsage, SubjectPublicKeyInfo, Validity};
pub use general_name::{GeneralName, GeneralNames};
pub use name::Name;
pub use tls_feature::TlsFeatures;
