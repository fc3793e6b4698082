internal import COpenSSL
import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Carries options over into an OpenSSL context.
struct TLSSettings {
    let context: OpaquePointer
    let options: TLSOptions
    let peer: PeerName?

    func apply() throws {
        // OpenSSL would ask on the terminal for the pass phrase of any file that needs one.
        SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in -1 }
        SSL_CTX_set_default_passwd_cb_userdata(context, nil)
        martlet_SSL_CTX_set_safe_options(context)
        martlet_SSL_CTX_set_stream_mode(context)
        try applyVersion()
        try applyCiphers()
        try applyProtocols()
        try applyTrust()
        try applyVerification()
        if let certificate = options.clientCertificate {
            try ClientCertificateFiles(certificate).apply(to: context)
        }
    }

    private func applyVersion() throws {
        let version = options.minimumVersion == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
        guard martlet_SSL_CTX_set_min_proto_version(context, version) == 1 else {
            throw Self.wrong("minimumVersion \(options.minimumVersion)")
        }
    }

    private func applyCiphers() throws {
        if let ciphers = options.ciphers {
            try Self.check(ciphers, "ciphers", separators: ":, ;") { SSL_CTX_set_cipher_list($0, $1) }
            // Ciphers without authentication would skip verification, those without encryption hide nothing.
            guard SSL_CTX_set_cipher_list(context, ciphers + ":!aNULL:!eNULL") == 1 else {
                throw Self.wrong("ciphers \(quoted(ciphers))")
            }
        }
        if let suites = options.cipherSuites {
            try Self.check(suites, "cipherSuites", separators: ":") { SSL_CTX_set_ciphersuites($0, $1) }
            guard SSL_CTX_set_ciphersuites(context, suites) == 1 else {
                throw Self.wrong("cipherSuites \(quoted(suites))")
            }
        }
    }

    /// OpenSSL leaves out what it does not know as long as something is left: a misspelt cipher would go unnoticed. So each
    /// is tried alone; not those that only take away, order or command.
    private static func check(
        _ list: String,
        _ option: String,
        separators: String,
        set: (OpaquePointer, String) -> Int32
    ) throws {
        guard let trial = SSL_CTX_new(TLS_client_method()) else { throw OpenSSLError.unexpected("SSL_CTX_new") }
        defer { SSL_CTX_free(trial) }
        try checkText(list, option)
        let names = list.split { separators.contains($0) }.map(String.init)
        if names.isEmpty { throw MessagingError(.invalidArgument, "the TLS option \(option) is empty") }
        for name in names where !"!-+@".contains(name.prefix(1)) && set(trial, name) != 1 {
            throw wrong("\(option): \(quoted(name))")
        }
        ERR_clear_error()
    }

    private func applyProtocols() throws {
        if options.applicationProtocols.isEmpty { return }
        var list: [UInt8] = []
        for name in options.applicationProtocols {
            guard (1...255).contains(name.utf8.count) else {
                throw MessagingError(
                    .invalidArgument,
                    "the TLS option applicationProtocols holds \(quoted(name)), which has not 1 to 255 bytes"
                )
            }
            list.append(UInt8(name.utf8.count))
            list += name.utf8
        }
        // The list has 16 bits for its length. Unlike its neighbours the function returns 0 for success.
        guard list.count <= 65_535, SSL_CTX_set_alpn_protos(context, list, UInt32(list.count)) == 0 else {
            throw Self.wrong("applicationProtocols (\(list.count) bytes)")
        }
    }

    private func applyTrust() throws {
        switch options.trust {
        case .system:
            // Reading them all takes some 60 ms here.
            if options.verification == .none { return }
            guard SSL_CTX_set_default_verify_paths(context) == 1 else { throw Self.wrong("trust .system") }
        case .file(let path):
            try Self.checkText(path, "trust")
            guard SSL_CTX_load_verify_file(context, path) == 1 else {
                throw Self.wrong("trust: the file \(quoted(path))")
            }
        case .folder(let path):
            try Self.checkText(path, "trust")
            try Self.checkFolder(path)
            guard SSL_CTX_load_verify_dir(context, path) == 1 else {
                throw Self.wrong("trust: the folder \(quoted(path))")
            }
        }
    }

    /// OpenSSL looks into the folder during a handshake, and finds certificates by the hash in their file's name. A folder
    /// without such files trusts nobody: better said here.
    private static func checkFolder(_ path: String) throws {
        let names: [String]
        do throws(StoreFailure) {
            names = try FolderNames.all(at: path)
        } catch {
            let reason = OpenSSLError.systemText(error.code)
            throw MessagingError(
                .invalidArgument,
                "the TLS option trust: the folder \(quoted(path)) can't be read: \(reason)"
            )
        }
        for name in names {
            let parts = name.split(separator: ".")
            if parts.count == 2, parts[0].utf8.count == 8, UInt32(parts[0], radix: 16) != nil, UInt8(parts[1]) != nil {
                return
            }
        }
        throw MessagingError(
            .invalidArgument,
            "the TLS option trust: the folder \(quoted(path)) has no certificate named by its hash; `openssl rehash` makes "
                + "such names"
        )
    }

    private func applyVerification() throws {
        guard options.verification != .none else {
            SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
            return
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, HandshakeRecord.verifyCallback)
        let rules = SSL_CTX_get0_param(context)
        // What an authority signs that is trusted itself is trusted, whoever may have signed that authority.
        X509_VERIFY_PARAM_set_flags(rules, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        guard options.verification == .full, let peer else { return }
        // RFC 9525, section 6.3: a wildcard is a whole label.
        X509_VERIFY_PARAM_set_hostflags(rules, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        switch peer {
        case .name(let name):
            guard X509_VERIFY_PARAM_set1_host(rules, name, name.utf8.count) == 1 else {
                throw Self.wrong("serverName \(quoted(name))")
            }
        case .address(let address):
            guard X509_VERIFY_PARAM_set1_ip_asc(rules, address) == 1 else {
                throw Self.wrong("serverName \(quoted(address))")
            }
        }
    }

    /// C would see only what stands before a zero.
    static func checkText(_ text: String, _ option: String) throws {
        if text.utf8.contains(0) {
            throw MessagingError(.invalidArgument, "the TLS option \(option) is \(quoted(text)), which holds U+0")
        }
    }

    /// An error with what OpenSSL says about an option.
    static func wrong(_ option: String) -> MessagingError {
        MessagingError(.invalidArgument, "the TLS option \(option) can't be used: \(OpenSSLError.takeReasons())")
    }
}
