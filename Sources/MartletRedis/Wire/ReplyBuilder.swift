import CHiredis

/// Puts a reply together while hiredis reads it, so that its parts are made once, as what users get.
///
/// hiredis tells of each part in the order in which they are on the wire, and says for an array how many follow. What
/// it gets back as the part's object is never looked at, as long as it is not null.
final class ReplyBuilder {
    private struct OpenArray {
        var elements: [RedisValue] = []
        let count: Int
    }

    private var open: [OpenArray] = []
    private var finished: RedisValue?

    /// The reply that has just been read.
    func take() -> RedisValue? {
        defer { finished = nil }
        return finished
    }

    /// Forgets what has been read of a reply.
    func reset() {
        open.removeAll()
        finished = nil
    }

    func add(_ value: RedisValue) {
        var value = value
        while !open.isEmpty {
            let last = open.count - 1
            open[last].elements.append(value)
            guard open[last].elements.count == open[last].count else { return }
            value = .array(open.removeLast().elements)
        }
        finished = value
    }

    func begin(_ count: Int) {
        guard count > 0 else { return add(.array([])) }
        var array = OpenArray(count: count)
        // Not more than can be afforded on the word of a stranger.
        array.elements.reserveCapacity(min(count, 64))
        open.append(array)
    }

    // MARK: As hiredis calls it

    /// What hiredis calls.
    ///
    /// Proof: written once, when it is made, before anyone reads it; hiredis only reads it, and it is never freed.
    nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        functions.initialize(to: redisReplyObjectFunctions())
        functions.pointee.createString = { task, text, count in
            ReplyBuilder.of(task) { builder, type in
                let bytes = UnsafeRawBufferPointer(start: text, count: count)
                switch type {
                case REDIS_REPLY_STATUS: builder.add(.status(String(decoding: bytes, as: UTF8.self)))
                case REDIS_REPLY_ERROR: builder.add(.error(RedisError(String(decoding: bytes, as: UTF8.self))))
                default: builder.add(.bytes(Array(bytes)))
                }
            }
        }
        functions.pointee.createArray = { task, count in
            ReplyBuilder.of(task) { builder, _ in builder.begin(Int(count)) }
        }
        functions.pointee.createInteger = { task, number in
            ReplyBuilder.of(task) { builder, _ in builder.add(.integer(number)) }
        }
        functions.pointee.createNil = { task in
            ReplyBuilder.of(task) { builder, _ in builder.add(.null) }
        }
        // It is not told whose object this is; the reader resets the builder itself when there was an error.
        functions.pointee.freeObject = { _ in }
        return functions
    }()

    /// The builder of a task: the reader has put it there, and keeps it for longer than hiredis's reader lives.
    private static func of(
        _ task: UnsafePointer<redisReadTask>?,
        _ body: (ReplyBuilder, CInt) -> Void
    ) -> UnsafeMutableRawPointer? {
        guard let task, let builder = task.pointee.privdata else { return nil }
        body(Unmanaged<ReplyBuilder>.fromOpaque(builder).takeUnretainedValue(), task.pointee.type)
        return builder
    }
}
