import Martlet
import MartletCompression
import Testing

/// The programs of the documentation of what is on the wire.
@Suite struct WireExamples {
    private struct Sonar: Codable, Sendable {
        var distance: Double
    }

    private let front = Topic<Sonar>("documentation.sonar.front")

    @Test func choices() async throws {
        let broker = try await MemoryBroker().connect()

        let options = ConnectionOptions(format: .envelope)
        let sonar = Publisher(to: front, on: broker, options: PublishOptions(format: .envelope))

        let compressed = ConnectionOptions(transforms: [ZlibCompression(.best)])

        #expect(options.format == .envelope && compressed.transforms.count == 1)
        #expect(try await sonar.publish(Sonar(distance: 2.5)))
        await broker.close()
    }
}
