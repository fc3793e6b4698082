/// What a connection makes of messages on the wire, and of the wire's bytes: the envelope, the format that was chosen, and
/// the transforms.
package struct WireCoding: Sendable {
    private let format: MessageFormat
    private let transforms: [any BodyTransform]

    package init(format: MessageFormat = .plain, transforms: [any BodyTransform] = []) {
        self.format = format
        self.transforms = transforms
    }

    // MARK: Writing

    /// The bytes of what is published or queued.
    ///
    /// - Parameters:
    ///   - format: instead of the connection's.
    ///   - carriesHeaders: whether the broker carries headers beside the bytes.
    package func publication(
        _ message: Message,
        format: MessageFormat? = nil,
        carriesHeaders: Bool = false
    ) throws -> [UInt8] {
        try content(of: message, format: format, carriesHeaders: carriesHeaders).bytes
    }

    /// What is published or queued: its bytes, and whether they are an envelope.
    package struct Publication: Sendable {
        package let bytes: [UInt8]
        package let isEnvelope: Bool
    }

    /// As ``publication(_:format:carriesHeaders:)``, and whether the bytes are an envelope: for brokers that are told beside
    /// the bytes what these are.
    package func content(
        of message: Message,
        format: MessageFormat? = nil,
        carriesHeaders: Bool
    ) throws -> Publication {
        if message.body.isEmpty, carriesHeaders || message.headers.isEmpty {
            return Publication(bytes: [], isEnvelope: false)
        }
        let isWanted = (format ?? self.format) == .envelope
        let content = isWanted || !carriesHeaders ? message : Message(message.body)
        guard isWanted || Envelope.isNeeded(for: content) else {
            return Publication(bytes: try outgoing(message.body), isEnvelope: false)
        }
        return Publication(bytes: try outgoing(Envelope.wrap(content, for: .publication)), isEnvelope: true)
    }

    /// Whether bytes are changed before they are sent.
    package var isTransforming: Bool { !transforms.isEmpty }

    /// The bytes of a request or a reply.
    package func call(_ message: Message) throws -> [UInt8] {
        try outgoing(Envelope.wrap(message, for: .call))
    }

    /// Bytes as they are sent.
    package func outgoing(_ bytes: [UInt8]) throws -> [UInt8] {
        guard !transforms.isEmpty, !bytes.isEmpty else { return bytes }
        do {
            return try transforms.reduce(bytes) { try $1.outgoing($0) }
        } catch let error as MessagingError {
            throw error
        } catch {
            throw MessagingError(
                .encodingFailed,
                "a body of \(bytes.count) bytes could not be transformed",
                cause: error
            )
        }
    }

    // MARK: Reading

    /// The message that some bytes are: out of its envelope, if it is in one.
    ///
    /// - Throws: ``MessagingError/Code/decodingFailed`` or what a transform throws for bytes that it can't read.
    package func message(_ bytes: [UInt8], from use: Envelope.Use) throws -> Message {
        let bytes = try incoming(bytes)
        return Envelope.unwrap(bytes, from: use) ?? Message(bytes)
    }

    /// The message in an envelope, and whether there is one: where it is `nil`, `bytes` have become the body.
    package func unwrap(_ bytes: inout [UInt8], from use: Envelope.Use) throws -> Message? {
        bytes = try incoming(bytes)
        return Envelope.unwrap(bytes, from: use)
    }

    /// Headers that the broker carried beside the bytes, without the type of what a transform has changed back.
    package func received(_ headers: Headers) -> Headers {
        guard let type = headers.contentType, transforms.contains(where: { $0.contentTypes.contains(type) }) else {
            return headers
        }
        var headers = headers
        headers[Headers.Standard.contentType] = nil
        return headers
    }

    private func incoming(_ bytes: [UInt8]) throws -> [UInt8] {
        guard !transforms.isEmpty, !bytes.isEmpty else { return bytes }
        do {
            return try transforms.reversed().reduce(bytes) { try $1.incoming($0) }
        } catch let error as MessagingError {
            throw error
        } catch {
            throw MessagingError(
                .decodingFailed,
                "a body of \(bytes.count) bytes could not be transformed",
                cause: error
            )
        }
    }
}
