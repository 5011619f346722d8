//! `docs/peers.md`: its tables stand between comments, and each is written by one test.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Two tests must not write the page at the same time.
static WRITING: Mutex<()> = Mutex::new(());

/// Compares the page's part of this name with what was found; with `CERTVOUCH_BLESS=1` writes it.
pub(crate) fn compare(part: &str, found: &str) {
    let _guard = WRITING.lock().expect("no panic while it is held");
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/peers.md");
    let page = std::fs::read_to_string(&path).expect("docs/peers.md is there");
    let (begin, end) = (
        format!("<!-- {part}: written by a test -->\n\n"),
        format!("\n<!-- {part}: end -->"),
    );
    let (before, rest) = page.split_once(&begin).expect("the part's beginning");
    let (there, after) = rest.split_once(&end).expect("the part's end");
    if std::env::var_os("CERTVOUCH_BLESS").is_some() {
        let whole = [before, &begin, found, &end, after].concat();
        std::fs::write(&path, whole).expect("docs/peers.md is written");
        return;
    }
    assert!(
        there == found,
        "docs/peers.md: {part} is out of date: run this test with CERTVOUCH_BLESS=1\n{found}"
    );
}
