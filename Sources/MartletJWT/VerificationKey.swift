internal import JWTKit
import Martlet

/// A key that shows who has signed a token, and the algorithms that it is for: those of its kind, or fewer if it says so itself.
/// What a token says never widens them.
struct VerificationKey: Sendable {
    enum Material: Sendable {
        case rsa(Insecure.RSA.PublicKey)
        case p256(ES256PublicKey)
        case p384(ES384PublicKey)
        case p521(ES512PublicKey)
        case ed25519(EdDSA.PublicKey)
        case secret([UInt8])
    }

    /// What a key set calls it.
    let id: String?
    let algorithms: Set<SignatureAlgorithm>
    private let material: Material

    init(_ material: Material, id: String? = nil) {
        (self.material, self.id) = (material, id)
        algorithms = material.algorithms
    }

    /// For no more than one algorithm; `nil`: it can't do that.
    init?(_ material: Material, id: String?, only algorithm: SignatureAlgorithm) {
        guard material.algorithms.contains(algorithm) else { return nil }
        (self.material, self.id, algorithms) = (material, id, [algorithm])
    }

    /// Whether a signature of an algorithm is this key's.
    func verifies(_ signature: [UInt8], of message: [UInt8], by algorithm: SignatureAlgorithm) async -> Bool {
        guard algorithms.contains(algorithm), let verifier = await verifier(by: algorithm) else { return false }
        // One of another length is an error to some of them.
        return (try? verifier.verify(signature, signs: message)) ?? false
    }

    /// Of each pair of a key and an algorithm that belong together; there are no others.
    private func verifier(by algorithm: SignatureAlgorithm) async -> (any JWTAlgorithm)? {
        let keys = JWTKeyCollection()
        switch (material, algorithm) {
        case (.rsa(let key), .rs256): await keys.add(rsa: key, digestAlgorithm: .sha256)
        case (.rsa(let key), .rs384): await keys.add(rsa: key, digestAlgorithm: .sha384)
        case (.rsa(let key), .rs512): await keys.add(rsa: key, digestAlgorithm: .sha512)
        case (.rsa(let key), .ps256): await keys.add(pss: key, digestAlgorithm: .sha256)
        case (.rsa(let key), .ps384): await keys.add(pss: key, digestAlgorithm: .sha384)
        case (.rsa(let key), .ps512): await keys.add(pss: key, digestAlgorithm: .sha512)
        case (.p256(let key), .es256): await keys.add(ecdsa: key)
        case (.p384(let key), .es384): await keys.add(ecdsa: key)
        case (.p521(let key), .es512): await keys.add(ecdsa: key)
        case (.ed25519(let key), .edDSA), (.ed25519(let key), .ed25519): await keys.add(eddsa: key)
        case (.secret(let bytes), .hs256): await keys.add(hmac: HMACKey(from: bytes), digestAlgorithm: .sha256)
        case (.secret(let bytes), .hs384): await keys.add(hmac: HMACKey(from: bytes), digestAlgorithm: .sha384)
        case (.secret(let bytes), .hs512): await keys.add(hmac: HMACKey(from: bytes), digestAlgorithm: .sha512)
        default: return nil
        }
        return try? await keys.getKey()
    }
}

extension VerificationKey.Material {
    /// A secret is for the hashes that are no longer than it is (RFC 7518, section 3.2).
    fileprivate var algorithms: Set<SignatureAlgorithm> {
        switch self {
        case .rsa: [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        case .p256: [.es256]
        case .p384: [.es384]
        case .p521: [.es512]
        case .ed25519: [.edDSA, .ed25519]
        case .secret(let bytes):
            switch bytes.count {
            case ..<32: []
            case ..<48: [.hs256]
            case ..<64: [.hs256, .hs384]
            default: [.hs256, .hs384, .hs512]
            }
        }
    }
}

// MARK: Where keys come from

/// Why a key can't be used.
struct UnusableKey: Error {
    let reason: String
}

extension VerificationKey {
    /// One of a key set (RFC 7517; RFC 7518, section 6; RFC 8037, section 2). Of one that is private its public part is taken.
    init(_ members: [String: JSON]) throws(UnusableKey) {
        func text(_ name: String) throws(UnusableKey) -> String? {
            guard let member = members[name] else { return nil }
            guard let text = member.string else { throw UnusableKey(reason: "\(name) is no text") }
            return text
        }
        func needed(_ name: String) throws(UnusableKey) -> String {
            guard let text = try text(name), Base64URL.bytes(text.utf8) != nil else {
                throw UnusableKey(reason: "\(name) is missing or no base64url")
            }
            return text
        }
        if let use = try text("use"), use != "sig" { throw UnusableKey(reason: "it is not for signatures") }
        if let operations = members["key_ops"], operations.array?.contains("verify") != true {
            throw UnusableKey(reason: "it is not for verifying")
        }
        let (kind, curve) = (try text("kty"), try text("crv"))
        let material: Material
        do {
            switch (kind, curve) {
            case ("RSA", _): material = .rsa(try .init(modulus: needed("n"), exponent: needed("e")))
            case ("EC", "P-256"): material = .p256(try .init(parameters: (needed("x"), needed("y"))))
            case ("EC", "P-384"): material = .p384(try .init(parameters: (needed("x"), needed("y"))))
            case ("EC", "P-521"): material = .p521(try .init(parameters: (needed("x"), needed("y"))))
            case ("OKP", "Ed25519"): material = .ed25519(try .init(x: needed("x"), curve: .ed25519))
            case ("oct", _): material = .secret(Base64URL.bytes(try needed("k").utf8) ?? [])
            default: throw UnusableKey(reason: "its kind is not known")
            }
        } catch let error as UnusableKey {
            throw error
        } catch {
            throw UnusableKey(reason: "it is no key of its kind, or one of RSA with fewer than 2048 bits")
        }
        let id = try text("kid")
        guard let name = try text("alg") else {
            self.init(material, id: id)
            if algorithms.isEmpty { throw UnusableKey(reason: "it is a secret of fewer than 32 bytes") }
            return
        }
        guard let algorithm = SignatureAlgorithm(rawValue: name),
            let key = VerificationKey(material, id: id, only: algorithm)
        else { throw UnusableKey(reason: "its algorithm is not known, or needs another key") }
        self = key
    }

    /// Of a PEM text: a public key, or a certificate, whose dates mean nothing here.
    init?(pem: String) {
        let material: Material
        if pem.contains("BEGIN CERTIFICATE-") {
            if let key = try? Insecure.RSA.PublicKey(certificatePEM: pem) {
                material = .rsa(key)
            } else if let key = try? ES256PublicKey(certificate: pem) {
                material = .p256(key)
            } else if let key = try? ES384PublicKey(certificate: pem) {
                material = .p384(key)
            } else if let key = try? ES512PublicKey(certificate: pem) {
                material = .p521(key)
            } else {
                return nil
            }
        } else if let key = try? Insecure.RSA.PublicKey(pem: pem) {
            material = .rsa(key)
        } else if let key = try? ES256PublicKey(pem: pem) {
            material = .p256(key)
        } else if let key = try? ES384PublicKey(pem: pem) {
            material = .p384(key)
        } else if let key = try? ES512PublicKey(pem: pem) {
            material = .p521(key)
        } else if let key = try? EdDSA.PublicKey(pem: pem) {
            material = .ed25519(key)
        } else {
            return nil
        }
        self.init(material)
    }
}
