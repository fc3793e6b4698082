extension MessagingError {
    /// The error that a reply carries; `nil` if it carries none.
    init?(_ headers: Headers) {
        guard let code = headers[Headers.Standard.errorCode]?.string else { return nil }
        self.init(
            Code(rawValue: code),
            headers[Headers.Standard.errorMessage]?.string ?? "the other side gave no reason"
        )
    }

    /// The reply that carries an error to a caller.
    ///
    /// A ``MessagingError`` keeps its code and text, but not its cause, which is nobody else's business. Any other
    /// error becomes ``Code/handlerFailed`` with the text that it describes itself by. Of a text the first 4,096 bytes
    /// travel, of a code the first 256.
    static func reply(for error: any Error) -> Message {
        let code: Code
        let text: String
        switch error {
        case let error as MessagingError: (code, text) = (error.code, error.message)
        case is CancellationError: (code, text) = (.cancelled, "the handler was cancelled")
        default: (code, text) = (.handlerFailed, String(describing: error))
        }
        var reply = Message()
        reply.headers.set(code, text)
        return reply
    }
}

extension Headers {
    /// Says what went wrong, in no more bytes than an error may have on the wire.
    mutating func set(_ code: MessagingError.Code, _ text: String) {
        self[Standard.errorCode] = .string(code.rawValue.prefix(bytes: MessagingError.Code.maximumBytes))
        self[Standard.errorMessage] = .string(text.prefix(bytes: 4_096))
    }
}

extension String {
    /// As many of its first scalars as fit into so many bytes of UTF-8.
    func prefix(bytes count: Int) -> String {
        guard utf8.count > count else { return self }
        var end = utf8.index(startIndex, offsetBy: count)
        while UTF8.isContinuation(utf8[end]) { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
