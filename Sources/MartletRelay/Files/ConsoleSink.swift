import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Standard output: each message is a line.
public struct ConsoleSink: Sink {
    private let format: LineFormat

    /// The standard output of the process.
    public init(format: LineFormat = .body) {
        self.format = format
    }

    /// Writes the messages of a batch. It waits for a reader that is slow.
    ///
    /// - Throws: `MessagingError.Code.refused` when nobody reads any more.
    @concurrent
    public func deliver(_ batch: [SinkItem]) async throws {
        let time = WallClock.nanoseconds
        var bytes: [UInt8] = []
        for item in batch { bytes += try format.line(of: item, at: time) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR || errno == EAGAIN {
                await Task.yield()
                try Task.checkCancellation()
                continue
            }
            guard count > 0 else {
                let reason = String(cString: strerror(errno))
                throw MessagingError(.refused, "the standard output can't be written to: \(reason)")
            }
            rest = rest.dropFirst(count)
        }
    }
}
