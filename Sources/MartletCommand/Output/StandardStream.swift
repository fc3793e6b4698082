import MartletConsole

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Whoever read the output has gone.
struct OutputClosed: Error {}

/// Standard output or standard error.
struct StandardStream: Sendable {
    let descriptor: CInt
    /// Whether a person reads it.
    let isTerminal: Bool
    /// Whether text can be drawn over text there.
    let isInteractive: Bool
    /// Whether colours are welcome; `NO_COLOR` asks for none.
    let usesColor: Bool

    init(_ descriptor: CInt) {
        self.descriptor = descriptor
        isTerminal = isatty(descriptor) == 1
        let kind = Self.variable("TERM")
        isInteractive = isTerminal && kind != nil && kind != "dumb"
        usesColor = isInteractive && Self.variable("NO_COLOR") == nil
    }

    /// How many characters fit, now; 80 by 24 where nobody knows.
    var size: TerminalSize {
        var window = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
            return TerminalSize(columns: 80, rows: 24)
        }
        return TerminalSize(columns: Int(window.ws_col), rows: Int(window.ws_row))
    }

    /// Whether it is a pipe, whose reader may go.
    var isPipe: Bool { Terminal.isPipe(descriptor) }

    /// Writes all of it. A slow reader is waited for, in steps, so that a cancelled task is not held up by him.
    ///
    /// - Throws: ``OutputClosed``; ``Failure`` if it can't be written for another reason; `CancellationError` if the task is
    ///   cancelled while the reader takes nothing.
    func write(_ bytes: [UInt8]) throws {
        var start = 0
        while start < bytes.count {
            var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let ready = poll(&state, 1, 100)
            if ready < 0, errno != EINTR { throw Self.failure(errno) }
            guard ready > 0 else {
                try Task.checkCancellation()
                continue
            }
            // So much a pipe takes at once when it takes anything (PIPE_BUF); more might wait for its reader.
            let end = min(bytes.count, start + 4_096)
            let written = bytes[start..<end].withUnsafeBytes { Self.write(descriptor, $0) }
            if written > 0 {
                start += written
            } else if errno != EINTR, errno != EAGAIN {
                throw Self.failure(errno)
            }
        }
    }

    private static func failure(_ number: CInt) -> any Error {
        if number == EPIPE { return OutputClosed() }
        return Failure(.failure, "the output can't be written: \(String(cString: strerror(number)))")
    }

    /// Writes what there is no point in reporting a failure of.
    func writeIgnoringErrors(_ text: String) {
        try? write(Array(text.utf8))
    }

    private static func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
        Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
        Musl.write(descriptor, bytes.baseAddress, bytes.count)
        #else
        Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }
}
