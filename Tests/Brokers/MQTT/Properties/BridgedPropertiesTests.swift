import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// What MQTT 5 says beside the body, from one broker to another.
@Suite(.timeLimit(.minutes(10))) struct BridgedPropertiesTests {
    /// Content type, response topic, correlation data that is no text, payload format, user properties of one name.
    private static let properties: [UInt8] =
        [0x01, 1, 0x03] + RawPeer.text("text/plain") + [0x08] + RawPeer.text("my.answers/x") + [0x09, 0, 3, 0xff, 0, 1]
        + pair("k", "v1") + pair("other", "x") + pair("k", "v2") + pair("k", "v1")

    private static func pair(_ name: String, _ value: String) -> [UInt8] {
        [0x26] + RawPeer.text(name) + RawPeer.text(value)
    }

    /// The properties of a PUBLISH, as texts that are easily compared.
    private static func list(_ packet: RawPeer.Packet) -> [String] {
        var rest = packet.body.dropFirst(2 + packet.topic.utf8.count + (packet.head & 6 > 0 ? 2 : 0))[...]
        // No list here is longer than what one or two bytes say.
        var length = Int(rest.removeFirst())
        if length >= 0x80 { length += (Int(rest.removeFirst()) - 1) << 7 }
        rest = rest.prefix(length)
        var list: [String] = []
        func data() -> [UInt8] {
            let count = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        func text() -> String { String(decoding: data(), as: UTF8.self) }
        while let code = rest.popFirst() {
            switch code {
            case 0x01: list.append("format \(rest.removeFirst())")
            case 0x02:
                list.append("expiry \(rest.prefix(4).reduce(0) { $0 << 8 | Int($1) })")
                rest = rest.dropFirst(4)
            case 0x03: list.append("type \(text())")
            case 0x08: list.append("response \(text())")
            case 0x09: list.append("correlation \(data())")
            case 0x26: list.append("\(text())=\(text())")
            default: list.append("? \(code)")
            }
        }
        return list
    }

    @Test(arguments: [false, true]) func allPropertiesCrossAsTheyCame(_ isStored: Bool) async throws {
        let folder = try TemporaryFolder("bridged")
        let taken = Recorder<RawPeer.Packet>()
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            try await peer.grant(try await peer.receive(kind: 8), .v5)
            try await peer.send(.publish("first", quality: 0, properties: Self.properties))
            try await peer.send(.publish("second", quality: 0, properties: [0x02, 0, 0, 0, 30]))
            try await peer.behave(.v5)
        } _: { source in
            try await FakeBroker.withBroker { peer, number in
                try await peer.acceptClient(.v5)
                while true {
                    let packet = try await peer.receive(kind: 3)
                    taken.record(packet)
                    let confirmation = RawPeer.Packet(head: 0x40, body: RawPeer.number(Int(packet.number)))
                    // The first one has to be sent again, after a while.
                    if number == 0 {
                        try await Task.sleep(for: .seconds(2))
                        return
                    }
                    try await peer.send(confirmation)
                }
            } _: { sink in
                try await MQTTConnection.withConnection(.local(source.port)) { from in
                    try await MQTTConnection.withConnection(.local(sink.port)) { to in
                        var options = RouteOptions()
                        if isStored { options.store = StoreOptions(folder: folder.path("store")) }
                        let bridge = Bridge(from: from, to: to, name: "b") { Forward("t", options: options) }
                        try await bridge.whileRunning {
                            try await taken.wait { $0.contains { $0.body.suffix(6) == Array("second".utf8)[...] } }
                            let first = try #require(
                                taken.values.last { $0.body.suffix(5) == Array("first".utf8)[...] }
                            )
                            let list = Self.list(first)
                            for expected in [
                                "format 1", "type text/plain", "response my.answers/x", "correlation [255, 0, 1]",
                            ] {
                                #expect(list.filter { $0 == expected }.count == 1, "\(expected) in \(list)")
                            }
                            let pairs = list.filter { $0.hasPrefix("k=") || $0.hasPrefix("other=") }
                            #expect(pairs == ["k=v1", "other=x", "k=v2", "k=v1"])
                            #expect(list.contains("bridge-path=b"))
                            #expect(!list.contains { $0.hasPrefix("expiry") })
                            let second = try #require(
                                taken.values.last { $0.body.suffix(6) == Array("second".utf8)[...] }
                            )
                            let expiry = try #require(Self.list(second).first { $0.hasPrefix("expiry") })
                            let left = try #require(Int(expiry.dropFirst(7)))
                            #expect(left <= 28 && left > 5, "of 30 s, after 2 s: \(left)")
                        }
                    }
                }
            }
        }
        folder.remove()
    }

    @Test(arguments: ["bytes", "text", "name"]) func aHeaderThatIsTooLongIsAnError(_ kind: String) async throws {
        let server = try await MosquittoServer.shared()
        let long = String(repeating: "x", count: 70_000)
        let headers: Headers =
            switch kind {
            case "bytes": ["h": .bytes([UInt8](repeating: 1, count: 60_000))]
            case "text": ["h": .string(long)]
            default: [long: "h"]
            }
        try await MQTTConnection.withConnection(.local(server.port)) { connection in
            for guarantee in Guarantee.allCases {
                let code = await errorCode {
                    try await connection.publish(
                        Message("x", headers: headers),
                        to: "long",
                        options: PublishOptions(guarantee: guarantee)
                    )
                }
                #expect(code == .invalidArgument)
            }
            let code = await errorCode { try await connection.send(Message("x", headers: headers), to: "long") }
            #expect(code == .invalidArgument)
            #expect(connection.state == .connected)
        }
    }
}
