// Reads the identity headers of okta-authz-filter.
// Listens on 127.0.0.1: only Envoy may reach it.

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Main {
    private static final Pattern STRING = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"");
    private static final Pattern ESCAPE = Pattern.compile("\\\\(?:u([0-9a-fA-F]{4})|(.))");

    /** Returns a string claim, or nothing if the token does not have it. */
    static Optional<String> text(Headers headers, String name) {
        // URLDecoder makes a space of `+`, which the filter leaves as it is.
        return Optional.ofNullable(headers.getFirst(name))
            .map(value -> URLDecoder.decode(value.replace("+", "%2B"), StandardCharsets.UTF_8));
    }

    /**
     * Returns a claim that is a list of strings. With a JSON library, use it: Jackson's
     * {@code mapper.readValue(value, String[].class)}. Do not percent-decode JSON.
     */
    static List<String> strings(Headers headers, String name) {
        String value = Optional.ofNullable(headers.getFirst(name)).orElse("[]");
        List<String> strings = new ArrayList<>();
        Matcher found = STRING.matcher(value);
        while (found.find()) {
            strings.add(ESCAPE.matcher(found.group(1)).replaceAll(
                match -> Matcher.quoteReplacement(unescape(match.group(1), match.group(2)))));
        }
        return strings;
    }

    private static String unescape(String unicode, String character) {
        if (unicode != null) {
            return String.valueOf((char) Integer.parseInt(unicode, 16));
        }
        int control = "bfnrt".indexOf(character);
        return control < 0 ? character : "\b\f\n\r\t".substring(control, control + 1);
    }

    /** Returns all claims of the token, as JSON. */
    static String payload(Headers headers) {
        String value = Optional.ofNullable(headers.getFirst("x-okta-payload")).orElse("e30");
        return new String(Base64.getUrlDecoder().decode(value), StandardCharsets.UTF_8);
    }

    public static void main(String[] args) throws IOException {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        HttpServer server =
            HttpServer.create(new InetSocketAddress(loopback, Integer.parseInt(args[0])), 0);
        server.createContext("/", exchange -> {
            Headers headers = exchange.getRequestHeaders();
            long expiresAt =
                Optional.ofNullable(headers.getFirst("x-okta-exp")).map(Long::parseLong).orElse(0L);
            Matcher issuer = Pattern.compile("\"iss\":\"([^\"]*)\"").matcher(payload(headers));
            String body = "sub: " + text(headers, "x-okta-sub").orElse("None") + "\n"
                + "uid: " + text(headers, "x-okta-uid").orElse("None") + "\n"
                + "scopes: " + String.join(" ", strings(headers, "x-okta-scopes")) + "\n"
                + "groups: " + String.join(" | ", strings(headers, "x-okta-groups")) + "\n"
                + "expires at: " + expiresAt + "\n"
                + "issuer: " + (issuer.find() ? issuer.group(1) : "None");
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("content-type", "text/plain; charset=utf-8");
            exchange.sendResponseHeaders(200, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
        server.start();
    }
}
