"""A peer of the tests: Python's cryptography asks the responder and judges what it says.

Each line of standard input is a job, tab-separated:
    id method address ca-file serial-hex hash nonce expected-status
Each line of standard output is `id ok` or `id problem`.
"""
import base64
import datetime
import http.client
import os
import sys
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import ocsp

HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
PSS = "1.2.840.113549.1.1.10"
DER = serialization.Encoding.DER
STATUS = {
    ocsp.OCSPCertStatus.GOOD: "good",
    ocsp.OCSPCertStatus.REVOKED: "revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "unknown",
}


def digest(algorithm, octets):
    state = hashes.Hash(algorithm)
    state.update(octets)
    return state.finalize()


def key_bits(certificate):
    """The content of the subjectPublicKey BIT STRING without the unused-bits octet."""
    spki = certificate.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return bit_string(spki)


def header(octets, at):
    """The content's place and the end of the triple at this place."""
    length, start = octets[at + 1], at + 2
    if length >= 0x80:
        count = length & 0x7F
        length = int.from_bytes(octets[start:start + count], "big")
        start += count
    return start, start + length


def bit_string(spki):
    inside, _ = header(spki, 0)
    _, after_algorithm = header(spki, inside)
    start, end = header(spki, after_algorithm)
    return spki[start + 1:end]


def verify(certificate, response):
    key, signature, message = certificate.public_key(), response.signature, response.tbs_response_bytes
    if isinstance(key, rsa.RSAPublicKey):
        # The module names no hash for PSS; the only PSS signer of the table uses SHA-256.
        if response.signature_algorithm_oid.dotted_string == PSS:
            algorithm = hashes.SHA256()
            scheme = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        else:
            algorithm = response.signature_hash_algorithm
            scheme = padding.PKCS1v15()
        key.verify(signature, message, scheme, algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(response.signature_hash_algorithm))
    else:
        key.verify(signature, message)


def issued_by(signer, issuer):
    """The module's own check where it knows the key; it does not for ML-DSA, whose keys verify by themselves."""
    key = issuer.public_key()
    if isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey)):
        signer.verify_directly_issued_by(issuer)
        return
    if signer.issuer != issuer.subject:
        raise ValueError("the signer's issuer is another")
    key.verify(signer.signature, signer.tbs_certificate_bytes)


def send(method, address, request):
    connection = http.client.HTTPConnection(address, timeout=20)
    if method == "GET":
        path = "/" + urllib.parse.quote(base64.b64encode(request).decode(), safe="")
        connection.request("GET", path)
    else:
        connection.request("POST", "/", request, {"Content-Type": "application/ocsp-request"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200 or answer.headers["Content-Type"] != "application/ocsp-response":
        raise ValueError(f"HTTP {answer.status}, {answer.headers['Content-Type']}")
    return body


def job(fields):
    _, method, address, path, serial, name, nonce, expected = fields
    with open(path, "rb") as file:
        issuer = x509.load_pem_x509_certificate(file.read())
    algorithm = HASHES[name]()
    name_hash, key_hash = digest(algorithm, issuer.subject.public_bytes()), digest(algorithm, key_bits(issuer))
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name_hash, key_hash, int(serial, 16), algorithm)
    sent = os.urandom(32)
    if nonce == "nonce":
        builder = builder.add_extension(x509.OCSPNonce(sent), critical=False)
    response = ocsp.load_der_ocsp_response(send(method, address, builder.build().public_bytes(DER)))

    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(str(response.response_status))
    if STATUS[response.certificate_status] != expected:
        raise ValueError(f"{response.certificate_status}, expected {expected}")
    if (response.serial_number, response.issuer_name_hash, response.issuer_key_hash) != (int(serial, 16), name_hash, key_hash):
        raise ValueError("the CertID is not the one asked about")
    now = datetime.datetime.now(datetime.timezone.utc)
    if not response.this_update_utc <= now < response.next_update_utc:
        raise ValueError(f"not current: {response.this_update_utc} to {response.next_update_utc}")
    echoed = [e.value.nonce for e in response.extensions if isinstance(e.value, x509.OCSPNonce)]
    if echoed != ([sent] if nonce == "nonce" else []):
        raise ValueError("the nonce is not the one sent")

    (signer,) = response.certificates
    issued_by(signer, issuer)
    if x509.ExtendedKeyUsageOID.OCSP_SIGNING not in signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value:
        raise ValueError("the signer is no delegate")
    if digest(hashes.SHA1(), key_bits(signer)) != response.responder_key_hash:
        raise ValueError("the responderID is not the signer's")
    verify(signer, response)


for line in sys.stdin:
    fields = line.rstrip("\n").split("\t")
    try:
        job(fields)
        print(fields[0], "ok", sep="\t")
    except Exception as problem:  # every problem is a result
        print(fields[0], f"{type(problem).__name__}: {problem}".replace("\n", " "), sep="\t")
    sys.stdout.flush()
