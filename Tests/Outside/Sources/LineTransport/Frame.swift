import Foundation
import Martlet

/// One line of the protocol, as JSON: what one end has to say to the other.
struct Frame: Codable, Sendable {
    enum Verb: String, Codable {
        // What a client says; all but the last three is answered.
        case hello, publish, subscribe, send, consume, listen, reply, leave, settle, goodbye
        // What the server says.
        case done, failed, delivery, answer
    }

    var verb: Verb
    /// Which request it is or answers; which subscription it makes, ends or belongs to; which delivery it settles.
    var number: Int
    /// The topic, queue or address; of a failure the code.
    var name: String
    var body: Data?
    var headers: [String: String]?
    /// Whether a message is to be kept, or was; whether kept ones are wanted, or a consumer is required.
    var flag = false
    /// In milliseconds.
    var expiry: Int?
    /// How many deliveries may wait, or be unsettled.
    var limit: Int?
    /// By which number a delivery is settled, and how often it had come before.
    var tag: Int?
    var redeliveries: Int?
    var disposition: String?

    /// Headers become text, as with many a broker.
    init(_ verb: Verb, _ name: String = "", number: Int = 0, message: Message? = nil, expiry: Duration? = nil) {
        (self.verb, self.name, self.number) = (verb, name, number)
        self.expiry = expiry.map { Int($0 / .milliseconds(1)) }
        guard let message else { return }
        body = Data(message.body)
        let fields = message.headers.compactMap { field in field.value.string.map { (field.name, $0) } }
        headers = Dictionary(fields) { $1 }
    }

    var message: Message {
        var message = Message(Array(body ?? Data()))
        for (name, value) in headers ?? [:] { message.headers[name] = .string(value) }
        return message
    }

    var line: [UInt8] {
        get throws { try JSONCodec().encode(self) + [UInt8(ascii: "\n")] }
    }
}

/// Takes the lines of a link apart.
struct FrameReader {
    private let socket: LineSocket
    private var bytes: [UInt8] = []
    /// How many of the bytes hold no end of a line.
    private var searched = 0

    init(_ socket: LineSocket) {
        self.socket = socket
    }

    /// The next line; `nil` when the link has ended, or makes no sense.
    mutating func next() async -> Frame? {
        while bytes.count < 64 << 20 {
            if let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer {
                    bytes.removeSubrange(...end)
                    searched = 0
                }
                return try? JSONCodec().decode(Frame.self, from: Array(bytes[..<end]))
            }
            searched = bytes.count
            let more = await socket.read()
            guard !more.isEmpty else { break }
            bytes += more
        }
        return nil
    }
}
