/// Where the reader of a stream sends its credit, and under which correlation ID: the writer has made that for this stream, and
/// tells it to nobody else.
struct StreamControl: Sendable, Hashable {
    let address: String
    let id: String
}

extension StreamControl {
    /// How often a reader says that it is there which waits so long for each element: three times meanwhile, and three times
    /// within the usual patience of a responder, see ``RespondOptions/readerPatience``.
    static func interval(with timeout: Duration) -> Duration { min(timeout / 3, .seconds(20)) }
}
