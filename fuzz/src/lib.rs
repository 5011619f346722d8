//! What the targets share: the invariants that the tests of the messages hold to.

#![forbid(unsafe_code)]

#[path = "../../crates/types/tests/types/invariants.rs"]
mod invariants;

/// A CRL is read with all its entries, or refused inside its bounds; an entry is found again at its place.
pub fn crl(octets: &[u8]) {
    invariants::crl(octets);
}

/// A request is read completely and could be written again octet by octet, or refused inside its bounds.
pub fn request(octets: &[u8]) {
    invariants::request(octets);
}

/// The same for a response, for what is inside it, and for the octets as any other thing that we parse.
pub fn response(octets: &[u8]) {
    invariants::everything(octets);
}
