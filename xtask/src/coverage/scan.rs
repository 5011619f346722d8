//! Finds the tests that name requirement rows: lines `// covers: ID, ID` directly above a test function.
//!
//! A covers line that no test function follows is an error: it would look like proof and be none.

/// A test, and the rows it names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Relative to the project root.
    pub(crate) file: String,
    /// The function's name.
    pub(crate) test: String,
    /// With the line of each.
    pub(crate) ids: Vec<(String, usize)>,
}

/// A covers line that binds to nothing: file, line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Loose(pub(crate) String, pub(crate) usize);

/// Reads one Rust file.
pub(crate) fn scan(file: &str, text: &str) -> (Vec<Claim>, Vec<Loose>) {
    let mut claims = Vec::new();
    let mut loose = Vec::new();
    let mut ids: Vec<(String, usize)> = Vec::new();
    let mut is_test = false;
    let mut open_brackets = 0_usize;
    for (index, line) in text.lines().enumerate() {
        let (line, number) = (line.trim(), index + 1);
        if let Some(list) = line.strip_prefix("// covers:") {
            let names = list.split(',').map(str::trim).filter(|id| !id.is_empty());
            ids.extend(names.map(|id| (id.to_owned(), number)));
            continue;
        }
        if open_brackets > 0 || line.starts_with("#[") {
            is_test |= line.starts_with("#[") && is_test_attribute(line);
            open_brackets += line.matches('[').count();
            open_brackets = open_brackets.saturating_sub(line.matches(']').count());
            continue;
        }
        if line.starts_with("//") && !ids.is_empty() {
            continue;
        }
        match (function_name(line), ids.is_empty()) {
            (Some(test), false) if is_test => claims.push(Claim {
                file: file.to_owned(),
                test: test.to_owned(),
                ids: std::mem::take(&mut ids),
            }),
            (_, false) => {
                loose.extend(
                    ids.first()
                        .map(|(_, number)| Loose(file.to_owned(), *number)),
                );
                ids.clear();
            }
            _ => {}
        }
        is_test = false;
    }
    loose.extend(
        ids.first()
            .map(|(_, number)| Loose(file.to_owned(), *number)),
    );
    (claims, loose)
}

/// The names of all test functions of a Rust file.
pub(crate) fn tests_in(text: &str) -> Vec<&str> {
    let (mut found, mut is_test, mut open_brackets) = (Vec::new(), false, 0_usize);
    for line in text.lines().map(str::trim) {
        if open_brackets > 0 || line.starts_with("#[") {
            is_test |= line.starts_with("#[") && is_test_attribute(line);
            open_brackets += line.matches('[').count();
            open_brackets = open_brackets.saturating_sub(line.matches(']').count());
        } else if !line.starts_with("//") {
            found.extend(function_name(line).filter(|_| is_test));
            is_test = false;
        }
    }
    found
}

/// `#[test]`, `#[tokio::test]`, `#[tokio::test(flavor = …)]`.
fn is_test_attribute(line: &str) -> bool {
    let name = line
        .trim_start_matches("#[")
        .split(['(', ']'])
        .next()
        .unwrap_or_default();
    name == "test" || name.ends_with("::test")
}

fn function_name(line: &str) -> Option<&str> {
    let at = line.find("fn ")?;
    let before = line.get(..at)?;
    let plain = before
        .split_whitespace()
        .all(|word| word == "async" || word.starts_with("pub"));
    let name = line.get(at + 3..)?.split(['(', '<']).next()?;
    plain.then_some(name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scanned prefix, put together so that this file's samples are not claims themselves.
    fn sample(text: &str) -> (Vec<Claim>, Vec<Loose>) {
        scan("a.rs", &text.replace("COVERS", "// covers"))
    }

    fn names(claim: &Claim) -> Vec<&str> {
        claim.ids.iter().map(|(id, _)| id.as_str()).collect()
    }

    #[test]
    fn claim_over_several_lines_and_attributes_binds_to_the_test() {
        let (claims, loose) = sample(
            "COVERS: E-14, R9654-2.1-1\n    COVERS: E-15,\n/// Doc.\n#[tokio::test(\n  flavor = \"x\",\n)]\nasync fn it_works() {\n",
        );
        assert_eq!(loose, []);
        assert_eq!(claims.len(), 1);
        assert_eq!(claims[0].test, "it_works");
        assert_eq!(names(&claims[0]), ["E-14", "R9654-2.1-1", "E-15"]);
    }

    #[test]
    fn claim_between_attribute_and_function_binds_too() {
        let (claims, _) = sample("#[test]\nCOVERS: E-1\nfn a() {}\n#[test]\nfn b() {}\n");
        assert_eq!(claims.len(), 1);
        assert_eq!(claims[0].test, "a");
    }

    #[test]
    fn claim_above_something_else_is_loose() {
        for text in [
            "COVERS: E-1\nfn helper() {}\n",
            "COVERS: E-1\n\n#[test]\nfn a() {}\n",
            "COVERS: E-1\n",
        ] {
            let (claims, loose) = sample(text);
            assert_eq!(claims, [], "{text}");
            assert_eq!(loose, [Loose("a.rs".to_owned(), 1)], "{text}");
        }
    }
}
