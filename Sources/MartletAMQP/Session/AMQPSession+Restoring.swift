import Logging
import Martlet
import MartletIO

/// Opening again, on a new link, what was open on the one before.
extension AMQPSession {
    /// Returns when all of it is open, or the broker has refused it, or has had as long for it as it has for a connection.
    func restore() async throws {
        try Task.checkCancellation()
        attend { try publisher.open(on: self) }
        try await restoreTopology()
        let gathering = Gathering()
        let openings: [any Restorable] =
            (replies.map { [$0] } ?? []) + (will.map { [$0] } ?? [])
            + consumers.sorted { $0.key < $1.key }.map(\.value) + natives.sorted { $0.key < $1.key }.map(\.value)
        attend {
            for restorable in openings {
                gathering.begin()
                restorable.open(on: self) { [runtime] error in
                    if let error { runtime.logger.debug("something could not be opened again: \(error)") }
                    gathering.end()
                }
            }
        }
        try await wait(for: gathering)
    }

    private func restoreTopology() async throws {
        for stage in topology.stages {
            let gathering = Gathering()
            attend {
                for method in stage {
                    guard let channel = try? openChannel(nil) else { continue }
                    gathering.begin()
                    ask(method, on: channel) { result in
                        if case .failure(let error) = result {
                            self.runtime.logger.warning("something could not be declared again: \(error)")
                        }
                        gathering.end()
                    }
                    close(channel)
                }
            }
            try await wait(for: gathering)
        }
    }

    private func wait(for gathering: Gathering) async throws {
        guard let promise = gathering.promise() else { return }
        let timer = loop.schedule(after: options.connectTimeout) { promise.end(.success(())) }
        defer { timer.cancel() }
        try await promise.value()
    }

    /// Opens something again that was ended, though the link was not: soon, and later each time.
    func openAgain(_ restorable: any Restorable, attempt: Int) {
        let delay = Backoff(initial: .milliseconds(50), maximum: .seconds(10)).delay(before: attempt) ?? .seconds(10)
        let id = restorable.id
        loop.schedule(after: delay) { [weak self] in
            self?.assumeIsolated { $0.openAgain(id) }
        }
    }

    private func openAgain(_ id: Int) {
        // Without a link it will be opened with the next one.
        guard case .open = phase, let restorable = id == ReplyConsumer.fixedID ? replies : consumers[id] else { return }
        attend {
            restorable.open(on: self) { [runtime] error in
                if let error { runtime.logger.warning("something could not be opened again: \(error)") }
            }
        }
    }
}
