/// How a token may be signed (RFC 7518, section 3.1; RFC 8037, and RFC 9864, which calls EdDSA by its curve). `none` is not among
/// them.
enum SignatureAlgorithm: String, Sendable, Hashable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"
    case ed25519 = "Ed25519"
}
