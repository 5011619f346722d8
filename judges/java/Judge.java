// What the PKIX revocation checker of Java makes of a corpus: a line for each case, NAME, WORD and a remark with tabs
// between. Run with: java Judge.java CORPUS
//
// The response is handed over as a stapled one (PKIXRevocationChecker.setOcspResponses), the issuer is the anchor,
// and the date of the validation is that of the case. A certificate that the path validation refuses for its own
// sake (expired, an algorithm that Java does not know) is n/a: that says nothing about the response.

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.Extension;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Date;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

public class Judge {
    private static final byte[] NONCE = {6, 9, 0x2B, 6, 1, 5, 5, 7, 0x30, 1, 2};

    /** The extnValue of the nonce in a request: the OCTET STRING behind its OID. */
    private static byte[] nonce(byte[] request) {
        for (int at = 0; at + NONCE.length < request.length; at++) {
            if (Arrays.equals(Arrays.copyOfRange(request, at, at + NONCE.length), NONCE)) {
                // The last member of the request; its length takes one octet, or two from 128 on.
                int value = at + NONCE.length + 1;
                int skip = (request[value] & 0x80) == 0 ? 1 : 1 + (request[value] & 0x7F);
                return Arrays.copyOfRange(request, value + skip, request.length);
            }
        }
        throw new IllegalArgumentException("no nonce in the request");
    }

    private static Extension extension(byte[] value) {
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
                return value;
            }

            @Override
            public void encode(OutputStream out) throws IOException {
                throw new IOException("nothing is sent");
            }
        };
    }

    private static String[] judge(Path folder, long unix) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        X509Certificate cert;
        X509Certificate issuer;
        try {
            cert = read(factory, folder.resolve("cert.der"));
            issuer = read(factory, folder.resolve("issuer.der"));
        } catch (Exception why) {
            return new String[] {"N/A", "Java does not parse the certificate: " + why.getMessage()};
        }
        CertPath path = factory.generateCertPath(List.of(cert));
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(issuer, null)));
        parameters.setDate(new Date(unix * 1000));
        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        parameters.setRevocationEnabled(false);
        try {
            validator.validate(path, parameters);
        } catch (CertPathValidatorException why) {
            return new String[] {"N/A", "not about the response: " + why.getMessage()};
        }
        PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
        checker.setOptions(EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK));
        checker.setOcspResponses(Map.of(cert, Files.readAllBytes(folder.resolve("response.der"))));
        Path request = folder.resolve("request.der");
        if (Files.exists(request)) {
            checker.setOcspExtensions(List.of(extension(nonce(Files.readAllBytes(request)))));
        }
        parameters = new PKIXParameters(Set.of(new TrustAnchor(issuer, null)));
        parameters.setDate(new Date(unix * 1000));
        parameters.addCertPathChecker(checker);
        try {
            validator.validate(path, parameters);
            return new String[] {"GOOD", ""};
        } catch (CertPathValidatorException why) {
            String message = String.valueOf(why.getMessage());
            if (why.getReason() == CertPathValidatorException.BasicReason.REVOKED) {
                return new String[] {"REVOKED", ""};
            }
            if (message.contains("revocation status is unknown")) {
                return new String[] {"UNKNOWN", message};
            }
            if (message.contains("out-of-date")) {
                return new String[] {"NOT-CURRENT", message};
            }
            return new String[] {"REFUSED", message};
        } catch (RuntimeException why) {
            return new String[] {"REFUSED", why.toString()};
        }
    }

    private static X509Certificate read(CertificateFactory factory, Path file) throws Exception {
        return (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(Files.readAllBytes(file)));
    }

    public static void main(String[] arguments) throws Exception {
        Path corpus = Path.of(arguments[0]);
        List<String> lines = Files.readAllLines(corpus.resolve("cases.tsv"));
        for (String line : lines.subList(1, lines.size())) {
            String[] fields = line.split("\t");
            String[] found = judge(corpus.resolve("cases").resolve(fields[0]), Long.parseLong(fields[1]));
            System.out.println(fields[0] + "\t" + found[0] + "\t" + found[1].replaceAll("\\s+", " "));
        }
    }
}
