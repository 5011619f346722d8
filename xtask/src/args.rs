//! A reader for the few flags of the chores: `--name value` and `--name`.
//!
//! Unknown words are errors; a chore that ignored a misspelt flag would report on something else than asked.

use anyhow::{Context, Result, bail};

/// The words of one command line, read one after the other.
#[derive(Debug)]
pub(crate) struct Args<'a> {
    rest: std::slice::Iter<'a, &'a str>,
}

impl<'a> Args<'a> {
    /// Starts reading after the chore's name.
    pub(crate) fn new(words: &'a [&'a str]) -> Self {
        Self { rest: words.iter() }
    }

    /// The next flag, or `None` at the end.
    pub(crate) fn flag(&mut self) -> Option<&'a str> {
        self.rest.next().copied()
    }

    /// The value that belongs to `flag`.
    pub(crate) fn value(&mut self, flag: &str) -> Result<&'a str> {
        match self.rest.next() {
            Some(value) if !value.starts_with("--") => Ok(value),
            _ => bail!("{flag} needs a value"),
        }
    }

    /// The value that belongs to `flag`, as a number.
    pub(crate) fn number(&mut self, flag: &str) -> Result<u64> {
        let value = self.value(flag)?;
        value
            .parse()
            .with_context(|| format!("{flag} {value}: not a number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_missing_is_an_error() {
        let words = ["--seed"];
        let mut args = Args::new(&words);
        let flag = args.flag().unwrap();
        assert_eq!(
            args.value(flag).unwrap_err().to_string(),
            "--seed needs a value"
        );
    }

    #[test]
    fn value_that_is_a_flag_is_an_error() {
        let words = ["--seed", "--rows"];
        let mut args = Args::new(&words);
        let flag = args.flag().unwrap();
        assert!(args.value(flag).is_err());
    }

    #[test]
    fn number_reads_decimal_and_refuses_text() {
        let words = ["12", "x"];
        let mut args = Args::new(&words);
        assert_eq!(args.number("--seconds").unwrap(), 12);
        assert!(args.number("--seconds").is_err());
    }
}
