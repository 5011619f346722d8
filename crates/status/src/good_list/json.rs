//! Just enough JSON (RFC 8259) to take members of one flat object out of a line. Nested values are passed over.
//!
//! Recursion has a bound, and what is no JSON gives nothing: the caller refuses the line.

/// The value of a member, as far as a good-list needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A string, unescaped.
    Text(String),
    /// The text of a number.
    Number(String),
    /// true, false, null, an array or an object.
    Other,
}

/// How deep arrays and objects may lie in each other.
const DEPTH: usize = 32;

/// The members of the one object on a line.
pub(super) fn object(line: &str) -> Option<Vec<(String, Value)>> {
    let mut reader = Reader { rest: line };
    let members = reader.object()?;
    reader.space();
    reader.rest.is_empty().then_some(members)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn take(&mut self, token: char) -> Option<()> {
        self.space();
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    fn object(&mut self) -> Option<Vec<(String, Value)>> {
        self.take('{')?;
        let mut members = Vec::new();
        if self.take('}').is_some() {
            return Some(members);
        }
        loop {
            self.space();
            let name = self.string()?;
            self.take(':')?;
            members.push((name, self.value(0)?));
            if self.take(',').is_none() {
                return self.take('}').map(|()| members);
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.space();
        match self.rest.chars().next()? {
            '"' => self.string().map(Value::Text),
            '-' | '0'..='9' => self.number().map(Value::Number),
            '{' => self.nested('{', '}', true, depth),
            '[' => self.nested('[', ']', false, depth),
            _ => ["true", "false", "null"].into_iter().find_map(|word| {
                self.rest = self.rest.strip_prefix(word)?;
                Some(Value::Other)
            }),
        }
    }

    fn nested(&mut self, open: char, close: char, named: bool, depth: usize) -> Option<Value> {
        if depth >= DEPTH {
            return None;
        }
        self.take(open)?;
        if self.take(close).is_some() {
            return Some(Value::Other);
        }
        loop {
            if named {
                self.space();
                self.string()?;
                self.take(':')?;
            }
            self.value(depth + 1)?;
            if self.take(',').is_none() {
                return self.take(close).map(|()| Value::Other);
            }
        }
    }

    fn number(&mut self) -> Option<String> {
        let part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        number.parse::<f64>().ok()?;
        self.rest = rest;
        Some(number.to_owned())
    }

    fn string(&mut self) -> Option<String> {
        self.rest = self.rest.strip_prefix('"')?;
        let mut text = String::new();
        loop {
            let end = self.rest.find(['"', '\\'])?;
            let (plain, rest) = self.rest.split_at(end);
            if plain.contains(|c: char| c < ' ') {
                return None;
            }
            text.push_str(plain);
            if let Some(rest) = rest.strip_prefix('"') {
                self.rest = rest;
                return Some(text);
            }
            let mut characters = rest.chars();
            characters.next();
            let escaped = characters.next()?;
            self.rest = characters.as_str();
            text.push(match escaped {
                '"' | '\\' | '/' => escaped,
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => self.unicode()?,
                _ => return None,
            });
        }
    }

    /// Four hexadecimal digits; half of a pair of surrogates stands for no character and becomes U+FFFD.
    fn unicode(&mut self) -> Option<char> {
        let digits = self.rest.get(..4)?;
        self.rest = self.rest.get(4..)?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_gives_its_members_and_passes_over_nested_ones() {
        let members =
            object(r#" {"a" : "x\"\u0041\n", "b":-12e3,"c":[1,{"d":[]},"]"],"e":null} "#).unwrap();
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(members[0], ("a".to_owned(), text("x\"A\n")));
        assert_eq!(members[1].1, Value::Number("-12e3".to_owned()));
        assert_eq!(
            (members[2].1.clone(), members[3].1.clone()),
            (Value::Other, Value::Other)
        );
        assert_eq!(object("{}"), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_object_gives_nothing() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
        for line in [
            "",
            "[]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1} x",
            "{a:1}",
            "{\"a\":tru}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12\"}",
            "{\"a\":\"\t\"}",
            "{\"a\":--1}",
            &deep,
        ] {
            assert_eq!(object(line), None, "{line}");
        }
    }
}
