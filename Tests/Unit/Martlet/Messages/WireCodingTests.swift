import Testing

@testable import Martlet

/// The format that was chosen, and transforms, on the way to the wire and back.
@Suite struct WireCodingTests {
    /// Puts a byte before all that goes out, and wants to find it again.
    private struct Marking: BodyTransform {
        struct Missing: Error {}

        let mark: UInt8

        func outgoing(_ bytes: [UInt8]) throws -> [UInt8] {
            if bytes.last == UInt8(ascii: "!") { throw Missing() }
            return [mark] + bytes
        }

        func incoming(_ bytes: [UInt8]) throws -> [UInt8] {
            guard bytes.first == mark else { throw Missing() }
            return Array(bytes.dropFirst())
        }
    }

    private let message = Message(#"{"a":1}"#, headers: ["answer": 42])

    private func code(_ body: () throws -> Void) -> MessagingError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? MessagingError)?.code
        }
    }

    @Test func plainIsTheBodyUnlessHeadersNeedAnEnvelope() throws {
        let coding = WireCoding()
        #expect(try coding.publication(Message("1")) == Array("1".utf8))
        #expect(try coding.publication(message, carriesHeaders: true) == message.body)
        let envelope = try coding.publication(message)
        #expect(envelope != message.body)
        #expect(try coding.message(envelope, from: .publication).headers["answer"] == 42)
    }

    @Test(arguments: [false, true]) func envelopeIsAlways(carriesHeaders: Bool) throws {
        let coding = WireCoding(format: .envelope)
        for message in [message, Message("1"), Message([0xff])] {
            let bytes = try coding.publication(message, carriesHeaders: carriesHeaders)
            let unwrapped = try #require(Envelope.unwrap(bytes, from: .publication))
            #expect(unwrapped.body == message.body)
            #expect(unwrapped.headers["answer"] == message.headers["answer"])
        }
        #expect(try coding.publication(message, format: .plain, carriesHeaders: true) == message.body)
        #expect(try WireCoding().publication(Message("1"), format: .envelope) != Array("1".utf8))
    }

    /// As a retained message it deletes the one that is kept.
    @Test(arguments: MessageFormat.allCases) func nothingStaysNothing(format: MessageFormat) throws {
        let coding = WireCoding(format: format, transforms: [Marking(mark: 1)])
        #expect(try coding.publication(Message()) == [])
        #expect(try coding.publication(Message(headers: ["answer": 42]), carriesHeaders: true) == [])
        #expect(try coding.message([], from: .publication) == Message())
        // Where headers need the envelope, it is not nothing.
        let bytes = try coding.publication(Message(headers: ["answer": 42]))
        #expect(try coding.message(bytes, from: .publication).body.isEmpty)
        #expect(bytes.first == 1)
    }

    @Test func transformsAreUndoneInTheOppositeOrder() throws {
        let coding = WireCoding(transforms: [Marking(mark: 1), Marking(mark: 2)])
        let bytes = try coding.publication(Message("x"))
        #expect(bytes == [2, 1] + Array("x".utf8))
        #expect(try coding.message(bytes, from: .publication) == Message("x"))
        #expect(try coding.call(message).prefix(2) == [2, 1])
        #expect(try coding.message(coding.call(message), from: .call).body == message.body)
    }

    @Test func whatATransformThrowsHasACode() {
        let coding = WireCoding(transforms: [Marking(mark: 1)])
        #expect(code { _ = try coding.publication(Message("no!")) } == .encodingFailed)
        #expect(code { _ = try coding.message([2, 3], from: .publication) } == .decodingFailed)
    }
}
