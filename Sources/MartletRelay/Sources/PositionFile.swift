import Martlet
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The positions of durable subscriptions, by their names, in a file of JSON that is replaced as a whole. Calls that block are
/// made on a queue of its own. Positions that change while the file is written are written together after it: those of an older
/// version that a power loss may leave only bring messages again.
final class PositionFile: Sendable {
    private struct State {
        var positions: [String: String]?
        var isDirty = false
        var isWriting = false
        var failure: StoreFailure?
    }

    let path: String
    private let queue = BlockingQueue(label: "martlet.positions")
    private let state = Mutex(State())

    init(_ path: String) {
        self.path = path
    }

    /// The position of a subscription; `nil` if it has none.
    ///
    /// - Throws: `MessagingError` if the file is there and can't be read.
    func position(of name: String) async throws -> String? {
        try await queue.perform {
            if let positions = self.state.withLock({ $0.positions }) { return positions[name] }
            let positions = try self.contents()
            self.state.withLock { $0.positions = positions }
            return positions[name]
        }
    }

    /// Sets the position of a subscription, or forgets it. The file is written soon after.
    func set(_ position: String?, for name: String) {
        let begins = state.withLock { state in
            state.positions?[name] = position
            state.isDirty = true
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if begins { queue.later { self.writeAll() } }
    }

    /// Returns when what was set before is in the file.
    ///
    /// - Throws: `MessagingError` if it could not be written.
    func flush() async throws {
        await queue.perform {}
        let failure = state.withLock { $0.failure }
        guard let failure else { return }
        throw MessagingError(.refused, "the positions can't be written to \(quoted(path)): \(failure)")
    }

    // MARK: On the queue

    private func writeAll() {
        while true {
            let positions = state.withLock { state in
                guard state.isDirty else {
                    state.isWriting = false
                    return nil as [String: String]?
                }
                state.isDirty = false
                return state.positions ?? [:]
            }
            guard let positions else { return }
            do throws(StoreFailure) {
                try replace(by: (try? JSONCodec().encode(positions)) ?? [])
                state.withLock { $0.failure = nil }
            } catch {
                // The next change tries again.
                state.withLock { $0.failure = error }
            }
        }
    }

    private func contents() throws -> [String: String] {
        func failure(_ reason: String) -> MessagingError {
            MessagingError(.invalidArgument, "the positions in \(quoted(path)) can't be read: \(reason)")
        }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return [:] }
            throw failure("\(StoreFailure(of: "open"))")
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(file, &part, part.count)
            if count == 0 { break }
            if count > 0 {
                bytes += part[..<count]
            } else if errno != EINTR {
                throw failure("\(StoreFailure(of: "read"))")
            }
        }
        do {
            return try JSONCodec().decode([String: String].self, from: bytes)
        } catch {
            throw failure("\(error)")
        }
    }

    /// Writes another file and moves it in the place of this one, so that there is a whole one at any moment.
    private func replace(by bytes: [UInt8]) throws(StoreFailure) {
        let new = path + ".new"
        let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw StoreFailure(of: "open") }
        defer { close(file) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { StoreDisk.system.write(file, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StoreFailure(of: "write") }
            written += count
        }
        guard StoreDisk.system.sync(file) == 0 else { throw StoreFailure(of: "fsync") }
        guard rename(new, path) == 0 else { throw StoreFailure(of: "rename") }
    }
}
