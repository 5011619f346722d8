# What the judges written in shell share. Sourced, not run.
#
# A judge gets the folder of a corpus and prints a line for each case: NAME, WORD and a remark, with tabs between.
# WORD is GOOD, REVOKED, UNKNOWN, NOT-CURRENT, REFUSED, one of the first three with -WARNS behind it (said, with a
# warning about its times), or N/A. The clock is set with faketime, since these programs read the system's.

set -u
corpus=${1:?usage: $0 CORPUS}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# say NAME WORD REMARK
say() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }

# at UNIX COMMAND...: runs it with a clock that stands still.
at() {
    local moment
    TZ=UTC printf -v moment '%(%Y-%m-%d %H:%M:%S)T' "$1"
    shift
    TZ=UTC faketime -f "$moment" "$@"
}

# pem DER PEM
pem() { { echo '-----BEGIN CERTIFICATE-----' && base64 "$1" && echo '-----END CERTIFICATE-----'; } >"$2"; }

# each_case FUNCTION: calls it with name, folder, time and whether there is a request.
each_case() {
    local name time request rest
    while IFS=$'\t' read -r name time request rest; do
        [ "$name" = name ] && continue
        "$1" "$name" "$corpus/cases/$name" "$time" "$request"
    done <"$corpus/cases.tsv"
}
