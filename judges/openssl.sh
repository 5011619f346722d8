#!/usr/bin/env bash
# What `openssl ocsp` makes of a corpus. See common.sh for what is printed.
#
# The certificate is asked about by the hash that the response uses: SHA-1 first, then the others, until the
# program finds a status. With a request the nonce is compared in a run of its own, since -reqin and -cert exclude
# each other. The remark has the exit code: a warning about times leaves it 0.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

judge() {
    local name=$1 folder=$2 time=$3 request=$4 hash text code status
    pem "$folder/cert.der" "$work/cert.pem"
    pem "$folder/issuer.der" "$work/issuer.pem"
    for hash in sha1 sha256 sha384 sha512; do
        text=$(at "$time" openssl ocsp -issuer "$work/issuer.pem" "-$hash" -cert "$work/cert.pem" \
            -respin "$folder/response.der" -CAfile "$work/issuer.pem" -no_nonce 2>&1)
        code=$?
        case $text in *'Verify Failure'*) break ;; *'No Status found'*) ;; *) break ;; esac
    done
    status=$(printf '%s\n' "$text" | sed -nE "s#^($work/cert.pem: )?(good|revoked|unknown)\$#\2#p" | head -n 1)
    status=${status^^}
    case $text in
    *'Response Verify Failure'*) say "$name" REFUSED "Response Verify Failure, exit $code" ;;
    *'Responder Error'*) say "$name" REFUSED "Responder Error, exit $code" ;;
    *'No Status found'*) say "$name" REFUSED "No Status found, exit $code" ;;
    *'Status times invalid'*) said "${status}-WARNS" "Status times invalid, exit $code" ;;
    *'Response verify OK'*) [ -n "$status" ] && said "$status" "exit $code" || say "$name" REFUSED "no status, exit $code" ;;
    *) say "$name" REFUSED "exit $code" ;;
    esac
}

# said WORD REMARK: unless the nonce is refused. Uses the variables of judge.
said() {
    local nonce
    if [ "$request" = yes ]; then
        nonce=$(at "$time" openssl ocsp -reqin "$folder/request.der" -issuer "$work/issuer.pem" \
            -respin "$folder/response.der" -CAfile "$work/issuer.pem" -no_nonce 2>&1)
        case $nonce in
        *'Nonce Verify error'*)
            say "$name" REFUSED 'Nonce Verify error'
            return
            ;;
        *'no nonce in response'*)
            say "$name" "$1" "$2, warns: no nonce in response"
            return
            ;;
        esac
    fi
    say "$name" "$1" "$2"
}

each_case judge
