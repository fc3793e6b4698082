import Martlet
import Testing

@testable import MartletAMQP

/// What a URL says, and what options may be.
@Suite struct OptionsTests {
    @Test func aURLSaysEverything() throws {
        let url =
            "amqps://us%40er:p%3Aw@one,two:5999/a%2Fb?heartbeat=30&channel_max=10&connection_timeout=1500"
            + "&frame_max=8192&replies=queue&queue_type=classic&exchange=mine&name=me&verify=no-host-name"
        let options = try AMQPOptions(url: url)
        #expect(options.servers == [.init(host: "one", port: 5671), .init(host: "two", port: 5999)])
        #expect(options.connection.name == "me")
        #expect(try AMQPOptions(url: "amqp://one", connection: .init(name: "you")).connection.name == "you")
        #expect(options.credentials == .plain(user: "us@er", password: "p:w"))
        #expect(options.virtualHost == "a/b")
        #expect(options.heartbeat == .seconds(30))
        #expect(options.maximumChannels == 10)
        #expect(options.connectTimeout == .milliseconds(1_500))
        #expect(options.maximumFrameSize == 8_192)
        #expect(options.replies == .queue)
        #expect(options.queueKind == .classic)
        #expect(options.exchange == "mine")
        #expect(options.connection.name == "me")
        #expect(options.tls?.verification == .noHostName)
    }

    @Test func aShortURLLeavesTheRest() throws {
        let options = try AMQPOptions(url: "amqp://localhost")
        #expect(options.servers == [.init(host: "localhost", port: 5672)])
        #expect(options.credentials == .plain(user: "guest", password: "guest"))
        #expect(options.virtualHost == "/")
        #expect(options.tls == nil)
        #expect(try AMQPOptions(url: "amqp://localhost/").virtualHost == "")
        #expect(try AMQPOptions(url: "amqp://localhost/%2f").virtualHost == "/")
    }

    @Test(arguments: [
        "mqtt://localhost", "amqp://localhost?heartbeat=x", "amqp://localhost?heartbeat=70000",
        "amqp://localhost?what=1",
        "amqp://localhost?verify=none", "amqp://localhost?auth_mechanism=external",
        "amqps://localhost?auth_mechanism=external",
        "amqp://localhost?channel_max=1", "amqp://localhost?frame_max=100",
    ]) func whatHasNoMeaningIsAnError(_ url: String) throws {
        let error = try #require(throws: MessagingError.self) { try AMQPOptions(url: url) }
        #expect(error.code == .invalidArgument)
    }

    @Test func aPasswordIsShownNowhere() throws {
        let options = try AMQPOptions(url: "amqp://user:secret@localhost")
        #expect(!"\(options)".contains("secret"))
        #expect(!String(reflecting: options).contains("secret"))
        var dumped = ""
        dump(options, to: &dumped)
        #expect(!dumped.contains("secret"))
        #expect(dumped.contains("password: ***") && "\(options)".contains("password: ***"))
    }
}
