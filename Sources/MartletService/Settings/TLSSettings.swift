/// What paho's `tls_set` takes, in the names of Python's module `ssl`. The text `None` is none.
struct TLSSettings: Decodable {
    enum Requirement: String, Decodable, CaseIterable {
        case none = "None"
        case no = "CERT_NONE"
        case optional = "CERT_OPTIONAL"
        case required = "CERT_REQUIRED"
    }

    enum Version: String, Decodable, CaseIterable {
        case none = "None"
        case any = "PROTOCOL_TLS"
        /// What Python called that before 3.6.
        case formerAny = "PROTOCOL_SSLv23"
        case client = "PROTOCOL_TLS_CLIENT"
        case tls12 = "PROTOCOL_TLSv1_2"
    }

    var caCerts: String?
    var certfile: String?
    var keyfile: String?
    var certReqs: Requirement?
    var tlsVersion: Version?
    var ciphers: String?

    /// The same as options of a URL.
    var options: [(name: String, value: String)] {
        let texts = [("cafile", caCerts), ("certfile", certfile), ("keyfile", keyfile), ("ciphers", ciphers)]
        var options: [(name: String, value: String)] = texts.compactMap { name, text in
            text.flatMap { $0 == "None" ? nil : (name, $0) }
        }
        if certReqs == .no { options.append(("verify", "none")) }
        if tlsVersion == .tls12 { options.append(("tlsversion", "1.2")) }
        return options
    }
}
