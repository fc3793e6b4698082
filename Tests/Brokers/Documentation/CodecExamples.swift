import Martlet
import Testing

/// What the article on codecs shows.
@Suite(.timeLimit(.minutes(10))) struct CodecExamples {
    @Test func aSystemChangesItsFormat() throws {
        let reading = ConnectionOptions(codecs: Codecs(readers: [MessagePackCodec()]))
        let writing = ConnectionOptions(codecs: Codecs(writer: MessagePackCodec()))
        let message = try writing.codecs.message(["distance": 2.5])
        #expect(message.headers.contentType == "application/msgpack")
        let value: [String: Double] = try reading.codecs.value(of: message)
        #expect(value == ["distance": 2.5])
    }
}
