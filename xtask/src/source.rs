//! A Rust file as the checks see it: which part of each line is code, which is comment, and what is a test.
//!
//! This is a lexer for strings, characters and comments, not a parser. It promises that a word inside a string
//! or a comment is never mistaken for code; that is all the checks need. Arbitrary choice: string contents
//! become spaces of the same length in characters, so that columns stay what they were.

/// One line of a file.
#[derive(Debug, Default, Clone)]
pub(crate) struct Line {
    /// The line with comments, string contents and character literals blanked.
    pub(crate) code: String,
    /// The text of the comments on this line, without the rest.
    pub(crate) comment: String,
    /// Is the line part of a test: under `#[cfg(test)]`, or in a file that holds tests only?
    pub(crate) test: bool,
}

/// A Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the project root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) lines: Vec<Line>,
}

impl Source {
    /// Reads `text`. `test_file` says that some other file declares this one under `#[cfg(test)]`.
    pub(crate) fn new(path: &str, text: &str, test_file: bool) -> Self {
        let mut lines = Lexer::default().run(text);
        if test_file || is_test_path(path) {
            lines.iter_mut().for_each(|line| line.test = true);
        } else {
            mark_test_items(&mut lines);
        }
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            lines,
        }
    }

    /// The lines that are not test code, with their numbers from 1.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.numbered().filter(|(_, line)| !line.test)
    }

    /// All lines with their numbers from 1.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines
            .iter()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// The module doc: the `//!` lines that open the file, without the marks.
    pub(crate) fn module_doc(&self) -> String {
        self.text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The files that this one declares as `#[cfg(test)] mod name;`, as path stems below its module folder.
    pub(crate) fn test_modules(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut armed = false;
        for line in &self.lines {
            let code = line.code.trim();
            armed |= code.starts_with("#[cfg(test)]");
            if !armed {
                continue;
            }
            if let Some(name) = module_declaration(code) {
                names.push(name.to_owned());
            }
            if !code.is_empty() && !code.ends_with(']') {
                armed = false;
            }
        }
        let folder = self.module_folder();
        names
            .into_iter()
            .map(|name| format!("{folder}/{name}"))
            .collect()
    }

    /// The folder in which the modules that this file declares live.
    fn module_folder(&self) -> String {
        let (folder, file) = self
            .path
            .rsplit_once('/')
            .unwrap_or((".", self.path.as_str()));
        match file {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            _ => format!("{folder}/{}", file.trim_end_matches(".rs")),
        }
    }
}

/// `name` of `mod name;`, with or without a visibility and an attribute before it.
fn module_declaration(code: &str) -> Option<&str> {
    let before = code.strip_suffix(';')?;
    let (head, name) = before.rsplit_once(' ')?;
    (head == "mod" || head.ends_with(" mod")).then_some(name)
}

/// Folders whose Rust files are tests altogether.
fn is_test_path(path: &str) -> bool {
    let mut parts = path.split('/').rev();
    let file = parts.next().unwrap_or_default();
    file == "tests.rs" || parts.any(|part| part == "tests" || part == "benches")
}

/// Marks what stands under `#[cfg(test)]`, up to the end of the item.
fn mark_test_items(lines: &mut [Line]) {
    let mut state = Item::Outside;
    for line in lines {
        let code = line.code.clone();
        if matches!(state, Item::Outside) && code.trim_start().starts_with("#[cfg(test)]") {
            state = Item::Waiting;
        }
        line.test = !matches!(state, Item::Outside);
        for character in code.chars() {
            state = state.after(character);
        }
    }
}

/// Where the marking stands relative to an item under `#[cfg(test)]`.
#[derive(Debug, Clone, Copy)]
enum Item {
    Outside,
    /// The attribute was seen, the item's braces not yet.
    Waiting,
    /// Inside this many braces.
    Inside(usize),
}

impl Item {
    fn after(self, character: char) -> Self {
        match (self, character) {
            (Self::Waiting, '{') => Self::Inside(1),
            (Self::Waiting, ';') | (Self::Inside(1), '}') => Self::Outside,
            (Self::Inside(depth), '{') => Self::Inside(depth + 1),
            (Self::Inside(depth), '}') => Self::Inside(depth - 1),
            (state, _) => state,
        }
    }
}

