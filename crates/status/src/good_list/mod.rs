//! What was issued: the knowledge that a CRL lacks.
//!
//! A good-list is read from one of these, and [`Format::of`] tells which one it is:
//!
//! * a folder of certificates (`*.pem`, `*.crt`, `*.cer`, `*.der`), or one file of PEM certificates. Certificates of other
//!   issuers are left out and counted;
//! * a text file with one serial number per line. `#` begins a comment. The notation is hexadecimal, with or without
//!   `0x`, and colons or spaces between the digits are allowed; a line `# decimal` before the first number says that
//!   the file is in decimal;
//! * a CSV file (comma, semicolon or TAB) whose first line names a column `serial`, `serial_number` or `serialNumber`
//!   (hexadecimal) or `serial_decimal`, and perhaps a column `not_after` or `notAfter` (RFC 3339);
//! * JSON Lines: one object per line with a member `serial`, `serial_number` or `serialNumber` (a string is
//!   hexadecimal, a number is decimal), and perhaps `not_after` or `notAfter`;
//! * the `index.txt` of an OpenSSL CA, whose rows of every type are what was issued.
//!
//! A line that cannot be read refuses the whole list and leaves the one before standing. So does a list that is empty
//! now and was not before: that is a file half written. A list that shrinks comes into force and says by how much: it
//! can make `good` answers `unknown`, and never `revoked` ones `good`.

pub(crate) mod certificates;
mod error;
mod json;
mod parse;
mod source;
mod table;

pub use error::{GoodListError, LineFault};
pub use parse::Format;
pub use source::{GoodList, GoodListChange};
pub use table::{GoodTable, Issued};
