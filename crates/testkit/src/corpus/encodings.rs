//! CertIDs in every spelling, serial numbers of every size, and encodings that are BER but not DER.

use super::{Case, Class, Table, about, delegated, good, single};
use crate::ask::{self, HashAlg, Params};
use crate::clock::Civil;
use crate::der;
use crate::pki::{CertBuilder, T0, World};
use crate::reply::Reply;

const DER: &str = "RFC 6960 4.2.1: the signature covers the DER encoding; X.690 10, 11";

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Encodings, world);
    cert_ids(&mut table);
    serials(&mut table);
    lengths(&mut table);
    members(&mut table);
    times(&mut table);
    table.cases
}

fn cert_ids(table: &mut Table<'_>) {
    let world = table.world;
    let serial = &world.ee_good.serial;
    let citation = "RFC 6960 4.1.1, RFC 5754 2";
    for (label, hash) in ["sha1", "sha256", "sha384", "sha512"]
        .into_iter()
        .zip(HashAlg::ALL)
    {
        let odd = Params::Other(der::octets(b"x"));
        let empty = Params::Other(der::seq(&[]));
        for (form, expected, parameters, why) in [
            (
                "null",
                "G",
                Params::Null,
                "parameters NULL, as nearly everybody writes",
            ),
            (
                "absent",
                "G",
                Params::Absent,
                "no parameters, as RFC 5754 asks",
            ),
            ("octets", "T", odd, "parameters that a digest does not have"),
            (
                "sequence",
                "T",
                empty,
                "parameters that a digest does not have",
            ),
        ] {
            let cert_id = ask::cert_id(hash, &parameters, &world.ca_a, serial);
            let reply = delegated(world, &[&single(world).cert_id(&cert_id)]);
            let name = format!("cert-id-{label}-{form}");
            table.add(&name, expected, &reply.build(), why, citation);
        }
    }
    let (name, key) = (&world.ca_a.subject, &world.ca_a.key.public_bits());
    let sha224 = der::seq(&[&der::oid("2.16.840.1.101.3.4.2.4"), &der::null()]);
    let cut = |octets: &[u8]| HashAlg::Sha256.digest(octets)[..28].to_vec();
    let cert_id = ask::cert_id_from(&sha224, &cut(name), &cut(key), serial);
    let reply = delegated(world, &[&single(world).cert_id(&cert_id)]);
    table.add(
        "cert-id-sha224",
        "T",
        &reply.build(),
        "hashes that are not what SHA-224 gives",
        citation,
    );
    let own = Reply::delegated(&world.d_ski, T0 - 3600)
        .single(&about(&world.ca_ski, &world.ee_ski.serial));
    let why = "issuerKeyHash is over the key, whatever the CA's subjectKeyIdentifier says";
    let case = table.add(
        "cert-id-other-ski",
        "G",
        &own.build(),
        why,
        "RFC 6960 4.1.1",
    );
    *case = case.clone().about(&world.ee_ski, &world.ca_ski);
}

