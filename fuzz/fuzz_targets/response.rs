//! Octets from a stranger as an OCSPResponse, and as a BasicOCSPResponse, a certificate, a list of extensions,
//! a CertID that stands alone.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| certvouch_fuzz::response(octets));
