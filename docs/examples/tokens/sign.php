<?php // PHP: php sign.php alice@chat.example KEY [KID]

function url(string $data): string {
    return rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
}

function sign_token(string $jid, string $key, string $kid = '1', int $lifetime = 60): string {
    $claims = [
        'jid' => $jid,
        'aud' => 'xmpp',
        'exp' => time() + $lifetime,
        'nonce' => bin2hex(random_bytes(16)),
    ];
    $signed = "ch1.$kid." . url(json_encode($claims));
    return "$signed." . url(hash_hmac('sha256', $signed, $key, true));
}

echo sign_token(...array_slice($argv, 1)), "\n";
