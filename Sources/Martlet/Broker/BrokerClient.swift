/// A connection as its broker sees it.
public struct BrokerClient: Sendable, Hashable {
    /// Its number: no other client of this broker has or had it.
    public let id: Int
    /// Its name, which other clients may have as well. Of a client on a socket it is its identifier there.
    public let name: String
    /// The user that it has shown to be; `nil`: it was not asked, as no client in this process is.
    public let user: String?
    /// The address that it comes from; `nil`: it is in this process.
    public let address: String?
    /// The listener that took its connection, such as `mqtt`; `nil`: it is in this process.
    public let listener: String?
    /// Whom the certificate names that it has shown, such as `CN=press,O=Works` (RFC 2253); `nil`: it has shown none, or its
    /// listener asks for none.
    public let certificateSubject: String?
    /// The protocol that it speaks, such as `MQTT 3.1.1`; `nil`: it is in this process.
    public let protocolVersion: String?

    package init(
        id: Int,
        name: String,
        user: String? = nil,
        address: String? = nil,
        listener: String? = nil,
        certificateSubject: String? = nil,
        protocolVersion: String? = nil
    ) {
        self.id = id
        self.name = name
        self.user = user
        self.address = address
        self.listener = listener
        self.certificateSubject = certificateSubject
        self.protocolVersion = protocolVersion
    }
}
