//! Strangers read the requests: Python's `cryptography`, OpenSSL and Go's `x/crypto/ocsp`.

use certvouch_testkit::ask::{self, Ask, GetForm, HashAlg, Params};
use certvouch_testkit::peer::{self, PATIENCE};
use certvouch_testkit::pki::{KeyAlg, World};
use certvouch_testkit::{answer, der};

const READ_REQUEST: &str = "
import sys
from cryptography.x509 import ocsp
q = ocsp.load_der_ocsp_request(sys.stdin.buffer.read())
print(q.hash_algorithm.name, q.issuer_name_hash.hex(), q.issuer_key_hash.hex(), '%x' % q.serial_number)
for e in q.extensions:
    print(e.oid.dotted_string, e.critical, getattr(e.value, 'nonce', b'').hex())
";

#[test]
fn requests_are_read_by_python_as_they_were_asked_for() {
    let Some(python) = peer::require_or_skip("python-cryptography") else {
        return;
    };
    let world = World::new(KeyAlg::P256);
    for (hash, name) in HashAlg::ALL
        .into_iter()
        .zip(["sha1", "sha256", "sha384", "sha512"])
    {
        for params in [Params::Null, Params::Absent] {
            let cert_id = ask::cert_id(hash, &params, &world.ca_a, &world.ee_rev.serial);
            let request = Ask::new().entry(&cert_id).nonce(&[0xAB; 32]).build();
            let said = python.run_with_input(&["-c", READ_REQUEST], &request);
            let [name_hash, key_hash] = [&world.ca_a.subject, &world.ca_a.key.public_bits()]
                .map(|input| hash.digest(input));
            let expected = format!(
                "{name} {} {} {}\n{} False {}\n",
                der::to_hex(&name_hash),
                der::to_hex(&key_hash),
                world.ee_rev.serial_hex(),
                ask::NONCE,
                "AB".repeat(32),
            );
            let said = said.expect_success("python").out();
            assert_eq!(said.to_lowercase(), expected.to_lowercase(), "{params:?}");
        }
    }
}

#[test]
fn malformed_requests_are_refused_by_python() {
    let Some(python) = peer::require_or_skip("python-cryptography") else {
        return;
    };
    let world = World::new(KeyAlg::P256);
    let good = ask::q1(&world.ca_a, &world.ee_good.serial);
    let cert_id = ask::cert_id(HashAlg::Sha1, &Params::Null, &world.ca_a, &[0, 1]);
    let inner = der::read_only(&good).unwrap().content.to_vec();
    for (what, request) in [
        ("padded serial", Ask::new().entry(&cert_id).build()),
        ("truncated", good[..good.len() - 1].to_vec()),
        ("trailing octet", [&good[..], &[0]].concat()),
        ("indefinite length", der::tlv_indefinite(0x30, &inner)),
        ("long form", der::tlv_long_form(0x30, &inner, 2)),
    ] {
        let said = python.run_with_input(&["-c", READ_REQUEST], &request);
        assert_eq!(said.code, Some(1), "{what}: {}", said.all());
    }
}

#[test]
fn signed_request_with_every_field_is_shown_by_openssl() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let world = World::new(KeyAlg::P256);
    let cert_id = |serial: &[u8]| ask::cert_id(HashAlg::Sha1, &Params::Null, &world.ca_a, serial);
    let locator = der::extension("1.2.3.4", false, &der::null());
    let request = Ask::new()
        .entry(&cert_id(&[0x11]))
        .entry_with_extensions(&cert_id(&[0x22]), &[locator])
        .extension("1.2.3.5", true, &der::null())
        .requestor_directory_name(&world.ee_good.subject)
        .sign(
            &world.ee_good,
            world.ee_good.key.sig_alg(),
            &[&world.ee_good, &world.ca_a],
        )
        .build();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("q.der"), &request).unwrap();
    let shown = openssl.run_in(dir.path(), &["ocsp", "-reqin", "q.der", "-req_text"]);
    let shown = shown.expect_success("openssl ocsp").out();
    for part in [
        "Requestor Name: DirName:CN = EE-good",
        "Serial Number: 11",
        "Serial Number: 22",
        "Request Single Extensions:",
        "1.2.3.4",
        "1.2.3.5: critical",
        "Signature Algorithm: ecdsa-with-SHA256",
    ] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    assert_eq!(shown.matches("BEGIN CERTIFICATE").count(), 2);
    // The signature is over the TBSRequest as it stands.
    let parts = der::read_all(der::read_only(&request).unwrap().content).unwrap();
    let signature = der::read_only(parts[1].content).unwrap();
    let fields = der::read_all(signature.content).unwrap();
    let spki = world.ee_good.key.spki();
    let bits = &fields[1].content[1..];
    answer::verify_signature(fields[0].raw, &spki, parts[0].raw, bits).unwrap();
}

const GO_PEER: &str = r#"package main

import (
	"encoding/base64"
	"fmt"
	"os"

	"golang.org/x/crypto/ocsp"
)

func main() {
	der, err := base64.StdEncoding.DecodeString(os.Args[1])
	if err != nil {
		panic(err)
	}
	q, err := ocsp.ParseRequest(der)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d %X\n", q.HashAlgorithm, q.SerialNumber)
}
"#;

#[test]
fn request_is_read_by_go() {
    let Some(go) = peer::require_or_skip("go") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let program = go.build_go(dir.path(), GO_PEER);
    let world = World::new(KeyAlg::P256);
    let request = ask::q256(&world.ca_a, &world.ee_good.serial);
    let text = ask::get_segment(&request, GetForm::Raw);
    let outcome = peer::run(std::process::Command::new(program).arg(text), &[], PATIENCE);
    // crypto.SHA256 is number 5.
    let expected = format!("5 {}\n", world.ee_good.serial_hex());
    assert_eq!(outcome.expect_success("the Go peer").out(), expected);
}

const READ_SEGMENT: &str = "
import base64, sys, urllib.parse
sys.stdout.buffer.write(base64.b64decode(urllib.parse.unquote(sys.argv[1]), validate=True))
";

#[test]
fn percent_encoded_segments_are_decoded_by_python() {
    let Some(python) = peer::require_or_skip("python3") else {
        return;
    };
    let world = World::new(KeyAlg::P256);
    let request = ask::awkward_for_get(&world.ca_a, &world.ee_good.serial);
    for form in GetForm::ALL {
        let segment = ask::get_segment(&request, form);
        let outcome = python.run(&["-c", READ_SEGMENT, &segment]);
        match form {
            // Not the standard alphabet or padding: a strict decoder must refuse.
            GetForm::SpaceForPlus | GetForm::Base64Url | GetForm::NoPadding => {
                assert_eq!(outcome.code, Some(1), "{form:?}: {}", outcome.all());
            }
            _ => assert_eq!(outcome.expect_success("python").stdout, request, "{form:?}"),
        }
    }
}
