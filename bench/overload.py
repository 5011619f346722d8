#!/usr/bin/env python3
"""What a certvouch on one core does when too much is asked of it.

    bench/overload.py [PROGRAM] [--quick]

PROGRAM is target/release/certvouch unless named. It serves a CA with an RSA-3072 delegate, pinned to core 0; this script
asks from core 1, the load from 127.0.0.2 to 127.0.0.9, a regular client from 127.0.0.1. Needs Linux, openssl, taskset.

Three parts: signing load of 10 to 300 % of what the server can sign, floods of nonces and of made-up serial numbers, and
connections that hold on. Latencies of kept answers are medians of the ratios of rounds with load to the rounds
without beside them.
"""
import asyncio, hashlib, os, random, resource, statistics, struct, subprocess, sys, tempfile, time

ARGS = [a for a in sys.argv[1:] if not a.startswith("--")]
PROGRAM = os.path.abspath(ARGS[0] if ARGS else "target/release/certvouch")
QUICK = "--quick" in sys.argv
SOURCES = [f"127.0.0.{n}" for n in range(2, 10)]
ROUND = 1.0
ROUNDS = 2 if QUICK else 5
FLOOD = 6 if QUICK else 60
ISSUED = 2000


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else b"\x82" + struct.pack(">H", n)
    return bytes([tag]) + size + body


