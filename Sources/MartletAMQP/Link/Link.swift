import CRabbitMQ
import Martlet
import MartletTransport

/// One socket to a broker, with TLS or without, that never blocks: what is read is cut into frames, what is to be written
/// waits here until the socket takes it. It belongs to its session's loop.
///
/// librabbitmq's own sockets block: in `connect`, in the handshakes, and whenever a frame does not fit into the socket's
/// buffer. So the library is used for what it is good at, AMQP's methods, properties and tables, on bytes that are read
/// and written here, many frames with one system call.
final class Link {
    private let stream: SocketStream
    private var isOpen = false
    /// What was read and not yet used.
    private var input: [UInt8] = []
    private var inputEnd = 0
    /// What is to be written; what stands before the start has been.
    private var output: [UInt8] = []
    private var outputStart = 0
    /// Why nothing can be written any more. What the broker said before it closed the socket can still be read.
    private(set) var writeFailure: (any Error)?
    /// Whether its session is doing something with it.
    var isAttended = false
    private var encoder = FrameEncoder()
    private let decoder = MethodDecoder()
    private var parser = FrameParser(maximumSize: Link.initialFrameSize)
    /// How many bytes were read, and written, so far: what a heartbeat is told by.
    private(set) var bytesRead = 0
    private(set) var bytesWritten = 0

    /// What holds until something else is agreed (AMQP 0-9-1, 4.2.3); a broker's first frame may be longer than the
    /// 4,096 bytes that the standard says, with all that it tells of itself.
    static let initialFrameSize = 128 << 10
    private static let readSize = 64 << 10
    private static let keptOutput = 1 << 20

    init(to endpoint: Endpoint, tls context: TLSContext?) throws {
        stream = try SocketStream(to: endpoint, tls: context, peer: "broker")
        input = Array(repeating: 0, count: Self.readSize)
    }

    var socket: CInt { stream.descriptor }

    /// Goes on with connecting and TLS.
    ///
    /// - Returns: whether frames can be read and written now.
    func advance() throws -> Bool {
        isOpen = try stream.advance()
        return isOpen
    }

    /// What the socket is to be watched for.
    ///
    /// - Parameter reads: whether anything is to be read.
    func interest(reads: Bool) -> Interest { stream.interest(reads: reads, writes: wantsToWrite) }

    /// See `SocketStream.takePause()`.
    func takePause() -> Bool { stream.takePause() }

    /// The largest frame in either direction, from now on.
    func agree(frameMax: Int) {
        parser.maximumSize = frameMax
        self.frameMax = frameMax
    }

    private(set) var frameMax = 4_096

    // MARK: Reading

    /// Reads what there is, a bounded part of it, and hands over its frames.
    ///
    /// - Returns: whether there may be more that the socket says nothing of, because TLS has read it already.
    /// - Throws: `MessagingError.Code.connectionLost` if the link is over.
    func read(_ take: (Input, UInt16) throws -> Void) throws -> Bool {
        for _ in 0..<8 {
            let room = input.count - inputEnd
            let count = try input.withUnsafeMutableBytes { input in
                try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: input[inputEnd...]))
            }
            if count > 0 {
                bytesRead += count
                inputEnd += count
                try takeFrames(take)
            }
            // Less than there was room for: that was all. TLS gives one record at a time.
            if count == 0 || !stream.readsAhead && count < room { return false }
        }
        return stream.readsAhead
    }

    /// What a frame holds.
    enum Input {
        case method(ServerMethod)
        case header(ContentHeader)
        case body(UnsafeRawBufferPointer)
    }

    private func takeFrames(_ take: (Input, UInt16) throws -> Void) throws {
        var start = 0
        var needed = 0
        try input.withUnsafeBytes { input in
            let bytes = UnsafeRawBufferPointer(rebasing: input[..<inputEnd])
            while start < bytes.count {
                switch try parser.next(in: bytes, at: start) {
                case .needs(let count):
                    needed = count
                    return
                case .frame(let frame, let size):
                    try self.take(frame, bytes, take)
                    start += size
                }
            }
        }
        if start > 0 {
            input.withUnsafeMutableBytes { input in
                guard let base = input.baseAddress else { return }
                base.copyMemory(from: base + start, byteCount: inputEnd - start)
            }
            inputEnd -= start
        }
        if needed > input.count {
            input.append(contentsOf: repeatElement(0, count: max(needed, Self.readSize) - input.count))
        }
    }

    private func take(
        _ frame: Frame,
        _ bytes: UnsafeRawBufferPointer,
        _ take: (Input, UInt16) throws -> Void
    ) throws {
        let payload = UnsafeRawBufferPointer(rebasing: bytes[frame.payload])
        switch frame.kind {
        case .method: try take(.method(decoder.method(payload)), frame.channel)
        case .header: try take(.header(decoder.header(payload)), frame.channel)
        case .body: try take(.body(payload), frame.channel)
        case .heartbeat: break
        }
    }

    // MARK: Writing

    /// The protocol's header, by which a client begins.
    func appendProtocolHeader() {
        output += Array("AMQP".utf8) + [0, 0, 9, 1]
    }

    func append(_ method: ClientMethod, channel: UInt16) throws {
        try encoder.append(method, channel: channel, to: &output, maximum: frameMax)
    }

    func append(_ publish: AMQPPublish, channel: UInt16) throws {
        try encoder.appendPublish(publish, channel: channel, to: &output, maximum: frameMax)
    }

    func appendHeartbeat() { FrameEncoder.appendHeartbeat(to: &output) }

    var wantsToWrite: Bool { outputStart < output.count }
    /// How many bytes wait for the socket.
    var backlog: Int { output.count - outputStart }
    /// How far what was given to it has come. Under TLS a little less has arrived than has, until all has.
    var traffic: LinkTraffic {
        LinkTraffic(given: bytesWritten + backlog, arrived: bytesWritten - stream.unacknowledged)
    }

    /// Writes what the socket takes. That it takes nothing any more is told by ``writeFailure``.
    func flush() {
        guard isOpen, writeFailure == nil else { return }
        do {
            while outputStart < output.count {
                let count = try output.withUnsafeBytes { output in
                    try stream.write(UnsafeRawBufferPointer(rebasing: output[outputStart...]))
                }
                if count == 0 { break }
                bytesWritten += count
                outputStart += count
            }
        } catch {
            writeFailure = error
        }
        if outputStart == output.count {
            // One large message is no reason to keep its memory.
            if output.capacity > Self.keptOutput { output = [] } else { output.removeAll(keepingCapacity: true) }
            outputStart = 0
        } else if outputStart > Self.keptOutput, outputStart > output.count / 2 {
            output.removeSubrange(..<outputStart)
            outputStart = 0
        }
    }
}
