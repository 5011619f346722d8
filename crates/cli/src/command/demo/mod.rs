//! x
mod folder;
mod guide;
mod index;
mod pki;
