#!/bin/sh
# The embedded store at scale: import, start, lookups, one revocation, examination.
#
#   bench/store.sh [ROWS] [FOLDER]
#
# ROWS random serial numbers of 16 octets, one in a hundred revoked, each with its notAfter, in random order. FOLDER should
# be on a real disk: in memory a sync costs nothing. The page cache is warm, as after any start that is not the first.
set -eu
rows=${1:-10000000}
folder=${2:-$(mktemp -d)}
cd "$(dirname "$0")/.."
cargo build --quiet --release --package certvouch-status --example store
driver=${CARGO_TARGET_DIR:-target}/release/examples/store
mkdir -p "$folder"
rm -f "$folder"/bench.db "$folder"/bench.db-*
"$driver" import "$folder/bench.db" "$rows"
"$driver" figures "$folder/bench.db" "$rows"
