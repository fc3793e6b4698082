import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// A message has one life, which counts from the call, whatever the broker is asked for it meanwhile.
@Suite(.timeLimit(.minutes(10))) struct ExpiryTests {
    private static let declare: UInt32 = 0x0032_000A

    /// The property `expiration` in a frame of kind 2, in milliseconds.
    private static func expiration(_ frame: FakePeer.Frame) -> Int? {
        var rest = frame.payload.dropFirst(12)
        func number(_ bytes: Int) -> Int {
            defer { rest = rest.dropFirst(bytes) }
            return rest.prefix(bytes).reduce(0) { $0 << 8 | Int($1) }
        }
        func skip(_ lengthBytes: Int) {
            let length = number(lengthBytes)
            rest = rest.dropFirst(length)
        }
        let flags = number(2)
        func has(_ bit: Int) -> Bool { flags & 1 << bit != 0 }
        // Content type and encoding, headers, delivery mode, priority, correlation ID, reply address.
        for bit in [15, 14] where has(bit) { skip(1) }
        if has(13) { skip(4) }
        for bit in [12, 11] where has(bit) { _ = number(1) }
        for bit in [10, 9] where has(bit) { skip(1) }
        guard has(8) else { return nil }
        let length = number(1)
        return Int(String(decoding: rest.prefix(length), as: UTF8.self))
    }

    private static func confirmation(_ channel: UInt16, _ number: Int) -> [UInt8] {
        FakePeer.method(channel, 60, 80, FakePeer.long(0) + FakePeer.long(number) + [0])
    }

    /// The broker takes nine of the message's ten seconds to declare the queue.
    @Test func declaringTheQueueIsPartOfTheLife() async throws {
        let clock = TestClock()
        let lives = Recorder<Int?>()
        try await FakeBroker.withBroker { peer, _ in
            while true {
                let frame = try await peer.receive()
                if frame.method == Self.declare { clock.advance(by: .seconds(9)) }
                try await peer.answer(frame)
                guard frame.kind == 2 else { continue }
                lives.record(Self.expiration(frame))
                try await peer.send(Self.confirmation(frame.channel, lives.values.count))
            }
        } _: { fake in
            try await withAMQP(port: fake.port, { $0.connection.clock = clock }) { broker in
                let options = SendOptions(expiry: .seconds(10))
                try await broker.beginSending(Message("x"), to: "jobs", options: options).wait()
                #expect(lives.values == [1_000])
            }
        }
    }

    /// The queue is gone by the time of the second message, which comes back after nine of its ten seconds and is sent anew.
    @Test func theLifeGoesOnWhenTheQueueHasToBeDeclaredAgain() async throws {
        let clock = TestClock()
        let lives = Recorder<Int?>()
        try await FakeBroker.withBroker { peer, _ in
            while true {
                let frame = try await peer.receive()
                try await peer.answer(frame)
                guard frame.kind == 2 else { continue }
                lives.record(Self.expiration(frame))
                let body = try await peer.receive()
                let number = lives.values.count
                if number == 2 {
                    clock.advance(by: .seconds(9))
                    let reason = FakePeer.word(312) + ["NO_ROUTE", "", "jobs"].flatMap { FakePeer.text($0) }
                    try await peer.send(
                        FakePeer.method(frame.channel, 60, 50, reason) + FakePeer.frame(2, frame.channel, frame.payload)
                            + FakePeer.frame(3, frame.channel, body.payload)
                    )
                }
                try await peer.send(Self.confirmation(frame.channel, number))
            }
        } _: { fake in
            try await withAMQP(port: fake.port, { $0.connection.clock = clock }) { broker in
                let options = SendOptions(expiry: .seconds(10))
                for _ in 0..<2 {
                    try await broker.beginSending(Message("x"), to: "jobs", options: options).wait()
                }
                #expect(lives.values == [10_000, 10_000, 1_000])
            }
        }
    }
}
