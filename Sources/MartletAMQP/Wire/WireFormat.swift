import Martlet

/// Messages as AMQP sends them: the standard headers as properties, as far as they fit, the others in the table of headers.
enum WireFormat {
    /// How a message is sent that is published, or put into a queue.
    static func content(
        of message: Message,
        format: MessageFormat? = nil,
        _ wire: WireCoding
    ) throws -> (properties: AMQPProperties, body: [UInt8]) {
        // What the broker would take for its own has only the envelope to travel in.
        let isCarried = !message.headers.contains { AMQPProperties.routingHeaders.contains($0.name) }
        let publication = try wire.content(of: message, format: format, carriesHeaders: isCarried)
        var properties = try properties(of: message.headers)
        let kind = BodyKind(of: message, sentAs: publication, wire)
        properties.contentType = kind.type
        properties.contentEncoding = kind.encoding
        return (properties, publication.bytes)
    }

    /// How a request or a reply is sent: all of it in an envelope, for peers who look nowhere else, and what ties both
    /// together as properties too.
    static func callContent(
        of message: Message,
        _ wire: WireCoding
    ) throws -> (properties: AMQPProperties, body: [UInt8]) {
        var properties = AMQPProperties(contentType: BodyKind.json.type, contentEncoding: BodyKind.json.encoding)
        if wire.isTransforming { properties.contentEncoding = BodyKind.bytes.encoding }
        if let id = message.headers.correlationID, ShortText.fits(id) { properties.correlationID = id }
        if let address = message.headers.replyTo, ShortText.fits(address) { properties.replyTo = address }
        return (properties, try wire.call(message))
    }

    private static func properties(of headers: Headers) throws -> AMQPProperties {
        var properties = AMQPProperties()
        guard !headers.isEmpty else { return properties }
        var table: [(name: String, value: AMQPValue)] = []
        for (name, value) in headers where !AMQPProperties.routingHeaders.contains(name) {
            if case .string(let text) = value, ShortText.fits(text), set(name, text, of: &properties) { continue }
            try ShortText.check(name, "a header's name")
            table.append((name, AMQPValue(value)))
            if name == Headers.Standard.timestamp, let nanoseconds = value.integer, nanoseconds >= 0 {
                // The property has whole seconds; the header the rest.
                properties.timestamp = UInt64(nanoseconds / 1_000_000_000)
            }
        }
        if !table.isEmpty { properties.headers = AMQPTable(unique: table) }
        return properties
    }

    /// - Returns: whether it is one of the headers that have a property.
    private static func set(_ name: String, _ text: String, of properties: inout AMQPProperties) -> Bool {
        switch name {
        case Headers.Standard.contentType: properties.contentType = text
        case Headers.Standard.correlationID: properties.correlationID = text
        case Headers.Standard.replyTo: properties.replyTo = text
        case Headers.Standard.messageID: properties.messageID = text
        default: return false
        }
        return true
    }

    /// The message that was received, out of its envelope if it has one.
    ///
    /// - Throws: what `WireCoding.message(_:beside:from:isRouting:isForBodyAlone:)` throws.
    static func message(
        _ content: ContentAssembly.Content,
        from use: Envelope.Use,
        _ wire: WireCoding
    ) throws -> Message {
        let properties = content.properties
        // What a peer that is no Martlet asks in an envelope is told apart by its address for the reply.
        let use = properties.replyTo == nil ? use : .call
        return try wire.message(content.body, beside: headers(of: properties), from: use) { name in
            // The broker has rewritten the property that holds the address; a peer's envelope has it as it was.
            name == Headers.Standard.replyTo || name == Headers.Standard.correlationID
        } isForBodyAlone: { name in
            name == Headers.Standard.contentType
        }
    }

    private static func headers(of properties: AMQPProperties) -> Headers {
        var fields: [Headers.Element] = []
        func add(_ name: String, _ text: String?) {
            if let text { fields.append((name, .string(text))) }
        }
        add(Headers.Standard.contentType, properties.contentType)
        add(Headers.Standard.correlationID, properties.correlationID)
        add(Headers.Standard.replyTo, properties.replyTo)
        // commlib-py gives all its messages this ID, which identifies none: whoever looks for duplicates would drop them.
        if properties.messageID != "0" { add(Headers.Standard.messageID, properties.messageID) }
        guard let table = properties.headers else { return Headers(received: fields) }
        for (name, value) in table where !isBrokers(name) {
            if let value = HeaderValue(value) { fields.append((name, value)) }
        }
        add(Headers.Standard.deathReason, table["x-first-death-reason"]?.text)
        add(Headers.Standard.deathQueue, table["x-first-death-queue"]?.text)
        return Headers(received: fields)
    }

    /// What the broker itself puts in, and what is told otherwise.
    private static func isBrokers(_ name: String) -> Bool {
        name.hasPrefix("x-")
            && (name.hasPrefix("x-first-death-") || name == "x-death" || name == "x-delivery-count"
                || name == AMQPPublish.returnHeader)
    }
}

extension AMQPValue {
    init(_ value: HeaderValue) {
        self =
            switch value {
            case .string(let text): .string(text)
            case .integer(let number): .int64(number)
            case .double(let number): .double(number)
            case .boolean(let truth): .boolean(truth)
            case .bytes(let bytes): .bytes(bytes)
            }
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }
}

extension HeaderValue {
    /// The value as far as all brokers have its type: no tables, arrays, or nothing.
    init?(_ value: AMQPValue) {
        switch value {
        case .string(let text): self = .string(text)
        case .boolean(let truth): self = .boolean(truth)
        case .float(let number): self = .double(Double(number))
        case .double(let number): self = .double(number)
        case .bytes(let bytes): self = .bytes(bytes)
        case .timestamp(let seconds): self = .integer(Int64(clamping: seconds))
        // The specification (0-9-1, section 4.2.1) and RabbitMQ have a signed number there; py-amqp writes one that is
        // negative.
        case .uint64(let number): self = .integer(Int64(bitPattern: number))
        case .decimal, .array, .table, .void: return nil
        default:
            guard let number = value.integer else { return nil }
            self = .integer(number)
        }
    }
}
