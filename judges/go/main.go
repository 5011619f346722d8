// What golang.org/x/crypto/ocsp makes of a corpus: a line for each case, NAME, WORD and a remark with tabs between.
//
// The package parses and verifies signatures; times are its caller's business, and are compared here by the rules of
// the profile rfc9919. It has no nonces. Built with Debian's
// golang-golang-x-crypto-dev: GO111MODULE=off GOPATH=/usr/share/gocode go run main.go CORPUS
package main

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

func judge(folder string, now time.Time) (string, string) {
	read := func(name string) []byte {
		octets, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			panic(err)
		}
		return octets
	}
	cert, err := x509.ParseCertificate(read("cert.der"))
	if err != nil {
		return "N/A", "Go does not parse the certificate: " + err.Error()
	}
	issuer, err := x509.ParseCertificate(read("issuer.der"))
	if err != nil {
		return "N/A", "Go does not parse the issuer: " + err.Error()
	}
	response, err := ocsp.ParseResponseForCert(read("response.der"), cert, issuer)
	if err != nil {
		return "REFUSED", err.Error()
	}
	tolerance := 300 * time.Second
	ahead := response.ThisUpdate.After(now.Add(tolerance))
	final := response.Status == ocsp.Revoked && response.RevocationReason != ocsp.CertificateHold
	if final && !ahead {
		return "REVOKED", ""
	}
	over := response.NextUpdate.IsZero() || response.NextUpdate.Before(now.Add(-tolerance))
	if ahead || over || response.ProducedAt.After(now.Add(tolerance)) {
		return "NOT-CURRENT", "by the caller's comparison"
	}
	switch response.Status {
	case ocsp.Good:
		return "GOOD", ""
	case ocsp.Revoked:
		return "REVOKED", ""
	default:
		return "UNKNOWN", ""
	}
}

func main() {
	corpus := os.Args[1]
	index, err := os.Open(filepath.Join(corpus, "cases.tsv"))
	if err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(index)
	lines.Scan()
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		unix, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			panic(err)
		}
		word, why := "N/A", "x/crypto/ocsp has no nonces"
		if fields[2] == "no" {
			word, why = judge(filepath.Join(corpus, "cases", fields[0]), time.Unix(unix, 0))
		}
		fmt.Printf("%s\t%s\t%s\n", fields[0], word, strings.Join(strings.Fields(why), " "))
	}
}
