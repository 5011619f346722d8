#!/usr/bin/env python3
"""How soon a revocation that a CA sends is in a signed answer, and whether an old answer ever follows it.

    bench/revoke.py [PROGRAM] [--quick] [--rate N]

PROGRAM is target/release/certvouch unless named. It serves from a store, pinned to core 0; this script asks from core 1:
N requests per second (3,000), half of them about the certificates that are being revoked, half about others. One after
the other 10,000 certificates are revoked by PUT; as soon as each is acknowledged, its status is asked for. A file beside
the store is synced with fdatasync now and then, in the same run: that is what an acknowledgement costs at least.

Every answer about a revoked certificate is looked at: good, in answer to a request that was sent after the
acknowledgement, is one too many. Needs Linux, openssl, taskset; the load stays on 127.0.0.1.
"""
import asyncio, json, os, subprocess, sys, tempfile, time
from collections import deque

sys.argv, ARGS = sys.argv[:1], sys.argv[1:]
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from overload import World, ask, connect, Client, hashes  # noqa: E402

QUICK = "--quick" in ARGS
RATE = int(ARGS[ARGS.index("--rate") + 1]) if "--rate" in ARGS else 3000
named = [a for i, a in enumerate(ARGS) if not a.startswith("--") and (i == 0 or ARGS[i - 1] != "--rate")]
PROGRAM = os.path.abspath(named[0] if named else "target/release/certvouch")
COUNT = 500 if QUICK else 10_000
FIRST = 0x40_0000
LANES = 32


class Kept(World):
    """A CA, a delegate with a P-256 key, and a store of what is to be revoked."""

    def __init__(self, folder):
        self.folder = folder
        run = lambda *a: subprocess.run(a, cwd=folder, check=True, capture_output=True)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "30", "-subj", "/CN=Bench CA")
        run(PROGRAM, "signer", "new", "--issuer", "ca.pem", "--ca-key", "ca.key", "--out", ".")
        with open(f"{folder}/certvouch.toml", "w") as f:
            f.write('store = "status.db"\n[server]\nlisten = ["127.0.0.1:0"]\nthreads = 1\n[server.limits]\nrequests = 1000000\n'
                    '[admin]\nlisten = "127.0.0.1:0"\ntokens = "tokens.toml"\n[[issuer]]\nname = "a"\ncertificate = "ca.pem"\n'
                    'source = { store = true }\nsigner = { certificate = "ocsp.pem", key = "ocsp.key" }\n[log]\nformat = "json"\n')
        made = run(PROGRAM, "token", "new", "--config", "certvouch.toml", "--name", "bench", "--scope", "admin")
        self.token = made.stdout.decode().strip()
        self.name_hash, self.key_hash = hashes(run("openssl", "x509", "-in", "ca.pem", "-outform", "DER").stdout)

    def start(self):
        self.server = subprocess.Popen(["taskset", "-c", "0", PROGRAM, "serve", "--config", "certvouch.toml"], cwd=self.folder,
                                       stdout=subprocess.PIPE, stderr=open(f"{self.folder}/log", "w"), text=True)
        self.public = int(self.server.stdout.readline().strip().rsplit(":", 1)[1].rstrip("/"))
        for _ in range(200):
            for line in open(f"{self.folder}/log"):
                if "admin port is open" in line:
                    text = json.dumps(json.loads(line))
                    self.admin = int(text.split("http://127.0.0.1:")[1].split('"')[0].split(" ")[0].rstrip("/"))
                    return
            time.sleep(0.05)
        raise SystemExit("no admin port")

    def put(self, serial, body, target=None, method="PUT"):
        target = target or f"/v1/issuers/a/certificates/{serial:X}"
        return (f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


class Seen(Client):
    """A connection whose answers are looked into: good, revoked, or something else."""

    @staticmethod
    def kind(head, body):
        if b" 200" not in head[:13] and b" 201" not in head[:13]:
            return head[9:12].decode()
        if not body.startswith(b"\x30"):
            return "json"
        # certStatus follows the echoed CertID, which ends with the serial number of three octets.
        at = body.find(b"\x02\x03\x40") if b"\x02\x03\x40" in body else body.find(b"\x02\x03\x50")
        return {0x80: "good", 0xA1: "revoked", 0x82: "unknown"}.get(body[at + 5], "?") if at >= 0 else "other"


async def open_seen(port):
    _, client = await asyncio.get_running_loop().create_connection(Seen, "127.0.0.1", port)
    client.port, client.reconnects = port, True
    return client


ANCHOR = """
import os, sys, time
f = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.pwrite(f, b"x" * 1048576, 0)
os.fsync(f)
n = 0
for _ in sys.stdin:
    n += 1
    page = os.urandom(4096)
    begun = time.perf_counter()
    os.pwrite(f, page, 4096 * (n % 256))
    os.fdatasync(f)
    print(time.perf_counter() - begun, flush=True)
"""


class Anchor:
    """One fdatasync of a page written over, in a process of its own: this one's threads wait for each other. The file has its
    size already, as SQLite's log has after its first round."""

    def __init__(self, folder):
        self.child = subprocess.Popen([sys.executable, "-c", ANCHOR, f"{folder}/anchor"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {0, 1}))
        self.asked = 0

    def sync(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        self.asked += 1

    def times(self):
        self.child.stdin.close()
        return [float(line) for line in self.child.stdout]


def q(times, share):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * share))] * 1000


