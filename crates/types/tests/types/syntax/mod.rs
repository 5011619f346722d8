//! The syntax rows of the requirements: known answers, the tags of the module, and what is refused with
//! which word at which octet.

mod known_answers;
mod requests;
mod responses;
mod strictness;

use certvouch_testkit::ask::{HashAlg, Params, cert_id};
use certvouch_testkit::pki::{KeyAlg, World};
use certvouch_types::{OcspRequest, Why};

use crate::invariants;

fn why(input: &[u8]) -> Why {
    invariants::everything(input);
    OcspRequest::parse(input).unwrap_err().why
}

fn world() -> World {
    World::new(KeyAlg::P256)
}

fn an_id(world: &World) -> Vec<u8> {
    cert_id(
        HashAlg::Sha1,
        &Params::Null,
        &world.ca_a,
        &world.ee_good.serial,
    )
}
