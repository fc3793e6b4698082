import Martlet

/// An element of a queue's list, read.
struct QueueElement {
    /// As it is in the list.
    let bytes: [UInt8]
    /// What is delivered.
    let message: Message
    /// How often it has been delivered before.
    let redeliveries: Int
    /// When it expires, by the server's clock: nanoseconds since 1970.
    let expires: Int64?
    /// Whether a message could be made of the bytes. Otherwise the bytes themselves are in its place.
    let isReadable: Bool
    private let wire: WireCoding

    init(_ bytes: [UInt8], _ wire: WireCoding) {
        self.bytes = bytes
        self.wire = wire
        let read = try? wire.message(bytes, from: .publication)
        isReadable = read != nil
        var message = read ?? Message(bytes)
        redeliveries = message.headers.takeRedeliveries()
        expires = message.headers[QueueHeaders.expires]?.integer
        message.headers[QueueHeaders.expires] = nil
        self.message = message
    }

    /// What commlib-py leaves in lists and skips.
    var isFiller: Bool { bytes == Self.filler }
    private static let filler = Array("QueueInit".utf8)

    /// As it is given back: it says how often it was delivered.
    var givenBack: [UInt8] {
        var message = message
        message.headers.countDelivery(after: redeliveries)
        if let expires { message.headers[QueueHeaders.expires] = .integer(expires) }
        return sealed(Envelope.wrap(message, for: message.headers.replyTo == nil ? .publication : .call))
    }

    /// As a dead letter: it says why.
    func deadLetter(_ reason: String, _ queue: QueueName) -> [UInt8] {
        var message = message
        message.headers[Headers.Standard.deathReason] = .string(reason)
        message.headers[Headers.Standard.deathQueue] = .string(queue.text)
        message.headers[Headers.Standard.deathDeliveries] = .integer(Int64(redeliveries) + 1)
        return sealed(Envelope.wrap(message, for: .publication))
    }

    /// As bytes are sent. Where that fails they stay as they are: what has been taken must not get lost.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] { (try? wire.outgoing(bytes)) ?? bytes }
}
