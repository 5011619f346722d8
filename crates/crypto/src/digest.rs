//! A digest value, whoever computed it.

/// The longest digest of [`certvouch_types::HashAlgorithm`]: SHA-512.
const LONGEST: usize = 64;

/// A digest value of at most 64 octets.
#[derive(Clone, Copy, Debug)]
pub struct Digest {
    octets: [u8; LONGEST],
    length: usize,
}

impl Digest {
    /// Takes the octets that a [`crate::Digester`] computed. Beyond 64 octets they are cut: no algorithm of ours is
    /// longer, and a cut value equals no hash.
    #[must_use]
    pub fn new(value: &[u8]) -> Self {
        let length = value.len().min(LONGEST);
        let mut octets = [0; LONGEST];
        octets[..length].copy_from_slice(&value[..length]);
        Self { octets, length }
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_comes_back_as_it_was() {
        assert_eq!(Digest::new(&[]).as_ref(), &[0; 0]);
        assert_eq!(Digest::new(&[7; 20]).as_ref(), &[7; 20]);
        assert_eq!(Digest::new(&[7; 65]).as_ref(), &[7; 64]);
    }
}
