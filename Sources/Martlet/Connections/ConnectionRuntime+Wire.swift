// What a transport makes of messages for a broker that carries bytes, and of the bytes that come: so that the connection's
// ``ConnectionOptions/format``, ``ConnectionOptions/transforms`` and ``ConnectionOptions/maximumHeaders`` hold on it as on
// every other.
extension ConnectionRuntime {
    /// The bytes of a message that is published, or sent to a queue.
    ///
    /// - Parameters:
    ///   - message: the message.
    ///   - format: instead of the connection's: ``PublishOptions/format``.
    ///   - carriesHeaders: whether the broker carries the message's headers beside the bytes. Otherwise they are in an
    ///     envelope.
    /// - Throws: what a transform throws, as ``MessagingError/Code/encodingFailed`` unless it is a ``MessagingError``.
    public func publicationBytes(
        of message: Message,
        format: MessageFormat? = nil,
        carriesHeaders: Bool
    ) throws -> [UInt8] {
        try wire.publication(message, format: format, carriesHeaders: carriesHeaders)
    }

    /// The bytes of a request or a reply, which are in an envelope with all headers.
    ///
    /// - Throws: as ``publicationBytes(of:format:carriesHeaders:)``.
    public func callBytes(of message: Message) throws -> [UInt8] {
        try wire.call(message)
    }

    /// The message that was published, or sent to a queue, as bytes.
    ///
    /// - Parameters:
    ///   - bytes: as they have come.
    ///   - headers: those that the broker has carried beside them; ``Headers/init(received:)`` makes them. Of one that
    ///     an envelope has as well, the envelope's counts.
    /// - Throws: what a transform throws for bytes that it can't read, and ``MessagingError/Code/decodingFailed``, also for
    ///   too many headers. The transport counts that in ``ConnectionStatistics/undecodable`` and goes on; one from a queue
    ///   becomes a dead letter.
    public func message(ofPublication bytes: [UInt8], headers: Headers = Headers()) throws -> Message {
        try wire.message(bytes, beside: headers, from: .publication)
    }

    /// The message that was sent as a request or a reply.
    ///
    /// - Throws: as ``message(ofPublication:headers:)``.
    public func message(ofCall bytes: [UInt8], headers: Headers = Headers()) throws -> Message {
        try wire.message(bytes, beside: headers, from: .call)
    }
}
