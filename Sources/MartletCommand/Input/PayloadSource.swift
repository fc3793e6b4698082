import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Where the payloads come from, as it stands on the command line.
enum PayloadSource: Hashable, Sendable {
    /// The argument itself.
    case text(String)
    /// `@file`: what a file holds.
    case file(String)
    /// `@-`: all of standard input.
    case input
    /// `-`: each line of standard input.
    case lines

    init(_ argument: String) {
        switch argument {
        case "-": self = .lines
        case "@-": self = .input
        case _ where argument.hasPrefix("@"): self = .file(String(argument.dropFirst()))
        default: self = .text(argument)
        }
    }

    /// Calls `body` with each payload, one after the other.
    ///
    /// - Parameter raw: whether any bytes will do. Otherwise they have to be JSON.
    /// - Throws: ``Failure``; what `body` throws; `CancellationError`.
    func forEach(raw: Bool, in session: Session, _ body: ([UInt8]) async throws -> Void) async throws {
        switch self {
        case .text(let text):
            try await body(Self.checked(Array(text.utf8), raw, "the payload"))
        case .file(let path):
            try await body(Self.checked(Self.contents(of: path), raw, "what is in \(quoted(path))"))
        case .input:
            try await body(Self.checked(Self.all(of: session.streams), raw, "standard input"))
        case .lines:
            try await forEachLine(raw: raw, in: session, body)
        }
    }

    /// The one payload there is to be.
    func single(raw: Bool, in session: Session) async throws -> [UInt8] {
        if self == .lines {
            throw Failure(
                .usage,
                "this takes one payload; '-' is one for each line of standard input: use '@-' for all of it"
            )
        }
        var payload: [UInt8] = []
        try await forEach(raw: raw, in: session) { payload = $0 }
        return payload
    }

    private func forEachLine(raw: Bool, in session: Session, _ body: ([UInt8]) async throws -> Void) async throws {
        if session.streams.inputIsTerminal { session.remark("one message a line; Ctrl-D ends") }
        var splitter = LineSplitter()
        var number = 0
        func handle(_ line: [UInt8]) async throws {
            number += 1
            if line.isEmpty, !raw { return }
            try await body(Self.checked(line, raw, "line \(number) of standard input"))
        }
        while true {
            let bytes = try await session.streams.read()
            if bytes.isEmpty { break }
            guard let lines = splitter.lines(adding: bytes) else {
                throw Failure(
                    .badData,
                    "line \(number + 1) of standard input is longer than \(LineSplitter.limit) bytes"
                )
            }
            for line in lines { try await handle(line) }
        }
        if let last = splitter.last() { try await handle(last) }
    }

    private static func all(of streams: StandardStreams) async throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try await streams.read()
            if bytes.isEmpty { return all }
            all += bytes
            guard all.count <= limit else { throw Failure(.badData, "standard input has more than \(limit) bytes") }
        }
    }

    /// The most bytes that a payload may have: what a connection takes.
    private static let limit = 16 << 20

    private static func contents(of path: String) throws -> [UInt8] {
        func failure() -> Failure {
            Failure(.noInput, "the file \(quoted(path)) can't be read: \(String(cString: strerror(errno)))")
        }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure() }
        defer { close(file) }
        var all: [UInt8] = []
        while true {
            var count = 0
            all += [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, size in
                count = read(file, buffer.baseAddress, buffer.count)
                size = max(0, count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure()
            }
            if count == 0 { return all }
            guard all.count <= limit else {
                throw Failure(.badData, "the file \(quoted(path)) has more than \(limit) bytes")
            }
        }
    }

    private static func checked(_ bytes: [UInt8], _ raw: Bool, _ name: String) throws -> [UInt8] {
        guard !raw, !JSONScanner.isValue(bytes) else { return bytes }
        throw Failure(
            .badData,
            "\(name) is no JSON",
            advice: #"Text is JSON when it is in quotes, for the shell in two kinds: '"text"'. Other bytes need --raw."#
        )
    }
}
