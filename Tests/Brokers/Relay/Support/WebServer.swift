import Foundation
import NIOCore
import NIOPosix

/// A request as a test's server has got it.
struct WebRequest: Sendable {
    let method: String
    let path: String
    /// By their names in lower case.
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The parameters of a form.
    var form: [String: String] {
        var form: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            form[String(parts[0])] = parts.count > 1 ? String(parts[1]).removingPercent : ""
        }
        return form
    }
}

extension String {
    fileprivate var removingPercent: String {
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let code = UInt8(Substring(rest.prefix(2)), radix: 16) {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Closes the connection where it is.
struct HangUp: Error {}

/// A server of the web that answers as a test says, byte by byte if need be.
struct WebServer: Sendable {
    typealias Handler = @Sendable (WebRequest, WebReply) async throws -> Void

    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }

    /// Runs `body` with a server, which ends with it.
    ///
    /// - Parameters:
    ///   - port: where it listens; 0: anywhere.
    ///   - handler: answers each request. When it throws the connection is closed.
    static func withServer<Result: Sendable>(
        port: Int = 0,
        _ handler: @escaping Handler,
        _ body: @escaping @Sendable (WebServer) async throws -> Result
    ) async throws -> Result {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        // Not by a task that is cancelled: each client that was taken has to be served to its end.
        async let serving: Void = server.executeThenClose { clients in
            try await withThrowingDiscardingTaskGroup { group in
                for try await client in clients { group.addTask { try? await serve(client, handler) } }
                group.cancelAll()
            }
        }
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(WebServer(port: server.channel.localAddress?.port ?? 0)))
        } catch {
            result = .failure(error)
        }
        try? await server.channel.close()
        try await serving
        return try result.get()
    }

    private static func serve(_ client: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ handler: Handler) async throws {
        try await client.executeThenClose { input, output in
            var unread: [UInt8] = []
            var bytes = input.makeAsyncIterator()
            while true {
                var request: WebRequest?
                while request == nil {
                    guard let more = try await bytes.next() else { return }
                    unread += more.readableBytesView
                    request = parse(&unread)
                }
                guard let request else { return }
                try await handler(request, WebReply(output: output))
            }
        }
    }

    private static func parse(_ bytes: inout [UInt8]) -> WebRequest? {
        let text = String(decoding: bytes, as: Unicode.ASCII.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        let words = lines[0].split(separator: " ")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        let start = text.utf8.distance(from: text.startIndex, to: end.upperBound)
        let count = headers["content-length"].flatMap { Int($0) } ?? 0
        guard bytes.count >= start + count else { return nil }
        defer { bytes.removeFirst(start + count) }
        return WebRequest(
            method: String(words[0]),
            path: String(words[1]),
            headers: headers,
            body: Array(bytes[start..<start + count])
        )
    }
}

/// Where an answer is written to.
struct WebReply: Sendable {
    let output: NIOAsyncChannelOutboundWriter<ByteBuffer>

    /// Writes bytes as they are.
    func write(_ text: String) async throws { try await output.write(ByteBuffer(string: text)) }

    /// A whole answer.
    func answer(_ status: Int, _ body: String = "", _ headers: KeyValuePairs<String, String> = [:]) async throws {
        var head = "HTTP/1.1 \(status) X\r\ncontent-length: \(body.utf8.count)\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        try await write(head + "\r\n" + body)
    }

    /// Begins a stream of events, which the end of the connection ends.
    func beginEvents(_ headers: KeyValuePairs<String, String> = [:]) async throws {
        var head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        try await write(head + "\r\n")
    }
}
