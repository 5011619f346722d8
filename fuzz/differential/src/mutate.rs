//! Mutations of DER: of the tree of elements, with the lengths mended, and of single octets.

/// A generator that the same seed makes say the same (splitmix64).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// An element: its tag, and its content as octets or as elements.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    tag: u8,
    body: Body,
    /// Octets of the length beyond what DER needs; 0 is DER.
    long: u8,
}

#[derive(Clone, Debug)]
enum Body {
    Octets(Vec<u8>),
    Nodes(Vec<Node>),
}

impl Node {
    /// Reads elements that stand side by side; nothing if the octets are none.
    pub(crate) fn read_all(mut input: &[u8]) -> Option<Vec<Self>> {
        let mut all = Vec::new();
        while let Some((&tag, rest)) = input.split_first() {
            let (&first, rest) = rest.split_first()?;
            let (length, rest) = if first < 0x80 {
                (usize::from(first), rest)
            } else {
                let count = usize::from(first & 0x7F);
                if !(1..=4).contains(&count) {
                    return None;
                }
                let digits = rest.get(..count)?;
                let length = digits
                    .iter()
                    .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
                (length, &rest[count..])
            };
            let content = rest.get(..length)?;
            all.push(Self::of(tag, content));
            input = &rest[length..];
        }
        Some(all)
    }

    /// OCTET STRINGs whose content is an element are opened too, as are constructed elements.
    fn of(tag: u8, content: &[u8]) -> Self {
        let opened = (tag & 0x20 != 0 || (tag == 0x04 && content.len() > 1))
            .then(|| Self::read_all(content))
            .flatten();
        let body = opened.map_or_else(|| Body::Octets(content.to_vec()), Body::Nodes);
        Self { tag, body, long: 0 }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let content = match &self.body {
            Body::Octets(octets) => octets.clone(),
            Body::Nodes(nodes) => nodes.iter().flat_map(Self::write).collect(),
        };
        let digits: Vec<u8> = content
            .len()
            .to_be_bytes()
            .into_iter()
            .skip_while(|b| *b == 0)
            .collect();
        let mut out = vec![self.tag];
        if content.len() < 0x80 && self.long == 0 {
            out.extend(content.len().to_be_bytes().last());
        } else {
            let padding = usize::from(self.long).saturating_sub(1);
            out.extend(u8::try_from(digits.len() + padding).map(|count| 0x80 | count));
            out.extend(std::iter::repeat_n(0, padding));
            out.extend(digits);
        }
        out.extend(content);
        out
    }

    fn count(&self) -> usize {
        1 + match &self.body {
            Body::Octets(_) => 0,
            Body::Nodes(nodes) => nodes.iter().map(Self::count).sum(),
        }
    }

    /// The element with this number, counted depth first.
    fn find(&self, index: usize) -> Option<&Self> {
        if index == 0 {
            return Some(self);
        }
        let Body::Nodes(nodes) = &self.body else {
            return None;
        };
        let mut index = index - 1;
        for node in nodes {
            let count = node.count();
            if index < count {
                return node.find(index);
            }
            index -= count;
        }
        None
    }

    fn find_mut(&mut self, index: usize) -> Option<&mut Self> {
        if index == 0 {
            return Some(self);
        }
        let Body::Nodes(nodes) = &mut self.body else {
            return None;
        };
        let mut index = index - 1;
        for node in nodes {
            let count = node.count();
            if index < count {
                return node.find_mut(index);
            }
            index -= count;
        }
        None
    }
}

/// Changes one thing in the tree; `pool` has elements of other messages.
pub(crate) fn tree(root: &mut Node, pool: &[Node], random: &mut Random) {
    let count = root.count();
    let donor = if random.below(3) == 0 {
        pool.get(random.below(pool.len()))
            .and_then(|other| other.find(random.below(other.count())))
    } else {
        root.find(random.below(count))
    };
    let donor = donor.cloned();
    let Some(node) = root.find_mut(random.below(count)) else {
        return;
    };
    match random.below(12) {
        0 => node.tag ^= 1 << random.below(8),
        1 => {
            node.tag = [
                0x02, 0x04, 0x05, 0x0A, 0x17, 0x18, 0x30, 0x80, 0x82, 0xA0, 0xA1, 0xA2,
            ][random.below(12)]
        }
        2 => node.long = [1, 2, 3][random.below(3)],
        3 => node.body = Body::Octets(Vec::new()),
        4 => {
            if let Some(donor) = donor {
                *node = donor;
            }
        }
        _ => match &mut node.body {
            Body::Octets(content) => octets(content, random),
            Body::Nodes(nodes) => children(nodes, donor, random),
        },
    }
}

fn children(nodes: &mut Vec<Node>, donor: Option<Node>, random: &mut Random) {
    let at = random.below(nodes.len());
    match random.below(5) {
        0 if !nodes.is_empty() => drop(nodes.remove(at)),
        1 if !nodes.is_empty() => nodes.insert(at, nodes[at].clone()),
        2 if !nodes.is_empty() => {
            let other = random.below(nodes.len());
            nodes.swap(at, other);
        }
        3 => nodes.insert(
            at,
            Node {
                tag: 0x05,
                body: Body::Octets(Vec::new()),
                long: 0,
            },
        ),
        _ => nodes.extend(donor),
    }
}

/// Changes a few octets.
pub(crate) fn octets(content: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(2) {
        let at = random.below(content.len());
        match random.below(7) {
            0 | 1 if !content.is_empty() => content[at] ^= 1 << random.below(8),
            2 if !content.is_empty() => content[at] = random.octet(),
            3 if !content.is_empty() => {
                content[at] = [0, 1, 0x7F, 0x80, 0xFF, b'Z', b'0'][random.below(7)]
            }
            4 if !content.is_empty() => drop(content.remove(at)),
            5 => content.insert(at, random.octet()),
            _ => content.truncate(at),
        }
    }
}
