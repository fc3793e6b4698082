internal import COpenSSL
import Martlet

/// Reads a client's certificate and key into a context.
struct ClientCertificateFiles {
    private let certificate: TLSOptions.ClientCertificate

    init(_ certificate: TLSOptions.ClientCertificate) {
        self.certificate = certificate
    }

    func apply(to context: OpaquePointer) throws {
        try TLSSettings.checkText(certificate.chainFile, "clientCertificate")
        try TLSSettings.checkText(certificate.keyFile, "clientCertificate")
        guard SSL_CTX_use_certificate_chain_file(context, certificate.chainFile) == 1 else {
            throw TLSSettings.wrong("clientCertificate: the certificate file \(quoted(certificate.chainFile))")
        }
        let key = try privateKey()
        defer { EVP_PKEY_free(key) }
        guard SSL_CTX_use_PrivateKey(context, key) == 1, SSL_CTX_check_private_key(context) == 1 else {
            throw TLSSettings.wrong(
                "clientCertificate: the private key \(quoted(certificate.keyFile)) for the certificate "
                    + quoted(certificate.chainFile)
            )
        }
    }

    /// What the callback that is asked for the pass phrase has and tells.
    private struct Question {
        var passPhrase: [UInt8]?
        var wasAsked = false
    }

    private func privateKey() throws -> OpaquePointer {
        let what = "clientCertificate: the key file \(quoted(certificate.keyFile))"
        guard let file = BIO_new_file(certificate.keyFile, "r") else { throw TLSSettings.wrong(what) }
        defer { BIO_free(file) }
        // The question lives on this stack and the callback is called only before `PEM_read_bio_PrivateKey` returns.
        var question = Question(passPhrase: certificate.passPhrase.map { Array($0.utf8) })
        let key = withUnsafeMutablePointer(to: &question) { question in
            PEM_read_bio_PrivateKey(
                file,
                nil,
                { buffer, size, _, question in
                    guard let buffer, let question = question?.assumingMemoryBound(to: Question.self) else { return -1 }
                    question.pointee.wasAsked = true
                    guard let passPhrase = question.pointee.passPhrase, passPhrase.count <= Int(size) else { return -1 }
                    for (index, byte) in passPhrase.enumerated() { buffer[index] = CChar(bitPattern: byte) }
                    return Int32(passPhrase.count)
                },
                question
            )
        }
        if let key { return key }
        switch (question.wasAsked, question.passPhrase) {
        case (true, nil): throw TLSSettings.wrong("\(what) is encrypted, there is no pass phrase, and so it")
        case (true, _): throw TLSSettings.wrong("\(what) with the pass phrase given")
        case (false, _): throw TLSSettings.wrong("\(what) holds no private key in the PEM format, and so it")
        }
    }
}