async def run(world):
    acked, stale, counts, done = {}, [], {}, asyncio.Event()
    window = deque(maxlen=16)
    window.append(FIRST)

    async def lane(number, lanes):
        client, turn = await open_seen(world.public), number
        pace, due = lanes / RATE, time.perf_counter()
        while not done.is_set():
            turn += 1
            serial = window[turn % len(window)] if turn % 2 else 0x50_0000 + turn % 500
            sent = time.perf_counter()
            kind, _ = await ask(client, world.request(serial))
            counts[kind] = counts.get(kind, 0) + 1
            if kind == "good" and acked.get(serial, float("inf")) < sent:
                stale.append(serial)
            due = max(due + pace, time.perf_counter() - 0.5)
            await asyncio.sleep(max(0, due - time.perf_counter()))

    load = [asyncio.ensure_future(lane(n, LANES)) for n in range(LANES)]
    await asyncio.sleep(1)
    admin, public = await open_seen(world.admin), await open_seen(world.public)
    acks, visible, wrong, anchor = [], [], 0, Anchor(world.folder)
    begun, before = time.perf_counter(), sum(counts.values())
    for n in range(COUNT):
        serial = FIRST + n
        window.append(serial)
        # The admin port takes a connection for five minutes; each has its time.
        if n % 1000 == 999:
            admin = await open_seen(world.admin)
        if n % 10 == 0:
            anchor.sync()
        body = '{"status":"revoked","reason":"keyCompromise"}'
        sent = time.perf_counter()
        kind, took = await ask(admin, world.put(serial, body))
        if kind != "json":
            raise SystemExit(f"not acknowledged: {kind}")
        acked[serial] = time.perf_counter()
        acks.append(took)
        kind, _ = await ask(public, world.request(serial))
        visible.append(time.perf_counter() - sent)
        wrong += kind != "revoked"
    took = time.perf_counter() - begun
    rate = (sum(counts.values()) - before) / took
    await asyncio.sleep(1)
    done.set()
    await asyncio.gather(*load)
    syncs = anchor.times()
    print(f"{COUNT} revocations in {took:.1f} s beside {rate:.0f} requests/s: {counts}")
    print(f"first answer after the acknowledgement not revoked: {wrong}; good after the acknowledgement: {len(stale)}")
    print(f"{'':28}{'p50 ms':>9}{'p99 ms':>9}{'ratio p50':>11}{'ratio p99':>11}")
    for name, times in [("one fdatasync", syncs), ("sent to acknowledged", acks), ("sent to seen in an answer", visible)]:
        print(f"{name:28}{q(times, .5):9.2f}{q(times, .99):9.2f}{q(times, .5) / q(syncs, .5):11.2f}{q(times, .99) / q(syncs, .99):11.2f}")
    return wrong or stale


async def main(world):
    bulk = "".join(f'{{"serial":"{n:X}","status":"issued"}}\n' for n in [*range(FIRST, FIRST + COUNT), *range(0x50_0000, 0x50_0200)])
    admin = await open_seen(world.admin)
    kind, _ = await ask(admin, world.put(0, bulk, "/v1/issuers/a/certificates?results=refused", "POST"), 60)
    return await run(world)


if __name__ == "__main__":
    os.sched_setaffinity(0, {1})
    with tempfile.TemporaryDirectory(dir=os.environ.get("CERTVOUCH_BENCH_FOLDER")) as folder:
        world = Kept(folder)
        world.start()
        try:
            failed = asyncio.run(main(world))
        finally:
            world.server.terminate()
            world.server.wait()
    sys.exit(1 if failed else 0)
