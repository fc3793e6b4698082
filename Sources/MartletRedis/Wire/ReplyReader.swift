#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads replies out of whatever pieces they come in. Whatever comes, it ends with replies or with an error, in time and
/// memory in proportion to what came.
///
/// A reply that is larger than it may be, or nested deeper (``ReplyBuilder``), is read to its end and thrown away: in its
/// place comes an error, so that only the command which asked for it fails.
///
/// The two that come by the million, a whole number and a published message, are looked for first: what lies in the buffer
/// in one piece is taken as it is.
final class ReplyReader {
    /// What is no protocol.
    struct Failure: Error, Equatable {
        let reason: String
    }

    /// What comes next.
    private enum Expected {
        case line
        /// Bytes of a string, and after them the end of its line.
        case body(missing: Int)
        /// Bytes that are thrown away: of a string with the end of its line.
        case unwantedBody(missing: Int)
        /// The rest of a line that is thrown away.
        case unwantedLine
    }

    /// No line with a number is longer.
    private static let longestNumber = 24
    /// What no server has.
    private static let (longestString, longestArray) = (1 << 40, 1 << 32)
    /// Above that the buffer is not kept.
    private static let keptCapacity = 256 << 10

    /// What has come, from ``position`` on not yet read.
    private var input: [UInt8] = []
    private var position = 0
    /// Up to where a line that has begun has no end.
    private var scanned = 0
    private var expected = Expected.line
    /// What has come of a string.
    private var body: [UInt8] = []
    private var builder: ReplyBuilder
    private var failure: Failure?
    /// Whether published messages may come, which look like arrays.
    private let hearsPushes: Bool

    /// - Parameters:
    ///   - limit: how many bytes one reply may have.
    ///   - hearsPushes: whether published messages come, so that ``next(_:)`` is what takes them.
    init(limit: Int, hearsPushes: Bool = false) {
        builder = ReplyBuilder(limit: limit)
        self.hearsPushes = hearsPushes
    }

    /// Takes bytes in and has `body` take out by ``next()`` or ``next(_:)`` all that is complete.
    ///
    /// - Throws: `Failure`, and from then on always.
    func feed(_ bytes: UnsafeRawBufferPointer, _ body: () throws -> Void) throws {
        try checkFailure()
        input.append(contentsOf: bytes.bindMemory(to: UInt8.self))
        try body()
        letGoOfWhatWasRead()
    }

    /// The next reply that is complete; `nil` if there is none.
    func next() throws -> RedisValue? {
        try checkFailure()
        if isAtBoundary, let (number, size) = input.withUnsafeBytes({ Self.integer(in: $0, from: position) }) {
            skip(size)
            return .integer(number)
        }
        return try read()
    }

    /// The same, of a socket by which published messages come: those in one piece are given to `hear`.
    func next(_ hear: (PushedMessage) -> Void) throws -> RedisValue? {
        try checkFailure()
        if hearsPushes, isAtBoundary {
            let size = input.withUnsafeBytes { bytes in
                var start = position
                while let push = PushedMessage(at: UnsafeRawBufferPointer(rebasing: bytes[start...])),
                    push.size <= builder.limit
                {
                    hear(push)
                    start += push.size
                }
                return start - position
            }
            skip(size)
        }
        return try read()
    }

    private func checkFailure() throws {
        if let failure { throw failure }
    }

    // MARK: The buffer

    private var isAtBoundary: Bool {
        guard position < input.count, builder.isBetweenReplies, case .line = expected else { return false }
        return true
    }

    private func skip(_ count: Int) {
        position += count
        scanned = position
    }

    private func letGoOfWhatWasRead() {
        guard position > 0 else { return }
        if position == input.count {
            input.removeAll(keepingCapacity: input.capacity <= Self.keptCapacity)
        } else {
            input.removeSubrange(..<position)
        }
        scanned -= position
        position = 0
    }

    // MARK: Reading

    private func read() throws -> RedisValue? {
        do {
            while position < input.count {
                switch expected {
                case .line:
                    guard let end = try endOfLine() else { return nil }
                    let start = position
                    skip(end + 2 - start)
                    if let reply = try readLine(start..<end) { return reply }
                case .body(let missing):
                    guard collect(missing) else { return nil }
                    if let reply = try endBody() { return reply }
                case .unwantedBody(let missing):
                    let count = min(missing, input.count - position)
                    skip(count)
                    expected = .unwantedBody(missing: missing - count)
                    guard count == missing else { return nil }
                    expected = .line
                    if let reply = builder.add(.null) { return reply }
                case .unwantedLine:
                    guard let end = try endOfLine() else {
                        // All but what may be the first half of the end.
                        skip(max(0, input.count - 1 - position))
                        return nil
                    }
                    skip(end + 2 - position)
                    expected = .line
                    if let reply = builder.add(.null) { return reply }
                }
            }
            return nil
        } catch let failure as Failure {
            self.failure = failure
            throw failure
        }
    }

