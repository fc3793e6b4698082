#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A published message as it lies in the buffer that it came into; nothing of it is copied.
///
///     *3 $7 message $11 sonar.front $2 {}
///     *4 $8 pmessage $7 sonar.* $11 sonar.front $2 {}
struct PushedMessage {
    /// By which glob it comes; `nil`: by the channel's own name.
    let glob: UnsafeRawBufferPointer?
    let channel: UnsafeRawBufferPointer
    let body: UnsafeRawBufferPointer
    /// How many bytes all of it has.
    let size: Int

    /// The message that stands at the start of some bytes; `nil` if something else does, or not all of it.
    init?(at bytes: UnsafeRawBufferPointer) {
        var position = Self.head.utf8CodeUnitCount
        if Self.begins(bytes, with: Self.head) {
            glob = nil
        } else if Self.begins(bytes, with: Self.globHead) {
            position = Self.globHead.utf8CodeUnitCount
            guard let glob = Self.takeString(bytes, &position) else { return nil }
            self.glob = glob
        } else {
            return nil
        }
        guard let channel = Self.takeString(bytes, &position), let body = Self.takeString(bytes, &position) else {
            return nil
        }
        self.channel = channel
        self.body = body
        size = position
    }

    private static let head: StaticString = "*3\r\n$7\r\nmessage\r\n"
    private static let globHead: StaticString = "*4\r\n$8\r\npmessage\r\n"

    private static func begins(_ bytes: UnsafeRawBufferPointer, with text: StaticString) -> Bool {
        guard bytes.count >= text.utf8CodeUnitCount, let start = bytes.baseAddress else { return false }
        return memcmp(start, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    /// A string with its length in front.
    private static func takeString(
        _ bytes: UnsafeRawBufferPointer,
        _ position: inout Int
    ) -> UnsafeRawBufferPointer? {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "$"),
            let (length, start) = RESPLine.number(in: bytes, from: position + 1),
            // Both are of eighteen digits at most.
            bytes.count - start >= length + 2, bytes[start + length] == 13, bytes[start + length + 1] == 10
        else { return nil }
        position = start + length + 2
        return UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)])
    }
}

/// Lines of the protocol.
enum RESPLine {
    /// A number of up to eighteen digits and no sign that a line ends with, and where the next line begins.
    static func number(in bytes: UnsafeRawBufferPointer, from start: Int) -> (value: Int, end: Int)? {
        var position = start
        var value = 0
        while position < bytes.count, position - start < 18 {
            let digit = bytes[position] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            value = value &* 10 &+ Int(digit)
            position += 1
        }
        guard position > start, bytes.count - position >= 2, bytes[position] == 13, bytes[position + 1] == 10 else {
            return nil
        }
        return (value, position + 2)
    }
}