fn serials(table: &mut Table<'_>) {
    let world = table.world;
    let rows: [(&str, Vec<u8>, &str); 10] = [
        ("one-octet", vec![0x05], "one octet"),
        (
            "zero",
            vec![0x00],
            "zero, which RFC 5280 forbids and old roots have",
        ),
        (
            "negative",
            vec![0xF0, 0x01],
            "negative, which RFC 5280 forbids and exists",
        ),
        (
            "top-bit",
            der::uint_content(&[0xC1; 16]),
            "the highest bit set: a zero in front",
        ),
        (
            "20-octets",
            vec![0x21; 20],
            "the longest that RFC 5280 allows",
        ),
        (
            "20-octets-and-sign",
            der::uint_content(&[0xA1; 20]),
            "20 octets and a zero in front",
        ),
        ("21-octets", vec![0x21; 21], "an octet too long"),
        ("32-octets", vec![0x22; 32], "32 octets"),
        ("64-octets", vec![0x23; 64], "64 octets"),
        ("128-octets", vec![0x24; 128], "a length in the long form"),
    ];
    for (name, serial, why) in rows {
        let leaf = CertBuilder::new(&[("CN", name)], &world.ee_good.key)
            .serial(&serial)
            .issued_by(&world.ca_a);
        let citation = "RFC 5280 4.1.2.2: users handle such certificates gracefully";
        let right = delegated(world, &[&about(&world.ca_a, &serial)]).build();
        let case = table.add(&format!("serial-{name}"), "G", &right, why, citation);
        *case = case.clone().about(&leaf, &world.ca_a);
        let other = [&serial[..serial.len() - 1], &[0x7E]].concat();
        let wrong = delegated(world, &[&about(&world.ca_a, &other)]).build();
        let case = table.add(
            &format!("serial-{name}-other"),
            "T",
            &wrong,
            "the same but for the last octet",
            "RFC 6960 3.2 (1)",
        );
        *case = case.clone().about(&leaf, &world.ca_a);
    }
    let padded = [&[0x00], &world.ee_good.serial[..]].concat();
    let reply = delegated(world, &[&about(&world.ca_a, &padded)]);
    table.add(
        "serial-padded",
        "M",
        &reply.build(),
        "an INTEGER with a zero too many in front",
        DER,
    );
    let reply = delegated(world, &[&about(&world.ca_a, &[])]);
    table.add(
        "serial-empty",
        "M",
        &reply.build(),
        "an INTEGER without content",
        DER,
    );
}

/// The content of a TLV that was just made here.
fn content(tlv: &[u8]) -> Vec<u8> {
    let one = der::read_only(tlv).expect("made here");
    one.content.to_vec()
}

/// Lengths that are BER, in what is signed and around it. The signature is over the octets as sent.
fn lengths(table: &mut Table<'_>) {
    let world = table.world;
    let right = good(world);
    let tbs = content(&right.tbs());
    let entry = single(world).der();
    let inner = content(&entry);
    let cert_id = ask::cert_id(
        HashAlg::Sha256,
        &Params::Null,
        &world.ca_a,
        &world.ee_good.serial,
    );
    let with_id = |cert_id: &[u8]| delegated(world, &[&single(world).cert_id(cert_id)]);
    let with_entry = |entry: &[u8]| Reply::delegated(&world.d_a, T0 - 3600).single_der(entry);
    let status = |raw: &[u8]| {
        let status = crate::reply::Status::Raw(raw.to_vec());
        delegated(world, &[&single(world).status(status)])
    };
    let rows = [
        (
            "ber-tbs-long-length",
            right.clone().tbs_der(&der::tlv_long_form(0x30, &tbs, 4)),
            "ResponseData with a length in too many octets",
        ),
        (
            "ber-tbs-indefinite",
            right.clone().tbs_der(&der::tlv_indefinite(0x30, &tbs)),
            "ResponseData of indefinite length",
        ),
        (
            "ber-entry-long-length",
            with_entry(&der::tlv_long_form(0x30, &inner, 3)),
            "SingleResponse with a length in too many octets",
        ),
        (
            "ber-entry-indefinite",
            with_entry(&der::tlv_indefinite(0x30, &inner)),
            "SingleResponse of indefinite length",
        ),
        (
            "ber-cert-id-long-length",
            with_id(&der::tlv_long_form(0x30, &content(&cert_id), 2)),
            "CertID with a length in too many octets",
        ),
        (
            "ber-cert-id-indefinite",
            with_id(&der::tlv_indefinite(0x30, &content(&cert_id))),
            "CertID of indefinite length",
        ),
        (
            "ber-status-long-length",
            status(&[0x80, 0x81, 0x00]),
            "good with a length in two octets",
        ),
        (
            "ber-responder-indefinite",
            right.clone().responder_id_der(&der::tlv_indefinite(
                0xA2,
                &der::octets(&world.d_a.key_hash_sha1()),
            )),
            "ResponderID of indefinite length",
        ),
        (
            "ber-responder-constructed",
            right.clone().responder_id_der(&der::explicit(
                2,
                &der::tlv(0x24, &der::octets(&world.d_a.key_hash_sha1())),
            )),
            "the key hash as constructed OCTET STRING",
        ),
    ];
    for (name, reply, why) in rows {
        table.add(name, "M", &reply.build(), why, DER);
    }
    let outer = content(&right.build());
    let why = "OCSPResponse, which is not signed, with a length in too many octets";
    table.add(
        "ber-envelope-long-length",
        "M",
        &der::tlv_long_form(0x30, &outer, 4),
        why,
        DER,
    );
    let why = "OCSPResponse, which is not signed, of indefinite length";
    table.add(
        "ber-envelope-indefinite",
        "M",
        &der::tlv_indefinite(0x30, &outer),
        why,
        DER,
    );
}

