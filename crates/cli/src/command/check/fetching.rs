//! What is fetched beside statuses: the issuer's certificate where a certificate says that it is, and CRLs that the
//! caller names by URL.

use bytes::Bytes;
use certvouch_client::ca_issuers;
use certvouch_fetch::{Fetch, FetchError, Fetched, Fetcher};
use certvouch_types::Certificate;
use certvouch_types::der::{Reader, tag};
use http::Uri;

use crate::command::input;

const CERTIFICATES: &str = "application/pkix-cert, application/pkcs7-mime";
const CRL: &str = "application/pkix-crl";

/// Certificates that are taken out of one file: a bundle of a CA has two or three.
const MOST: usize = 16;

/// The certificates behind caIssuers, from the first URL that has any (RFC 5280 4.2.2.1): DER, PEM, or a CMS message
/// that holds nothing but certificates. They are worth nothing until they end in a root.
///
/// # Errors
/// The last URL's; nothing if none is named.
pub(super) async fn issuers(
    fetcher: &Fetcher,
    certificate: &Certificate<'_>,
) -> Result<Vec<Bytes>, Option<(Uri, FetchError)>> {
    let mut last = None;
    for url in ca_issuers(certificate) {
        let fetch = Fetch::foreign(url.clone(), CERTIFICATES);
        match fetcher.fetch(&fetch).await {
            Ok(Fetched::Body(payload)) => {
                let found = certificates(&payload.bytes);
                if !found.is_empty() {
                    return Ok(found);
                }
                last = Some((url, FetchError::Http("no certificate in it".to_owned())));
            }
            Ok(_) => last = Some((url, FetchError::Status(304))),
            Err(why) => last = Some((url, why)),
        }
    }
    Err(last)
}

/// The CRL behind a URL that the caller wrote.
///
/// # Errors
/// [`FetchError`].
pub(super) async fn crl(fetcher: &Fetcher, url: Uri) -> Result<Bytes, FetchError> {
    match fetcher.fetch(&Fetch::named(url, CRL)).await? {
        Fetched::Body(payload) => Ok(input::message(payload.bytes.to_vec()).into()),
        _ => Err(FetchError::Status(304)),
    }
}

fn certificates(octets: &[u8]) -> Vec<Bytes> {
    if Certificate::parse(octets).is_ok() {
        return vec![Bytes::copy_from_slice(octets)];
    }
    let found: Vec<Vec<u8>> = match input::pem(octets) {
        Ok(blocks) if !blocks.is_empty() => blocks
            .into_iter()
            .flat_map(|block| match Certificate::parse(&block.der) {
                Ok(_) => vec![block.der],
                Err(_) => of_cms(&block.der),
            })
            .collect(),
        _ => of_cms(octets),
    };
    found.into_iter().take(MOST).map(Bytes::from).collect()
}

/// The certificates of a SignedData (RFC 5652 5.1); none if it is something else, or BER.
fn of_cms(octets: &[u8]) -> Vec<Vec<u8>> {
    let read = || -> Option<Vec<Vec<u8>>> {
        let what = "CMS";
        let mut info = Reader::new(octets).sequence(what).ok()?;
        // proof of the kind: 1.2.840.113549.1.7.2, signedData
        if info.oid(what).ok()?.as_bytes() != [0x2A, 0x86, 0x48, 0x86, 0xF7, 13, 1, 7, 2] {
            return None;
        }
        let mut explicit = info.required(tag::constructed(0), what).ok()?.contents();
        let mut signed = explicit.sequence(what).ok()?;
        signed.integer(what).ok()?;
        signed.next(what).ok()?;
        signed.next(what).ok()?;
        let mut set = signed.required(tag::constructed(0), what).ok()?.contents();
        let mut found = Vec::new();
        while !set.is_empty() && found.len() < MOST {
            let before = set.rest();
            set.next(what).ok()?;
            let length = before.len() - set.rest().len();
            let one = before.get(..length)?;
            if Certificate::parse(one).is_ok() {
                found.push(one.to_vec());
            }
        }
        Some(found)
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use certvouch_testkit::peer;
    use certvouch_testkit::pki::{KeyAlg, World};

    use super::*;

    #[test]
    fn certificates_are_found_in_der_in_pem_and_in_cms() {
        let world = World::new(KeyAlg::P256);
        let (a, b) = (&world.ca_a, &world.ca_b);
        assert_eq!(certificates(&a.der), std::slice::from_ref(&a.der));
        let both = [a.pem(), b.pem()].concat();
        assert_eq!(
            certificates(both.as_bytes()),
            [a.der.clone(), b.der.clone()]
        );
        assert!(certificates(b"<html>").is_empty());
        assert!(certificates(&[0x30, 0x80, 0, 0]).is_empty());
        let Some(openssl) = peer::require_or_skip("openssl") else {
            return;
        };
        let dir = certvouch_testkit::process::temp_dir();
        let path = dir.path().join("both.pem");
        std::fs::write(&path, both).unwrap();
        let path = path.display().to_string();
        for form in ["DER", "PEM"] {
            let command = ["crl2pkcs7", "-nocrl", "-certfile", &path, "-outform", form];
            let made = openssl.run(&command).expect_success("crl2pkcs7");
            let mut found = certificates(&made.stdout);
            found.sort();
            let mut wanted = vec![Bytes::from(a.der.clone()), Bytes::from(b.der.clone())];
            wanted.sort();
            assert_eq!(found, wanted, "{form}");
        }
    }
}
