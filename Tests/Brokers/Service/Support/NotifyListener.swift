import Foundation
import IntegrationSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What stands in for systemd: a socket that services notify.
final class NotifyListener: Sendable {
    /// What `$NOTIFY_SOCKET` is to be.
    let name: String
    private let descriptor: Int32

    /// - Parameter name: a path, or a name after an `@`.
    init(_ name: String) throws {
        self.name = name
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: bytes)
            if name.hasPrefix("@") { path[0] = 0 }
        }
        let length = socklen_t(2 + bytes.count + (name.hasPrefix("@") ? 0 : 1))
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard descriptor >= 0, result == 0 else { throw ServerError("\(name): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// The next message, as its lines.
    func next(limit: Duration = .seconds(60)) async throws -> [String] {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if let message = take() { return message }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw ServerError("the service told nothing within \(limit)")
    }

    /// The next message with a line; others before it are returned as well.
    @discardableResult
    func next(with line: String, limit: Duration = .seconds(60)) async throws -> [[String]] {
        var messages: [[String]] = []
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if let message = take() {
                messages.append(message)
                if message.contains(where: { $0.hasPrefix(line) }) { return messages }
            } else {
                try await Task.sleep(for: .milliseconds(2))
            }
        }
        throw ServerError("the service did not tell \(line) within \(limit), but \(messages)")
    }

    /// A message that has come; `nil` if none has.
    func take() -> [String]? {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
