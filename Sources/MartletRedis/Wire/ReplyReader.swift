import CHiredis

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads replies out of whatever pieces they come in, by hiredis. Whatever comes, it ends with replies or with an
/// error, in time and memory in proportion to what came.
///
/// The two that come by the million, a whole number and a published message, are looked for first where hiredis would
/// begin to read, in its buffer: what is there in one piece is taken as it is. Everything else, and what came in pieces, it
/// reads.
final class ReplyReader {
    /// What is no protocol, or too large.
    struct Failure: Error, Equatable {
        let reason: String
    }

    /// No line of the protocol is longer: replies of one line are words, numbers and errors.
    static let maximumLine = 64 << 10
    /// hiredis moves what is left in its buffer to the front after each kilobyte that it has read. It is given little
    /// at a time, so that little is left.
    private static let slice = 16 << 10

    /// How many bytes one reply may have.
    private let limit: Int
    private let builder = ReplyBuilder()
    private let reader: UnsafeMutablePointer<redisReader>
    /// How many bytes have come since the last reply was complete.
    private var pending = 0
    private var failure: Failure?
    /// Whether published messages may come, which look like arrays.
    private let hearsPushes: Bool

    /// - Parameters:
    ///   - limit: how many bytes one reply may have.
    ///   - hearsPushes: whether published messages come, so that ``next(_:)`` is what takes them.
    init(limit: Int, hearsPushes: Bool = false) {
        self.limit = limit
        self.hearsPushes = hearsPushes
        guard let reader = redisReaderCreateWithFunctions(ReplyBuilder.functions) else {
            fatalError("there is no memory for a reader of replies")
        }
        self.reader = reader
        // Not retained: the builder lives as long as this object, and hiredis's reader ends with it.
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
    }

    deinit {
        redisReaderFree(reader)
    }

    /// Takes bytes in and has `body` take out by ``next()`` or ``next(_:)`` all that is complete, piece by piece.
    ///
    /// - Throws: `Failure`, and from then on always.
    func feed(_ bytes: UnsafeRawBufferPointer, _ body: () throws -> Void) throws {
        var rest = bytes
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.slice))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            if let failure { throw failure }
            redisReaderFeed(reader, piece.bindMemory(to: CChar.self).baseAddress, piece.count)
            pending += piece.count
            try body()
            try checkSize()
        }
    }

    /// The next reply that is complete; `nil` if there is none.
    func next() throws -> RedisValue? {
        if let number = try takeInteger() { return .integer(number) }
        return try read()
    }

    /// The same, of a socket by which published messages come: those in one piece are given to `hear`.
    func next(_ hear: (PushedMessage) -> Void) throws -> RedisValue? {
        if hearsPushes {
            try checkFailure()
            while let push = atBoundary({ PushedMessage(at: $0) }) {
                guard push.size <= limit else { break }
                hear(push)
                skip(push.size)
            }
        }
        return try read()
    }

    private func takeInteger() throws -> Int64? {
        try checkFailure()
        guard let (number, size) = atBoundary({ Self.integer(at: $0) }) else { return nil }
        skip(size)
        return number
    }

    private func checkFailure() throws {
        if let failure { throw failure }
    }

    /// What `scan` makes of the bytes that hiredis has not read, if it is between two replies.
    private func atBoundary<Result>(_ scan: (UnsafeRawBufferPointer) -> Result?) -> Result? {
        let (index, end, position) = (reader.pointee.ridx, reader.pointee.len, reader.pointee.pos)
        guard position < end, let buffer = reader.pointee.buf else { return nil }
        // It says so in two ways: it has begun nothing, or a first part of which it does not know the kind.
        guard index == -1 || (index == 0 && reader.pointee.rstack.0.type == -1) else { return nil }
        return scan(UnsafeRawBufferPointer(start: buffer + position, count: end - position))
    }

    /// So many bytes are done with. hiredis lets them go when it is asked for the next reply.
    private func skip(_ count: Int) {
        reader.pointee.pos += count
        pending = reader.pointee.len - reader.pointee.pos
    }

    /// A whole number of up to eighteen digits and no sign, as they are answered: `:12\r\n`.
    private static func integer(at bytes: UnsafeRawBufferPointer) -> (Int64, size: Int)? {
        guard bytes.count >= 4, bytes[0] == UInt8(ascii: ":") else { return nil }
        return RESPLine.number(in: bytes, from: 1).map { (Int64($0.value), $0.end) }
    }

    private func read() throws -> RedisValue? {
        var object: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &object) == REDIS_OK else {
            throw fail(
                withUnsafeBytes(of: reader.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            )
        }
        guard object != nil, let reply = builder.take() else { return nil }
        pending = reader.pointee.len - reader.pointee.pos
        return reply
    }

    /// hiredis would collect for ever, and look through a line from its start each time that more of it comes.
    private func checkSize() throws {
        guard pending <= limit else { throw fail("a reply has more than \(limit) bytes") }
        let (buffered, position) = (reader.pointee.len, reader.pointee.pos)
        guard buffered - position > 64, let buffer = reader.pointee.buf else { return }
        switch currentType {
        case REDIS_REPLY_STRING:
            // Of a string the length stands in front, in a line of its own.
            if memchr(buffer + position, 13, 32) == nil { throw fail("the length of a string has no end") }
        case REDIS_REPLY_STATUS, REDIS_REPLY_ERROR, REDIS_REPLY_INTEGER, REDIS_REPLY_ARRAY:
            if buffered - position > Self.maximumLine { throw fail("a line is longer than \(Self.maximumLine) bytes") }
        default:
            break
        }
    }

    /// What hiredis is about to read.
    private var currentType: CInt {
        let index = Int(reader.pointee.ridx)
        return withUnsafeBytes(of: reader.pointee.rstack) { stack in
            let tasks = stack.bindMemory(to: redisReadTask.self)
            return tasks.indices.contains(index) ? tasks[index].type : 0
        }
    }

    private func fail(_ reason: String) -> Failure {
        let failure = Failure(reason: reason)
        self.failure = failure
        builder.reset()
        return failure
    }
}
