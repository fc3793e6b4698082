/// Where a ``BrokerServer`` takes connections.
public struct Listener: Sendable, Hashable {
    /// What a listener shows to be under TLS, and of whom it wants to see a certificate in turn.
    public struct TLS: Sendable, Hashable {
        /// A file with the certificate and those between it and its authority, in PEM.
        public var certificateChain: String
        /// A file with its private key, in PEM.
        public var privateKey: String
        /// A file with the authorities, in PEM, of which each client must have a certificate; `nil`: clients need none.
        public var clientAuthorities: String?

        /// Shows a certificate, and asks for none unless told.
        public init(certificateChain: String, privateKey: String, clientAuthorities: String? = nil) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
            self.clientAuthorities = clientAuthorities
        }
    }

    /// What `BrokerClient.listener` and the log call it.
    public let name: String
    /// The address to listen on: of an interface, or `0.0.0.0` or `::` for all of them.
    public let host: String
    /// The port; 0: one that is free.
    public let port: Int
    /// `nil`: without TLS.
    public let tls: TLS?

    /// MQTT as it is, on this machine alone unless told.
    public static func mqtt(host: String = "127.0.0.1", port: Int = 1883) -> Listener {
        Listener(name: "mqtt", host: host, port: port, tls: nil)
    }

    /// MQTT under TLS, on this machine alone unless told.
    public static func mqtts(host: String = "127.0.0.1", port: Int = 8883, _ tls: TLS) -> Listener {
        Listener(name: "mqtts", host: host, port: port, tls: tls)
    }
}
