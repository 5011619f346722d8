//! Which kind of message some DER is, by the tags at its beginning and nothing else.

use certvouch_types::der::{Reader, tag};
use certvouch_types::{DecodeError, Why};

/// A kind that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
    /// A BasicOCSPResponse without its envelope, as some archives keep it (RFC 5126 6.3.4).
    BasicResponse,
    Certificate,
    Crl,
}

/// What is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOurs {
    /// Another kind, with its article.
    Other(&'static str),
    /// No beginning that any kind has.
    Unreadable(DecodeError),
}

impl From<DecodeError> for NotOurs {
    fn from(why: DecodeError) -> Self {
        Self::Unreadable(why)
    }
}

impl Kind {
    /// The name in JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Request => "ocspRequest",
            Self::Response => "ocspResponse",
            Self::BasicResponse => "basicOcspResponse",
            Self::Certificate => "certificate",
            Self::Crl => "crl",
        }
    }

    /// The name for people.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Request => "OCSP request",
            Self::Response => "OCSP response",
            Self::BasicResponse => "basic OCSP response without its envelope",
            Self::Certificate => "certificate",
            Self::Crl => "CRL",
        }
    }

    /// Recognises it.
    ///
    /// # Errors
    /// [`NotOurs`].
    pub(super) fn of(der: &[u8]) -> Result<Self, NotOurs> {
        let what = "message";
        let mut message = Reader::new(der).sequence(what)?;
        let Some(first) = message.peek() else {
            return Err(message.fail(what, Why::Empty).into());
        };
        match first {
            tag::ENUMERATED => return Ok(Self::Response),
            tag::OID => return Err(NotOurs::Other("PKCS#7 or CMS")),
            tag::INTEGER => return Err(NotOurs::Other("a private key or PKCS#12")),
            tag::SEQUENCE => {}
            found => {
                let expected = tag::SEQUENCE;
                let why = message.fail(what, Why::UnexpectedTag { expected, found });
                return Err(why.into());
            }
        }
        let first = message.next(what)?;
        match message.peek() {
            None => Ok(Self::Request),
            Some(next) if next == tag::constructed(0) => Ok(Self::Request),
            Some(tag::OCTET_STRING) => Err(NotOurs::Other("an encrypted private key")),
            Some(tag::BIT_STRING) => Err(NotOurs::Other("a public key")),
            _ => Self::of_signed(first.contents()),
        }
    }

    /// Of the things that are a SEQUENCE of what is signed, an algorithm and a signature.
    fn of_signed(mut signed: Reader<'_>) -> Result<Self, NotOurs> {
        let what = "message";
        let is_responder_id =
            |tag: Option<u8>| matches!(tag, Some(found) if found == 0xA1 || found == 0xA2);
        if is_responder_id(signed.peek()) {
            return Ok(Self::BasicResponse);
        }
        if signed.optional(tag::constructed(0), what)?.is_some() {
            return Ok(if is_responder_id(signed.peek()) {
                Self::BasicResponse
            } else {
                Self::Certificate
            });
        }
        // A CRL has a version or none, algorithm, issuer and thisUpdate; a certificate of version 1 a serial number,
        // algorithm, issuer and two dates in a SEQUENCE; a request for one a version, a name, a key and [0].
        signed.optional(tag::INTEGER, what)?;
        let mut tags = [None; 3];
        for found in &mut tags {
            *found = signed.next(what).ok().map(|element| element.tag);
        }
        match tags {
            [
                Some(tag::SEQUENCE),
                Some(tag::SEQUENCE),
                Some(tag::UTC_TIME | tag::GENERALIZED_TIME),
            ] => Ok(Self::Crl),
            [_, _, Some(0xA0)] => Err(NotOurs::Other("a certificate request")),
            _ => Ok(Self::Certificate),
        }
    }
}

#[cfg(test)]
mod tests {
    use certvouch_testkit::der;

    use super::*;

    #[test]
    fn kinds_that_are_not_decoded_are_named() {
        let (empty, int) = (der::seq(&[]), der::uint(&[1]));
        let signed = |tbs: &[&[u8]]| der::seq(&[&der::seq(tbs), &empty, &der::bits(&[])]);
        let request = signed(&[&int, &empty, &empty, &der::explicit(0, &[])]);
        let key = der::seq(&[&int]);
        let encrypted = der::seq(&[&empty, &der::octets(&[])]);
        let pkcs7 = der::seq(&[&der::oid("1.2.840.113549.1.7.2")]);
        let public = der::seq(&[&empty, &der::bits(&[])]);
        for (der, what) in [
            (&encrypted, "an encrypted private key"),
            (&key, "a private key or PKCS#12"),
            (&pkcs7, "PKCS#7 or CMS"),
            (&public, "a public key"),
            (&request, "a certificate request"),
        ] {
            assert_eq!(Kind::of(der), Err(NotOurs::Other(what)), "{der:02X?}");
        }
    }

    #[test]
    fn crl_is_told_from_a_certificate_in_either_version() {
        let (empty, int) = (der::seq(&[]), der::uint(&[1]));
        let signed = |tbs: &[&[u8]]| der::seq(&[&der::seq(tbs), &empty, &der::bits(&[])]);
        let crl = signed(&[&int, &empty, &empty, &der::utc_time(0)]);
        let first_crl = signed(&[&empty, &empty, &der::generalized_time(0)]);
        let certificate = signed(&[&int, &empty, &empty, &empty]);
        assert_eq!(Kind::of(&crl), Ok(Kind::Crl));
        assert_eq!(Kind::of(&first_crl), Ok(Kind::Crl));
        assert_eq!(Kind::of(&certificate), Ok(Kind::Certificate));
    }

    #[test]
    fn octets_that_begin_nothing_are_an_error_with_a_place() {
        for (der, at) in [
            (&[][..], 0),
            (b"<html>", 0),
            (&[0x30, 0x05, 0x30], 1),
            (&[0x30, 0x00], 2),
            (&[0x30, 0x02, 0x0C, 0x00], 2),
        ] {
            match Kind::of(der) {
                Err(NotOurs::Unreadable(why)) => assert_eq!(why.at, at, "{der:02X?}"),
                other => panic!("{der:02X?}: {other:?}"),
            }
        }
    }
}
