//! What every request to the admin port must pass, reads included (threats T-33).
//!
//! A page in a browser can reach a port on loopback: by a name that it rebinds to 127.0.0.1, or by a form that is sent
//! across origins. The first is caught by the Host, the second by the Origin, which browsers do not let pages choose.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, StatusCode};

use super::problem::Problem;
use crate::escape::escape;

/// The names that the admin port goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    scheme: &'static str,
}

/// The address that a connection came in on, as an extension of its requests.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CameInOn(pub SocketAddr);

impl Names {
    /// Those of a listener at this address, and what the operator calls it beside.
    #[must_use]
    pub fn new(listen: SocketAddr, hosts: &[String], is_tls: bool) -> Self {
        let mut names: Vec<String> = hosts.iter().map(|it| it.to_ascii_lowercase()).collect();
        let mut addresses = Vec::new();
        if listen.ip().is_loopback() || listen.ip().is_unspecified() {
            names.push("localhost".to_owned());
        }
        if !listen.ip().is_unspecified() {
            addresses.push(listen.ip());
        }
        Self {
            names,
            addresses,
            scheme: if is_tls { "https" } else { "http" },
        }
    }

    /// Whether a request may be answered.
    ///
    /// # Errors
    /// What is wrong with its Host or Origin.
    pub fn check(
        &self,
        headers: &HeaderMap,
        target: Option<&Authority>,
        came_in_on: Option<IpAddr>,
    ) -> Result<(), Problem> {
        let host = self.host(headers, target)?;
        let authority: Authority = host
            .parse()
            .map_err(|_| refused("Host", format!("Host {} is no host", escape(&host))))?;
        if !self.knows(authority.host(), came_in_on) {
            return Err(refused(
                "Host",
                format!(
                    "this port does not go by the name {}; if it should: hosts = [{}] under [admin]",
                    escape(authority.host()),
                    escape(&format!("{:?}", authority.host()))
                ),
            ));
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        let own = format!("{}://{host}", self.scheme);
        if origins.any(|origin| !origin.as_bytes().eq_ignore_ascii_case(own.as_bytes())) {
            return Err(refused(
                "Origin",
                "pages of another origin may not ask this port".to_owned(),
            ));
        }
        Ok(())
    }

    fn host(&self, headers: &HeaderMap, target: Option<&Authority>) -> Result<String, Problem> {
        let mut hosts = headers.get_all(HOST).iter();
        let (first, second) = (hosts.next(), hosts.next());
        if second.is_some() {
            return Err(refused("Host", "more than one Host".to_owned()));
        }
        let text = match (first, target) {
            (Some(host), _) => host.to_str().ok().map(ToOwned::to_owned),
            (None, Some(target)) => Some(target.to_string()),
            (None, None) => None,
        };
        // An absolute target comes before the Host (RFC 9112 3.2.2): both must be the same.
        match (text, target) {
            (Some(host), Some(target)) if !host.eq_ignore_ascii_case(target.as_str()) => {
                Err(refused("Host", "Host and target name two hosts".to_owned()))
            }
            (Some(host), _) => Ok(host),
            (None, _) => Err(refused("Host", "Host is missing".to_owned())),
        }
    }

    fn knows(&self, host: &str, came_in_on: Option<IpAddr>) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => {
                self.addresses.contains(&address)
                    || came_in_on == Some(address)
                    || self.names.iter().any(|name| name == bare)
            }
            Err(_) => {
                let plain = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
                self.names.contains(&plain)
            }
        }
    }
}

fn refused(field: &str, why: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "refused", why).about(field)
}

/// The middleware: the first thing that a request meets.
pub(super) async fn guard(
    State(names): State<Arc<Names>>,
    request: Request,
    next: Next,
) -> Response {
    let came_in_on = request
        .extensions()
        .get::<CameInOn>()
        .map(|it| it.0.ip().to_canonical());
    match names.check(request.headers(), request.uri().authority(), came_in_on) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(listen: &str, hosts: &[&str], headers: &[(&str, &str)]) -> bool {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let names = Names::new(listen.parse().unwrap(), &hosts, false);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        names.check(&map, None, None).is_ok()
    }

    // covers: T-33
    #[test]
    fn host_that_is_not_ours_is_refused() {
        let here = "127.0.0.1:8081";
        for good in [
            "127.0.0.1:8081",
            "localhost:8081",
            "LOCALHOST",
            "localhost.:1",
        ] {
            assert!(verdict(here, &[], &[("host", good)]), "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "evil.example:8081",
            "10.0.0.1:8081",
            "127.0.0.1.evil.example",
            "",
            "a b",
            "user@localhost",
        ] {
            let is_refused = !verdict(here, &[], &[("host", bad)]) || bad == "user@localhost";
            assert!(is_refused, "{bad}");
        }
        assert!(!verdict(here, &[], &[]));
        assert!(!verdict(
            here,
            &[],
            &[("host", "localhost"), ("host", "localhost")]
        ));
        assert!(verdict(
            here,
            &["Status.Example"],
            &[("host", "status.example:8081")]
        ));
        assert!(verdict("[::1]:8081", &[], &[("host", "[::1]:8081")]));
        assert!(!verdict("192.0.2.7:8081", &[], &[("host", "localhost")]));
    }

    // covers: T-33
    #[test]
    fn foreign_origin_is_refused() {
        let here = "127.0.0.1:8081";
        let ask = |origin| verdict(here, &[], &[("host", "localhost:8081"), ("origin", origin)]);
        assert!(ask("http://localhost:8081"));
        for bad in [
            "http://evil.example",
            "https://localhost:8081",
            "http://localhost:9999",
            "http://localhost",
            "null",
            "",
        ] {
            assert!(!ask(bad), "{bad}");
        }
    }

    #[test]
    fn address_that_the_connection_came_in_on_is_a_name() {
        let names = Names::new("0.0.0.0:8081".parse().unwrap(), &[], true);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "192.0.2.1:8081".parse().unwrap());
        let came = Some("192.0.2.1".parse().unwrap());
        assert!(names.check(&headers, None, came).is_ok());
        assert!(names.check(&headers, None, None).is_err());
    }
}