/// ResponseData of these members.
fn data(world: &World, version: &[u8], extensions: &[u8]) -> Reply {
    let members: [&[u8]; 5] = [
        version,
        &der::explicit(2, &der::octets(&world.d_a.key_hash_sha1())),
        &der::generalized_time(T0 - 3600),
        &der::seq(&[&single(world).der()]),
        extensions,
    ];
    Reply::delegated(&world.d_a, T0 - 3600).tbs_der(&der::seq(&members))
}

fn members(table: &mut Table<'_>) {
    let world = table.world;
    let odd = der::extension("1.2.3.4", false, &der::null());
    let spelled = |octet: u8| {
        der::seq(&[
            &der::oid("1.2.3.4"),
            &der::tlv(0x01, &[octet]),
            &der::octets(&der::null()),
        ])
    };
    let list = |members: &[&[u8]]| der::explicit(1, &der::seq(members));
    let version = |number: u8| der::explicit(0, &der::int_bytes(&[number]));
    let none: &[u8] = &[];
    let rows = [
        (
            "version-1-explicit",
            "G",
            data(world, &version(0), none),
            "version v1 spelled out, as old responders do; the signature is over the octets as sent",
            "RFC 5019 A.2",
        ),
        (
            "version-2",
            "M",
            data(world, &version(1), none),
            "there is no version v2",
            "RFC 6960 4.2.1",
        ),
        (
            "ber-critical-false",
            "M",
            data(world, none, &list(&[&spelled(0)])),
            "critical FALSE spelled out, which is the default",
            DER,
        ),
        (
            "ber-critical-01",
            "M",
            data(world, none, &list(&[&spelled(1)])),
            "TRUE as 01 instead of FF",
            DER,
        ),
        (
            "extension-twice",
            "M",
            data(world, none, &list(&[&odd, &odd])),
            "an extension twice",
            "RFC 5280 4.2",
        ),
        (
            "extensions-empty",
            "M",
            data(world, none, &list(&[])),
            "an empty list of extensions",
            "RFC 5280 4.1: SIZE (1..MAX)",
        ),
        (
            "element-behind",
            "M",
            data(world, none, &[list(&[&odd]), der::null()].concat()),
            "something behind the last member",
            "RFC 6960 4.2.1",
        ),
    ];
    for (name, expected, reply, why, citation) in rows {
        table.add(name, expected, &reply.build(), why, citation);
    }
}

fn times(table: &mut Table<'_>) {
    let world = table.world;
    let text = Civil::from_unix(T0 - 3600).generalized();
    let digits = text.trim_end_matches('Z');
    let shapes = [
        (
            "fraction",
            der::tlv(0x18, format!("{digits}.0Z").as_bytes()),
            "with a fraction of a second",
        ),
        (
            "offset",
            der::tlv(0x18, format!("{digits}+0000").as_bytes()),
            "with an offset instead of Z",
        ),
        (
            "local",
            der::tlv(0x18, digits.as_bytes()),
            "without Z: local time of nobody knows where",
        ),
        (
            "no-seconds",
            der::tlv(0x18, format!("{}Z", &digits[..12]).as_bytes()),
            "without seconds",
        ),
        ("utc-time", der::utc_time(T0 - 3600), "a UTCTime"),
    ];
    let citation = "RFC 6960 4.2.2.1, RFC 5280 4.1.2.5.2";
    for (name, time, why) in shapes {
        let entry = single(world).this_update_der(&time);
        let response = delegated(world, &[&entry]).build();
        table.add(
            &format!("this-update-{name}"),
            "M",
            &response,
            &format!("thisUpdate {why}"),
            citation,
        );
        let response = good(world).produced_at_der(&time).build();
        table.add(
            &format!("produced-at-{name}"),
            "M",
            &response,
            &format!("producedAt {why}"),
            citation,
        );
    }
}
