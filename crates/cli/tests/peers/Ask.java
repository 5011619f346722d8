// A peer of the tests: Java's PKIX revocation checker asks the responder and judges what it says.
//
// Each line of standard input is a job, tab-separated:
//   id url ca-file certificate-file nonce expected-status response-hex
// Without response-hex Java asks at the URL by itself; else the response is handed over as a stapled one. Each line of
// standard output is `id ok` or `id problem`.

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.Extension;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;

public class Ask {
    /** The extnValue of the nonce: an OCTET STRING of 32 octets, the ones that the test itself sends. */
    private static final byte[] NONCE = nonce("thirty-two octets chosen by test");

    private static byte[] nonce(String octets) {
        byte[] value = new byte[34];
        value[0] = 4;
        value[1] = 32;
        System.arraycopy(octets.getBytes(StandardCharsets.US_ASCII), 0, value, 2, 32);
        return value;
    }

    private static Extension extension() {
        return new Extension() {
            @Override
            public String getId() {
                return "1.3.6.1.5.5.7.48.1.2";
            }

            @Override
            public boolean isCritical() {
                return false;
            }

            @Override
            public byte[] getValue() {
                return NONCE;
            }

            @Override
            public void encode(OutputStream out) throws IOException {
                // Extension ::= SEQUENCE { extnID, extnValue }
                byte[] oid = {6, 9, 0x2B, 6, 1, 5, 5, 7, 0x30, 1, 2};
                out.write(new byte[] {0x30, (byte) (oid.length + 2 + NONCE.length)});
                out.write(oid);
                out.write(new byte[] {4, (byte) NONCE.length});
                out.write(NONCE);
            }
        };
    }

    private static X509Certificate read(CertificateFactory factory, String file) throws Exception {
        return (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(Files.readAllBytes(Path.of(file))));
    }

    private static String job(String[] fields) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        X509Certificate ca = read(factory, fields[2]);
        X509Certificate cert = read(factory, fields[3]);
        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
        checker.setOptions(EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK));
        if (fields[4].equals("nonce")) {
            checker.setOcspExtensions(List.of(extension()));
        }
        if (fields.length > 6) {
            checker.setOcspResponses(Map.of(cert, HexFormat.of().parseHex(fields[6])));
        } else {
            checker.setOcspResponder(URI.create(fields[1]));
        }
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(ca, null)));
        parameters.addCertPathChecker(checker);
        String status;
        try {
            validator.validate(factory.generateCertPath(List.of(cert)), parameters);
            status = "good";
        } catch (CertPathValidatorException why) {
            String message = String.valueOf(why.getMessage());
            if (why.getReason() == CertPathValidatorException.BasicReason.REVOKED) {
                status = "revoked";
            } else if (message.contains("revocation status is unknown")) {
                status = "unknown";
            } else {
                return message + " / " + why.getCause();
            }
        }
        return status.equals(fields[5]) ? "ok" : "status " + status + ", expected " + fields[5];
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] fields = line.split("\t");
            String verdict;
            try {
                verdict = job(fields);
            } catch (Exception why) {
                verdict = why.toString();
            }
            System.out.println(fields[0] + "\t" + verdict.replaceAll("\\s+", " "));
        }
    }
}
