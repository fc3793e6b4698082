extension BrokerURLOptions {
    /// Reads the options that every transport has for TLS:
    ///
    /// | option | meaning |
    /// |---|---|
    /// | `cafile`, `capath` | the file or the folder of the authorities that are trusted |
    /// | `certfile`, `keyfile`, `keypassword` | the client's certificate, its key and the key's pass phrase |
    /// | `verify` | `full`, `no-host-name` or `none` |
    /// | `servername` | the name that the broker's certificate must be for |
    /// | `tlsversion` | the oldest version that is accepted: `1.2` or `1.3` |
    /// | `ciphers` | between colons; those that begin with `TLS_` are cipher suites of TLS 1.3 |
    /// | `alpn` | the application protocols that are offered, between commas |
    ///
    /// - Parameter isUsed: whether the URL's scheme means TLS; if not, each of these options is an error.
    /// - Returns: `nil` without TLS.
    package mutating func tls(isUsed: Bool) throws -> TLSOptions? {
        let options = try readTLS()
        if isUsed { return options }
        if let name = Self.tlsNames.first(where: isPresent) {
            throw MessagingError(
                .invalidArgument,
                "the option \(name) of \(url) needs TLS, which this scheme does not speak"
            )
        }
        return nil
    }

    private static let tlsNames = [
        "cafile", "capath", "certfile", "keyfile", "keypassword", "verify", "servername", "tlsversion", "ciphers",
        "alpn",
    ]

    private mutating func readTLS() throws -> TLSOptions {
        var options = TLSOptions()
        let (file, folder) = (string("cafile"), string("capath"))
        if file != nil, folder != nil {
            throw MessagingError(.invalidArgument, "the options cafile and capath of \(url) exclude each other")
        }
        if let file { options.trust = .file(file) }
        if let folder { options.trust = .folder(folder) }

        let (chain, key, passPhrase) = (string("certfile"), string("keyfile"), string("keypassword"))
        if let chain {
            options.clientCertificate = .init(chainFile: chain, keyFile: key, passPhrase: passPhrase)
        } else if key != nil || passPhrase != nil {
            throw MessagingError(
                .invalidArgument,
                "the option \(key != nil ? "keyfile" : "keypassword") of \(url) needs certfile, the certificate of the key"
            )
        }

        options.verification =
            try choice("verify", ["full": .full, "no-host-name": .noHostName, "none": .none]) ?? options.verification
        options.serverName = string("servername")
        options.minimumVersion = try choice("tlsversion", ["1.2": .tls12, "1.3": .tls13]) ?? options.minimumVersion
        if let names = string("ciphers")?.split(separator: ":", omittingEmptySubsequences: false) {
            let suites = names.filter { $0.hasPrefix("TLS_") }
            let others = names.filter { !$0.hasPrefix("TLS_") }
            if !suites.isEmpty { options.cipherSuites = suites.joined(separator: ":") }
            if !others.isEmpty { options.ciphers = others.joined(separator: ":") }
        }
        options.applicationProtocols = try list("alpn") ?? []
        return options
    }
}
