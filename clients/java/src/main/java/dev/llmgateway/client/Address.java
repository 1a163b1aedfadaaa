package dev.llmgateway.client;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a gateway is to be found.
 *
 * @param host a name or an IP address, which has no brackets
 * @param port its TCP port
 */
record Address(String host, int port) {
    private static final int HTTP_PORT = 80;
    private static final int HTTPS_PORT = 443;
    private static final int MAX_PORT = 65_535;
    private static final Pattern TARGET =
            Pattern.compile("(?:dns:(?://[^/]*/)?)?(?:\\[(?<v6>[^]/]+)]|(?<host>[^:/\\[\\]]+))(?::(?<port>\\d{1,5}))?");

    /**
     * Returns the address of a target that is a host or a DNS name, nothing for any other. One without a port has that
     * of HTTP, as gRPC for Java takes it.
     */
    static Optional<Address> of(String target, boolean tls) {
        Matcher matcher = TARGET.matcher(target);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        String host = matcher.group("v6") != null ? matcher.group("v6") : matcher.group("host");
        String given = matcher.group("port");
        int port = given != null ? Integer.parseInt(given) : tls ? HTTPS_PORT : HTTP_PORT;
        return port > MAX_PORT ? Optional.empty() : Optional.of(new Address(host, port));
    }

    @Override
    public String toString() {
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }
}
