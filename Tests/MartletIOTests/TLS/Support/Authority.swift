import Foundation

/// A certificate authority, and the certificates it signs, made by the `openssl` program in a folder of their own, which
/// is removed with this object.
final class Authority: Sendable {
    /// A certificate's and its key's files.
    struct Files: Sendable {
        let certificate: String
        let key: String
    }

    let folder: URL
    /// The authority's own certificate.
    var file: String { path("ca.pem") }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "martlet-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let configuration = """
            [req]
            distinguished_name = name
            [name]
            [authority]
            basicConstraints = critical, CA:TRUE
            keyUsage = critical, keyCertSign, cRLSign
            """
        try write(configuration, to: "req.cnf")
        try selfSigned("ca", extensions: "authority")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    func write(_ text: String, to name: String) throws {
        try text.write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
    }

    /// Signs a certificate for names such as `DNS:broker.test, IP:127.0.0.1`.
    func issue(_ name: String, for alternativeNames: String?, days: Int = 30) throws -> Files {
        try Self.openssl(["req", "-new", "-subj", "/CN=\(name)", "-out", path("\(name).csr")] + newKey(name))
        try write(
            alternativeNames.map { "subjectAltName = \($0)\n" } ?? "basicConstraints = CA:FALSE\n",
            to: "\(name).cnf"
        )
        try Self.openssl([
            "x509", "-req", "-in", path("\(name).csr"), "-CA", file, "-CAkey", path("ca.key"), "-set_serial", "2",
            "-days", "\(days)", "-extfile", path("\(name).cnf"), "-out", path("\(name).pem"),
        ])
        return Files(certificate: path("\(name).pem"), key: path("\(name).key"))
    }

    /// Makes a certificate that nobody else has signed.
    @discardableResult
    func selfSigned(_ name: String, extensions: String? = nil) throws -> Files {
        let section = extensions.map { ["-extensions", $0] } ?? []
        try Self.openssl(
            ["req", "-x509", "-subj", "/CN=\(name)", "-days", "30", "-out", path("\(name).pem")] + section
                + newKey(name)
        )
        return Files(certificate: path("\(name).pem"), key: path("\(name).key"))
    }

    /// Encrypts a key with a pass phrase.
    func encrypted(_ key: String, with passPhrase: String) throws -> String {
        try Self.openssl(["pkey", "-in", key, "-aes128", "-passout", "pass:\(passPhrase)", "-out", key + ".encrypted"])
        return key + ".encrypted"
    }

    /// The folder, with certificates under the names that OpenSSL looks for.
    func hashedFolder() throws -> String {
        try Self.openssl(["rehash", folder.path])
        return folder.path
    }

    private func newKey(_ name: String) -> [String] {
        [
            "-config", path("req.cnf"), "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout",
            path("\(name).key"),
        ]
    }

    /// Runs the program until it ends.
    static func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        let errors = Foundation.Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        let text = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        if process.terminationStatus != 0 {
            throw SupportError("openssl \(arguments.joined(separator: " ")): \(String(decoding: text, as: UTF8.self))")
        }
    }
}
