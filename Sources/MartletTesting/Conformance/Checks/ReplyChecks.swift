import Martlet

extension ConformanceSuite {
    /// Reply addresses.
    public static let replies: [ConformanceCheck] = [
        ConformanceCheck(
            "a reply address is heard by its connection alone",
            crosses: .not("an address means nothing to another broker")
        ) { environment in
            let connections = [try await environment.connect(), try await environment.connect()]
            let heard = [Recorder<String>(), Recorder<String>()]
            var addresses: [String] = []
            for (connection, recorder) in zip(connections, heard) {
                let address = try await connection.openReplyAddress { reply, _ in recorder.record(reply.text ?? "") }
                addresses.append(address.address(for: "conformance"))
            }
            try environment.expect(addresses[0] != addresses[1], "addresses that differ", actual: "both are equal")
            let sender = try await environment.connect()
            for number in 0..<10 {
                var reply = Message("\(number)")
                reply.headers.correlationID = "conformance"
                try await sender.reply(reply, to: addresses[number % 2])
            }
            for (index, recorder) in heard.enumerated() {
                let expected = (0..<10).filter { $0 % 2 == index }.map(String.init)
                try await environment.expect(recorder.wait(for: 5), equals: expected, "what connection \(index) hears")
            }
        },

        ConformanceCheck(
            "a reply that nobody hears is an error at once",
            crosses: .not("an address means nothing to another broker"),
            requires: .replyDetection
        ) {
            environment in
            let caller = try await environment.connect()
            let sender = try await environment.connect()
            let address = try await caller.openReplyAddress { _, _ in }.address(for: "conformance")
            await caller.close()
            try await environment.expect(.noResponder, from: "a reply to a closed connection") {
                try await sender.reply(Message("x"), to: address)
            }
        },
    ]
}
