import Martlet

/// The server's side of one authentication by SCRAM-SHA-256 (RFC 5802 and 7677), without channel binding. A pure value: what the client
/// says goes in, what it is told comes out.
struct SCRAMExchange: AuthenticationExchange {
    /// What is known of a user.
    struct User: Sendable {
        let credential: SCRAMCredential
        /// Otherwise the credential was made up, so that nobody can find out who is a user.
        let isKnown: Bool
    }

    private enum State: Sendable {
        case beginning
        case challenged(Challenge)
        case over
    }

    /// What the client has been asked.
    private struct Challenge: Sendable {
        let name: String
        let user: User
        /// The first part of the client's first message, which it has to repeat.
        let header: [UInt8]
        /// The client's nonce and the server's.
        let nonce: [UInt8]
        /// What has been said so far, as both sides put a code on it.
        let transcript: [UInt8]
    }

    /// No honest message is longer: names and nonces are short.
    private static let limit = 4_096
    private static let comma = UInt8(ascii: ",")

    private let nonce: [UInt8]
    private let user: @Sendable (String) -> User
    private var state = State.beginning

    /// - Parameters:
    ///   - nonce: what the server adds to the client's: printable characters without a comma, never the same twice.
    ///   - user: looks a user up by its name, in the same time whether there is one or not.
    init(nonce: String, user: @escaping @Sendable (String) -> User) {
        (self.nonce, self.user) = (Array(nonce.utf8), user)
    }

    /// Takes the client's next message.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` with what is wrong with its form, or what it asks for that is not there.
    mutating func answer(_ data: [UInt8]) throws -> AuthenticationStep {
        let state = state
        self.state = .over
        guard data.count <= Self.limit, !data.contains(0) else {
            throw Self.fault("is longer than \(Self.limit) bytes, or has a zero")
        }
        switch state {
        case .beginning: return try challenge(data)
        case .challenged(let challenge): return try Self.verdict(data, on: challenge)
        case .over: throw Self.fault("comes after the end")
        }
    }

    // MARK: The client's first message

    private mutating func challenge(_ data: [UInt8]) throws -> AuthenticationStep {
        let parts = data.split(separator: Self.comma, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let flag = parts.first else { throw Self.fault("does not begin as a first one") }
        guard !flag.starts(with: Array("p=".utf8)) else {
            throw Self.fault("asks for channel binding, which is not offered")
        }
        // With y it could, and believes that the server can't: so it is.
        guard flag.elementsEqual("n".utf8) || flag.elementsEqual("y".utf8) else {
            throw Self.fault("does not begin as a first one")
        }
        let attributes = try Self.attributes(parts[2])
        guard attributes.count >= 2, let name = attributes[0].value(of: "n").flatMap(Self.name), !name.isEmpty,
            let own = attributes[1].value(of: "r"), Self.isNonce(own)
        else { throw Self.fault("has no user and nonce as a first one has") }
        // Who logs in as one to act as another.
        if !parts[1].isEmpty {
            guard let other = parts[1].value(of: "a").flatMap(Self.name), other.utf8.elementsEqual(name.utf8) else {
                throw Self.fault("asks to act as another user")
            }
        }
        let user = user(name)
        let nonce: [UInt8] = Array(own) + self.nonce
        let salt = Base64.text(user.credential.salt)
        let terms = ",s=\(salt),i=\(user.credential.iterations)"
        let comma = [Self.comma]
        let question: [UInt8] = Array("r=".utf8) + nonce + Array(terms.utf8)
        state = .challenged(
            Challenge(
                name: name,
                user: user,
                header: Array(data.dropLast(parts[2].count)),
                nonce: nonce,
                transcript: Array(parts[2]) + comma + question + comma
            )
        )
        return .proceed(question)
    }

    // MARK: Its last message

    private static func verdict(_ data: [UInt8], on challenge: Challenge) throws -> AuthenticationStep {
        let attributes = try attributes(data[...])
        guard attributes.count >= 3, let header = attributes[0].value(of: "c").flatMap(base64),
            let nonce = attributes[1].value(of: "r"), let last = attributes.last,
            let proof = last.value(of: "p").flatMap(base64)
        else { throw fault("has no binding, nonce and proof as a last one has") }
        guard header == challenge.header else { throw fault("does not repeat how the first one began") }
        guard nonce.elementsEqual(challenge.nonce) else { throw fault("does not repeat the nonce") }
        let message: [UInt8] = challenge.transcript + Array(data.dropLast(last.count + 1))
        let isRight = challenge.user.credential.accepts(proof, of: message)
        guard isRight, challenge.user.isKnown else { return .refused }
        let signature = Base64.text(challenge.user.credential.signature(of: message))
        return .accepted(user: challenge.name, Array("v=\(signature)".utf8))
    }

    // MARK: The form

    /// The attributes of a message: a letter, `=` and a value. Optional ones that are not known are passed over.
    private static func attributes(_ bytes: ArraySlice<UInt8>) throws -> [ArraySlice<UInt8>] {
        let attributes = bytes.split(separator: comma, omittingEmptySubsequences: false)
        for attribute in attributes {
            guard attribute.count >= 2, let letter = attribute.first, UnicodeScalar(letter).properties.isAlphabetic,
                letter < 0x80, attribute[attribute.startIndex + 1] == UInt8(ascii: "=")
            else { throw fault("has something that is no attribute") }
            guard letter != UInt8(ascii: "m") else { throw fault("asks for an extension that is not offered") }
        }
        return attributes
    }

    private static func isNonce(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { 0x21...0x7E ~= $0 }
    }

    /// A name as it stands in a message: with `=2C` for a comma and `=3D` for `=`.
    private static func name(_ bytes: ArraySlice<UInt8>) -> String? {
        var name: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "=") else {
                name.append(byte)
                continue
            }
            if rest.starts(with: Array("2C".utf8)) {
                name.append(comma)
            } else if rest.starts(with: Array("3D".utf8)) {
                name.append(byte)
            } else {
                return nil
            }
            rest = rest.dropFirst(2)
        }
        return String(validating: name, as: UTF8.self)
    }

    private static func base64(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        Base64.bytes(String(decoding: bytes, as: UTF8.self))
    }

    private static func fault(_ text: String) -> MessagingError {
        MessagingError(.invalidArgument, "its message of \(SCRAMCredential.method) \(text)")
    }
}

extension ArraySlice<UInt8> {
    /// The value of an attribute, if it is of that letter.
    fileprivate func value(of letter: Unicode.Scalar) -> ArraySlice<UInt8>? {
        starts(with: [UInt8(ascii: letter), UInt8(ascii: "=")]) ? dropFirst(2) : nil
    }
}
