#!/usr/bin/env bash
# What `ocsptool --verify-response` makes of a corpus. See common.sh for what is printed.
#
# It judges the response alone: it is not told which certificate is meant, nor what was asked, and it prints every
# entry. The word here is the first status that it prints, if it says Success; nonces are n/a.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

judge() {
    local name=$1 folder=$2 time=$3 request=$4 text code status
    if [ "$request" = yes ]; then
        say "$name" N/A 'ocsptool compares no nonces'
        return
    fi
    pem "$folder/cert.der" "$work/cert.pem"
    pem "$folder/issuer.der" "$work/issuer.pem"
    cat "$work/cert.pem" "$work/issuer.pem" >"$work/chain.pem"
    text=$(at "$time" ocsptool --verify-response "--load-chain=$work/chain.pem" -S "$folder/response.der" 2>&1 </dev/null)
    code=$?
    status=$(printf '%s\n' "$text" | sed -n 's/^[[:space:]]*Certificate Status: \(good\|revoked\|unknown\)$/\1/p' | head -n 1)
    case $text in
    *'Verifying OCSP Response: Success'*) say "$name" "${status:-REFUSED}" "exit $code" | sed 's/\t\(good\|revoked\|unknown\)\t/\t\U\1\t/' ;;
    *) say "$name" REFUSED "$(printf '%s\n' "$text" | sed -n 's/^.*Verifying OCSP Response: *//p' | head -n 1), exit $code" ;;
    esac
}

each_case judge