class World:
    """A CA, its delegate, an index; and questions about it."""

    def __init__(self, folder):
        self.folder = folder
        run = lambda *a: subprocess.run(a, cwd=folder, check=True, capture_output=True)
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
            "-subj", "/CN=Bench CA")
        run("openssl", "req", "-newkey", "rsa:3072", "-nodes", "-keyout", "ocsp.key", "-out", "ocsp.csr", "-subj", "/CN=Bench OCSP")
        with open(f"{folder}/ext", "w") as f:
            f.write("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\n"
                    "noCheck=ignored\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
        run("openssl", "x509", "-req", "-in", "ocsp.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "1", "-days", "29",
            "-extfile", "ext", "-out", "ocsp.pem")
        os.chmod(f"{folder}/ocsp.key", 0o600)
        with open(f"{folder}/index.txt", "w") as f:
            for n in range(ISSUED):
                f.write(f"V\t491231235959Z\t\t{0x100000 + n:X}\tunknown\t/CN=ee{n}\n")
        der = run("openssl", "x509", "-in", "ca.pem", "-outform", "DER").stdout
        self.name_hash, self.key_hash = hashes(der)

    def request(self, serial, nonce=False):
        content = serial.to_bytes((serial.bit_length() + 8) // 8, "big")
        algorithm = tlv(0x30, bytes.fromhex("06052b0e03021a"), b"\x05\x00")
        cert_id = tlv(0x30, algorithm, tlv(4, self.name_hash), tlv(4, self.key_hash), tlv(2, content))
        extensions = b""
        if nonce:
            value = tlv(4, tlv(4, os.urandom(32)))
            extensions = tlv(0xA2, tlv(0x30, tlv(0x30, bytes.fromhex("06092b0601050507300102"), value)))
        der = tlv(0x30, tlv(0x30, tlv(0x30, tlv(0x30, cert_id)), extensions))
        head = f"POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/ocsp-request\r\nContent-Length: {len(der)}\r\n\r\n"
        return head.encode() + der


def hashes(der):
    def walk(data):
        at, out = 0, []
        while at < len(data):
            start, tag, n = at, data[at], data[at + 1]
            at += 2
            if n & 0x80:
                k = n & 0x7F
                n = int.from_bytes(data[at:at + k], "big")
                at += k
            out.append((tag, data[at:at + n], data[start:at + n]))
            at += n
        return out
    tbs = walk(walk(walk(der)[0][1])[0][1])
    at = 1 if tbs[0][0] == 0xA0 else 0
    subject, spki = tbs[at + 4][2], tbs[at + 5][1]
    key_bits = walk(spki)[1][1][1:]
    return hashlib.sha1(subject).digest(), hashlib.sha1(key_bits).digest()


class Client(asyncio.Protocol):
    """One keep-alive connection with one question at a time."""

    def __init__(self):
        self.buffer, self.waiting, self.transport = b"", None, None
        self.port, self.reconnects = 0, False

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, why):
        if self.waiting and not self.waiting.done():
            self.waiting.set_result("lost")
        self.transport = None

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        n = int(head[at + 15:].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) < end + 4 + n:
            return
        body = self.buffer[end + 4:end + 4 + n]
        self.buffer = self.buffer[end + 4 + n:]
        code = self.kind(head, body)
        if self.waiting and not self.waiting.done():
            self.waiting.set_result(code)

    @staticmethod
    def kind(head, body):
        if b" 200" not in head[:13]:
            return head[9:12].decode()
        if len(body) == 5:
            return {1: "malformed", 2: "internalError", 3: "tryLater", 6: "unauthorized"}.get(body[4], "?")
        return "signed"


async def connect(port, source="127.0.0.1"):
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(Client, "127.0.0.1", port, local_addr=(source, 0))
    return client


async def regular_client(port):
    client = await connect(port)
    client.port, client.reconnects = port, True
    return client


async def ask(client, request, limit=10.0):
    if client.transport is None and not client.reconnects:
        return "lost", 0.0
    if client.transport is None:
        # The server ends a connection after a number of requests.
        await asyncio.get_running_loop().create_connection(lambda: client, "127.0.0.1", client.port)
    client.waiting = asyncio.get_running_loop().create_future()
    begun = time.perf_counter()
    client.transport.write(request)
    try:
        kind = await asyncio.wait_for(client.waiting, limit)
    except asyncio.TimeoutError:
        kind = "timeout"
    return kind, time.perf_counter() - begun


class Load:
    """Questions at a fixed rate, whatever becomes of them, from all sources in turn."""

    def __init__(self, port, make, sources=SOURCES):
        self.port, self.make, self.sources = port, make, sources
        self.idle, self.tasks, self.counts, self.unsent = [], set(), {}, 0

    async def open(self, per_source=100):
        for source in self.sources:
            for _ in range(per_source):
                self.idle.append(await connect(self.port, source))
        random.shuffle(self.idle)

    async def one(self, client):
        kind, _ = await ask(client, self.make())
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if client.transport is not None:
            self.idle.append(client)

    async def run(self, rate, stop):
        owed, last = 0.0, time.perf_counter()
        while not stop.is_set():
            now = time.perf_counter()
            owed, last = owed + (now - last) * rate, now
            while owed >= 1:
                owed -= 1
                if not self.idle:
                    self.unsent += 1
                    continue
                task = asyncio.ensure_future(self.one(self.idle.pop(0)))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            await asyncio.sleep(0.002)


async def hits(client, request, seconds):
    """Latencies of kept answers, one at a time, about 250 a second."""
    times, kinds = [], {}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        kind, took = await ask(client, request)
        kinds[kind] = kinds.get(kind, 0) + 1
        times.append(took)
        await asyncio.sleep(0.004)
    return times, kinds


def q(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1e3


async def capacity(world, port):
    clients = [await connect(port, s) for s in SOURCES for _ in range(4)]
    count, end = 0, time.perf_counter() + 3

    async def loop(client):
        nonlocal count
        while time.perf_counter() < end:
            kind, _ = await ask(client, world.request(0x100001, nonce=True))
            count += kind == "signed"
    await asyncio.gather(*(loop(c) for c in clients))
    for c in clients:
        c.transport.close()
    return count / 3


async def offered(world, port):
    able = await capacity(world, port)
    print(f"signing capacity of this server, closed loop: {able:.0f} signatures/s\n")
    print("offered  | kept answer p50 / p99 ms | p50 against unloaded | p99 against | asked/s | signed/s (of capacity) | tryLater/s | other")
    regular = await regular_client(port)
    kept = world.request(0x100000)
    await ask(regular, kept)
    for percent in [10, 50, 80, 100, 150, 200, 300]:
        load = Load(port, lambda: world.request(0x100000 + random.randrange(ISSUED), nonce=True))
        await load.open()
        p50, p99, r50, r99, spent = [], [], [], [], 0.0
        for _ in range(ROUNDS):
            calm, _ = await hits(regular, kept, ROUND)
            stop = asyncio.Event()
            begun = time.perf_counter()
            running = asyncio.ensure_future(load.run(able * percent / 100, stop))
            await asyncio.sleep(0.2)
            busy, kinds = await hits(regular, kept, ROUND)
            stop.set()
            await running
            spent += time.perf_counter() - begun
            while load.tasks:
                await asyncio.sleep(0.05)
            assert set(kinds) == {"signed"}, kinds
            p50.append(q(busy, .5)); p99.append(q(busy, .99))
            r50.append(q(busy, .5) / q(calm, .5)); r99.append(q(busy, .99) / q(calm, .99))
        n = load.counts
        m = statistics.median
        signed, later = n.pop("signed", 0) / spent, n.pop("tryLater", 0) / spent
        asked = signed + later + sum(n.values()) / spent
        rest = {**n, **({"not sent": load.unsent} if load.unsent else {})}
        print(f"{percent:5} %  | {m(p50):.2f} / {m(p99):.2f} | {m(r50):.2f} | {m(r99):.2f} | {asked:.0f} | {signed:.0f} ({100 * signed / able:.0f} %) | {later:.0f} | {rest or '-'}",
              flush=True)
        for c in load.idle:
            c.transport.close()
    return able


async def flood(world, port, name, make, rate):
    """What a regular client sees: kept answers, and one answer in ten that has to be signed for it."""
    print(f"\n{name}, {rate:.0f}/s offered from 8 sources for {FLOOD} s; a regular client beside it:")
    regular, load = await regular_client(port), Load(port, make)
    await load.open()
    kept = world.request(0x100000)
    await ask(regular, kept)

    async def seen(seconds):
        hit, own, kinds = [], [], {}
        end, n = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            n += 1
            fresh = n % 10 == 0
            kind, took = await ask(regular, world.request(0x100002, nonce=True) if fresh else kept)
            (own if fresh else hit).append(took)
            key = ("own signature: " if fresh else "kept: ") + kind
            kinds[key] = kinds.get(key, 0) + 1
            await asyncio.sleep(0.01)
        return f"kept p50 {q(hit, .5):.2f} p99 {q(hit, .99):.2f} ms; signed for it p50 {q(own, .5):.2f} p99 {q(own, .99):.2f} ms; {kinds}"
    print("  before:", await seen(FLOOD / 6), flush=True)
    stop = asyncio.Event()
    running = asyncio.ensure_future(load.run(rate, stop))
    print("  during:", await seen(FLOOD), flush=True)
    stop.set()
    await running
    print("  the second after:", await seen(1))
    print("  after: ", await seen(FLOOD / 6))
    print("  the flood itself was told:", load.counts, f"not sent {load.unsent}", flush=True)
    for c in load.idle:
        c.transport.close()


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmRSS"))


async def holding(world, port, pid):
    regular = await regular_client(port)
    kept = world.request(0x100000)
    await ask(regular, kept)

    async def seen():
        times, kinds = await hits(regular, kept, 5 if not QUICK else 1)
        return f"{kinds}, p50 {q(times, .5):.2f} p99 {q(times, .99):.2f} ms; server holds {memory(pid):.1f} MiB"
    print("\nconnections that hold on; a regular client beside them:")
    print("  none:", await seen(), flush=True)
    idle = [await connect(port, SOURCES[n % 8]) for n in range(10_000 if not QUICK else 1000)]
    print(f"  {len(idle)} idle:", await seen(), flush=True)
    for c in idle:
        c.transport and c.transport.close()
    await asyncio.sleep(1)
    writers = [await connect(port, SOURCES[n % 8]) for n in range(1000)]
    for _ in range(5):
        for c in writers:
            c.transport and c.transport.write(b"P")
    drip = asyncio.ensure_future(dripping(writers))
    print("  1000 slow writers (an octet each second):", await seen(), flush=True)
    drip.cancel()
    for c in writers:
        c.transport and c.transport.close()
    await asyncio.sleep(1)
    readers = [await connect(port, SOURCES[n % 8]) for n in range(1000)]
    for c in readers:
        c.transport.pause_reading()
        c.transport.write(kept * 50)
    await asyncio.sleep(1)
    print("  1000 slow readers (50 questions, nothing read):", await seen(), flush=True)
    for c in readers:
        c.transport and c.transport.abort()
    await asyncio.sleep(1)
    print("  none again:", await seen(), flush=True)


async def dripping(clients):
    while True:
        await asyncio.sleep(1)
        for c in clients:
            c.transport and c.transport.write(b"O")


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, {1})
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        with open(f"{folder}/certvouch.toml", "w") as f:
            f.write('[server]\nlisten = ["127.0.0.1:0"]\nthreads = 1\n[server.limits]\nconnections = 12000\n'
                    '[[issuer]]\nname = "bench"\ncertificate = "ca.pem"\nsource = { index = "index.txt" }\n'
                    'signer = { certificate = "ocsp.pem", key = "ocsp.key" }\n[log]\nlevel = "error"\n')
        server = subprocess.Popen(["taskset", "-c", "0", PROGRAM, "serve", "--config", "certvouch.toml"], cwd=folder,
                                  stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline().strip().rsplit(":", 1)[1])
            print(f"{PROGRAM}, one core, RSA-3072; load average {os.getloadavg()[0]:.2f} at the start")

            async def all_parts():
                able = await offered(world, port)
                issued = lambda: world.request(0x100000 + random.randrange(ISSUED), nonce=True)
                made_up = lambda: world.request(random.getrandbits(120) | 1 << 119)
                await flood(world, port, "nonce flood", issued, 2 * able)
                await flood(world, port, "flood of made-up serial numbers", made_up, 2 * able)
                await holding(world, port, server.pid)
            asyncio.run(all_parts())
            print(f"load average {os.getloadavg()[0]:.2f} at the end")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
