import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Testing

/// MQTT in WebSockets, frame by frame.
@Suite(.timeLimit(.minutes(5))) struct WebSocketTests {
    private static let connect = Encoder(.v5).bytes(of: .connect(Connect(version: .v5, clientID: "page", keepAlive: 0)))

    private func withWebSocket(
        origins: [String] = [],
        isUnderTLS: Bool = false,
        _ body: (Int) async throws -> Void
    ) async throws {
        guard isUnderTLS else {
            return try await withServer(listeners: [.webSocket(port: 0, origins: origins)]) { _, port in
                try await body(port)
            }
        }
        let identity = try await TestCertificates.shared.server
        let tls = Listener.TLS(certificateChain: identity.certificate, privateKey: identity.key)
        try await withServer(listeners: [.webSocket(port: 0, tls: tls, origins: origins)]) { _, port in
            let tunnel = try await HAProxy(underTLSTo: port)
            try await body(tunnel.port)
            withExtendedLifetime(tunnel) {}
        }
    }

    // MQTT 5: 6.0.0-2. MQTT 3.1.1: 6.0.0-2.
    @Test(arguments: [false, true])
    func aPacketMayBeInManyFramesAndAFrameMayHaveManyPackets(_ isUnderTLS: Bool) async throws {
        try await withWebSocket(isUnderTLS: isUnderTLS) { port in
            let client = try await WebSocketClient(port)
            let answer = try await client.answer()
            #expect(answer.first == "HTTP/1.1 101 Switching Protocols")
            #expect(answer.contains { $0.lowercased() == "sec-websocket-protocol: mqtt" })
            #expect(answer.contains { $0.lowercased() == "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" })
            for (number, byte) in Self.connect.enumerated() {
                try await client.send(opcode: 2, [byte])
                // Between frames, and in the middle of a packet.
                if number == 3 { try await client.send(opcode: 9, Array("are you there".utf8)) }
            }
            var frame = try await client.frame()
            #expect(frame.opcode == 10)
            #expect(frame.payload == Array("are you there".utf8))
            frame = try await client.frame()
            #expect(frame.opcode == 2)
            #expect(frame.payload.first == 0x20)
            try await client.send(opcode: 2, [0xC0, 0, 0xC0], isLast: false)
            try await client.send(opcode: 0, [0])
            var answers: [UInt8] = []
            while answers.count < 4 { answers += try await client.frame().payload }
            #expect(answers == [0xD0, 0, 0xD0, 0])
            // A frame of nothing is none of a packet: alone, before the others of a message, among them, and in a packet
            // (eclipse-mosquitto/mosquitto#3704).
            try await client.send(opcode: 2, [])
            try await client.send(opcode: 2, [], isLast: false)
            try await client.send(opcode: 0, [0xC0], isLast: false)
            try await client.send(opcode: 0, [], isLast: false)
            // Also between the frames of one message.
            try await client.send(opcode: 9, [])
            try await client.send(opcode: 10, Array("nobody has asked".utf8))
            try await client.send(opcode: 0, [0])
            frame = try await client.frame()
            #expect(frame.opcode == 10 && frame.payload.isEmpty)
            #expect(try await client.frame().payload == [0xD0, 0])
            // The client ends it as one does, and is answered so.
            try await client.send(opcode: 8, [3, 0xE8])
            #expect(try await client.frame().opcode == 8)
            try await client.waitForEnd()
        }
    }

    /// By what is wrong: a text, a frame without a mask, one that there is not, one that continues nothing, and one of each bit
    /// that belongs to extensions.
    // MQTT 5: 6.0.0-1. MQTT 3.1.1: 6.0.0-1.
    @Test(arguments: [false, true]) func framesThatAreNotOfAClientOfMQTTEndIt(_ isUnderTLS: Bool) async throws {
        let frames: [(opcode: UInt8, isMasked: Bool, code: UInt16)] = [
            (1, true, 1_003), (2, false, 1_002), (3, true, 1_002), (0, true, 1_002), (0x12, true, 1_002),
            (0x22, true, 1_002), (0x42, true, 1_002), (8, false, 1_002), (9, false, 1_002),
        ]
        try await withWebSocket(isUnderTLS: isUnderTLS) { port in
            for (opcode, isMasked, code) in frames {
                let client = try await WebSocketClient(port)
                _ = try await client.answer()
                try await client.send(opcode: opcode, [0x10, 0], isMasked: isMasked)
                #expect(try await client.endCode() == code, "\(opcode)")
            }
        }
    }

    /// RFC 6455, 5.5: what is not data is in one frame, of 125 bytes at most.
    @Test(arguments: [false, true]) func controlFramesThatAreLongOrInPartsEndIt(_ isUnderTLS: Bool) async throws {
        try await withWebSocket(isUnderTLS: isUnderTLS) { port in
            for opcode: UInt8 in [8, 9, 10] {
                let parted = try await WebSocketClient(port)
                _ = try await parted.answer()
                try await parted.send(opcode: opcode, [3, 0xE8], isLast: false)
                #expect(try await parted.endCode() == 1_002, "\(opcode)")
                let long = try await WebSocketClient(port)
                _ = try await long.answer()
                try await long.begin(opcode: opcode, length: 126)
                try await long.sendPlain([UInt8](repeating: 0, count: 126))
                #expect(try await long.endCode() == 1_002, "\(opcode)")
            }
        }
    }

    /// RFC 6455, 5.4.
    @Test(arguments: [false, true]) func anotherMessageInTheMiddleOfOneEndsIt(_ isUnderTLS: Bool) async throws {
        try await withWebSocket(isUnderTLS: isUnderTLS) { port in
            let client = try await WebSocketClient(port)
            _ = try await client.answer()
            try await client.send(opcode: 2, [0x10], isLast: false)
            try await client.send(opcode: 2, [0])
            #expect(try await client.endCode() == 1_002)
        }
    }

    /// A client whose connection is lost comes by another one, and gets what it has subscribed to by that
    /// (eclipse-mosquitto/mosquitto#1489).
    @Test(arguments: [false, true]) func whoComesAgainIsServed(_ isUnderTLS: Bool) async throws {
        try await withWebSocket(isUnderTLS: isUnderTLS) { port in
            var earlier: WebSocketClient?
            for number: UInt8 in 1...5 {
                let client = try await WebSocketClient(port)
                _ = try await client.answer()
                try await client.send(opcode: 2, Self.connect)
                let filter = SubscribeRequest(1, [.init("a")])
                try await client.send(opcode: 2, Encoder(.v5).bytes(of: .subscribe(filter)))
                let publish = Publish(topic: "a", payload: [number])
                try await client.send(opcode: 2, Encoder(.v5).bytes(of: .publish(publish)))
                var bytes: [UInt8] = []
                while bytes.suffix(2) != [0, number] { bytes += try await client.frame().payload }
                // The one before is told so.
                if let earlier { #expect(try await earlier.endCode() == 1_000) }
                earlier = client
            }
        }
    }

    // MQTT 5: 6.0.0-4. MQTT 3.1.1: 6.0.0-4.
    @Test(arguments: [
        ("Sec-WebSocket-Protocol: mqtt", 101), ("Sec-WebSocket-Protocol: mqttv3.1, mqtt", 101),
        ("Sec-WebSocket-Protocol: chat", 403), ("X-Other: mqtt", 403),
    ]) func theSubprotocolIsMQTT(_ header: String, _ status: Int) async throws {
        try await withWebSocket { port in
            let answer = try await WebSocketClient(port, headers: [header]).answer()
            #expect(answer.first?.hasPrefix("HTTP/1.1 \(status) ") == true, "\(answer)")
        }
    }

    /// A page of another host would use the broker by the browser of whoever reads it.
    @Test(arguments: [
        ("http://127.0.0.1:8080", 101), ("https://127.0.0.1", 101), ("https://example.org", 101),
        ("HTTPS://EXAMPLE.ORG", 101), ("http://example.org", 403), ("https://example.org.evil.net", 403),
        ("http://127.0.0.1.evil.net", 403), ("null", 403), ("", 403),
    ]) func pagesOfOthersAreRefused(_ origin: String, _ status: Int) async throws {
        try await withWebSocket(origins: ["https://example.org"]) { port in
            let headers = ["Sec-WebSocket-Protocol: mqtt", "Origin: \(origin)"]
            let answer = try await WebSocketClient(port, headers: headers).answer()
            #expect(answer.first?.hasPrefix("HTTP/1.1 \(status) ") == true, "\(answer)")
        }
    }

    /// A page's own host is this machine when a server of names has said so, but for those names that no such server is asked for.
    @Test(arguments: [
        ("evil.example:80", "http://evil.example:80", 403),
        ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example", 403),
        ("localhost.evil.example", "http://localhost.evil.example", 403), ("localhost:9001", "http://localhost", 101),
        ("[::1]:9001", "http://[::1]:8080", 101), ("127.0.0.2", "http://127.0.0.2", 101),
        ("known.example", "http://known.example", 101),
    ]) func namesThatLeadHereAreNotTrusted(_ host: String, _ origin: String, _ status: Int) async throws {
        try await withWebSocket(origins: ["http://known.example"]) { port in
            let headers = ["Sec-WebSocket-Protocol: mqtt", "Origin: \(origin)"]
            let answer = try await WebSocketClient(port, headers: headers, host: host).answer()
            #expect(answer.first?.hasPrefix("HTTP/1.1 \(status) ") == true, "\(answer)")
        }
    }

    /// Whoever comes from elsewhere comes by any name that the host has there.
    @Test func theOwnHostHasAnyNameElsewhere() async throws {
        let listener = Listener.webSocket(port: 0).behind(["127.0.0.1"])
        try await withServer(listeners: [listener]) { _, port in
            let headers = ["Sec-WebSocket-Protocol: mqtt", "Origin: https://broker.example"]
            let prelude = Array("PROXY TCP4 192.0.2.7 192.0.2.1 1234 9001\r\n".utf8)
            let client = try await WebSocketClient(port, headers: headers, host: "broker.example", prelude: prelude)
            #expect(try await client.answer().first == "HTTP/1.1 101 Switching Protocols")
        }
    }

    /// Browsers and libraries close a WebSocket right behind DISCONNECT.
    @Test(arguments: [true, false]) func whatComesBeforeTheCloseIsHeard(_ waits: Bool) async throws {
        let broker = MemoryBroker()
        let inbox = try await broker.connect(name: "local").subscribe(to: "#")
        try await withServer(broker, listeners: [.webSocket(port: 0)], systemTopics: nil) { server, port in
            for number in 0..<10 {
                let client = try await WebSocketClient(port)
                _ = try await client.answer()
                let will = WillMessage(topic: "will", payload: [1])
                let connect = Connect(version: .v311, clientID: "page-\(number)", keepAlive: 0, will: will)
                var frames: [UInt8] = []
                for packet: Packet in [
                    .connect(connect), .publish(Publish(topic: "last", payload: [2])), .disconnect(Disconnect()),
                ] {
                    frames += WebSocketClient.frame(2, Encoder(.v311).bytes(of: packet))
                    guard waits, packet.kind == .connect else { continue }
                    try await client.sendPlain(frames)
                    _ = try await client.frame()
                    frames = []
                }
                try await client.sendPlain(frames + WebSocketClient.frame(8, [3, 0xE8]))
                #expect(try await inbox.next()?.message.body == [2])
                try await client.waitForEnd()
            }
            try await until { server.statistics.clients == 0 }
            #expect(inbox.waiting == 0)
        }
    }

    @Test func whoNeverOpensOneIsNotWaitedFor() async throws {
        var limits = ServerLimits()
        limits.connectTimeout = .milliseconds(50)
        try await withServer(listeners: [.webSocket(port: 0)], limits: limits) { server, port in
            let silent = try Socket.connecting(to: .loopback(port: port))
            try await silent.sendAll(Array("GET / HTTP/1.1\r\n".utf8))
            let open = try await WebSocketClient(port)
            _ = try await open.answer()
            // It is told the end, and has a moment to close its side.
            #expect(try await open.frame().opcode == 8)
            while case .notNow = silent.read() { try await Task.sleep(for: .milliseconds(1)) }
            while server.statistics.connections > 1 { try await Task.sleep(for: .milliseconds(1)) }
        }
    }

    @Test func whatIsNoWebSocketIsToldSo() async throws {
        try await withWebSocket { port in
            let socket = try Socket.connecting(to: .loopback(port: port))
            try await socket.sendAll(Array("GET / HTTP/1.1\r\nHost: here\r\n\r\n".utf8))
            var text = ""
            reading: while true {
                switch socket.read() {
                case .done(let bytes): text += String(decoding: bytes, as: UTF8.self)
                case .notNow: try await Task.sleep(for: .milliseconds(1))
                case .ended, .lost: break reading
                }
            }
            #expect(text.hasPrefix("HTTP/1.1 426 Upgrade Required\r\n"))
            #expect(text.hasSuffix("A WebSocket of MQTT is here\n"))
        }
    }
}
