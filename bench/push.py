#!/usr/bin/env python3
"""How soon after its acknowledgement a revocation is in the handshakes of nginx, HAProxy and a rustls server.

    bench/push.py [PROGRAM] [--server nginx,haproxy,rustls] [--count N]

PROGRAM is target/release/certvouch unless named; for rustls, examples/rustls_push beside it. It serves a CA from a store;
`certvouch staple run` follows its change log and delivers to the server (rustls follows it in its own process). One
certificate is put on hold and released N times (100) through the API, half a second apart. From the moment of each
acknowledgement on handshakes are begun one after the other, a millisecond apart; the time ends when a staple with the new
status was read ("first new"). They are of TLS 1.2, where certificate and staple travel in the clear, and end there. After
the first handshake that shows the new status, others follow for 300 ms, since a server that reloads has old processes
beside new ones: "last old" is when the last one ended that showed the old status, or "first new" if none did.

No half life comes into it: staples live for a week, and no SIGHUP is sent. Needs Linux, openssl, nginx, haproxy.
"""
import http.client, math, os, socket, struct, subprocess, sys, tempfile, time

ARGS = sys.argv[1:]
VALUES = {"--server": "nginx,haproxy,rustls", "--count": "100"}
named = []
while ARGS:
    word = ARGS.pop(0)
    if word in VALUES:
        VALUES[word] = ARGS.pop(0)
    else:
        named.append(word)
PROGRAM = os.path.abspath(named[0] if named else "target/release/certvouch")
COUNT = int(VALUES["--count"])
SERIAL = 0x40_1234


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Site:
    """A CA with a responder that has a store, and a certificate for www.example."""

    def __init__(self, folder):
        self.folder, self.children = folder, []
        self.public, self.admin, self.port = free_port(), free_port(), free_port()
        curve = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self.run("openssl", "req", "-x509", "-newkey", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
                 "-subj", "/CN=Bench CA")
        self.run("openssl", "req", "-newkey", *curve, "-keyout", "www.key", "-out", "www.csr", "-subj", "/CN=www.example")
        self.write("ext", "subjectAltName=DNS:www.example\n")
        self.run("openssl", "x509", "-req", "-in", "www.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", hex(SERIAL),
                 "-days", "29", "-extfile", "ext", "-out", "leaf.pem")
        self.write("www.pem", self.read("leaf.pem") + self.read("ca.pem"))
        self.write("site.pem", self.read("www.pem") + self.read("www.key"))
        self.run(PROGRAM, "signer", "new", "--issuer", "ca.pem", "--ca-key", "ca.key", "--out", ".")
        self.write("certvouch.toml", f'store = "status.db"\n[server]\nlisten = ["127.0.0.1:{self.public}"]\n'
                   f'[admin]\nlisten = "127.0.0.1:{self.admin}"\ntokens = "tokens.toml"\n[[issuer]]\nname = "a"\n'
                   'certificate = "ca.pem"\nvalidity = "7d"\nsource = { store = true }\n'
                   'signer = { certificate = "ocsp.pem", key = "ocsp.key" }\n')
        for name, scope in [("ca", "admin"), ("agent", "read")]:
            out = self.run(PROGRAM, "token", "new", "--config", "certvouch.toml", "--name", name, "--scope", scope)
            self.write(f"{name}.token", out)
        self.token = self.read("ca.token").strip()

    def run(self, *command):
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as f:
            f.write(text)

    def read(self, name):
        with open(f"{self.folder}/{name}") as f:
            return f.read()

    def start(self, *command, out=subprocess.DEVNULL):
        log = open(f"{self.folder}/log", "a")
        child = subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=log, text=True)
        self.children.append(child)
        return child

    def stop(self):
        for child in reversed(self.children):
            child.terminate()
            child.wait()

    def change(self, method, status):
        """Returns when the change is acknowledged."""
        head = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        ask = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        ask.request(method, f"/v1/issuers/a/certificates/{SERIAL:X}", f'{{"status":"{status}"}}', head)
        answer = ask.getresponse()
        if answer.status not in (200, 201):
            raise SystemExit(f"{status}: HTTP {answer.status} {answer.read()}")

    def serve(self):
        self.start(PROGRAM, "serve", "--config", "certvouch.toml")
        patience(lambda: reachable(self.public) and reachable(self.admin), "the responder")
        self.change("PUT", "issued")

    def agent(self, deliver):
        self.write("staple.toml", 'state = "state"\n[[target]]\nname = "www"\ncertificate = "www.pem"\n'
                   f'responder = "http://127.0.0.1:{self.public}/"\ndeliver = {deliver}\n'
                   f'[push]\nurl = "http://127.0.0.1:{self.admin}"\ntoken_file = "agent.token"\n')
        os.chmod(f"{self.folder}/staple.toml", 0o600)
        self.start(PROGRAM, "staple", "run")

    def nginx(self):
        f = self.folder
        self.write("nginx.conf", f"daemon off; worker_processes 2; pid {f}/nginx.pid; error_log stderr;\n"
                   f"events {{}}\nhttp {{ access_log off; client_body_temp_path {f}/t1; proxy_temp_path {f}/t2;\n"
                   f"fastcgi_temp_path {f}/t3; uwsgi_temp_path {f}/t4; scgi_temp_path {f}/t5;\n"
                   f"server {{ listen 127.0.0.1:{self.port} ssl; ssl_certificate {f}/www.pem; ssl_certificate_key {f}/www.key;\n"
                   f"include {f}/www.stapling*.conf; return 200 hello; }} }}\n")
        self.start("nginx", "-c", f"{f}/nginx.conf", "-p", f, "-e", "stderr")
        patience(lambda: reachable(self.port), "nginx")
        self.agent('{ kind = "nginx", file = "www.der", include = "www.stapling.conf", '
                   f'reload = ["sh", "-c", "kill -HUP $(cat {f}/nginx.pid)"] }}')

    def haproxy(self):
        self.write("haproxy.cfg", f"global\n  stats socket {self.folder}/haproxy.sock mode 600 level admin\ndefaults\n  mode http\n"
                   "  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n"
                   f"frontend f\n  bind 127.0.0.1:{self.port} ssl crt site.pem\n  http-request return status 200\n")
        self.start("haproxy", "-db", "-f", "haproxy.cfg")
        patience(lambda: reachable(self.port), "HAProxy")
        self.agent('{ kind = "haproxy", file = "site.pem.ocsp", socket = "haproxy.sock", certificate = "site.pem" }')

    def rustls(self):
        program = os.path.join(os.path.dirname(PROGRAM), "examples/rustls_push")
        child = self.start(program, "www.pem", "www.key", f"http://127.0.0.1:{self.public}/", f"http://127.0.0.1:{self.admin}",
                           "agent.token", out=subprocess.PIPE)
        self.port = int(child.stdout.readline())


