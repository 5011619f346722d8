// Connects to a TLS server as a client that believes nothing but the staple, and prints "accepts" or a reason.
// Run with: java Stapled CA-FILE PORT NAME
//
// The PKIX revocation checker is told not to fall back to CRLs, it does not fail softly, and the certificates of the test
// name no responder: without a staple it has nobody to ask.

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import javax.net.ssl.CertPathTrustManagerParameters;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Stapled {
    private static SSLContext context(Path file) throws Exception {
        X509Certificate ca;
        try (InputStream in = Files.newInputStream(file)) {
            ca = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
        PKIXRevocationChecker checker =
                (PKIXRevocationChecker) CertPathValidator.getInstance("PKIX").getRevocationChecker();
        checker.setOptions(EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK));
        PKIXBuilderParameters parameters =
                new PKIXBuilderParameters(Set.of(new TrustAnchor(ca, null)), new X509CertSelector());
        parameters.addCertPathChecker(checker);
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(new CertPathTrustManagerParameters(parameters));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }

    private static String reason(Throwable why) {
        for (Throwable cause = why; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertPathValidatorException) {
                CertPathValidatorException path = (CertPathValidatorException) cause;
                return path.getReason() + ": " + path.getMessage();
            }
        }
        return why.toString();
    }

    public static void main(String[] arguments) throws Exception {
        System.setProperty("jdk.tls.client.enableStatusRequestExtension", "true");
        SSLContext context = context(Path.of(arguments[0]));
        int port = Integer.parseInt(arguments[1]);
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", port)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setServerNames(List.of(new SNIHostName(arguments[2])));
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            System.out.println("accepts");
        } catch (SSLHandshakeException why) {
            System.out.println("refuses: " + reason(why).replaceAll("\\s+", " "));
        }
    }
}
