import Martlet
import MartletServer

/// What `martlet broker` is to be: of its file, of its options, or of both.
struct BrokerSettings: Sendable {
    struct Queue: Hashable, Sendable {
        let name: QueueName
        var options = QueueOptions()
    }

    var listeners = [ListenerSettings()]
    var users: String?
    /// The users who log in by SCRAM-SHA-256.
    var scram: String?
    /// Whose tokens are let in.
    var tokens: TokenSettings?
    var acl: String?
    /// Whether everybody may connect, also from other machines.
    var isAnonymous = false
    var store: String?
    /// `nil`: what was written is forced onto the disk before each acknowledgement.
    var sync: Duration?
    var queues: [Queue] = []
    var limits = ServerLimits()
    var maximumQueues = MemoryBroker.Options().queues
    var retainedTopics = MemoryBroker.Options().retainedTopics
    var retainedBytes = MemoryBroker.Options().retainedBytes
    var queueGroup: String? = "martlet"
    var systemTopics: Duration? = .seconds(10)
    var report = Duration.seconds(10)

    /// - Throws: ``Failure`` if other machines could connect and nobody has said who may.
    func validate() throws {
        guard !isAnonymous || !hasUsers else {
            throw Failure(.usage, "users are asked for, and anonymous lets everybody in: one of the two, not both")
        }
        guard let host = listeners.lazy.compactMap(\.publicHost).first, !hasUsers, !isAnonymous else { return }
        throw Failure(
            .usage,
            "on \(host) other machines can connect: say users, scram or jwt, or anonymous if all of them may"
        )
    }

    /// - Throws: ``Failure`` if a file that it names can't be read.
    func checkFiles() throws {
        var files = [users, scram, tokens?.file, acl]
        for tls in listeners.compactMap(\.tls) {
            files += [tls.certificateChain, tls.privateKey, tls.clientAuthorities]
        }
        for file in files.compactMap({ $0 }) { try Failure.checkReadable(file) }
    }

    /// Whether nobody is let in who is not a user of a file, or shows a token.
    var hasUsers: Bool { users != nil || scram != nil || tokens != nil }

    var brokerStore: BrokerStore {
        guard let store else { return .none }
        return .log(store, sync: sync.map { .interval($0) } ?? .always)
    }

    var brokerOptions: MemoryBroker.Options {
        MemoryBroker.Options(queues: maximumQueues, retainedTopics: retainedTopics, retainedBytes: retainedBytes)
    }

    /// What a keep-alive has to be, for errors.
    static let keepAliveForm = "a time of whole seconds from 1s to 65535s, such as 60s"

    /// The seconds of a keep-alive, as MQTT counts them; `nil` if it is none.
    static func keepAlive(_ time: Duration) -> UInt16? {
        let (seconds, rest) = time.components
        return rest == 0 && seconds > 0 ? UInt16(exactly: seconds) : nil
    }

    /// The keys that others have another value for, and that hold from the next start on.
    func keysForNextStart(_ other: BrokerSettings) -> [String] {
        var keys: [String] = []
        func compare(_ key: String, _ value: KeyPath<BrokerSettings, some Equatable>) {
            if self[keyPath: value] != other[keyPath: value], !keys.contains(key) { keys.append(key) }
        }
        compare("listeners", \.listeners)
        if hasUsers != other.hasUsers {
            let asking = hasUsers ? self : other
            keys.append(asking.users != nil ? "users" : asking.scram != nil ? "scram" : "jwt")
        }
        compare("anonymous", \.isAnonymous)
        compare("store", \.store)
        compare("store", \.sync)
        compare("limits", \.limits)
        compare("limits", \.maximumQueues)
        compare("limits", \.retainedTopics)
        compare("limits", \.retainedBytes)
        compare("queue-group", \.queueGroup)
        compare("system-topics", \.systemTopics)
        compare("report", \.report)
        let removed = queues.filter { queue in !other.queues.contains { $0.name == queue.name } }
        if !removed.isEmpty { keys.append("queues") }
        return keys
    }
}
