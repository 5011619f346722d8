//! GeneralName: the names that extensions point with.

use crate::der::{Element, Reader, tag};
use crate::error::{DecodeError, Why};
use crate::pkix::name::Name;

/// The forms of GeneralName (RFC 5280 4.2.1.6) that status looks at; the others are kept as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GeneralName<'a> {
    /// `[4] EXPLICIT Name`.
    DirectoryName(Name<'a>),
    /// Another form, as a whole triple.
    Other(&'a [u8]),
    /// `[6] IMPLICIT IA5String`.
    Uri(&'a str),
}

impl<'a> GeneralName<'a> {
    /// Reads the one that comes next.
    ///
    /// # Errors
    /// Not DER, or a tag outside the CHOICE.
    pub fn read(reader: &mut Reader<'a>, what: &'static str) -> Result<Self, DecodeError> {
        let element = reader.next(what)?;
        Self::from_element(element, what)
    }

    fn from_element(element: Element<'a>, what: &'static str) -> Result<Self, DecodeError> {
        match element.tag {
            0xA4 => {
                let mut inner = element.contents();
                let name = Name::read(&mut inner, what)?;
                inner.finish(what)?;
                Ok(Self::DirectoryName(name))
            }
            0x86 => core::str::from_utf8(element.value)
                .ok()
                .filter(|uri| uri.is_ascii())
                .map(Self::Uri)
                .ok_or_else(|| DecodeError::new(what, element.value_at(), Why::BadString)),
            0xA0 | 0xA3 | 0xA5 | 0x81 | 0x82 | 0x87 | 0x88 => Ok(Self::Other(element.raw)),
            found => {
                let why = Why::UnexpectedTag {
                    expected: tag::context(6),
                    found,
                };
                Err(DecodeError::new(what, element.at, why))
            }
        }
    }

    /// Whether both name the same thing: directory names by RFC 5280 7.1, everything else by its octets.
    #[must_use]
    pub fn matches(&self, other: &GeneralName<'_>) -> bool {
        match (self, other) {
            (Self::DirectoryName(one), GeneralName::DirectoryName(two)) => one.matches(two),
            (Self::Uri(one), GeneralName::Uri(two)) => one == two,
            (Self::Other(one), GeneralName::Other(two)) => one == two,
            _ => false,
        }
    }
}

/// `GeneralNames ::= SEQUENCE SIZE (1..MAX) OF GeneralName`, each read once already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneralNames<'a> {
    content: &'a [u8],
    at: usize,
}

impl<'a> GeneralNames<'a> {
    /// Takes the content of the SEQUENCE, whatever tag it came under.
    ///
    /// # Errors
    /// A member that does not parse, or no member.
    pub fn from_element(element: Element<'a>, what: &'static str) -> Result<Self, DecodeError> {
        let mut rest = element.contents();
        if rest.is_empty() {
            return Err(rest.fail(what, Why::Empty));
        }
        while !rest.is_empty() {
            GeneralName::read(&mut rest, what)?;
        }
        Ok(Self {
            content: element.value,
            at: element.value_at(),
        })
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = GeneralName<'a>> + use<'a> {
        let mut reader = Reader::at(self.content, self.at);
        // Every member was read without an error when the list was parsed.
        core::iter::from_fn(move || GeneralName::read(&mut reader, "GeneralNames").ok())
    }

    /// The first directoryName.
    #[must_use]
    pub fn directory_name(&self) -> Option<Name<'a>> {
        self.iter().find_map(|name| match name {
            GeneralName::DirectoryName(name) => Some(name),
            _ => None,
        })
    }
}
