extension TLSOptions {
    /// The certificate by which a broker knows a client, and the key that proves it. Both are files in the PEM format.
    ///
    /// Its descriptions do not show the pass phrase.
    public struct ClientCertificate: Sendable, Hashable {
        /// The file of the certificate, followed by those of the authorities between it and one that the broker
        /// trusts.
        public var chainFile: String
        /// The file of the private key.
        public var keyFile: String
        /// What the private key's file is encrypted with. `nil`: it is not encrypted.
        public var passPhrase: String?

        /// - Parameters:
        ///   - chainFile: the file of the certificate, in PEM, with those between it and its authority.
        ///   - keyFile: the file of the private key; by default it is in the certificate's file as well.
        ///   - passPhrase: what the key is encrypted with; `nil`: nothing.
        public init(chainFile: String, keyFile: String? = nil, passPhrase: String? = nil) {
            self.chainFile = chainFile
            self.keyFile = keyFile ?? chainFile
            self.passPhrase = passPhrase
        }
    }
}

extension TLSOptions.ClientCertificate: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The files, and whether there is a pass phrase.
    public var description: String {
        "\(chainFile) with the key \(keyFile)" + (passPhrase == nil ? "" : " and a pass phrase")
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// What `dump` shows: no pass phrase.
    public var customMirror: Mirror {
        Mirror(self, children: ["chainFile": chainFile, "keyFile": keyFile])
    }
}
