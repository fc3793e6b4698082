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
    /// error becomes ``Code/handlerFailed`` with the text that it describes itself by.
    static func reply(for error: any Error) -> Message {
        let code: Code
        let text: String
        switch error {
        case let error as MessagingError: (code, text) = (error.code, error.message)
        case is CancellationError: (code, text) = (.cancelled, "the handler was cancelled")
        default: (code, text) = (.handlerFailed, String(describing: error))
        }
        return Message(headers: [
            Headers.Standard.errorCode: .string(code.rawValue),
            Headers.Standard.errorMessage: .string(String(text.prefix(4_096))),
        ])
    }
}
