import Martlet

extension Fleet {
    /// The node that remembers a minute of every series, and answers about it.
    func archive(on connection: any Connection) -> Node {
        let archive = Archive()
        return Node("archive", on: connection, options: options) {
            Subscribe(to: FleetContracts.allSeries) { received in
                archive.add(received.value, to: FleetContracts.series(of: received.topic))
                tally.count { $0.archived += 1 }
            }
            Respond(to: FleetContracts.list) { _ in archive.series }
            Respond(to: FleetContracts.statistics) { request in
                let start = ContinuousClock.now - .seconds(request.seconds)
                guard let samples = archive.samples(of: request.series, since: start) else {
                    throw MessagingError("unknown-series", "the archive has no series \(request.series)")
                }
                return WindowStatistics(samples)
            }
            Respond(to: FleetContracts.follow) { request, answer in
                let samples = try await connection.subscribe(to: FleetContracts.topic(of: request.series))
                for try await sample in samples.prefix(request.limit) { try await answer.write(sample.value) }
            }
            Perform(FleetContracts.sample, options: ActionOptions(policy: .preemptLatest)) { goal in
                try await sample(goal, on: connection)
            }
        }
    }

    /// Takes in a series for as long as the goal wants. Cancelled, it has what it has got.
    private func sample(
        _ goal: GoalContext<FleetContracts.SamplingGoal, FleetContracts.SamplingFeedback>,
        on connection: any Connection
    ) async throws -> WindowStatistics {
        let coming = try await connection.subscribe(to: FleetContracts.topic(of: goal.value.series))
        let length = Duration.seconds(goal.value.seconds)
        let start = ContinuousClock.now
        return await withTaskGroup(of: WindowStatistics?.self) { group in
            group.addTask {
                // Also if no sample comes.
                try? await Task.sleep(for: length)
                coming.finish()
                return nil
            }
            group.addTask {
                var samples: [Sample] = []
                do {
                    for try await sample in coming {
                        samples.append(sample.value)
                        let fraction = min(1, (ContinuousClock.now - start) / length)
                        goal.report(.init(fraction: fraction, samples: samples.count))
                    }
                } catch {
                    // Cancelled: the result says how far it came.
                }
                return WindowStatistics(samples)
            }
            var statistics = WindowStatistics([])
            for await result in group { statistics = result ?? statistics }
            return statistics
        }
    }
}
