//! nginx and HAProxy as operators run them: a master process, reloaded by signals.

use std::process::Command;

use certvouch_testkit::peer::Peer;
use certvouch_testkit::process::Server;

use crate::support::Site;

/// What the agent is told about nginx.
pub(crate) fn nginx_delivery(site: &Site, further: &str) -> String {
    let root = site.path().display();
    format!(
        "{{ kind = \"nginx\", file = \"www.der\", include = \"www.stapling.conf\", \
         reload = [\"sh\", \"-c\", \"kill -HUP $(cat {root}/nginx.pid)\"]{further} }}"
    )
}

/// nginx with a master, so that it can be reloaded; its configuration includes the agent's file by a glob.
pub(crate) fn nginx(site: &Site, program: &Peer) -> Server {
    let root = site.path().display();
    let port = site.port;
    let text = format!(
        "daemon off; master_process on; worker_processes 2; pid {root}/nginx.pid; error_log stderr;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;\n\
         uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;\n\
         server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {root}/www.pem; ssl_certificate_key {root}/www.key;\n\
         include {root}/www.stapling*.conf; return 200 hello; }} }}\n"
    );
    std::fs::write(site.path().join("nginx.conf"), text).unwrap();
    let mut command = Command::new(&program.program);
    command.arg("-c").arg(site.path().join("nginx.conf"));
    command.arg("-p").arg(site.path()).args(["-e", "stderr"]);
    let server = Server::start(&mut command);
    site.wait_for_port(&server);
    server
}

/// What the agent is told about HAProxy.
pub(crate) fn haproxy_delivery() -> &'static str {
    "{ kind = \"haproxy\", file = \"site.pem.ocsp\", socket = \"haproxy.sock\", certificate = \"site.pem\" }"
}

/// HAProxy with its runtime socket, started in the site's folder, so that it knows the certificate as `site.pem`.
pub(crate) fn haproxy(site: &Site, program: &Peer) -> Server {
    let read = |name: &str| std::fs::read_to_string(site.path().join(name)).unwrap();
    let all = read("www.pem") + &read("www.key");
    std::fs::write(site.path().join("site.pem"), all).unwrap();
    let text = format!(
        "global\n  stats socket {root}/haproxy.sock mode 600 level admin\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n\
         frontend f\n  bind 127.0.0.1:{port} ssl crt site.pem\n  http-request return status 200\n",
        root = site.path().display(),
        port = site.port,
    );
    std::fs::write(site.path().join("haproxy.cfg"), text).unwrap();
    let mut command = Command::new(&program.program);
    command.args(["-db", "-f", "haproxy.cfg"]);
    command.current_dir(site.path());
    let server = Server::start(&mut command);
    site.wait_for_port(&server);
    server
}
