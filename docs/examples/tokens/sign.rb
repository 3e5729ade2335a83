# Ruby: ruby sign.rb alice@chat.example KEY [KID]
require "base64"
require "json"
require "openssl"
require "securerandom"

def url(data) = Base64.urlsafe_encode64(data, padding: false)

def sign_token(jid, key, kid = "1", lifetime: 60)
  claims = { jid: jid, aud: "xmpp", exp: Time.now.to_i + lifetime, nonce: SecureRandom.hex(16) }
  signed = "ch1.#{kid}.#{url(JSON.generate(claims))}"
  "#{signed}.#{url(OpenSSL::HMAC.digest("SHA256", key, signed))}"
end

puts sign_token(*ARGV)
