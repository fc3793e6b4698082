/// An authority that issues certificates by means of the program `openssl`.
struct CertificateAuthority {
    /// The path of the authority's own certificate.
    let certificate: String
    private let program: String
    private let folder: TemporaryFolder
    private let name: String
    private let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]

    init(_ name: String, program: String, folder: TemporaryFolder) throws {
        self.name = name
        self.program = program
        self.folder = folder
        certificate = folder.path("ca-\(name).pem")
        try folder.write("", to: "ca-\(name).index")
        try folder.write("unique_subject = no\n", to: "ca-\(name).index.attr")
        let configuration = try writeConfiguration(extensions: ["basicConstraints = critical, CA:true"])
        try openssl(
            ["req", "-x509", "-config", configuration] + newKey
                + ["-nodes", "-keyout", folder.path("ca-\(name).key"), "-out", certificate]
                + ["-days", "3650", "-subj", "/CN=Martlet test \(name)", "-extensions", "issued"]
        )
    }

    /// Issues a certificate: a server's if it names hosts, otherwise a client's.
    func issue(
        _ commonName: String,
        names: String? = nil,
        isExpired: Bool = false,
        passphrase: String? = nil
    ) throws -> TestCertificates.Identity {
        let identity = TestCertificates.Identity(
            certificate: folder.path("\(commonName)-of-\(name).pem"),
            key: folder.path("\(commonName)-of-\(name).key"),
            passphrase: passphrase
        )
        let configuration = try writeConfiguration(
            extensions: [
                "basicConstraints = CA:false",
                names == nil ? "extendedKeyUsage = clientAuth" : "extendedKeyUsage = serverAuth",
            ] + (names.map { ["subjectAltName = \($0)"] } ?? [])
        )
        let request = folder.path("request")
        let protection = passphrase.map { ["-passout", "pass:\($0)"] } ?? ["-nodes"]
        try openssl(
            ["req", "-new", "-config", configuration] + newKey + protection
                + ["-keyout", identity.key, "-out", request, "-subj", "/CN=\(commonName)"]
        )
        let dates = isExpired ? ["-startdate", "20000101000000Z", "-enddate", "20011231235959Z"] : ["-days", "3650"]
        try openssl(
            ["ca", "-batch", "-config", configuration, "-in", request, "-out", identity.certificate, "-notext"]
                + ["-extensions", "issued"] + dates
        )
        return identity
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
