package import Martlet

extension EventLoop {
    /// The loop of a new connection: that of another one, if its options name one.
    ///
    /// - Parameter name: what the loop's thread is called, if it is a new one.
    /// - Throws: `MessagingError.Code.invalidArgument` for an executor that is no connection's.
    package static func serving(_ options: ConnectionOptions, name: String) throws -> EventLoop {
        guard let thread = options.thread else { return EventLoop(name: name) }
        guard let loop = thread as? EventLoop else {
            throw MessagingError(
                .invalidArgument,
                "the thread of the connection's options is no connection's: take it from another connection's taskExecutor"
            )
        }
        return loop
    }
}
