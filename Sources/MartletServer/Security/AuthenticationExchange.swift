/// One authentication by a method of MQTT 5 (4.12): of a client that connects, or that authenticates itself anew on the connection
/// that it has.
///
/// It is given what the client says, one message after the other, outside the broker's lock and with the authenticator's limits.
/// All of it, the client's time included, may take as long as ``ServerLimits/authenticationTimeout`` says.
public protocol AuthenticationExchange: Sendable {
    /// Takes the client's next message: the Authentication Data of its CONNECT or AUTH, empty if there is none.
    ///
    /// - Throws: what is wrong with it. That refuses the client, as ``AuthenticationStep/refused`` does; a `MessagingError` is
    ///   logged, and so is to have nothing in it that is secret.
    mutating func answer(_ data: [UInt8]) async throws -> AuthenticationStep
}

/// What an ``AuthenticationExchange`` says to a message of its client.
public enum AuthenticationStep: Sendable, Hashable {
    /// The client is to say more: what it is sent by AUTH, 65,535 bytes at most.
    case proceed([UInt8])
    /// The client is who it says, as ``AuthenticationVerdict/accepted(user:for:)`` has it. The bytes are the last that it is sent, by
    /// CONNACK or AUTH. One that was there before stays the user that it was: as another it is refused.
    case accepted(user: String?, for: Duration? = nil, [UInt8] = [])
    /// It is not (0x87).
    case refused
}
