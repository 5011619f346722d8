// A peer of the tests: Go's x/crypto/ocsp asks the responder and judges what it says.
//
// Each line of standard input is a job, tab-separated:
//   id method address ca-file serial-hex hash expected-status request-hex
// An empty request-hex means that Go makes the request itself. Each line of standard output is `id ok` or `id problem`.
package main

import (
	"bufio"
	"bytes"
	"crypto"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

var hashes = map[string]crypto.Hash{
	"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512,
}

var client = http.Client{Timeout: 20 * time.Second}

func certificate(path string) (*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("no PEM in %s", path)
	}
	return x509.ParseCertificate(block.Bytes)
}

func send(method, address string, request []byte) ([]byte, error) {
	var response *http.Response
	var err error
	if method == "GET" {
		response, err = client.Get("http://" + address + "/" + url.QueryEscape(base64.StdEncoding.EncodeToString(request)))
	} else {
		response, err = client.Post("http://"+address+"/", "application/ocsp-request", bytes.NewReader(request))
	}
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/ocsp-response" {
		return nil, fmt.Errorf("HTTP %d, %s", response.StatusCode, response.Header.Get("Content-Type"))
	}
	return io.ReadAll(response.Body)
}

func job(fields []string) error {
	method, address, path, serial, hash, expected, given := fields[1], fields[2], fields[3], fields[4], fields[5], fields[6], fields[7]
	issuer, err := certificate(path)
	if err != nil {
		return err
	}
	number, ok := new(big.Int).SetString(serial, 16)
	if !ok {
		return fmt.Errorf("serial %q", serial)
	}
	asked := &x509.Certificate{SerialNumber: number}
	request, err := hex.DecodeString(given)
	if err != nil {
		return err
	}
	if len(request) == 0 {
		if request, err = ocsp.CreateRequest(asked, issuer, &ocsp.RequestOptions{Hash: hashes[hash]}); err != nil {
			return err
		}
	}
	body, err := send(method, address, request)
	if err != nil {
		return err
	}
	// Parses, matches the serial number, and verifies the signature and the delegate's certificate.
	answer, err := ocsp.ParseResponseForCert(body, asked, issuer)
	if err != nil {
		return err
	}
	status := map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}[answer.Status]
	if status != expected {
		return fmt.Errorf("status %s, expected %s", status, expected)
	}
	if answer.IssuerHash != hashes[hash] {
		return fmt.Errorf("CertID by %v, asked by %s", answer.IssuerHash, hash)
	}
	now := time.Now()
	if now.Before(answer.ThisUpdate) || !now.Before(answer.NextUpdate) {
		return fmt.Errorf("not current: %v to %v", answer.ThisUpdate, answer.NextUpdate)
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if err := job(fields); err != nil {
			fmt.Printf("%s\t%s\n", fields[0], strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Printf("%s\tok\n", fields[0])
		}
	}
}