/// What the lexer is inside of.
#[derive(Debug, Clone, Copy, Default)]
enum Inside {
    #[default]
    Code,
    LineComment,
    /// Nested this deep.
    BlockComment(usize),
    Text,
    /// Closed by a quote and this many `#`.
    RawText(usize),
}

#[derive(Debug, Default)]
struct Lexer {
    inside: Inside,
    lines: Vec<Line>,
    line: Line,
}

impl Lexer {
    fn run(mut self, text: &str) -> Vec<Line> {
        let characters: Vec<char> = text.chars().collect();
        let mut at = 0;
        while let Some(&character) = characters.get(at) {
            let rest = characters.get(at..).unwrap_or_default();
            if character == '\n' {
                if matches!(self.inside, Inside::LineComment) {
                    self.inside = Inside::Code;
                }
                self.lines.push(std::mem::take(&mut self.line));
                at += 1;
                continue;
            }
            at += match self.inside {
                Inside::Code => self.code(rest),
                Inside::LineComment => self.comment(rest, 1),
                Inside::BlockComment(depth) => self.block_comment(rest, depth),
                Inside::Text => self.text(rest),
                Inside::RawText(marks) => self.raw_text(rest, marks),
            };
        }
        if !self.line.code.is_empty() || !self.line.comment.is_empty() {
            self.lines.push(self.line);
        }
        self.lines
    }

    /// Reads on in code and returns how many characters it took.
    fn code(&mut self, rest: &[char]) -> usize {
        match rest {
            ['/', '/', ..] => {
                self.inside = Inside::LineComment;
                self.comment(rest, 2)
            }
            ['/', '*', ..] => {
                self.inside = Inside::BlockComment(1);
                self.comment(rest, 2)
            }
            ['"', ..] => {
                self.inside = Inside::Text;
                self.keep("\"");
                1
            }
            ['\'', ..] => self.quote(rest),
            ['r', next @ ..] if !self.in_word() => self.raw_start(next, 1),
            ['b' | 'c', 'r', next @ ..] if !self.in_word() => self.raw_start(next, 2),
            [character, ..] => {
                self.line.code.push(*character);
                1
            }
            [] => 1,
        }
    }

    /// After `r`: a raw string starts if some `#` and a quote follow.
    fn raw_start(&mut self, next: &[char], before: usize) -> usize {
        let marks = next.iter().take_while(|&&c| c == '#').count();
        self.keep(if before == 1 { "r" } else { "br" });
        if next.get(marks) != Some(&'"') {
            return before;
        }
        self.keep("\"");
        self.inside = Inside::RawText(marks);
        before + marks + 1
    }

    /// A character literal, or a lifetime.
    fn quote(&mut self, rest: &[char]) -> usize {
        let length = match rest {
            ['\'', '\\', _, tail @ ..] => tail
                .iter()
                .position(|&c| c == '\'')
                .map_or(1, |end| end + 4),
            ['\'', _, '\'', ..] => 3,
            _ => 1,
        };
        self.keep(if length == 1 { "'" } else { "' '" });
        length
    }

    fn text(&mut self, rest: &[char]) -> usize {
        match rest {
            ['\\', '\n', ..] => 1,
            ['\\', _, ..] => {
                self.keep("  ");
                2
            }
            ['"', ..] => {
                self.inside = Inside::Code;
                self.keep("\"");
                1
            }
            _ => {
                self.keep(" ");
                1
            }
        }
    }

    fn raw_text(&mut self, rest: &[char], marks: usize) -> usize {
        let closes = rest.first() == Some(&'"')
            && rest
                .iter()
                .skip(1)
                .take(marks)
                .filter(|&&c| c == '#')
                .count()
                == marks;
        if closes {
            self.inside = Inside::Code;
            self.keep("\"");
            marks + 1
        } else {
            self.keep(" ");
            1
        }
    }

    fn block_comment(&mut self, rest: &[char], depth: usize) -> usize {
        match rest {
            ['/', '*', ..] => {
                self.inside = Inside::BlockComment(depth + 1);
                self.comment(rest, 2)
            }
            ['*', '/', ..] => {
                self.inside = if depth == 1 {
                    Inside::Code
                } else {
                    Inside::BlockComment(depth - 1)
                };
                self.comment(rest, 2)
            }
            _ => self.comment(rest, 1),
        }
    }

