import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

@Suite struct MQTTOptionsTests {
    /// A wrong option, and what the error has to say about it.
    struct Wrong: CustomTestStringConvertible, Sendable {
        let words: String
        let change: @Sendable (inout MQTTOptions) -> Void

        init(_ words: String, _ change: @escaping @Sendable (inout MQTTOptions) -> Void) {
            self.words = words
            self.change = change
        }

        var testDescription: String { words }
    }

    static let wrong: [Wrong] = [
        Wrong("no server") { $0.servers = [] },
        Wrong("host is empty") { $0.servers = [.init(host: "")] },
        Wrong("port 0 ") { $0.servers = [.init(host: "h", port: 0)] },
        Wrong("port 65536") { $0.servers = [.init(host: "h"), .init(host: "i", port: 65_536)] },
        Wrong("keep-alive is 4") { $0.keepAlive = .seconds(4) },
        Wrong("keep-alive is -") { $0.keepAlive = .seconds(-60) },
        Wrong("keep-alive is 5.5") { $0.keepAlive = .milliseconds(5_500) },
        Wrong("keep-alive is 65536") { $0.keepAlive = .seconds(65_536) },
        Wrong("connect timeout is 0") { $0.connectTimeout = .zero },
        Wrong("maximum in flight is 0") { $0.maximumInFlight = 0 },
        Wrong("maximum in flight is 65536") { $0.maximumInFlight = 65_536 },
        Wrong("receive maximum is 0") { $0.receiveMaximum = 0 },
        Wrong("receive maximum is -1") { $0.receiveMaximum = -1 },
        Wrong("maximum packet size is 1") { $0.maximumPacketSize = 1 },
        Wrong("maximum packet size is 268435461") { $0.maximumPacketSize = 268_435_461 },
        Wrong("queue group \"\"") { $0.queueGroup = "" },
        Wrong("queue group \"a/b\"") { $0.queueGroup = "a/b" },
        Wrong("queue group \"a+\"") { $0.queueGroup = "a+" },
        Wrong("topic aliases are -1") { $0.topicAliases = -1 },
        Wrong("topic aliases are 65536") { $0.topicAliases = 65_536 },
        Wrong("password but no user name") { $0.password = "secret" },
        Wrong("user name has 65536 bytes") { $0.username = String(repeating: "u", count: 65_536) },
        Wrong("password has 65536 bytes") {
            $0.username = "me"
            $0.password = String(repeating: "p", count: 65_536)
        },
        Wrong("persistent session needs a name") { $0.session = .persistent() },
        Wrong("session's expiry is 0") {
            $0.connection.name = "me"
            $0.session = .persistent(expiry: .zero)
        },
        Wrong("client identifier") { $0.connection.name = "" },
        Wrong("client identifier") { $0.connection.name = "a\u{0}b" },
        Wrong("client identifier") { $0.connection.name = String(repeating: "n", count: 65_536) },
        Wrong("topic \"a.*\"") { $0.connection.will = Will(topic: "a.*", message: Message()) },
        Wrong("no topic that is empty") { $0.connection.will = Will(topic: "", message: Message()) },
    ]

    @Test(arguments: wrong) func aWrongOptionIsNamed(_ wrong: Wrong) throws {
        var options = MQTTOptions()
        try options.validate()
        wrong.change(&options)
        let error = try #require(throws: MessagingError.self) { try options.validate() }
        #expect(error.code == .invalidArgument || error.code == .invalidTopic)
        #expect(error.message.contains(wrong.words), "\(error.message)")
        #expect(!error.message.contains("secret"))
    }

    @Test func theLimitsThemselvesAreAllowed() throws {
        var options = MQTTOptions()
        options.servers = [.init(host: "h", port: 1), .init(host: "i", port: 65_535)]
        options.keepAlive = .zero
        options.maximumInFlight = 65_535
        options.receiveMaximum = 1
        options.maximumPacketSize = 64
        options.topicAliases = 65_535
        options.connection.name = String(repeating: "n", count: 65_535)
        options.username = String(repeating: "u", count: 65_535)
        options.password = String(repeating: "p", count: 65_535)
        options.session = .persistent(expiry: .seconds(1))
        try options.validate()
        options.keepAlive = .seconds(5)
        try options.validate()
        options.keepAlive = .seconds(65_535)
        try options.validate()
    }

    /// MQTT 3.1.1 puts a message with headers into an envelope, which counts as well.
    @Test(arguments: [
        (MQTTVersion.v5, 65_535, false), (.v5, 65_536, true), (.v311, 65_535, true), (.v311, 100, false),
    ])
    func aWillThatMQTTCannotCarryIsAnErrorBeforeAnythingIsConnected(
        _ version: MQTTVersion,
        _ count: Int,
        _ isTooLarge: Bool
    ) throws {
        var options = MQTTOptions(version: version)
        let body = [UInt8](repeating: 7, count: count)
        options.connection.will = Will(topic: "t", message: Message(body, headers: ["a": "b"]))
        let wire = ConnectionRuntime(options.connection, names: .mqtt).wire
        guard isTooLarge else {
            _ = try Mosquitto(options, clientID: "will", wire: wire)
            return
        }
        let error = try #require(throws: MessagingError.self) {
            _ = try Mosquitto(options, clientID: "will", wire: wire)
        }
        #expect(error.code == .invalidArgument)
        #expect(error.message.contains("65535"), "\(error.message)")
    }

    @Test func aWrongOptionIsAnErrorBeforeAnythingIsConnected() async {
        var options = MQTTOptions()
        options.maximumInFlight = 0
        let wrong = options
        let code = await errorCode { _ = try await MQTTConnection.connect(wrong) }
        #expect(code == .invalidArgument)
    }

    @Test func aPasswordIsShownNowhere() throws {
        struct Holder { var options: MQTTOptions? }
        var options = try MQTTOptions(url: "mqtts://user:s3sam3@h?certfile=/c&keypassword=s3sam3")
        #expect(options.password == "s3sam3")
        for _ in 0..<2 {
            var dumped = ""
            dump(Holder(options: options), to: &dumped)
            let children = Mirror(reflecting: options).children.map { "\($0.value)" }.joined()
            for text in ["\(options)", String(reflecting: options), "\(Holder(options: options))", dumped, children] {
                #expect(!text.contains("s3sam3"))
                #expect(text.contains("***"))
            }
            options.password = "s3sam3!"
        }
        options.password = nil
        #expect(options.password == nil)
    }
}
