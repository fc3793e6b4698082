import Foundation

/// Lets a limited number of tasks work at the same time. The others wait for their turn, first come, first served.
///
/// Tests that each need a broker's attention would otherwise all ask for it in the same second, and a small machine would
/// answer none of them in time.
package actor Lanes {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameter count: how many may work at the same time.
    package init(_ count: Int) {
        free = max(1, count)
    }

    /// As many lanes as this machine bears: so many for each processor that this process may use.
    package init(eachProcessor count: Int) {
        self.init(count * ProcessInfo.processInfo.activeProcessorCount)
    }

    /// Runs `body` when its turn comes. A cancelled task keeps its place and is told by `body`.
    package nonisolated func run<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        await enter()
        do {
            let result = try await body()
            await leave()
            return result
        } catch {
            await leave()
            throw error
        }
    }

    private func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}
