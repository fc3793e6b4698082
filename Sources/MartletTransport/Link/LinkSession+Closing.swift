import Martlet

/// How long what was accepted may take to be written when a connection is closed, and the goodbye after that: the other side
/// may read nothing any more.
private let farewellTime = (written: Duration.seconds(5), said: Duration.seconds(2))

/// The end, once for all who close.
extension LinkSession {
    /// Sends what was accepted, says goodbye to the broker and ends everything. All who call it return when that is done;
    /// cancellation does not shorten it.
    package func close() async {
        bidFarewell()
        await keeper.farewell?.value
    }

    /// Closes without waiting, because nobody holds the connection any more. From any thread. What has ended is left alone.
    package nonisolated func abandon() {
        bell.execute { [self] in
            assumeIsolated { $0.bidFarewell() }
        }
    }

    private func bidFarewell() {
        guard keeper.farewell == nil else { return }
        keeper.farewell = Task {
            // Without a link there is nobody to tell.
            if keeper.state == .open { await runtime.sendNotices() }
            // Some subscriptions end before the goodbye.
            runtime.beginLeaving()
            await sayEverything()
            await finish(.closed)
        }
    }

    private func sayEverything() async {
        var actions = follow(.closeAsked)
        // It would take a link that is being restored for one that has failed, if it were cancelled before.
        keeper.reconnecting?.cancel()
        if actions.contains(.drain) {
            await write(
                until: runtime.timers.now + farewellTime.written,
                while: { keeper.state == .draining && hasUnwritten }
            ) { writeAccepted() }
            actions = follow(.written)
        }
        // The task that restores the link, or tends it, lets go of it first.
        await keeper.reconnecting?.value
        guard actions.contains(.sayGoodbye), keeper.state == .closing else { return }
        await sayGoodbye(until: runtime.timers.now + farewellTime.said)
        _ = follow(.dropped)
    }

    /// Writes, and waits for progress, as long as a condition holds and it is not too late. For the farewell alone.
    package func write(until deadline: Duration, while isUnfinished: () -> Bool, _ write: () -> Void) async {
        while isUnfinished(), runtime.timers.now < deadline {
            let progress = Promise<Void>()
            keeper.writing = progress
            let timer = runtime.timers.schedule(at: deadline) { progress.end(.success(())) }
            write()
            if isUnfinished() { _ = try? await progress.value() }
            runtime.timers.cancel(timer)
        }
        keeper.writing = nil
    }

    /// Ends everything, for good; returns when nothing is left running.
    func finish(_ error: MessagingError) async {
        let isFirst = !keeper.hasEnded
        keeper.hasEnded = true
        if isFirst {
            keeper.opening?.end(.failure(error))
            bell.silence()
            runtime.beginLeaving()
            end(error)
        }
        await runtime.close(error)
        if isFirst { await loop.close() }
    }
}
