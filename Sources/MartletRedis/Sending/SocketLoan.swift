import MartletTransport

/// A socket that producers may write to themselves, and what they have written since the loop last asked.
///
/// So the loop need not be woken for what comes alone, and the server works on what many have published while they go on.
/// What goes wrong is for the loop to find out.
struct SocketLoan: Sendable {
    /// What has been written.
    struct Written: Sendable {
        var commands = UnansweredCommands()
        /// What the system did not take of it, to be written before anything else.
        var rest: [UInt8] = []
    }

    enum Outcome {
        /// The system has taken all of it.
        case whole
        /// It has taken some, and the loop has to write the rest.
        case part
        case nothing
    }

    private let descriptor: CInt
    /// How many commands may be written before the loop has asked.
    private let limit: Int
    private var count = 0
    private var written = Written()
    /// The loop has something to write that came before whatever comes now.
    private var isOver = false
    /// Whether nothing is under way on it.
    private(set) var isIdle = false

    init(_ descriptor: CInt, limit: Int) {
        self.descriptor = descriptor
        self.limit = limit
    }

    /// The loop has nothing more to write.
    ///
    /// - Parameter isIdle: whether nothing is under way that it knows of.
    mutating func renew(isIdle: Bool) {
        isOver = !written.rest.isEmpty
        self.isIdle = isIdle && count == 0
    }

    /// The loop has taken something that it will write.
    mutating func end() { isOver = true }

    /// Writes commands, if they may be.
    ///
    /// - Parameter commands: asked for once some of it is written.
    mutating func write(
        _ bytes: UnsafeRawBufferPointer,
        count: Int,
        _ commands: (inout UnansweredCommands) -> Void
    ) -> Outcome {
        guard !isOver, self.count + count <= limit else { return .nothing }
        let taken = SocketOutput.send(descriptor, bytes)
        guard taken > 0 else { return .nothing }
        self.count += count
        isIdle = false
        commands(&written.commands)
        guard taken < bytes.count else { return .whole }
        written.rest = Array(bytes[taken...])
        isOver = true
        return .part
    }

    mutating func takeWritten() -> Written {
        guard count > 0 else { return Written() }
        defer {
            written = Written()
            count = 0
        }
        return written
    }
}
