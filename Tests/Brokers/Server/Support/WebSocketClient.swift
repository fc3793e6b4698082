import IntegrationSupport

/// A client that says frame by frame what a test tells it (RFC 6455).
final class WebSocketClient {
    private let socket: Socket
    private var bytes: [UInt8] = []

    /// Asks for a WebSocket.
    ///
    /// - Parameters:
    ///   - host: what it takes the server for; `nil`: what it is.
    ///   - prelude: what is sent before.
    init(
        _ port: Int,
        headers: [String] = ["Sec-WebSocket-Protocol: mqtt"],
        host: String? = nil,
        prelude: [UInt8] = []
    ) async throws {
        socket = try Socket.connecting(to: .loopback(port: port))
        let lines =
            [
                "GET /mqtt HTTP/1.1", "Host: \(host ?? "127.0.0.1:\(port)")",
                "Upgrade: websocket", "Connection: Upgrade",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ] + headers + ["", ""]
        try await socket.sendAll(prelude + Array(lines.joined(separator: "\r\n").utf8))
    }

    /// The head of what is answered to the request.
    func answer() async throws -> [String] {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) { head += try await take(1) }
        return String(decoding: head, as: UTF8.self).split(separator: "\r\n").map(String.init)
    }

    func send(opcode: UInt8, _ payload: [UInt8], isLast: Bool = true, isMasked: Bool = true) async throws {
        try await socket.sendAll(Self.frame(opcode, payload, isLast: isLast, isMasked: isMasked))
    }

    /// A frame of a client, a short one.
    static func frame(_ opcode: UInt8, _ payload: [UInt8], isLast: Bool = true, isMasked: Bool = true) -> [UInt8] {
        let mask: [UInt8] = isMasked ? [1, 2, 3, 4] : []
        let head = [(isLast ? 0x80 : 0) | opcode, (isMasked ? 0x80 : 0) | UInt8(payload.count)] + mask
        return head + payload.enumerated().map { isMasked ? $1 ^ mask[$0 % 4] : $1 }
    }

    /// Sends the head of a frame that says it is so long, whose mask changes nothing.
    func begin(opcode: UInt8, length: UInt64) async throws {
        let bytes = (0..<8).reversed().map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
        try await socket.sendAll([0x80 | opcode, 0xFF] + bytes + [0, 0, 0, 0])
    }

    /// Sends bytes as they are.
    func sendPlain(_ bytes: [UInt8]) async throws { try await socket.sendAll(bytes) }

    /// The next frame of the server, a short one.
    func frame() async throws -> (opcode: UInt8, payload: [UInt8]) {
        let head = try await take(2)
        return (head[0] & 0xF, try await take(Int(head[1])))
    }

    /// Waits until the server ends the WebSocket, and says for which reason.
    func endCode() async throws -> UInt16? {
        while true {
            let (opcode, payload) = try await frame()
            guard opcode == 8 else { continue }
            try await waitForEnd()
            return payload.count < 2 ? nil : UInt16(payload[0]) << 8 | UInt16(payload[1])
        }
    }

    /// Returns when the server has closed the connection.
    func waitForEnd() async throws {
        while (try? await take(1)) != nil {}
    }

    private func take(_ count: Int) async throws -> [UInt8] {
        while bytes.count < count {
            switch socket.read() {
            case .done(let more): bytes += more
            case .notNow: try await Task.sleep(for: .milliseconds(1))
            case .ended, .lost: throw ServerError("The server has closed the connection")
            }
        }
        defer { bytes.removeFirst(count) }
        return Array(bytes.prefix(count))
    }
}
