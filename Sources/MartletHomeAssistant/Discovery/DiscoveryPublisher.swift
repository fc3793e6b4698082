import Logging
import Martlet
import MartletService

/// Announces a service's devices to Home Assistant, and takes back what is gone.
struct DiscoveryPublisher: ServiceCompanion {
    /// What is announced at which topics: there the entities by their IDs, each with its kind.
    typealias Memory = [String: [String: String]]

    let name = "Home Assistant"
    private let devices: [Device]
    private let scope: ServiceScope

    init(_ devices: [Device], _ scope: ServiceScope) {
        self.devices = devices
        self.scope = scope
    }

    func documents() throws -> [(topic: TopicName, document: JSON)] {
        try own().map { (scope.published($0.topic), $0.content) }
    }

    private func own() throws -> [DiscoveryDocument] { try DiscoveryDocument.documents(of: devices, in: scope) }

    func validate() throws { _ = try own() }

    /// Where Home Assistant says that it has started. Unless told otherwise that has nothing to do with the prefix, but people set both.
    private var birthTopics: Set<TopicName> {
        if let topic = scope.birthTopic { return [topic] }
        return [TopicName(mqtt: "homeassistant/status"), scope.discoveryPrefix.appending("status")]
    }

    // MARK: Announcing

    func run(in context: NodeContext) async throws {
        let connection = context.connection
        guard connection.capabilities.contains(.retain) else {
            throw MessagingError(
                .unsupported,
                "the broker retains nothing, so that Home Assistant can't find devices by it"
            )
        }
        for entity in devices.flatMap(\.entities) {
            entity.core.attach(to: Outlet(connection: connection, scope: scope))
        }
        // Who is told of an entity may command it at once.
        guard try await context.waitUntilNodeIsReady() else { return }
        let memory = await openMemory(context.logger)
        let schedule = Watched(AnnouncementSchedule())
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await state in connection.states() {
                    let now = connection.runtime.timers.now
                    schedule.update { if state == .connected { $0.linked(at: now) } else { $0.lost() } }
                }
                return false
            }
            for topic in birthTopics {
                group.addTask {
                    try await listen(for: topic, on: connection, schedule)
                    return false
                }
            }
            group.addTask {
                while try await isDue(schedule, connection.runtime.timers) {
                    try await announce(on: connection, memory, schedule, context.logger)
                }
                return true
            }
            // It ends with the announcements, which shutdown ends.
            while let hasEnded = try await group.next(), !hasEnded {}
            group.cancelAll()
        }
    }

    /// Waits until an announcement is due, and takes that for begun.
    ///
    /// - Returns: `false` when shutdown begins.
    private func isDue(_ schedule: Watched<AnnouncementSchedule>, _ timers: Timers) async throws -> Bool {
        while true {
            guard try await schedule.wait(until: { $0.due != nil }) else { return false }
            var isDue = false
            schedule.update { isDue = $0.begin(at: timers.now) }
            if isDue { return true }
            guard let due = schedule.value.due else { continue }
            if try await wait(until: due, timers, orUntil: { $0.due != due }, of: schedule) == false { return false }
        }
    }

    /// Waits until a time, or until the schedule is otherwise.
    ///
    /// - Returns: `nil` when it is time; `true` when the schedule is so; `false` when shutdown begins.
    private func wait(
        until time: Duration,
        _ timers: Timers,
        orUntil condition: @escaping @Sendable (AnnouncementSchedule) -> Bool = { _ in false },
        of schedule: Watched<AnnouncementSchedule>
    ) async throws -> Bool? {
        try await withThrowingTaskGroup(of: Bool?.self) { group in
            group.addTask { try await schedule.wait(until: condition) }
            group.addTask {
                try await timers.sleep(until: time)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    /// Hears when Home Assistant has started. What the broker has kept says only that it had.
    private func listen(
        for topic: TopicName,
        on connection: any Connection,
        _ schedule: Watched<AnnouncementSchedule>
    ) async throws {
        for try await delivery in try await connection.subscribe(to: TopicPattern(topic)) {
            guard !delivery.isRetained, delivery.message.text == scope.birthPayload else { continue }
            let delay = Duration.milliseconds(Int.random(in: 1_000...5_000))
            schedule.update { $0.born(at: connection.runtime.timers.now, delay: delay) }
        }
    }

    private func announce(
        on connection: any Connection,
        _ memory: StateFile<Memory>?,
        _ schedule: Watched<AnnouncementSchedule>,
        _ logger: Logger
    ) async throws {
        let timers = connection.runtime.timers
        do {
            let documents = try own()
            let known = memory?.value ?? [:]
            let now = announced(documents)
            // Whatever happens next, nothing is forgotten.
            try await memory?.update { memory in
                memory.merge(now) { old, new in old.merging(new) { $1 } }
            }
            for topic in known.keys.sorted() where now[topic] == nil {
                try await publish(nil, at: TopicName(mqtt: topic), on: connection)
            }
            var changed: [DiscoveryDocument] = []
            for document in documents {
                let gone = (known[key(document)] ?? [:]).filter { document.components[$0.key] == nil }
                if !gone.isEmpty { changed.append(document) }
                let content = gone.isEmpty ? document.content : document.removing(gone)
                try await publish(content, at: scope.published(document.topic), on: connection)
            }
            let entities = devices.flatMap(\.entities).map(\.core)
            for entity in entities { try await entity.repeatStates(kept: true) }
            if entities.contains(where: \.hasPassingState),
                try await wait(until: timers.now + AnnouncementSchedule.delayOfStates, timers, of: schedule) == nil
            {
                for entity in entities { try await entity.repeatStates(kept: false) }
            }
            if !changed.isEmpty {
                try await timers.sleep(for: AnnouncementSchedule.pause)
                for document in changed {
                    try await publish(document.content, at: scope.published(document.topic), on: connection)
                }
            }
            try await memory?.update { $0 = now }
        } catch let error where !(error is CancellationError) {
            try Task.checkCancellation()
            // With the next link it is announced again.
            logger.warning("not all could be announced to Home Assistant", metadata: ["error": "\(error)"])
        }
    }

    private func announced(_ documents: [DiscoveryDocument]) -> Memory {
        Dictionary(documents.map { (key($0), $0.components) }) { $1 }
    }

    private func key(_ document: DiscoveryDocument) -> String { scope.published(document.topic).mqtt }

    /// - Parameter content: `nil` removes what is there.
    private func publish(_ content: JSON?, at topic: TopicName, on connection: any Connection) async throws {
        let options = PublishOptions(guarantee: .atLeastOnce, retain: true)
        try await connection.publish(Message(content?.bytes ?? []), to: topic, options: options)
    }

    // MARK: Memory

    /// What earlier runs have announced; `nil` where that can't be remembered.
    private func openMemory(_ logger: Logger) async -> StateFile<Memory>? {
        do {
            return try await StateFile.open(at: scope.announcements, default: [:], logger: logger)
        } catch {
            logger.warning(
                "what is announced to Home Assistant is not remembered, and stays when it is gone",
                metadata: ["error": "\(error)"]
            )
            return nil
        }
    }

    func remove(on connection: any Connection) async throws {
        let memory = try await StateFile.open(at: scope.announcements, default: Memory(), logger: scope.logger)
        for topic in Set(memory.value.keys).union(announced(try own()).keys).sorted() {
            try await publish(nil, at: TopicName(mqtt: topic), on: connection)
        }
        try await memory.update { $0 = [:] }
    }
}
