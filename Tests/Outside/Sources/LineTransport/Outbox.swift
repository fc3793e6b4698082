import Martlet
import Synchronization

/// The lines that wait to be written to one link.
///
/// It holds what callers wait for the answer of, and a settlement for each delivery that is held: both are bounded. Whoever has
/// more to say than that waits in ``waitForRoom()``.
final class Outbox: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var waiting: [Int: CheckedContinuation<Void, any Error>] = [:]
        var lastID = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let bell: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation

    init() {
        (bell, ring) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func post(_ frame: Frame) {
        guard let line = try? frame.line else { return }
        state.withLock { $0.bytes += line }
        ring.yield()
    }

    /// Returns when there is room for more: at once, unless much of what was posted waits for the socket.
    ///
    /// - Throws: ``MessagingError/Code/connectionLost`` if there never will be, `CancellationError`.
    func waitForRoom() async throws {
        if state.withLock({ !$0.isClosed && $0.bytes.count < Self.mark }) { return }
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let refusal: (any Error)? = state.withLock { state in
                    if Task.isCancelled { return CancellationError() }
                    if state.isClosed { return Self.isLost }
                    state.waiting[id] = continuation
                    return nil
                }
                if let refusal { continuation.resume(throwing: refusal) } else { ring.yield() }
            }
        } onCancel: {
            end([id], .failure(CancellationError()))
        }
    }

    /// Writes what is posted, until the link has ended or the task is cancelled.
    func write(to socket: LineSocket) async {
        for await _ in bell {
            let (bytes, waiting) = state.withLock { state in
                defer { state.bytes = [] }
                return (state.bytes, Array(state.waiting.keys))
            }
            guard await socket.write(bytes) else { break }
            end(waiting, .success(()))
        }
        let waiting = state.withLock { state in
            state.isClosed = true
            return Array(state.waiting.keys)
        }
        end(waiting, .failure(Self.isLost))
    }

    private func end(_ ids: [Int], _ result: Result<Void, any Error>) {
        for id in ids { state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(with: result) }
    }

    /// From how many bytes on there is no room.
    private static var mark: Int { 64 << 10 }

    private static var isLost: MessagingError {
        MessagingError(.connectionLost, "the link was lost before the message was written")
    }
}
