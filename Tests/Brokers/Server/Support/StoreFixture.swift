import Foundation
import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer

/// A broker's store, for servers one after the other.
struct StoreFixture {
    let folder: TemporaryFolder
    let path: String
    var sync = BrokerStore.Sync.always
    var settings = StoreSettings()

    init() throws {
        folder = try TemporaryFolder("store")
        path = folder.path("store")
        settings.reserveBytes = 64 << 10
    }

    /// Runs a server on it, of a broker of its own.
    func withServer<Result: Sendable>(
        _ broker: MemoryBroker = MemoryBroker(),
        rules: AccessRules? = nil,
        limits: ServerLimits = ServerLimits(),
        _ body: (BrokerServer, Int) async throws -> Result
    ) async throws -> Result {
        try await MartletServerTests.withServer(
            broker,
            rules: rules,
            store: .log(path, sync: sync),
            settings: settings,
            limits: limits,
            body
        )
    }

    /// What is on the disk now, as a process that is killed in this moment leaves it.
    func killed() throws -> StoreFixture {
        var other = try StoreFixture()
        try FileManager.default.copyItem(atPath: path, toPath: other.path)
        (other.sync, other.settings) = (sync, settings)
        return other
    }

    /// The files that a name begins with, in order.
    func files(_ name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasPrefix(name) }.sorted()
    }

    func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
    }
}

extension WireClient {
    /// A client whose session is kept, and whether it was there.
    static func kept(
        _ port: Int,
        _ id: String,
        _ version: ProtocolVersion = .v5,
        expiry: UInt32 = 1_000,
        will: WillMessage? = nil
    ) async throws -> (WireClient, isPresent: Bool) {
        let client = try WireClient(port, version)
        let expiry = version == .v5 ? expiry : nil
        let connack = try await client.connect(id, cleanStart: false, expiry: expiry, will: will)
        return (client, connack.sessionPresent)
    }

    /// Publishes, and waits for the acknowledgement of QoS 1, or for both of QoS 2.
    @discardableResult
    func publishSurely(
        _ text: String,
        to topic: String,
        _ qos: QoS = .atLeastOnce,
        id: UInt16 = 1,
        retain: Bool = false,
        properties: PropertyList = PropertyList()
    ) async throws -> ReasonCode {
        try await publish(text, to: topic, qos, id: id, retain: retain, properties: properties)
        switch try await receive() {
        case .puback(let answer): return answer.reason
        case .pubrec(let answer):
            guard !answer.reason.isError else { return answer.reason }
            try await send(.pubrel(Acknowledgement(id)))
            guard case .pubcomp(let answer) = try await receive() else { throw ServerError("No PUBCOMP") }
            return answer.reason
        case let other: throw ServerError("No acknowledgement but \(other)")
        }
    }
}