    /// Where the line ends that has begun; `nil` if it goes on. Each byte is looked at once.
    private func endOfLine() throws -> Int? {
        let end: Int? = input.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return nil }
            let last = bytes.count - 1
            while scanned < last, let found = memchr(start + scanned, CInt(UInt8(ascii: "\r")), last - scanned) {
                let end = UnsafeRawPointer(found) - start
                if bytes[end + 1] == UInt8(ascii: "\n") { return end }
                scanned = end + 1
            }
            scanned = max(scanned, last)
            return nil
        }
        if end == nil { try checkLine() }
        return end
    }

    /// A line has no end yet: of a number it would be too long, of a text it is thrown away from some length on.
    private func checkLine() throws {
        guard case .line = expected, let type = input[position...].first else { return }
        let count = input.count - position
        switch type {
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            if count > builder.limit, !builder.takesPart(bytes: count) { expected = .unwantedLine }
        default:
            if count > Self.longestNumber { throw Failure(reason: "a line of numbers has no end") }
        }
    }

    private func readLine(_ line: Range<Int>) throws -> RedisValue? {
        guard let type = input[line].first else { throw Failure(reason: "a line is empty") }
        let rest = line.dropFirst()
        switch type {
        case UInt8(ascii: "+"):
            guard builder.takesPart(bytes: rest.count) else { return builder.add(.null) }
            return builder.add(.status(String(decoding: input[rest], as: UTF8.self)))
        case UInt8(ascii: "-"):
            guard builder.takesPart(bytes: rest.count) else { return builder.add(.null) }
            return builder.add(.error(RedisError(String(decoding: input[rest], as: UTF8.self))))
        case UInt8(ascii: ":"):
            let number = try number(rest)
            return builder.takesPart(bytes: 0) ? builder.add(.integer(number)) : builder.add(.null)
        case UInt8(ascii: "$"):
            return try beginBody(try count(rest, atMost: Self.longestString))
        case UInt8(ascii: "*"):
            guard let count = try count(rest, atMost: Self.longestArray) else { return addNull() }
            return try builder.begin(count)
        default:
            throw Failure(reason: "a reply begins with the byte \(type)")
        }
    }

    private func beginBody(_ count: Int?) throws -> RedisValue? {
        guard let count else { return addNull() }
        guard builder.takesPart(bytes: count) else {
            expected = .unwantedBody(missing: count + 2)
            return nil
        }
        expected = .body(missing: count)
        // Not more than can be afforded on the word of a stranger.
        body.reserveCapacity(min(count, 1 << 20))
        return nil
    }

    private func addNull() -> RedisValue? {
        _ = builder.takesPart(bytes: 0)
        return builder.add(.null)
    }

    /// Takes what has come of a string.
    ///
    /// - Returns: whether it is complete, with the end of its line.
    private func collect(_ missing: Int) -> Bool {
        let count = min(missing, input.count - position)
        body.append(contentsOf: input[position..<(position + count)])
        skip(count)
        expected = .body(missing: missing - count)
        return count == missing && input.count - position >= 2
    }

    private func endBody() throws -> RedisValue? {
        guard input[position] == UInt8(ascii: "\r"), input[position + 1] == UInt8(ascii: "\n") else {
            throw Failure(reason: "a string is longer than its length says")
        }
        skip(2)
        expected = .line
        return builder.add(.bytes(body.take()))
    }

    // MARK: Numbers

    /// A whole number of up to eighteen digits and no sign, as they are answered: `:12\r\n`.
    private static func integer(in bytes: UnsafeRawBufferPointer, from start: Int) -> (Int64, size: Int)? {
        guard bytes.count - start >= 4, bytes[start] == UInt8(ascii: ":") else { return nil }
        return RESPLine.number(in: bytes, from: start + 1).map { (Int64($0.value), $0.end - start) }
    }

    /// How long a string or an array is; `nil` for the one that is none.
    private func count(_ digits: Range<Int>, atMost maximum: Int) throws -> Int? {
        let count = try number(digits)
        if count == -1 { return nil }
        guard (0...Int64(maximum)).contains(count) else { throw Failure(reason: "a length of \(count)") }
        return Int(count)
    }

    private func number(_ digits: Range<Int>) throws -> Int64 {
        guard digits.count <= Self.longestNumber, input[digits].first != UInt8(ascii: "+"),
            let number = Int64(String(decoding: input[digits], as: UTF8.self))
        else { throw Failure(reason: "a number is none") }
        return number
    }
}

extension [UInt8] {
    /// Takes all bytes out.
    fileprivate mutating func take() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &self)
        return taken
    }
}
