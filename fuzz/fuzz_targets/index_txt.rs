//! Octets as an OpenSSL index.txt. Reading them twice gives the same, and a file that was read tells no
//! difference to itself.

#![no_main]

use certvouch_status::index_txt;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    match (index_txt::parse(octets), index_txt::parse(octets)) {
        (Ok(first), Ok(second)) => {
            assert_eq!(format!("{:?}", first.counts()), format!("{:?}", second.counts()));
            // A row is a line: no table holds more than the file has.
            let lines = octets.iter().filter(|octet| **octet == b'\n').count();
            assert!(first.iter().count() <= lines);
        }
        (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string()),
        _ => panic!("the same octets are read and refused"),
    }
});
