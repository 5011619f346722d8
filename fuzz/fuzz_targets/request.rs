//! Octets from a stranger as an OCSPRequest.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| certvouch_fuzz::request(octets));
