// Go: go run sign.go alice@chat.example KEY [KID]
package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

func signToken(jid, key, kid string, lifetime time.Duration) string {
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		panic(err)
	}
	claims, err := json.Marshal(map[string]any{
		"jid":   jid,
		"aud":   "xmpp",
		"exp":   time.Now().Add(lifetime).Unix(),
		"nonce": hex.EncodeToString(nonce),
	})
	if err != nil {
		panic(err)
	}
	signed := "ch1." + kid + "." + base64.RawURLEncoding.EncodeToString(claims)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func main() {
	kid := "1"
	if len(os.Args) > 3 {
		kid = os.Args[3]
	}
	fmt.Println(signToken(os.Args[1], os.Args[2], kid, time.Minute))
}
