import IntegrationSupport
import Martlet

@testable import MartletServer

/// The client's side of SCRAM-SHA-256, which can be told to do wrong.
struct SCRAMClient {
    let user: String
    let password: String
    var nonce = "rOprNGfwEbeRWgbNEkqO"
    /// How its first message begins.
    var header = "n,,"

    private var bare: String { "n=\(user),r=\(nonce)" }

    var first: [UInt8] { Array((header + bare).utf8) }

    /// What it answers the server's first message, and the last that it wants to hear.
    func final(_ challenge: [UInt8]) throws -> (message: [UInt8], signature: [UInt8]) {
        let question = String(decoding: challenge, as: UTF8.self)
        let parts = question.split(separator: ",").map { $0.dropFirst(2) }
        guard parts.count == 3, parts[0].hasPrefix(nonce), let salt = Base64.bytes(String(parts[1])),
            let iterations = Int(parts[2])
        else { throw ServerError("No challenge but \(question)") }
        let open = "c=\(Base64.text(Array(header.utf8))),r=\(parts[0])"
        let transcript = Array("\(bare),\(question),\(open)".utf8)
        let digest = Digest.sha256
        let salted = digest.pbkdf2(Array(password.utf8), salt: salt, rounds: iterations, count: 32)
        let key = digest.code(Array("Client Key".utf8), key: salted)
        let code = digest.code(transcript, key: digest.hash(key))
        let proof = Base64.text(zip(key, code).map { $0 ^ $1 })
        let server = digest.code(transcript, key: digest.code(Array("Server Key".utf8), key: salted))
        return (Array("\(open),p=\(proof)".utf8), Array("v=\(Base64.text(server))".utf8))
    }
}
