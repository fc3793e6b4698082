extension Socket {
    /// Writes all of `bytes`, waiting for room as long as it takes.
    ///
    /// - Throws: ``ServerError`` if the connection is lost; `CancellationError` if the task is cancelled.
    package func sendAll(_ bytes: some Collection<UInt8>) async throws {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            switch write(rest) {
            case .done(let count): rest = rest.dropFirst(count)
            case .notNow: try await Task.sleep(for: .milliseconds(1))
            case .ended, .lost: throw ServerError("The connection was lost with \(rest.count) bytes to write")
            }
        }
    }

    /// Reads exactly `count` bytes, waiting as long as it takes.
    ///
    /// - Throws: ``ServerError`` if the connection ends before; `CancellationError` if the task is cancelled.
    package func receive(_ count: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            switch read(limit: count - bytes.count) {
            case .done(let more): bytes += more
            case .notNow: try await Task.sleep(for: .milliseconds(1))
            case .ended, .lost: throw ServerError("The connection ended after \(bytes.count) of \(count) bytes")
            }
        }
        return bytes
    }

    /// Waits until the other side ends the connection, throws away what comes before, and says whether it ended in order
    /// (`true`) or by a reset (`false`).
    package func receiveEnd() async throws -> Bool {
        while true {
            switch read() {
            case .ended: return true
            case .lost: return false
            case .done: continue
            case .notNow: try await Task.sleep(for: .milliseconds(1))
            }
        }
    }

    /// Waits until there is something to read, the end included.
    package func waitUntilReadable() async throws {
        while !isReadable { try await Task.sleep(for: .milliseconds(1)) }
    }

    /// Waits until there is room for something to be written, or the connection is lost. An attempt to connect is over then.
    package func waitUntilWritable() async throws {
        while !isWritable { try await Task.sleep(for: .milliseconds(1)) }
    }
}
