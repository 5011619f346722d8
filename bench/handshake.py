#!/usr/bin/env python3
"""Instructions that our resolver and our verifier add to a rustls handshake, counted by callgrind.

Usage: bench/handshake.py [HANDSHAKES]

Builds crates/stapling/examples/handshakes.rs with optimisation and symbols, runs it under valgrind with few and with many
handshakes, and takes the difference, so that what happens once does not count. Counted are instructions, so that a busy
machine changes nothing. Shares are of all instructions of the side that does the work (TLS 1.3, P-256 throughout, a chain
of two, a delegated responder). Exit code 1 if a share is above the limit.
"""

import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FEW = 5
LIMIT = 2.0


def build():
    env = dict(os.environ, CARGO_PROFILE_RELEASE_DEBUG="1", CARGO_PROFILE_RELEASE_STRIP="none")
    target = os.path.join(ROOT, "target", "callgrind")
    subprocess.run(
        ["cargo", "build", "--release", "--quiet", "-p", "certvouch-stapling", "--example", "handshakes",
         "--target-dir", target],
        cwd=ROOT, env=env, check=True)
    return os.path.join(target, "release", "examples", "handshakes")


def count(program, handshakes, folder):
    """Inclusive instructions by function."""
    out = os.path.join(folder, f"callgrind.{handshakes}")
    subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet", program, str(handshakes)],
        check=True, stdout=subprocess.DEVNULL)
    text = subprocess.run(
        ["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--show-percs=no", out],
        check=True, capture_output=True, text=True).stdout
    costs = {}
    for line in text.splitlines():
        found = re.match(r"\s*([\d,]+)\s+\S*?:(.*?)(?: \[.*\])?$", line)
        if found:
            name = found.group(2)
            costs[name] = max(costs.get(name, 0), int(found.group(1).replace(",", "")))
    return costs


def total(costs, *parts):
    """The functions whose names have all these parts; at least one must be there."""
    found = [cost for name, cost in costs.items() if all(part in name for part in parts)]
    if not found:
        raise SystemExit(f"no function {parts} was counted")
    return sum(found)


def main():
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 55
    if many <= FEW:
        raise SystemExit(f"more than {FEW} handshakes are needed")
    program = build()
    with tempfile.TemporaryDirectory() as folder:
        few, all_of_them = (count(program, number, folder) for number in (FEW, many))

    def each(*parts):
        return (total(all_of_them, *parts) - total(few, *parts)) / (many - FEW)

    server = each("handshakes::server_begin") + each("handshakes::server_side")
    client = each("handshakes::client_begin") + each("handshakes::client_side")
    resolver = each("StapledKey as", "ResolvesServerCert>::resolve")
    verifier = each("OcspServerVerifier as", "ServerCertVerifier>::verify_server_cert")
    inner = each("WebPkiServerVerifier as", "ServerCertVerifier>::verify_server_cert")
    signatures = each("certvouch_crypto", "SignatureVerification>::verify")
    beyond = verifier - inner - signatures
    print(f"server's handshake       {server:12,.0f} instructions")
    print(f"  resolver               {resolver:12,.0f}  {100 * resolver / server:6.3f} %")
    print(f"client's handshake       {client:12,.0f} instructions")
    print(f"  our verifier           {verifier:12,.0f}  {100 * verifier / client:6.3f} %")
    print(f"    the one behind it    {inner:12,.0f}")
    print(f"    signatures           {signatures:12,.0f}")
    print(f"    the rest             {beyond:12,.0f}  {100 * beyond / client:6.3f} % of the client's, "
          f"{100 * beyond / server:.3f} % of the server's")
    worst = max(100 * resolver / server, 100 * beyond / client)
    if worst > LIMIT:
        raise SystemExit(f"above {LIMIT} %")


if __name__ == "__main__":
    main()
