import IntegrationSupport
import Synchronization

/// Says once that something is ready.
final class Gate: Sendable {
    private let isOpen: Atomic<Bool>

    init(isOpen: Bool = false) { self.isOpen = Atomic(isOpen) }

    func open() { isOpen.store(true, ordering: .sequentiallyConsistent) }

    func wait() async throws {
        try await until { isOpen.load(ordering: .sequentiallyConsistent) }
    }
}
