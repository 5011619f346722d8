#!/usr/bin/env bash
# `certvouch check --list` over a fleet against a local `certvouch serve`: time, connections, octets, memory.
#
#   bench/check-list.sh [CERTIFICATES]        1000 by default
#
# Needs openssl and a release build (CERTVOUCH names another program). Everything is on loopback and in a folder that is
# removed afterwards.
set -euo pipefail

count=${1:-1000}
program=$(realpath "${CERTVOUCH:-target/release/certvouch}")
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=Bench CA' 2>/dev/null
"$program" signer new --issuer ca.pem --issuer-key ca.key --cert ocsp.pem --key ocsp.key >/dev/null 2>&1 || {
    printf 'extendedKeyUsage=OCSPSigning\nnoCheck=ignored\nkeyUsage=digitalSignature\n' >ocsp.ext
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ocsp.key -out ocsp.csr -subj '/CN=OCSP' 2>/dev/null
    openssl x509 -req -in ocsp.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 20 -extfile ocsp.ext -out ocsp.pem 2>/dev/null
}
chmod 600 ocsp.key
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ee.key -out ee.csr -subj '/CN=device' 2>/dev/null
for number in $(seq "$count"); do
    serial=$((0x10000 + number))
    openssl x509 -req -in ee.csr -CA ca.pem -CAkey ca.key -set_serial "$serial" -days 20 -out "$number.pem" 2>/dev/null
    # One in a hundred is revoked.
    if [ $((number % 100)) -eq 0 ]; then
        printf 'R\t361231000000Z\t260101000000Z,keyCompromise\t%06X\tunknown\t/CN=device\n' "$serial" >>index.txt
    else
        printf 'V\t361231000000Z\t\t%06X\tunknown\t/CN=device\n' "$serial" >>index.txt
    fi
    echo "$number.pem" >>fleet.txt
done
"$program" serve --issuer ca.pem --signer-cert ocsp.pem --signer-key ocsp.key --index index.txt --listen 127.0.0.1:0 >serve.out 2>serve.err &
server=$!
until grep -q 'listening on' serve.out; do
    kill -0 "$server" || { cat serve.err; exit 1; }
    sleep 0.1
done
url=$(sed -n 's/listening on //p' serve.out | head -1)
for round in cold kept; do
    # %M is the largest resident set, in KiB; 1 is REVOKED, which one in a hundred is.
    /usr/bin/env time -f "$round: %e s wall, %U s user, %S s system, %M KiB" \
        "$program" check --list fleet.txt --issuer ca.pem --url "$url" >check.out || [ $? -eq 1 ]
    head -1 check.out
    tail -1 check.out
done
