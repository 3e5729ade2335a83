<?php // PHP: php prebind.php https://chat.example/http-bind alice@chat.example PASSWORD
// PLAIN, so over TLS or to this machine only. The answer is what Converse.js wants of prebind_url.

function prebind(string $url, string $jid, string $password): array {
    [$name, $domain] = explode('@', $jid);
    [$rid, $sid] = [random_int(1, 2 ** 40), ''];
    $ask = function (string $attributes, string $payload, string $wanted) use ($url, &$rid, &$sid): string {
        $rid++;
        $session = $sid ? "sid='$sid'" : '';
        $body = "<body xmlns='http://jabber.org/protocol/httpbind' rid='$rid' $session $attributes>$payload</body>";
        $http = ['method' => 'POST', 'header' => 'Content-Type: text/xml', 'content' => $body, 'timeout' => 30];
        $answer = file_get_contents($url, false, stream_context_create(['http' => $http]));
        if ($answer === false || !str_contains($answer, $wanted)) {
            throw new RuntimeException("no $wanted in $answer");
        }
        return $answer;
    };
    $to = "to='" . htmlspecialchars($domain, ENT_QUOTES) . "' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh'";
    preg_match('/\ssid=["\']([^"\']+)/', $ask("$to xmpp:version='1.0' ver='1.6' wait='60' hold='1'", '', 'mechanism'), $found);
    $sid = $found[1];
    $plain = base64_encode("\0$name\0$password");
    $ask('', "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>$plain</auth>", '<success');
    $ask("$to xmpp:restart='true'", '', 'xmpp-bind');
    $iq = "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    preg_match('/<jid>([^<]+)/', $ask('', $iq, '<jid>'), $found);
    return ['jid' => $found[1], 'sid' => $sid, 'rid' => $rid + 1];
}

echo json_encode(prebind(...array_slice($argv, 1))), "\n";
