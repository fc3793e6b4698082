import Foundation
import Martlet
import MartletIO

/// A ``TLSStream`` over a socket, driven by `poll`.
final class TestClient {
    let descriptor: Int32
    let stream: TLSStream

    /// Connects to a port of this machine.
    convenience init(_ context: TLSContext, port: UInt16) throws {
        try self.init(context, descriptor: try Self.connect(port))
    }

    /// - Parameter descriptor: is closed with this object.
    init(_ context: TLSContext, descriptor: Int32) throws {
        self.descriptor = descriptor
        guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else { throw SupportError("fcntl: \(errno)") }
        stream = try TLSStream(context, descriptor: descriptor)
    }

    deinit { close(descriptor) }

    static func connect(_ port: UInt16) throws -> Int32 {
        #if canImport(Darwin)
        let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #else
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw SupportError("connect: \(errno)") }
        return descriptor
    }

    func handshake() throws {
        while true {
            switch stream.handshake() {
            case .done: return
            case .wantsRead: try waitUntil(descriptor, Int16(POLLIN))
            case .wantsWrite: try waitUntil(descriptor, Int16(POLLOUT))
            case .failed(let error): throw error
            }
        }
    }

    func write(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            switch bytes[sent...].withUnsafeBytes({ stream.write($0) }) {
            case .bytes(let count): sent += count
            case .wouldBlock: try waitUntil(descriptor, Int16(POLLOUT))
            case .wantsRead: try waitUntil(descriptor, Int16(POLLIN))
            case .failed(let error): throw error
            }
        }
    }

    /// Reads so many bytes, or fewer if the other side says that no more come.
    func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < count {
            let wanted = min(buffer.count, count - bytes.count)
            switch buffer.withUnsafeMutableBytes({ stream.read(into: .init(rebasing: $0[..<wanted])) }) {
            case .bytes(let count): bytes += buffer[..<count]
            case .wouldBlock: try waitUntil(descriptor, Int16(POLLIN))
            case .wantsWrite: try waitUntil(descriptor, Int16(POLLOUT))
            case .closed: return bytes
            case .failed(let error): throw error
            }
        }
        return bytes
    }

    /// Handshake, a line to the server, and the line that comes back.
    func exchange() throws -> String {
        try handshake()
        try write(Array("hello\n".utf8))
        return String(decoding: try read(6), as: UTF8.self)
    }
}
