import BridgeSupport
import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension OwnProcessTests {
    /// A call through a bridge that dies in the middle ends, within its time.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct DyingBridgeTests {
        /// What a process that is killed has to know.
        private struct Life: Codable, Sendable {
            var from: BrokerKind
            var to: BrokerKind
            var fromPort: Int
            var toPort: Int
            var here: String
            var there: String
            /// A file that is there once the handler has begun.
            var mark: String
        }

        private static let pairs = [
            BrokerPair(from: .mqtt, to: .amqp), BrokerPair(from: .amqp, to: .redis),
            BrokerPair(from: .redis, to: .mqtt),
        ]

        /// Nobody is left to say anything: the caller's own time ends the call.
        @Test(arguments: pairs)
        func aKilledBridgeEndsItsCallsByTheirTime(pair: BrokerPair) async throws {
            let folder = try TemporaryFolder("dying")
            defer { folder.remove() }
            try await Ends.with(pair) { ends in
                let wait = RPC<Int, Int>(QueueName(ends.here))
                let life = Life(
                    from: pair.from,
                    to: pair.to,
                    fromPort: try await pair.from.port,
                    toPort: try await pair.to.port,
                    here: ends.here,
                    there: ends.there,
                    mark: folder.path("begun")
                )
                let (begun, begin) = AsyncStream.makeStream(of: Void.self)
                try await withServer { onReady in
                    try await ends.b.respond(to: RPC<Int, Int>(QueueName(ends.there)), onReady: onReady) { number in
                        begin.yield()
                        guard number > 0 else { return number }
                        try await Task.sleep(for: .seconds(3_600))
                        return number
                    }
                } _: {
                    try await withThrowingTaskGroup(of: MessagingError.Code?.self) { group in
                        group.addTask {
                            await run(life)
                            return nil
                        }
                        // The bridge is there when a call is answered.
                        try await until {
                            await errorCode { _ = try await ends.a.call(wait, 0, timeout: .seconds(1)) } == nil
                        }
                        group.addTask { await errorCode { _ = try await ends.a.call(wait, 1, timeout: .seconds(3)) } }
                        var isBegun = begun.makeAsyncIterator()
                        await isBegun.next()
                        await isBegun.next()
                        try folder.write("", to: "begun")
                        var codes: [MessagingError.Code] = []
                        for try await code in group { if let code { codes.append(code) } }
                        #expect(codes == [.timeout])
                    }
                }
            }
        }

        private func run(_ life: Life) async {
            await #expect(processExitsWith: .signal(SIGKILL)) { [life = life as Life] in
                let from = try await life.from.connect(port: life.fromPort)
                let to = try await life.to.connect(port: life.toPort)
                let bridge = Bridge(from: from, to: to) {
                    ForwardCalls(QueueName(life.here), to: QueueName(life.there))
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await bridge.run() }
                    try await until { FileManager.default.fileExists(atPath: life.mark) }
                    try await until { (bridge.reports.first?.statistics.inFlight ?? 0) > 0 }
                    kill(getpid(), SIGKILL)
                }
            }
        }

        /// A bridge that is cut off from the responder says so.
        @Test(arguments: pairs)
        func aBridgeThatLosesTheOtherSideEndsItsCalls(pair: BrokerPair) async throws {
            try await TCPProxy.withProxy(to: pair.to.port) { link in
                try await Ends.with(pair) { ends in
                    let to = try await pair.to.connect(port: link.port)
                    let wait = RPC<Int, Int>(QueueName(ends.here))
                    let there = RPC<Int, Int>(QueueName(ends.there))
                    let bridge = Bridge(from: ends.from, to: to) { ForwardCalls(wait, to: there.name) }
                    let (begun, begin) = AsyncStream.makeStream(of: Void.self)
                    try await withServer { onReady in
                        try await ends.b.respond(to: there, onReady: onReady) { number in
                            begin.yield()
                            try await Task.sleep(for: .seconds(3_600))
                            return number
                        }
                    } _: {
                        try await bridge.whileRunning(readyWithin: .seconds(60)) {
                            let code = try await withThrowingTaskGroup(of: MessagingError.Code?.self) { group in
                                group.addTask {
                                    await errorCode { _ = try await ends.a.call(wait, 1, timeout: .seconds(5)) }
                                }
                                for await _ in begun { break }
                                try await link.refuseConnections()
                                try await link.cut()
                                return try await group.next() ?? nil
                            }
                            #expect(code == .bridgeFailed)
                        }
                    }
                    await to.close()
                }
            }
        }
    }
}