    fn comment(&mut self, rest: &[char], length: usize) -> usize {
        self.line.comment.extend(rest.iter().take(length));
        length
    }

    fn keep(&mut self, text: &str) {
        self.line.code.push_str(text);
    }

    /// Does the code so far end inside a word, so that `r` is not a prefix?
    fn in_word(&self) -> bool {
        self.line
            .code
            .ends_with(|c: char| c.is_alphanumeric() || c == '_')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Vec<String> {
        let source = Source::new("src/a.rs", text, false);
        source
            .lines
            .into_iter()
            .map(|line| line.code.trim().to_owned())
            .collect()
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        assert_eq!(code("a(); // todo!()"), ["a();"]);
        assert_eq!(code("a(); /* b(); /* c */ d */ e();"), ["a();  e();"]);
        assert_eq!(code(r#"f("x.unwrap()");"#), [r#"f("          ");"#]);
        assert_eq!(code("f(r#\"a\"b\"#); g();"), ["f(r\"   \"); g();"]);
        assert_eq!(code(r#"f(b"\"{"); g();"#), [r#"f(b"   "); g();"#]);
    }

    #[test]
    fn character_literals_and_lifetimes_are_told_apart() {
        assert_eq!(code("f('\"'); g();"), ["f(' '); g();"]);
        assert_eq!(code(r"f('\''); g();"), ["f(' '); g();"]);
        assert_eq!(code(r"f('\u{1F600}'); g();"), ["f(' '); g();"]);
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), ["fn f<'a>(x: &'a str) {}"]);
    }

    #[test]
    fn string_over_several_lines_keeps_the_line_count() {
        let source = Source::new("src/a.rs", "let a = \"x\\\n y\n z\";\nb();\n", false);
        assert_eq!(source.lines.len(), 4);
        assert_eq!(source.lines.last().unwrap().code, "b();");
    }

    #[test]
    fn word_that_ends_in_r_opens_no_raw_string() {
        assert_eq!(code("for \"x\""), ["for \" \""]);
        assert_eq!(code("bar\"x\" y"), ["bar\" \" y"]);
    }

    fn test_flags(text: &str) -> Vec<bool> {
        Source::new("src/a.rs", text, false)
            .lines
            .iter()
            .map(|line| line.test)
            .collect()
    }

    #[test]
    fn test_module_ends_with_its_brace() {
        let text = "a();\n#[cfg(test)]\nmod tests {\n  fn x() { \"}\"; }\n}\nb();\n";
        assert_eq!(test_flags(text), [false, true, true, true, true, false]);
    }

    #[test]
    fn test_declaration_ends_with_its_semicolon() {
        assert_eq!(
            test_flags("#[cfg(test)]\nmod tests;\nb();\n"),
            [true, true, false]
        );
    }

    #[test]
    fn folders_of_tests_are_tests() {
        for path in [
            "crates/cli/tests/openssl.rs",
            "crates/a/src/tests/b.rs",
            "crates/a/src/b/tests.rs",
        ] {
            assert!(
                Source::new(path, "a();", false)
                    .lines
                    .iter()
                    .all(|line| line.test),
                "{path}"
            );
        }
        assert!(
            Source::new("crates/a/src/attests.rs", "a();", false)
                .product_lines()
                .count()
                == 1
        );
    }

    #[test]
    fn test_modules_names_the_files_declared_under_cfg_test() {
        let text = "mod a;\n#[cfg(test)]\nmod b;\n#[cfg(test)]\npub(crate) mod c;\nmod d;\n";
        let source = Source::new("crates/x/src/lib.rs", text, false);
        assert_eq!(source.test_modules(), ["crates/x/src/b", "crates/x/src/c"]);
        let nested = Source::new("crates/x/src/y.rs", "#[cfg(test)] mod b;", false);
        assert!(nested.test_modules().is_empty() || nested.test_modules() == ["crates/x/src/y/b"]);
    }

    #[test]
    fn module_doc_is_the_opening_comment() {
        let source = Source::new(
            "src/a.rs",
            "//! One.\n//!\n//! Two.\n\n//! Not this.\n",
            false,
        );
        assert_eq!(source.module_doc(), " One.\n\n Two.");
    }
}
