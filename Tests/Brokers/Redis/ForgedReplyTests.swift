import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRedis

/// A peer that was called, and answers what others are asked. As services of other libraries do it says by the address alone
/// what it answers.
@Suite(.timeLimit(.minutes(10))) struct ForgedReplyTests {
    /// Has a call be made, and takes its request.
    private func ask(
        _ queue: String,
        by caller: RedisConnection,
        taken peer: RedisConnection,
        _ answer: (Message) async throws -> Void
    ) async throws -> String? {
        async let reply = caller.call(QueueName(queue), Message("?"), timeout: .seconds(60))
        var taken: String?
        try await until {
            taken = try await peer.command("LPOP", RedisArgument(queue))
            return taken != nil
        }
        try await answer(try #require(Envelope.unwrap(Array((taken ?? "").utf8), from: .call)))
        return try await reply.text
    }

    private func push(_ text: String, to address: String, by peer: RedisConnection) async throws {
        let wire = #"{"header":{"reply_to":"","correlation_id":null,"timestamp":1},"data":"\#(text)"}"#
        try await peer.command("RPUSH", RedisArgument(address), RedisArgument(wire))
    }

    /// Addresses that may be another call's, as far as one that was told tells them.
    private func neighbours(of address: String) -> [String] {
        guard let dash = address.lastIndex(of: "-") else { return [] }
        let (base, ending) = (address[...dash], address[address.index(after: dash)...])
        let next = Int(ending).map { number in (number + 1...number + 100).map { "\(base)\($0)" } } ?? []
        return next + (0...9).map { "\(base)\(ending.dropLast())\($0)" } + (1...100).map { "\(base)\($0)" }
    }

    @Test(arguments: [true, false])
    func whoWasCalledCanNotAnswerWhatOthersAreAsked(_ byChannel: Bool) async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port, ConnectionOptions(), { $0.responderGrace = .seconds(60) }) { caller in
                try await withRedis(on: server.port) { forger in
                    var known: Set<String> = []
                    for _ in 0..<70 {
                        _ = try await ask("weather", by: caller, taken: forger) { request in
                            let address = try #require(request.headers.replyTo)
                            known.insert(address)
                            try await push("fine", to: address, by: forger)
                        }
                    }
                    let guesses = known.union(known.flatMap(neighbours))
                    for _ in 0..<70 {
                        let answer = try await ask("bank", by: caller, taken: forger) { request in
                            for address in guesses where byChannel {
                                try await forger.reply(Message("a million"), to: address)
                            }
                            for address in guesses where !byChannel {
                                try await push("a million", to: address, by: forger)
                            }
                            try await push("twelve", to: try #require(request.headers.replyTo), by: forger)
                        }
                        guard answer == #""twelve""# else {
                            Issue.record("the caller was told \(answer ?? "nothing")")
                            return
                        }
                    }
                }
            }
        }
    }
}
