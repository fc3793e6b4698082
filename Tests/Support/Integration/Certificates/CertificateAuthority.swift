/// An authority that issues certificates by means of the program `openssl`, one after the other.
package struct CertificateAuthority: Sendable {
    /// The path of the authority's own certificate.
    package let certificate: String
    private let program: String
    private let folder: TemporaryFolder
    private let name: String
    private let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]

    private static let extensions = ["basicConstraints = critical, CA:true"]

    /// - Parameter parent: who signs its certificate; `nil`: itself.
    init(
        _ name: String,
        program: String,
        folder: TemporaryFolder,
        signedBy parent: CertificateAuthority? = nil
    ) throws {
        self.name = name
        self.program = program
        self.folder = folder
        certificate = folder.path("ca-\(name).pem")
        try folder.write("", to: "ca-\(name).index")
        try folder.write("unique_subject = no\n", to: "ca-\(name).index.attr")
        let identity = TestCertificates.Identity(certificate: certificate, key: folder.path("ca-\(name).key"))
        let commonName = "Martlet test \(name)"
        if let parent {
            try parent.sign(commonName, identity, extensions: Self.extensions)
        } else {
            try signItself(commonName, identity, extensions: Self.extensions)
        }
    }

    /// Runs `body` with an authority of its own, whose files are removed with it.
    package static func withAuthority<Result>(
        _ body: (CertificateAuthority) async throws -> Result
    ) async throws -> Result {
        let folder = try TemporaryFolder("certificates")
        defer { folder.remove() }
        let program = try Program.find("openssl", package: "openssl")
        return try await body(onThread { try CertificateAuthority("authority", program: program, folder: folder) })
    }

    /// Another authority, whose own certificate this one has signed.
    package func authority(_ name: String) async throws -> CertificateAuthority {
        try await onThread { try CertificateAuthority(name, program: program, folder: folder, signedBy: self) }
    }

    /// Issues a certificate.
    package func issue(
        _ commonName: String,
        for use: CertificateUse,
        isExpired: Bool = false
    ) async throws -> TestCertificates.Identity {
        try await onThread { try issueHere(commonName, for: use, isExpired: isExpired) }
    }

    /// Makes a certificate that is signed by its own key only.
    package func selfSigned(_ commonName: String) async throws -> TestCertificates.Identity {
        let identity = identity(commonName, signedBy: "itself")
        try await onThread {
            try signItself(commonName, identity, extensions: ["basicConstraints = CA:false"])
        }
        return identity
    }

    /// The path of a folder that holds the authority's certificate under the name that OpenSSL looks for.
    package func hashedFolder() async throws -> String {
        try await Program.run(program, ["rehash", folder.path])
        return folder.path
    }

    /// Issues a certificate, on the calling thread.
    func issueHere(
        _ commonName: String,
        for use: CertificateUse,
        isExpired: Bool = false,
        passphrase: String? = nil
    ) throws -> TestCertificates.Identity {
        let identity = identity(commonName, signedBy: name, passphrase: passphrase)
        let extensions = ["basicConstraints = CA:false"] + use.extensions
        try sign(commonName, identity, extensions: extensions, isExpired: isExpired)
        return identity
    }

    private func sign(
        _ commonName: String,
        _ identity: TestCertificates.Identity,
        extensions: [String],
        isExpired: Bool = false
    ) throws {
        let configuration = try writeConfiguration(extensions: extensions)
        let request = folder.path("request")
        let protection = identity.passphrase.map { ["-passout", "pass:\($0)"] } ?? ["-nodes"]
        try openssl(
            ["req", "-new", "-config", configuration] + newKey + protection
                + ["-keyout", identity.key, "-out", request, "-subj", "/CN=\(commonName)"]
        )
        let dates = isExpired ? ["-startdate", "20000101000000Z", "-enddate", "20011231235959Z"] : ["-days", "3650"]
        try openssl(
            ["ca", "-batch", "-config", configuration, "-in", request, "-out", identity.certificate, "-notext"]
                + ["-extensions", "issued"] + dates
        )
    }

    private func identity(
        _ commonName: String,
        signedBy signer: String,
        passphrase: String? = nil
    ) -> TestCertificates.Identity {
        TestCertificates.Identity(
            certificate: folder.path("\(commonName)-of-\(signer).pem"),
            key: folder.path("\(commonName)-of-\(signer).key"),
            passphrase: passphrase
        )
    }

    private func signItself(
        _ commonName: String,
        _ identity: TestCertificates.Identity,
        extensions: [String]
    ) throws {
        let configuration = try writeConfiguration(extensions: extensions)
        try openssl(
            ["req", "-x509", "-config", configuration] + newKey
                + ["-nodes", "-keyout", identity.key, "-out", identity.certificate]
                + ["-days", "3650", "-subj", "/CN=\(commonName)", "-extensions", "issued"]
        )
    }

    private func openssl(_ arguments: [String]) throws {
        try Program.runBriefly(program, arguments)
    }

    /// Writes what `openssl` wants to read, with the extensions of the certificate that comes next.
    private func writeConfiguration(extensions: [String]) throws -> String {
        let text = """
            [ req ]
            distinguished_name = nothing
            [ nothing ]
            [ ca ]
            default_ca = authority
            [ authority ]
            new_certs_dir = \(folder.path)
            database = \(folder.path("ca-\(name).index"))
            rand_serial = yes
            default_md = sha256
            policy = anybody
            certificate = \(certificate)
            private_key = \(folder.path("ca-\(name).key"))
            [ anybody ]
            commonName = supplied
            [ issued ]
            subjectKeyIdentifier = hash
            \(extensions.joined(separator: "\n"))

            """
        return try folder.write(text, to: "openssl.cnf")
    }
}
