//! Octets from a stranger as a CertificateList, entries and all.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| certvouch_fuzz::crl(octets));
