/// What a request's timeout is for.
enum RequestDeadline: Sendable {
    /// The whole answer: the handler is cancelled when it is over.
    case answer
    /// Each element of a stream.
    case element
    /// Each element, of a request that asks for a stream; the whole answer of any other.
    case asRequested

    /// Whether a request's handler is cancelled when its timeout is over.
    func endsHandler(of headers: Headers) -> Bool {
        switch self {
        case .answer: true
        case .element: false
        case .asRequested: headers[Headers.Standard.credit] == nil
        }
    }
}
