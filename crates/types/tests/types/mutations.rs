//! Damaged messages: cut, extended, with one bit turned. Nothing panics, nothing cut is accepted, and what
//! is still accepted keeps the invariants (it means what its octets say, once).

use certvouch_types::{BasicOcspResponse, Certificate, OcspRequest, OcspResponse};

use crate::invariants;
use crate::samples::{Numbers, requests, responses};

fn messages() -> Vec<Vec<u8>> {
    [requests(24), responses(24)].concat()
}

fn certificates() -> Vec<Vec<u8>> {
    let world = certvouch_testkit::pki::World::new(certvouch_testkit::pki::KeyAlg::P256);
    vec![world.ca_a.der, world.d_a.der, world.ee_exp.der]
}

fn refused(input: &[u8]) -> bool {
    invariants::everything(input);
    let response = match OcspResponse::parse(input) {
        Ok(OcspResponse::Successful(bytes)) => {
            BasicOcspResponse::from_response_bytes(&bytes).is_err()
        }
        Ok(_) => false,
        Err(_) => true,
    };
    response && OcspRequest::parse(input).is_err() && Certificate::parse(input).is_err()
}

// covers: E-15
#[test]
fn message_cut_anywhere_is_refused() {
    for message in [messages(), certificates()].concat() {
        assert!(!refused(&message));
        for length in 0..message.len() {
            let cut = &message[..length];
            assert!(refused(cut), "{length} of {} octets", message.len());
        }
    }
}

// covers: E-15
#[test]
fn message_with_octets_behind_it_is_refused() {
    for message in [messages(), certificates()].concat() {
        for octet in [0x00, 0x30, 0xFF] {
            let longer = [&message[..], &[octet]].concat();
            assert!(refused(&longer));
        }
        assert!(refused(&[&message[..], &message[..]].concat()));
    }
}

#[test]
fn message_with_any_bit_turned_keeps_the_invariants() {
    let few = [requests(3), responses(1), certificates()[..1].to_vec()].concat();
    for mut message in few {
        for index in 0..message.len() {
            for bit in 0..8 {
                message[index] ^= 1 << bit;
                invariants::everything(&message);
                message[index] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn message_with_a_few_octets_replaced_keeps_the_invariants() {
    let mut numbers = Numbers::new(7);
    for message in messages() {
        for _ in 0..200 {
            let mut damaged = message.clone();
            for _ in 0..=numbers.below(4) {
                let index = numbers.below(damaged.len());
                damaged[index] = match numbers.below(3) {
                    0 => numbers.octet(),
                    1 => [0x00, 0x01, 0x7F, 0x80, 0x81, 0x84, 0xFF][numbers.below(7)],
                    _ => damaged[numbers.below(damaged.len())],
                };
            }
            if numbers.below(4) == 0 {
                damaged.remove(numbers.below(damaged.len()));
            }
            invariants::everything(&damaged);
        }
    }
}

#[test]
fn octets_without_any_structure_are_refused() {
    let mut numbers = Numbers::new(8);
    for length in 0..400 {
        let noise: Vec<u8> = (0..length).map(|_| numbers.octet()).collect();
        assert!(refused(&noise));
    }
    // Nesting is refused at the first level that does not belong there, however deep it goes.
    let deep = [0x30, 0x80].repeat(10_000);
    assert!(refused(&deep));
}
