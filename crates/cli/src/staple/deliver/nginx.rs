//! nginx: the staple in DER, and a file with the directives that the server's configuration includes by a glob.
//!
//! nginx does not start when `ssl_stapling_file` is missing, and staples what it has loaded for ever. Therefore the
//! directive stands in a file of its own, which is there only while a staple is: `include /etc/nginx/staples/www*.conf;`
//! matches it or nothing. The order is such that nginx may start at any moment: the staple comes before the directive,
//! and the directive goes before the staple.

use super::{DeliverError, Done, Parcel, put, reload};
use crate::staple::config::DeliverConfig;

pub(super) fn deliver(deliver: &DeliverConfig, parcel: &Parcel<'_>) -> Result<Done, DeliverError> {
    // The configuration was checked for both.
    let (Some(file), Some(include)) = (&deliver.file, &deliver.include) else {
        return Ok(Done::default());
    };
    let changed = match parcel.staple {
        Some(staple) => {
            let directives = directives(&file.to_string_lossy());
            put(file, Some(staple.der()))? | put(include, Some(directives.as_bytes()))?
        }
        None => put(include, None)? | put(file, None)?,
    };
    Ok(Done {
        changed,
        reload: reload(deliver).filter(|_| changed),
        note: None,
    })
}

fn directives(file: &str) -> String {
    let quoted = file.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "# Written by certvouch; gone while there is no valid staple.\n\
         ssl_stapling on;\nssl_stapling_file \"{quoted}\";\n"
    )
}