def reachable(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def patience(holds, what):
    begun = time.perf_counter()
    while not holds():
        if time.perf_counter() - begun > 30:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.001)


def vector(size, body):
    return len(body).to_bytes(size, "big") + body


def hello():
    extension = lambda kind, body: struct.pack(">H", kind) + vector(2, body)
    extensions = b"".join([
        extension(0, vector(2, b"\0" + vector(2, b"www.example"))),
        extension(5, b"\1\0\0\0\0"),
        extension(10, vector(2, b"\0\x17\0\x1d")),
        extension(11, vector(1, b"\0")),
        extension(13, vector(2, b"\4\3\5\3")),
        extension(23, b""),
        extension(0xFF01, b"\0"),
    ])
    body = b"\3\3" + os.urandom(32) + vector(1, b"") + vector(2, b"\xc0\x2b\xc0\x2c") + vector(1, b"\0") + vector(2, extensions)
    return b"\x16\3\1" + vector(2, b"\1" + vector(3, body))


def look(port):
    """What a handshake shows: good, revoked, none; or nothing, if there was none."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(hello())
            stream, plain = b"", b""
            while True:
                part = s.recv(16384)
                if not part:
                    return None
                stream += part
                while len(stream) >= 5 and len(stream) >= 5 + int.from_bytes(stream[3:5], "big"):
                    end = 5 + int.from_bytes(stream[3:5], "big")
                    if stream[0] != 22:
                        return None
                    plain, stream = plain + stream[5:end], stream[end:]
                while len(plain) >= 4 and len(plain) >= 4 + int.from_bytes(plain[1:4], "big"):
                    end = 4 + int.from_bytes(plain[1:4], "big")
                    kind, body, plain = plain[0], plain[4:end], plain[end:]
                    if kind == 22:
                        at = body.find(b"\x02\x03" + SERIAL.to_bytes(3, "big"))
                        return {0x80: "good", 0xA1: "revoked"}.get(body[at + 5], "other")
                    if kind == 14:
                        return "none"
    except OSError:
        return None


def until(port, status):
    """When a handshake showed this status; when the last that did not ended; how many did not after that; failed ones."""
    refused, late, last = 0, 0, None
    while True:
        seen = look(port)
        now = time.perf_counter()
        if seen == status:
            break
        refused += seen is None
        time.sleep(0.001)
    first = now
    while now < first + 0.3:
        seen = look(port)
        now = time.perf_counter()
        refused += seen is None
        if seen not in (status, None):
            late, last = late + 1, now
        time.sleep(0.001)
    return first, late, last, refused


def q(times, share):
    times = sorted(times)
    return times[max(0, math.ceil(len(times) * share) - 1)] * 1000


def measure(name):
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder)
        try:
            site.serve()
            getattr(site, name)()
            patience(lambda: look(site.port) == "good", "the first staple")
            time.sleep(2)
            figures = {"revoked": ([], []), "good": ([], [])}
            refused = 0
            for _ in range(COUNT):
                for method, word, status in [("PUT", "hold", "revoked"), ("PATCH", "issued", "good")]:
                    site.change(method, word)
                    begun = time.perf_counter()
                    first, late, last, failed = until(site.port, status)
                    times, ends = figures[status]
                    times.append(first - begun)
                    ends.append((last or first) - begun)
                    refused += failed
                    time.sleep(0.2)
        finally:
            site.stop()
    for status, (times, ends) in figures.items():
        for what, those in [("first new", times), ("last old", ends)]:
            print(f"{name:8} {status:8} {what:10} {len(those):5} {q(those, .5):8.1f} {q(those, .99):8.1f} {max(those) * 1000:8.1f}")
    print(f"{name:8} handshakes that failed: {refused}", flush=True)


if __name__ == "__main__":
    load = os.getloadavg()[0]
    print(f"{PROGRAM}, {os.cpu_count()} cores, load {load:.1f} before\n{'':28} {'count':>5} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
    for server in VALUES["--server"].split(","):
        measure(server)
