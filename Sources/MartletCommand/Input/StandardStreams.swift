import Martlet
import MartletTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The process's three standard streams. Waiting for them keeps no thread but its own, and ends when it is cancelled.
actor StandardStreams {
    nonisolated let output = StandardStream(STDOUT_FILENO)
    nonisolated let errors = StandardStream(STDERR_FILENO)
    private let loop = EventLoop(name: "martlet-streams")
    private var isOpen = false

    /// It lives on its loop's thread.
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Whether standard input is a person's.
    nonisolated var inputIsTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// Some bytes of standard input; none at its end.
    ///
    /// - Throws: ``Failure`` if it can't be read; `CancellationError`.
    func read() async throws -> [UInt8] {
        while true {
            try await waitUntilReady(STDIN_FILENO)
            var result = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                result = Self.read(STDIN_FILENO, buffer)
                count = max(0, result)
            }
            guard result < 0 else { return bytes }
            switch errno {
            // Another program that has it open may have had it wait for nothing.
            case EINTR, EAGAIN: continue
            case let code: throw Failure(.noInput, "standard input can't be read: \(String(cString: strerror(code)))")
            }
        }
    }

    /// A secret that a person is asked for on a terminal, which does not show it; elsewhere the first line of standard input.
    ///
    /// - Parameter questions: what is asked for one after the other.
    /// - Returns: the answers; elsewhere than on a terminal one alone.
    /// - Throws: ``Failure`` if it can't be read, or is no text; `CancellationError`, with the terminal as it was.
    func readSecrets(_ questions: [String]) async throws -> [String] {
        guard inputIsTerminal else { return [try await readLine()] }
        return try await withoutEcho {
            var answers: [String] = []
            for question in questions {
                errors.writeIgnoringErrors(question)
                defer { errors.writeIgnoringErrors("\n") }
                answers.append(try await readLine())
            }
            return answers
        }
    }

    /// What comes next, up to the end of its first line. What comes behind that in the same piece is left out: a terminal gives a
    /// line at a time.
    private func readLine() async throws -> String {
        var line: [UInt8] = []
        while !line.contains(UInt8(ascii: "\n")), line.count <= LineSplitter.limit {
            let bytes = try await read()
            guard !bytes.isEmpty else { break }
            line += bytes
        }
        let end = line.firstIndex(of: UInt8(ascii: "\n")) ?? line.endIndex
        guard let text = String(validating: line[..<end], as: UTF8.self) else {
            throw Failure(.usage, "standard input is no text in UTF-8")
        }
        return text.hasSuffix("\r") ? String(text.dropLast()) : text
    }

    /// Does something while a terminal does not show what is typed.
    private func withoutEcho<Result>(_ body: () async throws -> Result) async throws -> Result {
        var shown = termios()
        guard tcgetattr(STDIN_FILENO, &shown) == 0 else { return try await body() }
        var hidden = shown
        hidden.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
        defer { tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown) }
        return try await body()
    }

    /// Returns when whoever reads the output through a pipe has gone; of anything else it never does.
    ///
    /// - Throws: `CancellationError`.
    func waitUntilOutputIsClosed() async throws {
        if output.isPipe {
            // The writing end never has anything to read: what is reported can only be its reader's end.
            try await waitUntilReady(STDOUT_FILENO)
        } else {
            try await Promise<Void>().value()
        }
    }

    /// Nothing is waited for any more.
    func close() async {
        guard isOpen else { return }
        isOpen = false
        loop.closeSoon()
    }

    private func waitUntilReady(_ descriptor: CInt) async throws {
        if !isOpen {
            try loop.open()
            isOpen = true
        }
        let promise = Promise<Void>()
        let watch = loop.watch(descriptor, for: .read) { _ in promise.end(.success(())) }
        defer { watch.cancel() }
        try await promise.value()
    }

    private static func read(_ descriptor: CInt, _ buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        errno = 0
        #if canImport(Glibc)
        return Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
        return Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #else
        return Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }
}
