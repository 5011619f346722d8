//! `openssl ocsp` as the responder that the agent asks: what it answers is verified and stapled like ours.

use std::net::SocketAddr;

use certvouch_testkit::process::{Server, free_port};

use crate::servers::{haproxy, haproxy_delivery, nginx, nginx_delivery};
use crate::support::{Site, eventually};
use crate::wire::revoked_on_the_wire;

/// `openssl ocsp` over the site's index, which it reads again when it changes. It gives its answers an hour, so that
/// HAProxy takes them.
fn openssl_ocsp(site: &Site) -> (Server, SocketAddr) {
    let port = free_port();
    let mut command = site.openssl.command();
    command.current_dir(site.path()).args([
        "ocsp",
        "-index",
        "index.txt",
        "-CA",
        "ca.pem",
        "-rsigner",
        "ocsp.pem",
        "-rkey",
        "ocsp.key",
        "-nmin",
        "60",
        "-port",
        &port.to_string(),
    ]);
    let server = Server::start(&mut command);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    // It serves one connection after the other: one that asks nothing would hold it up.
    let _ = server.wait_for_stderr("waiting for OCSP client connections");
    (server, address)
}

// covers: STAPLE-1, STAPLE-4
#[test]
fn answers_of_openssl_ocsp_reach_nginx_and_haproxy_and_its_revocation_too() {
    let Some((site, program)) = Site::with("nginx") else {
        return;
    };
    let Some((other, balancer)) = Site::with("haproxy") else {
        return;
    };
    for (site, haproxied) in [(&site, false), (&other, true)] {
        let (_responder, address) = openssl_ocsp(site);
        let (_server, delivery) = if haproxied {
            (haproxy(site, &balancer), haproxy_delivery().to_owned())
        } else {
            (nginx(site, &program), nginx_delivery(site, ""))
        };
        site.configure(address, "", &delivery);
        let mut agent = site.agent();
        site.settle("good");
        site.revoke();
        let _ = revoked_on_the_wire(site, &mut agent);
        // The report follows within a second.
        eventually("told", || {
            let report = site.report();
            report.is_some_and(|report| report["targets"][0]["origin"] == "responder")
        });
        assert_eq!(agent.terminate().code(), Some(0));
    }
}
