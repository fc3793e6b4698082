import Synchronization

/// An event loop of one owner, open for as long as that lives.
package final class OwnedLoop: Sendable {
    package let loop: EventLoop
    /// Until it is open there is nothing to end.
    private let isEnded = Atomic(true)

    /// - Parameter name: what its thread is called.
    /// - Throws: `MessagingError.Code.notConnected` if the system has no thread for it.
    package init(_ name: String) throws {
        loop = EventLoop(name: name)
        try loop.open()
        isEnded.store(false, ordering: .relaxed)
    }

    deinit {
        if takeEnd() { loop.closeSoon() }
    }

    private func takeEnd() -> Bool { !isEnded.exchange(true, ordering: .relaxed) }

    /// Ends it, and returns when its thread has ended. Called again it does nothing.
    package func end() async {
        if takeEnd() { await loop.close() }
    }
}
