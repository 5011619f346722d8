//! Distinguished names: compared as bytes, shown as text.

use core::fmt;

use crate::der::{Reader, tag};
use crate::error::DecodeError;
use crate::oid::{self, Oid};

/// `Name ::= CHOICE { rdnSequence SEQUENCE OF RelativeDistinguishedName }`, as the whole triple.
///
/// Equality is that of the octets, which is what the hashes of a CertID need. The attribute values are foreign
/// text: whoever shows them escapes them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// Reads the Name that comes next; its attributes are walked once.
    ///
    /// # Errors
    /// Not a SEQUENCE OF SET OF SEQUENCE { OBJECT IDENTIFIER, ANY }.
    pub fn read(reader: &mut Reader<'a>, what: &'static str) -> Result<Self, DecodeError> {
        let element = reader.required(tag::SEQUENCE, what)?;
        let mut rdns = element.contents();
        while !rdns.is_empty() {
            let mut rdn = rdns.required(tag::SET, what)?.contents();
            while !rdn.is_empty() {
                let mut attribute = rdn.sequence(what)?;
                attribute.oid(what)?;
                attribute.next(what)?;
                attribute.finish(what)?;
            }
        }
        Ok(Self(element.raw))
    }

    /// The whole triple.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Whether each PrintableString and IA5String has characters of its type alone (X.680 41.4).
    ///
    /// Reading a name does not ask for it, since CAs with such names exist; names that break it are the same only
    /// octet by octet.
    #[must_use]
    pub fn has_proper_strings(&self) -> bool {
        self.attributes()
            .all(|(_, kind, value)| is_proper_string(kind, value))
    }

    /// The attributes in order: type, tag of the value, octets of the value.
    pub fn attributes(&self) -> impl Iterator<Item = (Oid<'a>, u8, &'a [u8])> + use<'a> {
        let mut rdns = Reader::new(self.0)
            .sequence("Name")
            .unwrap_or(Reader::new(&[]));
        let mut rdn = Reader::new(&[]);
        core::iter::from_fn(move || {
            while rdn.is_empty() {
                rdn = rdns.next("Name").ok()?.contents();
            }
            let mut attribute = rdn.sequence("Name").ok()?;
            let oid = attribute.oid("Name").ok()?;
            let value = attribute.next("Name").ok()?;
            Some((oid, value.tag, value.value))
        })
    }
}

/// Whether the octets are of the string type with this tag, as far as its characters tell.
pub(super) fn is_proper_string(kind: u8, value: &[u8]) -> bool {
    let printable = |octet: &u8| octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(octet);
    match kind {
        tag::PRINTABLE_STRING => value.iter().all(printable),
        tag::IA5_STRING => value.is_ascii(),
        _ => true,
    }
}

impl fmt::Display for Name<'_> {
    /// `CN=…, O=…` in the order of the encoding. Values that are not UTF-8 are shown as `#` and hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (oid, _, value)) in self.attributes().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            match short_name(oid) {
                Some(name) => write!(f, "{name}=")?,
                None => write!(f, "{oid}=")?,
            }
            match core::str::from_utf8(value) {
                Ok(text) => f.write_str(text)?,
                Err(_) => {
                    f.write_str("#")?;
                    value
                        .iter()
                        .try_for_each(|octet| write!(f, "{octet:02X}"))?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({:?})", alloc::format!("{self}"))
    }
}

/// The names of RFC 4514 3 and the few others that certificates use.
fn short_name(oid: Oid<'_>) -> Option<&'static str> {
    if oid == oid::COMMON_NAME {
        return Some("CN");
    }
    match oid.as_bytes() {
        [0x55, 4, 5] => Some("serialNumber"),
        [0x55, 4, 6] => Some("C"),
        [0x55, 4, 7] => Some("L"),
        [0x55, 4, 8] => Some("ST"),
        [0x55, 4, 9] => Some("street"),
        [0x55, 4, 10] => Some("O"),
        [0x55, 4, 11] => Some("OU"),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 0x19] => Some("DC"),
        _ => None,
    }
}
