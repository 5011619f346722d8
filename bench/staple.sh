#!/bin/sh
# One stapling agent with many certificates, against a `certvouch serve` on the same machine: the first fetch of all, memory,
# requests a minute, and a start on what is kept.
#
#   bench/staple.sh [CERTIFICATES] [VALIDITY] [MINUTES]
#
# 10000 certificates, answers that last 240 seconds, 6 minutes. Everything is on loopback and in a folder below the build's
# own, which is removed afterwards.
set -eu
cd "$(dirname "$0")/.."
cargo build --quiet --release --package certvouch
cargo build --quiet --package certvouch-testkit --example staple
target=$(realpath "${CARGO_TARGET_DIR:-target}")
folder=$target/staple-fleet
rm -rf "$folder"
mkdir -p "$folder"
trap 'rm -rf "$folder"' EXIT
"$target/debug/examples/staple" fleet "$target/release/certvouch" "$folder" "${1:-10000}" "${2:-240}" "${3:-6}"
