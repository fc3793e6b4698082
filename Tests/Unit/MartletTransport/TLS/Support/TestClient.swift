import IntegrationSupport
import Martlet
import MartletTransport

/// A ``TLSStream`` over a socket that waits until it can go on.
final class TestClient {
    let stream: TLSStream
    private let socket: Socket

    /// Connects to a port of this machine.
    convenience init(_ context: TLSContext, port: Int) async throws {
        let socket = try Socket.connecting(to: .loopback(port: port))
        try await socket.waitUntilWritable()
        try self.init(context, socket)
    }

    /// - Parameter socket: one that is connected.
    init(_ context: TLSContext, _ socket: Socket) throws {
        self.socket = socket
        stream = try TLSStream(context, descriptor: socket.descriptor)
    }

    func handshake() async throws {
        while true {
            switch stream.handshake() {
            case .done: return
            case .wantsRead: try await socket.waitUntilReadable()
            case .wantsWrite: try await socket.waitUntilWritable()
            case .failed(let error): throw error
            }
        }
    }

    func write(_ bytes: [UInt8]) async throws {
        var sent = 0
        while sent < bytes.count {
            switch bytes[sent...].withUnsafeBytes({ stream.write($0) }) {
            case .bytes(let count): sent += count
            case .wouldBlock: try await socket.waitUntilWritable()
            case .wantsRead: try await socket.waitUntilReadable()
            case .failed(let error): throw error
            }
        }
    }

    /// Reads so many bytes, or fewer if the other side says that no more come.
    func read(_ count: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < count {
            let wanted = min(buffer.count, count - bytes.count)
            switch buffer.withUnsafeMutableBytes({ stream.read(into: .init(rebasing: $0[..<wanted])) }) {
            case .bytes(let count): bytes += buffer[..<count]
            case .wouldBlock: try await socket.waitUntilReadable()
            case .wantsWrite: try await socket.waitUntilWritable()
            case .closed: return bytes
            case .failed(let error): throw error
            }
        }
        return bytes
    }

    /// Handshake, a line to the server, and the line that comes back.
    func exchange() async throws -> String {
        try await handshake()
        try await write(Array("hello\n".utf8))
        return String(decoding: try await read(6), as: UTF8.self)
    }
}
