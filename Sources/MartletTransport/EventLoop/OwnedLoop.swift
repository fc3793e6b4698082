import Synchronization

/// An event loop of one owner, open for as long as that lives.
package final class OwnedLoop: Sendable {
    package let loop: EventLoop
    private let isEnded = Atomic(false)

    /// - Parameter name: what its thread is called.
    package init(_ name: String) {
        loop = EventLoop(name: name)
        loop.open()
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
