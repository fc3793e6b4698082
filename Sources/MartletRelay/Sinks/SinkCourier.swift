import Martlet
import MartletTransport

/// Takes batches from a queue and has the sink deliver them, one after the other. A batch that the sink can't take for now is
/// delivered again, before any later one: so messages stay in order while the sink is away.
struct SinkCourier<Destination: Sink>: Sendable {
    let sink: Destination
    let queue: SinkQueue
    let options: SinkOptions
    let runtime: ConnectionRuntime

    /// Until no more messages come, or the task is cancelled.
    func run() async {
        var pace = SinkPace(options)
        var history = LinkHistory(backoff: options.retry, steadyAfter: .zero)
        do {
            while !queue.isOver {
                try await gather(pace)
                let batch = queue.take(items: options.maximumItems, bytes: options.maximumBytes)
                guard !batch.isEmpty else { continue }
                pace.begins(with: batch.count, at: runtime.timers.now)
                try await deliver(batch, &history)
            }
        } catch {
            // Cancelled: the messages fail when the queue is closed.
        }
    }

    /// Waits until a batch is worth its while.
    private func gather(_ pace: SinkPace) async throws {
        if let first = queue.arrival(of: 1) { try await first.value() }
        guard let due = pace.due, due > runtime.timers.now, let more = queue.arrival(of: pace.threshold) else { return }
        let timer = runtime.timers.schedule(at: due) { more.end(.success(())) }
        defer { runtime.timers.cancel(timer) }
        try await more.value()
    }

    private func deliver(_ batch: SinkBatch, _ history: inout LinkHistory) async throws {
        var (batch, attempts) = (batch, 0)
        while !batch.isEmpty {
            let failure: any Error
            do {
                try await sink.deliver(batch.items)
                return delivered(batch, SinkRejection(), &history)
            } catch let rejection as SinkRejection {
                return delivered(batch, rejection, &history)
            } catch let part as PartlyDelivered {
                let first = batch.takeFirst(max(0, part.count))
                if !first.isEmpty {
                    delivered(first, part.rejection, &history)
                    attempts = 0
                }
                failure = part.failure
            } catch {
                failure = error
            }
            if Task.isCancelled {
                batch.fail(runtime.missingLink, runtime)
                throw CancellationError()
            }
            if let error = failure as? MessagingError, !error.isRetriable { return batch.fail(error, runtime) }
            attempts += 1
            guard let delay = options.retry.delay(before: attempts - 1) else {
                let text = "the sink did not take the message in \(attempts) attempts"
                return batch.fail(MessagingError(.refused, text, cause: failure), runtime)
            }
            runtime.note(failure, "the sink does not take messages", &history)
            try await pause(max(delay, (failure as? RetryAfter)?.delay ?? .zero), batch)
            batch.removeAbandoned()
        }
    }

    /// Waits before a batch is tried again. What it holds fails if that is cancelled.
    private func pause(_ delay: Duration, _ batch: SinkBatch) async throws {
        do {
            try await runtime.timers.sleep(for: delay)
        } catch {
            batch.fail(runtime.missingLink, runtime)
            throw error
        }
    }

    private func delivered(_ batch: SinkBatch, _ rejection: SinkRejection, _ history: inout LinkHistory) {
        history.opened(at: runtime.timers.now)
        // First, so that a task which is told of its message finds the link up.
        runtime.linkOpened()
        batch.end(runtime) { rejection.errors[$0] }
    }
}
