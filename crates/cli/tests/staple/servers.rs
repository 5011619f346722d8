//! nginx and HAProxy as operators run them: a master process, reloaded by signals. Exim as a daemon that no one reloads.

use std::process::Command;

use certvouch_testkit::peer::{self, Peer};
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

/// What the agent is told about Exim.
pub(crate) const EXIM_DELIVERY: &str = "{ kind = \"exim\", file = \"www.exim.pem\" }";

/// Exim as this user, with TLS from the start at the site's port and STARTTLS at another one.
pub(crate) fn exim(site: &Site, program: &Peer, starttls: u16) -> Server {
    let (root, port) = (site.path().display(), site.port);
    for folder in ["spool", "log"] {
        std::fs::create_dir_all(site.path().join(folder)).unwrap();
    }
    let (user, group) = (name("-u"), name("-g"));
    // Nothing below `acl_smtp_rcpt` is reached: it takes no mail.
    let text = format!(
        "exim_user = {user}\nexim_group = {group}\nnever_users =\nkeep_environment =\n\
         primary_hostname = www.stapled.test\nspool_directory = {root}/spool\nlog_file_path = {root}/log/%slog\n\
         local_interfaces = 127.0.0.1\ndaemon_smtp_ports = {starttls} : {port}\ntls_on_connect_ports = {port}\n\
         tls_advertise_hosts = *\ntls_certificate = {root}/www.pem\ntls_privatekey = {root}/www.key\n\
         tls_ocsp_file = ${{if exists{{{root}/www.exim.pem}}{{PEM {root}/www.exim.pem}}}}\n\
         acl_smtp_rcpt = refuse\nbegin acl\nrefuse:\n  deny\n"
    );
    std::fs::write(site.path().join("exim.conf"), text).unwrap();
    let mut command = Command::new(&program.program);
    command
        .arg("-bdf")
        .arg("-C")
        .arg(site.path().join("exim.conf"));
    let server = Server::start(&mut command);
    site.wait_for_port(&server);
    server
}

/// What `id` says of this user.
fn name(flag: &str) -> String {
    let outcome = peer::run(Command::new("id").args([flag, "-n"]), b"", peer::PATIENCE);
    outcome.expect_success("id").out().trim().to_owned()
}
